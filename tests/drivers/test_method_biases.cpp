// SPDX-License-Identifier: Apache-2.0
// Every method on problems with a closed form: it reaches the truth to its documented accuracy, or it is
// biased by what theory says. Nothing here is copied from what the methods do.
#include <minfold/problems/catalog.hpp>

#include "method_runs.hpp"
#include "problem_probe.hpp"
#include <catch2/catch_test_macros.hpp>

#include <limits>
#include <utility>

namespace {

using namespace minfold;
using namespace minfold::test;

enum class Measure {
  slope,       ///< |grad F(x)| at the end
  unselected,  ///< the same; and it is |grad_x f(x, y*) - grad_x f(x, y)|, see below
  penalty,     ///< the same, in units of |grad_y f(x, y*)|
  excess       ///< f(x, y) - F(x) at the end
};

struct Expectation {
  std::string problem, method;
  std::vector<std::string> sets;
  int iterations;
  Measure measure;
  double low, high;  ///< where it has to be
};

double const infinite = std::numeric_limits<double>::infinity();

/// y_0 of each problem. line: x_0 = 0.3 and y_1 = -1. two-well: on S(x), in the right well, as far from
/// its bottom as cos = 0.8.
Vec start_of(std::string const& problem, int dim_y) {
  if (problem == "line") return {0.3, -1};
  if (problem == "two-well") return {0.8, 0.6};
  return Vec(dim_y, 0.0);
}

/// two-well: y = (rho, 0) with (rho^2 - 1) rho = (4 rho + x) / gamma, x = 0.3 + rho, solved for rho. Then
/// |F'(x)| = |x - 0.3 - 1| = rho - 1.
double shift_by_value(double gamma) {
  double rho = 1;
  for (int i = 0; i < 100; ++i) {
    double const value = (rho * rho - 1) * rho - (4 * rho + 0.3 + rho) / gamma;
    rho -= value / (3 * rho * rho - 1 - 5 / gamma);
  }
  return rho - 1;
}
/// The same for gamma/2 |grad_y g|^2 = gamma/2 (rho^2 - 1)^2 rho^2.
double shift_by_gradient(double gamma) {
  double rho = 1;
  for (int i = 0; i < 200; ++i) {
    double const e = rho * rho - 1;
    double const value = gamma * (2 * e * rho * rho * rho + e * e * rho) - (5 * rho + 0.3);
    double const slope =
        gamma * (4 * rho * rho * rho * rho + 6 * e * rho * rho + 4 * e * rho * rho + e * e) - 5;
    rho -= value / slope;
  }
  return rho - 1;
}
Expectation near(std::string problem, std::string method, std::vector<std::string> sets,
                 int iterations, double value, double tolerance) {
  return {std::move(problem), std::move(method), std::move(sets),  iterations,
          Measure::slope,     value - tolerance, value + tolerance};
}

/// line, F' = x - 1. Without selection y_1 stays at -1, where implicit differentiation gives
/// (x - y_1) + (x - 1), which is 0 at x = 0: |F'| = 1, all of it from f_x at the wrong y. Penalties have
/// f = 0 and g = g* at (x, y) = (1, (1, 1)) and are exact. bome's 1e-8 is felt where |grad q| ~ 1e-4.
/// pbgd-free follows f_x = x - y_1 alone: with e = y_1 - x the update of y gives (1 - q) e, q = 1 / gamma,
/// that of x 0.9 (1 - q) e, so that x ends at 0.3 + 0.1 (1 - q) e_0 / (1 - 0.9 (1 - q)), e_0 = -1.3.
/// pzobo has 0 as the mean of a random walk with standard deviation below 0.1.
std::vector<Expectation> on_line() {
  double const q = 0.1, free = 0.3 - 1.3 * 0.1 * (1 - q) / (1 - 0.9 * (1 - q));
  return {
      {"line", "stocbio", {}, 100, Measure::unselected, 1 - 1e-6, 1 + 1e-6},
      {"line", "soba", {}, 200, Measure::unselected, 1 - 1e-6, 1 + 1e-6},
      {"line", "galet", {}, 100, Measure::unselected, 1 - 1e-6, 1 + 1e-6},
      near("line", "pzobo", {"step=0.01"}, 800, 1, 0.5),
      near("line", "pbgd-free", {"inner-step=1", "penalty=10", "step=0.1"}, 200, 1 - free, 1e-6),
      near("line", "v-pbgd", {"step=0.5"}, 1000, 0, 1e-5),
      near("line", "g-pbgd", {"penalty=10", "step=0.5"}, 1000, 0, 1e-5),
      near("line", "f2sa", {"step-decay=false"}, 300, 0, 1e-4),
      near("line", "bome", {"inner-step=1"}, 1000, 0, 1e-3),
      near("line", "iaptt", {}, 500, 0, 1e-5),
  };
}

/// two-well, A = 1, F' = x - 1.3 in the right well: G = 0, H = 2 y y^T. Without selection y stays where it
/// is, at cos = 0.8, and x ends at 0.3 + 0.8. Penalties push y off the circle by rho - 1 = O(1 / gamma), the
/// root of a polynomial. For bome, f pushes y outward with 4 + 1.3 at (1, 0); the multiplier lacks a part
/// 1e-8 / |grad q|^2, |grad q| = 2 delta at distance delta, and what is left of the control takes
/// 2 eta delta away: 5.3 1e-8 / (4 delta^2) = 2 eta delta. G = 0 also makes pbgd-free unbiased but for the
/// penalty. iaptt learns a start at which descent on g stays.
std::vector<Expectation> on_two_well() {
  double const value = shift_by_value(100), gradient = shift_by_gradient(37);
  double const delta = std::cbrt(5.3e-8 / (8 * 0.5));
  return {
      {"two-well", "aid-cg", {"products=1"}, 200, Measure::unselected, 0.2 - 1e-6, 0.2 + 1e-6},
      {"two-well", "stocbio", {}, 200, Measure::unselected, 0.2 - 1e-6, 0.2 + 1e-6},
      {"two-well", "soba", {}, 200, Measure::unselected, 0.2 - 1e-6, 0.2 + 1e-6},
      {"two-well", "galet", {}, 200, Measure::unselected, 0.2 - 1e-6, 0.2 + 1e-6},
      {"two-well", "pzobo", {}, 200, Measure::unselected, 0.2 - 1e-6, 0.2 + 1e-6},
      near("two-well", "v-pbgd", {"penalty=100", "step=0.4"}, 4000, value, 1e-3 * value),
      near("two-well", "pbgd-free", {"penalty=100", "inner-steps=5"}, 300, value, 1e-3 * value),
      near("two-well", "f2sa", {"step-decay=false", "multiplier=100", "increment=0"}, 300, value,
           1e-3 * value),
      near("two-well", "g-pbgd", {"step=0.2"}, 4000, gradient, 1e-3 * gradient),
      near("two-well", "bome", {"step=0.05"}, 2000, delta, 0.02 * delta),
      near("two-well", "iaptt", {"start-step=0.05"}, 400, 0, 1e-6),
  };
}

/// affine: H and G do not depend on x or y. With y on S(x), y - y* in ker H, the implicit term does not see
/// the difference: an unselected hypergradient that is 0 leaves grad F = grad_x f(x, y*) - grad_x f(x, y).
/// The part of y* in ker H has length of about |c| sqrt(k / d) = 0.9, and grad_x f changes by C^T times it.
/// Three steps of CG are not through with the 16 eigenvalues, and have the part of grad_y f in ker H.
/// Penalties: |grad F_gamma - grad F| <= 1 / gamma |E| |grad_y f| with smallest singular value 1 of A and
/// |E| = |A C - B| <= sqrt(2) sqrt(3) + sqrt(3) < 4.2, with condition 2 of H.
std::vector<Expectation> on_affine() {
  return {
      {"affine", "aid-cg", {"products=3", "step=0.02"}, 300, Measure::slope, 1e-2, infinite},
      {"affine", "stocbio", {"products=25", "step=0.05"}, 500, Measure::unselected, 1e-2, infinite},
      {"affine", "soba", {"step=0.05"}, 1000, Measure::unselected, 1e-2, infinite},
      {"affine", "galet", {"step=0.05"}, 500, Measure::unselected, 1e-2, infinite},
      {"affine", "v-pbgd", {"penalty=30", "step=0.15"}, 4000, Measure::penalty, 0, 4.2 / 30},
      {"affine",
       "f2sa",
       {"step-decay=false", "multiplier=30", "increment=0", "step=0.03"},
       700,
       Measure::penalty,
       0,
       4.2 / 30},
  };
}

/// reweighting: y_0 = 0, and descent on g never leaves range H: the part of y in ker H stays 0, that of the
/// planted model does not vanish, f = 1/2 |A_v (y - w)|^2 with A_v of full rank is positive whatever x is.
std::vector<Expectation> on_reweighting() {
  std::vector<Expectation> all;
  for (std::string const method : {"stocbio", "soba", "galet", "pzobo"})
    all.push_back({"reweighting", method, {"step=0.01"}, 60, Measure::excess, 0.1, infinite});
  return all;
}

struct Found {
  double slope, difference, upper_slope, excess;
};
Found run(Expectation const& e) {
  auto const named =
      make<double>(e.problem, e.problem == "affine" ? std::vector<std::string>{"condition=2"}
                                                    : std::vector<std::string>{});
  auto const end = run_named<double>(*named.problem, e.method, e.sets, named.start,
                                     start_of(e.problem, named.problem->dim_y()), e.iterations);
  auto const truth = named.truth(end.x);
  Space const space;
  auto const gradients = [&](Vec const& y) {
    int const m = int(end.x.size()), d = int(y.size());
    Vectors<double, Space> const x("x", 1, m), at("y", 1, d), gx("gx", 1, m), gy("gy", 1, d);
    impl::from_doubles<double, Space>(space, end.x, x);
    impl::from_doubles<double, Space>(space, y, at);
    named.problem->upper_gradient(space, x, at, gx, gy);
    return std::pair(impl::to_doubles(space, gx), impl::to_doubles(space, gy));
  };
  auto const [right_x, right_y] = gradients(truth.selection);
  auto const [wrong_x, wrong_y] = gradients(end.y);
  // Unlike norm(), NaN where an entry is: no expectation holds for it.
  auto const length = [](Vec const& v) { return std::sqrt(dot(v, v)); };
  return {length(truth.gradient), length(minus(right_x, wrong_x)), length(right_y),
          end.lines.back().upper - truth.upper};
}

void check_all(std::vector<Expectation> const& expectations) {
  for (auto const& e : expectations) {
    auto const found = run(e);
    double const value = e.measure == Measure::excess    ? found.excess
                         : e.measure == Measure::penalty ? found.slope / found.upper_slope
                                                         : found.slope;
    INFO(e.problem << ", " << e.method << ": " << value << " in [" << e.low << ", " << e.high
                   << "]");
    CHECK(value >= e.low);
    CHECK(value <= e.high);
    if (e.measure == Measure::unselected)
      CHECK(std::abs(found.slope - found.difference) <= 1e-4 * found.slope);
  }
}

}  // namespace

