// SPDX-License-Identifier: Apache-2.0
#include "study/contenders.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace minfold::study {

std::vector<Contender> contenders(Runner& runner) {
  std::vector<Contender> const all = {{"hgms", "hgms", {}},
                                      {"hgms-minibatch", "hgms-minibatch", {}},
                                      {"pbgd", "pbgd", {"update=gauss-seidel"}},
                                      {"qp1", "qp-flow", {"mode=qp1"}, true, "c2", 10},
                                      {"qp2", "qp-flow", {"mode=qp2"}, true, "c2", 100},
                                      {"superquantile", "superquantile", {}},
                                      {"aid-cg", "aid-cg", {}},
                                      {"bome", "bome", {}, true},
                                      {"v-pbgd", "v-pbgd", {}, true},
                                      {"g-pbgd", "g-pbgd", {}, true},
                                      {"f2sa", "f2sa", {}},
                                      {"stocbio", "stocbio", {}},
                                      {"soba", "soba", {}},
                                      {"galet", "galet", {}},
                                      {"iaptt", "iaptt", {}}};
  std::vector<Contender> built;
  for (auto const& c : all)
    if (runner.has_method(c.method)) built.push_back(c);
  return built;
}

Tuning tuning_of(Contender const& contender, std::vector<double> values) {
  for (double& value : values) value *= contender.unit;
  Tuning tuning;
  tuning.key = contender.key;
  tuning.values = std::move(values);
  return tuning;
}

std::string tune(Runner& runner, RunSpec const& spec, Tuning const& tuning,
                 std::function<double(Json const& result)> const& score) {
  double best = std::numeric_limits<double>::infinity(), worst = -best;
  auto const middle = fmt::format("{}={}", tuning.key, tuning.values.at(tuning.values.size() / 2));
  auto chosen = middle;
  for (double const value : tuning.values) {
    auto trial = spec;
    trial.seed = tuning.seed;
    trial.sets.push_back(fmt::format("{}={}", tuning.key, value));
    auto const result = runner.run(trial);
    if (result.contains("refused")) continue;
    double const reached = score(result);
    worst = std::max(worst, reached);
    if (!(reached < best)) continue;
    best = reached;
    chosen = trial.sets.back();
  }
  // All alike: none of them has made a step within the budget.
  return best == worst ? middle : chosen;
}

double value_or_infinity(Json const& object, char const* member) {
  auto const found = object.find(member);
  return found != object.end() && found->is_number() ? found->get<double>()
                                                     : std::numeric_limits<double>::infinity();
}

}  // namespace minfold::study
