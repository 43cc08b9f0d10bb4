// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_RUNTIME_HPP
#define MINFOLD_CLI_RUNTIME_HPP

#include <string>
#include <vector>

namespace minfold::cli {

/// Kokkos, from here to the end of this object. It takes its own flags first, and never sees --help.
/// Initialized only by the commands that compute.
class Runtime {
 public:
  explicit Runtime(std::vector<std::string> flags);
  ~Runtime();
  Runtime(Runtime const&) = delete;
  Runtime& operator=(Runtime const&) = delete;

 private:
  std::string program_ = "minfold";
  std::vector<std::string> flags_;
};

}  // namespace minfold::cli

#endif
