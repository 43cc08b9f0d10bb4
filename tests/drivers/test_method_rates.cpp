// SPDX-License-Identifier: Apache-2.0
// On curved sets of solutions: the error of a penalty falls like its inverse, a method that does not
// select stays above F.
#include <minfold/problems/catalog.hpp>

#include "method_runs.hpp"
#include "problem_probe.hpp"
#include <catch2/catch_test_macros.hpp>

namespace {

using namespace minfold;
using namespace minfold::test;

struct Ended {
  double slope, stationarity;  ///< |grad F|, and what F2SA takes for it
};
/// Where F2SA with a constant multiplier ends, from the selected point.
Ended penalized(NamedProblem<double> const& named, double multiplier, int iterations) {
  auto const start = named.truth(named.start);
  auto const end = run_named<double>(*named.problem, "f2sa",
                                     {"multiplier=" + std::to_string(multiplier), "increment=0",
                                      "step-decay=false", "inner-steps=20", "step=0.05"},
                                     named.start, start.selection, iterations);
  auto const gradient = named.truth(end.x).gradient;
  return {std::sqrt(dot(gradient, gradient)), end.lines.back().hypergradient_norm};
}

/// min f_gamma and F differ by O(1 / gamma) in their gradients where both are smooth: four times gamma, a
/// quarter of the error, up to the next order.
void check_rate(std::string const& problem, int iterations) {
  auto const coarse = penalized(make<double>(problem, {}), 50, iterations);
  auto const fine = penalized(make<double>(problem, {}), 200, iterations);
  INFO(problem << ": " << coarse.slope << " and " << fine.slope);
  // Not converged, they would tell nothing of the limit.
  CHECK(coarse.stationarity <= 0.02 * coarse.slope);
  CHECK(fine.stationarity <= 0.02 * fine.slope);
  CHECK(coarse.slope / fine.slope >= 3.2);
  CHECK(coarse.slope / fine.slope <= 4.8);
}

}  // namespace

TEST_CASE("the error of a penalty is inverse to it on spheres", "[baselines][bias]") {
  check_rate("sphere", 300);
}
TEST_CASE("the error of a penalty is inverse to it on Stiefel manifolds", "[baselines][bias]") {
  check_rate("stiefel", 300);
}

TEST_CASE("a penalty is exact where f has its own minimum on the set", "[baselines][bias]") {
  // grad_y f = 0 at the optimum: nothing pushes y off the set, whatever the multiplier.
  for (std::string const problem : {"phase-orbit", "orthogonal-orbit"}) {
    auto const named = make<double>(problem, {"noise=0"});
    REQUIRE(named.optimum().upper <= 1e-12);
    auto const end = penalized(named, 50, 300);
    INFO(problem << ": " << end.slope << " and " << end.stationarity);
    CHECK(end.slope <= 1.1 * end.stationarity);
    CHECK(end.slope <= 1e-3);
  }
}

TEST_CASE("without selection y stays above F on curved sets", "[baselines][bias]") {
  // From -y*(x_0): the set of minimizers of g is as good there, and f is 1/2 |y - c|^2 or linear, larger
  // the farther y is from y*. Descent on g follows the set as it moves, not f along it.
  for (std::string const problem : {"sphere", "stiefel", "phase-orbit"})
    for (std::string const method : {"stocbio", "soba", "galet", "pzobo"}) {
      auto const named = make<double>(problem, {});
      auto y = named.truth(named.start).selection;
      for (double& e : y) e = -e;
      auto const end = run_named<double>(*named.problem, method, {"step=0.01"}, named.start, y, 60);
      double const excess = end.lines.back().upper - named.truth(end.x).upper;
      INFO(problem << ", " << method << ": " << excess);
      CHECK(excess >= 0.1);
    }
}
