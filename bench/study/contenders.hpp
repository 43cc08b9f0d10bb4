// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_STUDY_CONTENDERS_HPP
#define MINFOLD_STUDY_CONTENDERS_HPP

#include "study/runner.hpp"

#include <functional>
#include <string>
#include <vector>

namespace minfold::study {

/// A method as it takes part: under its own name, or one of its variants.
struct Contender {
  std::string label, method;
  std::vector<std::string> sets;
  bool joint = false;  ///< one step for x and y: its unit is another than that of a step in x alone
  std::string key = "step";  ///< what is tuned
  double unit = 1;           ///< of the key: qp-flow moves by c2 K^(-1/3) or c2 K^(-2/3)
};

/// All of minfold's methods. Those that are not built are noted and left out.
std::vector<Contender> contenders(Runner& runner);

/// What tuning is given: one key, the same number of values for every method, and a seed that no reported
/// run has.
struct Tuning {
  std::string key = "step";
  std::vector<double> values;
  std::uint64_t seed = 1000;
};
Tuning tuning_of(Contender const& contender, std::vector<double> values);

/// The value of the key with the smallest score, over runs that are otherwise `spec`; a refused run, or a
/// score that is not finite, loses. The text "key=value".
std::string tune(Runner& runner, RunSpec const& spec, Tuning const& tuning,
                 std::function<double(Json const& result)> const& score);

/// A member of an object, or infinity where it is null or absent.
double value_or_infinity(Json const& object, char const* member);

}  // namespace minfold::study

#endif
