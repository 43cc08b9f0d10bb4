// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_REQUEST_HPP
#define MINFOLD_CLI_REQUEST_HPP

#include <minfold/drivers/snapshot.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace minfold::cli {

/// What is asked for on the command line of solve, check and demo, and in the file of --config.
struct SolveRequest {
  std::string problem, method = "hgms", precision = "double";
  std::vector<std::string> sets;    ///< key=value, of --set and --corruption-rule
  std::string data;                 ///< --data DIR
  std::optional<std::string> json;  ///< --json FILE
  std::uint64_t seed = 1;
  std::optional<int> max_iterations;
  std::optional<double> tolerance;
  bool quiet = false;
  std::optional<std::string> checkpoint;   ///< --checkpoint FILE, or that of resume
  int every = 0;                           ///< --every N iterations; 0: by time
  std::shared_ptr<Snapshot const> resume;  ///< where the solve goes on from

  std::string config;  ///< --config FILE
  /// Where values come from, for messages and show-config: "tolerance" or "set candidates" of the file to
  /// "run.toml:3:14"; keys of run_options() that the command line has.
  std::map<std::string, std::string> from_file;
  std::set<std::string> from_line;
};

}  // namespace minfold::cli

#endif