TEST_CASE("on the line every method is exact or biased as its header says", "[baselines][bias]") {
  check_all(on_line());
}
TEST_CASE("on two wells every method is exact or biased as its header says", "[baselines][bias]") {
  check_all(on_two_well());
}
TEST_CASE("on affine sets methods are exact or biased as their headers say", "[baselines][bias]") {
  check_all(on_affine());
}
TEST_CASE("without selection the planted mixture is out of reach", "[baselines][bias]") {
  check_all(on_reweighting());
}

TEST_CASE("implicit differentiation by CG has no stationary point on the line",
          "[baselines][bias]") {
  // With r = x - 1 and n = y_1 - x, one step of CG from 0 gives v = r + n^2 / r: what x moves along is
  // h = (x - y_1) + r + n^2 / r. For y_1 = -1, |h| = |3 r + 6 + 4 / r| >= 2 sqrt(12) - 6 for r < 0 and
  // >= 2 sqrt(12) + 6 for r > 0.
  auto const named = make<double>("line", {});
  auto const end = run_named<double>(*named.problem, "aid-cg", {"products=1", "inner-step=1"},
                                     named.start, {0.3, -1}, 200);
  for (auto const& line : end.lines)
    if (line.iteration > 0) CHECK(line.hypergradient_norm >= 2 * std::sqrt(12.0) - 6 - 1e-9);
  CHECK(end.y[1] == -1);
}

