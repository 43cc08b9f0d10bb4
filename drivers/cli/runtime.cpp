// SPDX-License-Identifier: Apache-2.0
#include "runtime.hpp"

#include <Kokkos_Core.hpp>

#include "kokkos_flags.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace minfold::cli {

Runtime::Runtime(std::vector<std::string> flags) : flags_(std::move(flags)) {
  require_readable_kokkos_flags(flags_);
  auto const asks = [](std::string const& flag) {
    return flag.rfind("--kokkos-disable-warnings", 0) == 0;
  };
  // Its advice on thread binding is for benchmarks; here it would be the first thing a user sees.
  if (!std::getenv("KOKKOS_DISABLE_WARNINGS") && std::none_of(flags_.begin(), flags_.end(), asks))
    flags_.push_back("--kokkos-disable-warnings");
  std::vector<char*> argv = {program_.data()};
  for (auto& flag : flags_) argv.push_back(flag.data());
  argv.push_back(nullptr);
  int argc = int(argv.size()) - 1;
  Kokkos::initialize(argc, argv.data());
  if (argc > 1) {
    std::string const rest = argv[1];
    Kokkos::finalize();
    throw std::invalid_argument(rest + ": Kokkos has no such flag, see --kokkos-help");
  }
}

Runtime::~Runtime() {
  if (Kokkos::is_initialized()) Kokkos::finalize();
}

}  // namespace minfold::cli
