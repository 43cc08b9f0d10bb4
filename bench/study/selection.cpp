// SPDX-License-Identifier: Apache-2.0
#include "study/contenders.hpp"
#include "study/studies.hpp"

namespace minfold::study {
namespace {

struct Case {
  std::string name, problem;
  std::vector<std::string> sets;
};

}  // namespace

/// Every method on problems whose lower solution is a manifold and whose F has a closed form. The direction
/// that a method takes in x is held against grad F at every x on its way, and its end against the optimum.
void run_selection(Runner& runner, bool quick) {
  std::vector<Case> const cases = {
      {"line", "line", {}}, {"two-well", "two-well", {}}, {"reweighting", "reweighting", {}}};
  std::vector<int> const seeds = quick ? std::vector{1} : std::vector{1, 2, 3, 4, 5};
  std::vector<double> const steps =
      quick ? std::vector{0.03, 0.3} : std::vector{0.003, 0.01, 0.03, 0.1, 0.3, 1.0};

  auto all = contenders(runner);
  all.insert(all.begin() + 1, {"hgms, tracking", "hgms", {"candidates=1"}});
  for (auto const& what : cases) {
    if (!runner.has_problem(what.problem)) continue;
    for (auto const& contender : all) {
      if (contender.method == "hgms-minibatch") continue;  // no sums over data here
      RunSpec spec;
      spec.study = "selection";
      spec.problem = what.problem;
      spec.method = contender.method;
      spec.sets = what.sets;
      spec.sets.insert(spec.sets.end(), contender.sets.begin(), contender.sets.end());
      spec.max_iterations = contender.method == "hgms" ? 100 : quick ? 200 : 1000;
      // An iteration is hundreds of Langevin steps of a cloud.
      if (contender.method == "superquantile") spec.max_iterations = quick ? 20 : 200;
      if (contender.method != "hgms") spec.tolerance = 0;
      spec.record_every = *spec.max_iterations;
      auto const tuning = tuning_of(contender, steps);
      auto const chosen = tune(runner, spec, tuning, [](Json const& result) {
        return value_or_infinity(result.at("end"), "F_true");
      });
      spec.sets.push_back(chosen);
      spec.record_every = 1;
      spec.directions = true;
      for (int const seed : seeds) {
        spec.seed = std::uint64_t(seed);
        runner.run(spec, {{"case", what.name},
                          {"method", contender.label},
                          {"seed", seed},
                          {"tuned", chosen},
                          {"tuning_runs", tuning.values.size()}});
      }
    }
  }
}

}  // namespace minfold::study
