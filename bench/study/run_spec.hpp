// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_STUDY_RUN_SPEC_HPP
#define MINFOLD_STUDY_RUN_SPEC_HPP

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace minfold::study {

using Json = nlohmann::ordered_json;

/// x_0 = scale times standard normals of `seed`, in place of the problem's own start.
struct RandomStart {
  std::uint64_t seed = 1;
  double scale = 1;
};

/// Everything that decides what a run does. Methods and problems by name: a study compiles without them.
struct RunSpec {
  std::string study, problem, method = "hgms";
  std::vector<std::string> sets;  ///< key=value of problem and method
  std::uint64_t problem_seed = 1, seed = 1;
  std::optional<int> max_iterations;
  std::optional<double> tolerance;
  /// Ends with the last record that the budget has room for; 0: no budget. Seconds count the method and its
  /// records.
  double gradient_equivalents = 0, seconds = 0;
  int record_every = 1;  ///< of methods other than hgms, which records every iteration
  bool assess = false;   ///< see RunOptions
  /// Compare (x_k - x_{k+1}) / step with grad F(x_k) in every record; needs a closed form and
  /// record_every = 1.
  bool directions = false;
  std::optional<RandomStart> start;
  /// Not a solve: F and grad F by HG-MS at x = each of these (problems with dim_x = 1).
  std::vector<double> sweep;
};

/// Canonical: equal specs give equal texts.
Json as_json(RunSpec const& spec);

/// 16 hexadecimal digits: FNV-1a of the text of `identity`.
std::string hash_of(Json const& identity);

}  // namespace minfold::study

#endif
