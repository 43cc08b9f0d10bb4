// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_PROGRESS_HPP
#define MINFOLD_CLI_PROGRESS_HPP

#include <minfold/drivers/hgms.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace minfold::cli {

/// Shows a running solve on stderr: one line that is rewritten on a terminal; elsewhere a line for
/// the first iterations and then one every few seconds; nothing when quiet.
class Progress {
 public:
  Progress(std::string name, int max_iterations, bool quiet);
  ~Progress() { finish(); }
  Progress(Progress const&) = delete;
  Progress& operator=(Progress const&) = delete;

  void update(Iteration const& it);
  /// Removes the line that is rewritten.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  /// Seconds until the tolerance is met at the present rate, or the iterations end.
  double left(Iteration const& it) const;

  std::string name_;
  int max_iterations_;
  bool quiet_, rewrites_, open_ = false;
  std::vector<double> norms_, seconds_;
  Clock::time_point shown_{};
};

}  // namespace minfold::cli

#endif
