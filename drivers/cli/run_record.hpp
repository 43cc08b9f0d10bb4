// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_RUN_RECORD_HPP
#define MINFOLD_CLI_RUN_RECORD_HPP

#include <nlohmann/json.hpp>

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace minfold::cli {

/// An iteration of a report; NaN where the report has null.
struct RecordedIteration {
  double iteration = 0, seconds = 0, equivalents = 0;
  double upper = 0, hypergradient = 0, target = 0, lower_residual = 0;
  double dimension = 0, dimension_min = 0, gap = 0;
  std::string verdict;  ///< empty: not assessed
  std::vector<std::string> reasons;
};

/// Work of a stage: values, gradients, Hessian, mixed and second-order products, then seconds.
struct RecordedStage {
  std::string name;
  std::array<double, 5> counts{};
  double seconds = 0;
};

/// A report of `minfold solve`, as far as a page shows it. Texts are whatever the file has.
struct RunRecord {
  std::string path, problem, method, precision, backend, outcome, verdict, version, commit;
  std::string threads, seed;
  bool solved = false;
  double upper = 0, optimum = 0;  ///< NaN where not known
  std::vector<std::string> reasons;
  std::vector<RecordedIteration> iterations;
  std::vector<RecordedStage> stages;
  std::vector<std::pair<std::string, std::string>> options, metrics, truth;
};

/// Reads a report and checks everything that it uses.
///
/// Errors: std::invalid_argument with one sentence that names the file.
RunRecord read_run_record(std::string const& path);

/// Work in gradients, as gradient_equivalents(); NaN where a count is not known.
double equivalents(std::array<double, 5> const& counts);

}  // namespace minfold::cli

#endif
