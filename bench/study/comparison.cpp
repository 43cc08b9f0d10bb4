// SPDX-License-Identifier: Apache-2.0
#include "study/contenders.hpp"
#include "study/studies.hpp"

#include <algorithm>
#include <cmath>

namespace minfold::study {
namespace {

struct Case {
  std::string name, problem;
  std::vector<std::string> sets;
  double x_unit;  ///< of a step in x; that of a step in x and y together is 1
  double gradient_equivalents, seconds;
  bool
      assess;  ///< F at the end by HG-MS; not for networks, whose lower level nobody solves to the end
};

/// Steps that are tried.
std::vector<double> grid(double unit, bool quick) {
  std::vector<double> steps = quick ? std::vector{0.1, 1.0} : std::vector{0.01, 0.1, 1.0, 10.0};
  for (double& step : steps) step *= unit;
  return steps;
}

/// f of hyper-cleaning is a mean over samples: a weight moves it by O(1 / samples).
Case cleaning(std::string const& name, bool fashion, bool network, bool quick) {
  int const train = quick ? 60 : fashion ? 500 : 300;
  Case c;
  c.name = name;
  c.problem = "hyper-cleaning";
  c.sets = {std::string("dataset=") + (fashion ? "idx" : "digits"),
            "train=" + std::to_string(train), "validation=" + std::to_string(train)};
  if (fashion) c.sets.push_back("test=2000");
  if (fashion || quick) c.sets.push_back("pool=4");
  if (network) {
    c.sets.push_back("model=mlp");
    c.sets.push_back(quick ? "hidden=4" : "hidden=10");
    c.sets.push_back("decay=0.001");  // without it g has no minimum that is attained
  }
  c.x_unit = 4 * train;
  c.gradient_equivalents = quick ? 400 : 40000;
  c.seconds = quick ? 0.1 : 2;
  c.assess = !network;
  return c;
}

std::vector<Case> cases(bool quick) {
  std::vector<Case> all = {cleaning("digits, linear", false, false, quick),
                           cleaning("digits, network", false, true, quick)};
  if (!quick) {
    all.push_back(cleaning("Fashion-MNIST, linear", true, false, quick));
    all.push_back(cleaning("Fashion-MNIST, network", true, true, quick));
  }
  Case arm;
  arm.name = "redundant arm";
  arm.problem = "redundant-arm";
  int const targets = quick ? 20 : 100;
  arm.sets = {"targets=" + std::to_string(targets)};
  arm.x_unit = 0.01 / targets;  // F is a sum over targets, and x is a length of some decimetres
  arm.gradient_equivalents = (quick ? 400.0 : 20000.0) * targets;
  arm.seconds = quick ? 0.1 : 2;
  arm.assess = true;
  all.push_back(arm);
  return all;
}

/// Iterations that the work allows for: methods with schedules must know how many there will be.
int iterations_for(Runner& runner, RunSpec pilot, double budget) {
  pilot.max_iterations = 3;
  pilot.record_every = 1;
  pilot.assess = false;
  pilot.gradient_equivalents = pilot.seconds = 0;
  auto const result = runner.run(pilot);
  if (result.contains("refused")) return 1;
  auto const& work = result.at("records").at("gradient_equivalents");
  if (work.size() < 2) return 1;
  double const first = work.front().get<double>(), last = work.back().get<double>();
  double const each = std::max(1.0, (last - first) / double(work.size() - 1));
  return int(std::clamp(std::floor((budget - first) / each), 1.0, 1e7));
}

void give_iterations(RunSpec& spec, int count) {
  bool const hgms = spec.method == "hgms";
  spec.max_iterations = hgms ? 100000 : count;
  if (!hgms) spec.tolerance = 0;
  spec.record_every = std::max(1, count / 40);
}

/// F where HG-MS has assessed it; f at the method's own y where nobody can.
double reached(Json const& result) {
  auto const& end = result.at("end");
  return value_or_infinity(end, end.contains("F") ? "F" : "upper");
}

void compare(Runner& runner, Case const& what, Contender const& contender, bool quick) {
  RunSpec spec;
  spec.study = "comparison";
  spec.problem = what.problem;
  spec.method = contender.method;
  spec.sets = what.sets;
  spec.sets.insert(spec.sets.end(), contender.sets.begin(), contender.sets.end());
  // With its defaults one iteration would overdraw the budgets.
  if (contender.method == "superquantile")
    for (char const* few : {"samples=16", "burn-in=50", "langevin-steps=10", "project=false"})
      spec.sets.push_back(few);
  spec.assess = what.assess;

  // Tuned on a split and a start of its own, with a quarter of the work of the runs that count.
  auto const tuning = tuning_of(contender, grid(contender.joint ? 1 : what.x_unit, quick));
  double const tuning_work = what.gradient_equivalents / 4;
  auto trial = spec;
  trial.problem_seed = tuning.seed;
  trial.gradient_equivalents = tuning_work;
  trial.seconds = 2 * what.seconds;  // samples of data are cheap in work, and not in time
  auto pilot = trial;
  pilot.seed = tuning.seed;
  int const count =
      contender.method == "hgms" ? 1 : iterations_for(runner, pilot, what.gradient_equivalents);
  give_iterations(trial, std::max(1, count / 4));
  auto const chosen = tune(runner, trial, tuning, reached);
  spec.sets.push_back(chosen);

  for (int seed = 1; seed <= (quick ? 1 : 5); ++seed) {
    spec.seed = spec.problem_seed = std::uint64_t(seed);
    auto const tags = [&](char const* budget) {
      return Json{{"case", what.name},
                  {"method", contender.label},
                  {"seed", seed},
                  {"budget", budget},
                  {"tuned", chosen},
                  {"tuning_runs", tuning.values.size()},
                  {"assessed", what.assess},
                  {"gradient_equivalents", what.gradient_equivalents},
                  {"seconds", what.seconds}};
    };
    auto work = spec;
    work.gradient_equivalents = what.gradient_equivalents;
    work.seconds = 4 * what.seconds;
    give_iterations(work, count);
    auto const result = runner.run(work, tags("work"));
    if (result.contains("refused")) return;
    auto clock = spec;
    clock.seconds = what.seconds;
    // As many iterations as the time allows for, by the run that has just been timed.
    auto const& seconds = result.at("seconds");
    double const each =
        seconds.back().get<double>() / std::max(1, result.at("iterations").get<int>());
    give_iterations(clock, int(std::clamp(what.seconds / std::max(each, 1e-9), 1.0, 1e7)));
    runner.run(clock, tags("time"));
  }
}

}  // namespace

/// All methods with the same split, start and seed, once with equal work and once with equal time.
void run_comparison(Runner& runner, bool quick) {
  auto const all = contenders(runner);
  for (auto const& what : cases(quick)) {
    if (!runner.has_problem(what.problem)) continue;
    for (auto const& contender : all)
      // It samples data, of which the arm has none.
      if (contender.method != "hgms-minibatch" || what.problem == "hyper-cleaning")
        compare(runner, what, contender, quick);
  }
}

}  // namespace minfold::study
