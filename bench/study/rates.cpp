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

/// The mean over a run of the squared KKT residual, against its length K. Both rates are promised for
/// steps of at most 1 / L, which those of the source exceed on the toys until K is some 10^4 (their wave
/// has an L of |c|^2 + |d|^2 + 4, some 40), and QP2 also on the quadratic. Beside them: steps short enough
/// at K = 1000. On the toys f has many basins and the mean depends on which of them a run of K steps comes
/// to; there the promise is a bound: `lowest` is inf f for it.
void quadratic_programs(Runner& runner, bool quick) {
  struct Case {
    std::string problem, mode, constants, c1, c2;
    double lowest;
  };
  std::vector<Case> const cases = {{"quadratic", "qp1", "source", "1.5", "1.5", 0},
                                   {"quadratic", "qp2", "source", "10", "10", 0},
                                   {"quadratic", "qp2", "short step", "10", "1", 0},
                                   {"convex-toy", "qp1", "source", "1.5", "1.5", -1},
                                   {"convex-toy", "qp2", "source", "10", "10", -1},
                                   {"convex-toy", "qp1", "short step", "1.5", "0.2", -1},
                                   {"convex-toy", "qp2", "short step", "10", "2", -1},
                                   {"cosine-toy", "qp1", "source", "1.5", "2", -1},
                                   {"cosine-toy", "qp2", "source", "10", "0.5", -1},
                                   {"cosine-toy", "qp1", "short step", "1.5", "0.1", -1},
                                   {"cosine-toy", "qp2", "short step", "10", "0.1", -1}};
  std::vector<int> const lengths = quick ? std::vector{1000, 2000, 4000}
                                         : std::vector{1000, 2000, 4000, 8000, 16000, 32000, 64000};
  for (auto const& what : cases) {
    if (!runner.has_problem(what.problem) || !runner.has_method("qp-flow")) continue;
    for (int const length : lengths)
      for (int seed = 1; seed <= (quick ? 1 : 3); ++seed) {
        auto spec = spec_for(what.problem, "qp-flow",
                             {"mode=" + what.mode, "c1=" + what.c1, "c2=" + what.c2});
        spec.problem_seed = spec.seed = std::uint64_t(seed);
        spec.max_iterations = length;
        spec.tolerance = 0;
        spec.record_every = std::max(1, length / 500);
        runner.run(spec, {{"part", "qp"},
                          {"problem", what.problem},
                          {"variant", what.mode},
                          {"constants", what.constants},
                          {"c2", std::stod(what.c2)},
                          {"lowest", what.lowest},
                          {"K", length},
                          {"seed", seed}});
      }
  }
}

/// PBGD for one penalty after the other, and for an (eps, eps)-solution with gamma and inner steps as the
/// theorem of arXiv 2408.16087 has them. It promises a PL constant of grad L_gamma that grows with gamma.
/// `determined`: the training data see all inputs, and so it is. `free`: they leave directions to the
/// validation data, whose curvature does not grow.
void penalties(Runner& runner, bool quick) {
  if (!runner.has_problem("representation") || !runner.has_method("pbgd")) return;
  struct Data {
    std::string name;
    std::vector<std::string> sets;
    int iterations;
    std::vector<double> gammas, accuracies;
  };
  std::vector<Data> const all = {
      {"determined",
       {"train=48", "hidden=48", "validation=10"},
       quick ? 2000 : 8000,
       quick ? std::vector{1.0, 10.0} : std::vector{1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0},
       quick ? std::vector{1e-1, 1e-2} : std::vector{1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6}},
      {"free",
       {"train=5", "hidden=12", "validation=10"},
       quick ? 2000 : 60000,
       quick ? std::vector{1.0, 10.0} : std::vector{1.0, 3.0, 10.0, 30.0, 100.0},
       quick ? std::vector{1e-1, 1e-2} : std::vector{1e-1, 1e-2, 1e-3, 1e-4}}};
  for (auto const& data : all) {
    for (double const gamma : data.gammas) {
      auto spec = spec_for("representation", "pbgd", data.sets);
      spec.sets.push_back(fmt::format("gamma={}", gamma));
      spec.max_iterations = data.iterations;
      spec.tolerance = 0;
      spec.record_every = *spec.max_iterations / 500;
      runner.run(spec, {{"part", "pbgd"}, {"data", data.name}, {"gamma", gamma}});
    }
    for (double const eps : data.accuracies) {
      double const gamma = 2 / std::sqrt(eps);  // g - g* is then about eps / 4
      int const inner = int(std::ceil(2 * std::log(1 / eps)));
      auto spec = spec_for("representation", "pbgd", data.sets);
      spec.sets.push_back(fmt::format("gamma={}", gamma));
      spec.sets.push_back(fmt::format("inner-steps={}", inner));
      spec.max_iterations = data.iterations;
      spec.tolerance = 0;
      spec.record_every = 10;
      runner.run(spec, {{"part", "accuracy"},
                        {"data", data.name},
                        {"eps", eps},
                        {"gamma", gamma},
                        {"inner", inner}});
    }
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