TEST_CASE("CG explodes once only the part of grad_y f in ker H is left", "[baselines][bias]") {
  // With condition 2 of H, k steps leave a fraction of at most 2 0.172^k of the part in range H; the
  // directions then have a part e in range H and one of order 1 in ker H, a curvature of e^2, and the
  // step along them makes an error of order 1 / e.
  auto const named = make<double>("affine", {"condition=2"});
  auto const end = run_named<double>(*named.problem, "aid-cg", {"products=10"}, named.start,
                                     Vec(named.problem->dim_y(), 0.0), 50);
  bool const failed = end.result.outcome == SolveOutcome::failed;
  CHECK((failed || end.lines.back().hypergradient_norm >= 1e3));
}

TEST_CASE("an end without selection is not certified, one with it is", "[baselines][bias]") {
  auto const named = make<double>("line", {});
  auto const solve = [&](std::string const& method) {
    return run_named<double>(*named.problem, method, {"inner-step=1"}, named.start, {0.3, -1}, 800,
                             true)
        .result;
  };
  auto const biased = solve("stocbio");
  REQUIRE(biased.assessment);
  CHECK(std::abs(biased.assessment->hypergradient_norm - 1) <= 1e-6);
  CHECK(biased.last.certificate.verdict != Verdict::certified);
  auto const selected = solve("iaptt");
  REQUIRE(selected.assessment);
  CHECK(selected.assessment->hypergradient_norm <= 1e-6);
  CHECK(selected.assessment->distance <= 1e-6);
}
