// SPDX-License-Identifier: Apache-2.0
#include "study/studies.hpp"
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace minfold::study {
namespace {

RunSpec spec_for(std::string const& problem, std::string const& method,
                 std::vector<std::string> sets) {
  RunSpec spec;
  spec.study = "rates";
  spec.problem = problem;
  spec.method = method;
  spec.sets = std::move(sets);
  return spec;
}

/// The mean over a run of the squared KKT residual, against its length K. With the constants of the source,
/// and with smaller steps: those of the source are beyond 2 / L on the toys until K is some 10^4.
void quadratic_programs(Runner& runner, bool quick) {
  struct Case {
    std::string problem, mode, constants, c2;
  };
  std::vector<Case> const cases = {
      {"quadratic", "qp1", "source", "1.5"},      {"quadratic", "qp2", "source", "10"},
      {"convex-toy", "qp1", "source", "1.5"},     {"convex-toy", "qp2", "source", "10"},
      {"cosine-toy", "qp1", "source", "2"},       {"cosine-toy", "qp2", "source", "0.5"},
      {"convex-toy", "qp1", "small step", "0.2"}, {"convex-toy", "qp2", "small step", "2"},
      {"cosine-toy", "qp1", "small step", "0.1"}};
  std::vector<int> const lengths = quick ? std::vector{1000, 2000, 4000}
                                         : std::vector{1000, 2000, 4000, 8000, 16000, 32000, 64000};
  for (auto const& what : cases) {
    if (!runner.has_problem(what.problem) || !runner.has_method("qp-flow")) continue;
    for (int const length : lengths)
      for (int seed = 1; seed <= (quick ? 1 : 3); ++seed) {
        auto spec = spec_for(what.problem, "qp-flow", {"mode=" + what.mode, "c2=" + what.c2});
        spec.problem_seed = spec.seed = std::uint64_t(seed);
        spec.max_iterations = length;
        spec.tolerance = 0;
        spec.record_every = std::max(1, length / 500);
        runner.run(spec, {{"part", "qp"},
                          {"problem", what.problem},
                          {"variant", what.mode},
                          {"constants", what.constants},
                          {"K", length},
                          {"seed", seed}});
      }
  }
}

/// Distance of (x, y) from the optimum along a run, for one penalty after the other.
void penalties(Runner& runner, bool quick) {
  if (!runner.has_problem("representation") || !runner.has_method("pbgd")) return;
  std::vector<double> const gammas =
      quick ? std::vector{1.0, 10.0} : std::vector{1.0, 3.0, 10.0, 30.0, 100.0};
  for (double const gamma : gammas) {
    auto spec =
        spec_for("representation", "pbgd", {"validation=10", fmt::format("gamma={}", gamma)});
    spec.max_iterations = quick ? 5000 : 60000;
    spec.tolerance = 0;
    spec.record_every = *spec.max_iterations / 500;
    runner.run(spec, {{"part", "pbgd"}, {"gamma", gamma}});
  }
  // How long until an (eps, eps)-solution, with gamma and inner steps as the theorem has them.
  for (double const eps : quick ? std::vector{1e-1, 1e-2} : std::vector{1e-1, 1e-2, 1e-3, 1e-4}) {
    double const gamma = 1 / std::sqrt(eps);
    int const inner = int(std::ceil(2 * std::log(1 / eps)));
    auto spec = spec_for(
        "representation", "pbgd",
        {"validation=10", fmt::format("gamma={}", gamma), fmt::format("inner-steps={}", inner)});
    spec.max_iterations = quick ? 2000 : 60000;
    spec.tolerance = 0;
    spec.record_every = 10;
    runner.run(spec, {{"part", "accuracy"}, {"eps", eps}, {"gamma", gamma}, {"inner", inner}});
  }
}

/// Products of HG-MS for one hypergradient, against k at fixed d and against d at fixed k.
void products(Runner& runner, bool quick) {
  auto const measure = [&](int d, int k, char const* against) {
    for (std::string const tangent : {"automatic", "kernel-basis", "range-basis", "implicit"}) {
      auto spec = spec_for(
          "affine", "hgms",
          {fmt::format("dim={}", d), fmt::format("manifold-dim={}", k), "tangent=" + tangent});
      spec.max_iterations = 0;
      runner.run(
          spec,
          {{"part", "products"}, {"against", against}, {"d", d}, {"k", k}, {"tangent", tangent}});
    }
  };
  for (int const k : quick ? std::vector{2, 8} : std::vector{2, 4, 8, 16, 32, 64})
    measure(quick ? 32 : 128, k, "k");
  for (int const d : quick ? std::vector{16, 32} : std::vector{16, 32, 64, 128, 256})
    measure(d, 4, "d");
}

}  // namespace

void run_rates(Runner& runner, bool quick) {
  quadratic_programs(runner, quick);
  penalties(runner, quick);
  products(runner, quick);
}

}  // namespace minfold::study
