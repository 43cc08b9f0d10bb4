// SPDX-License-Identifier: Apache-2.0
// Penalty-based bilevel gradient descent against closed forms of its penalized objective.
#include <minfold/drivers/method_catalog.hpp>
#include <minfold/drivers/pbgd.hpp>
#include <minfold/problems/line.hpp>

#include "method_cases.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <algorithm>

using namespace minfold;
using namespace minfold::test;

namespace {

struct Penalized {
  Vec x, y;
  double gap = 0, value = 0;
};
/// Where L_gamma of Fit is smallest, by coordinates: kappa = 1 / (s^2 + 1/gamma),
/// x = s c kappa / (kappa + a), s y - x = (s c - x) / (1 + gamma s^2), within the bounds of x.
Penalized least(double gamma, double low = -1e9, double high = 1e9) {
  auto const d = fit_data(0);
  Penalized p;
  for (int i = 0; i < 2; ++i) {
    double const s = d.s[i], kappa = 1 / (s * s + 1 / gamma);
    double const x = std::clamp(s * d.c[i] * kappa / (kappa + Fit::a), low, high);
    double const r = s * d.c[i] - x, e = r / (1 + gamma * s * s);
    p.x.push_back(x);
    p.y.push_back((x + e) / s);
    p.gap += 0.5 * e * e;
    p.value += 0.5 * kappa * r * r + 0.5 * Fit::a * x * x;
  }
  p.y.push_back(d.c[2]);
  return p;
}

/// Fit with the constants of its second derivatives, which do not depend on the point.
struct SmoothFit : FunctorProblem<Fit, double> {
  static constexpr double s = 1.25;
  SmoothFit() : FunctorProblem<Fit, double>(Fit{}) {}
  std::optional<Smoothness> smoothness(Space const&, ConstVectors, ConstVectors) const override {
    return Smoothness{1.0, 1 + s * s, s * s};
  }
};

/// Example 1 of the paper: f = 1/2 (u - 2 sin v)^2, g = 1/2 (u - v)^2.
struct ExampleOne {
  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return 1; }
  template <class X, class Y>
  KOKKOS_FUNCTION auto lower(int, X const& x, Y const& y) const {
    return 0.5 * (x(0) - y(0)) * (x(0) - y(0));
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto upper(int, X const& x, Y const& y) const {
    using Kokkos::sin;
    auto const e = x(0) - 2.0 * sin(y(0));
    return 0.5 * e * e;
  }
};

PbgdOptions<double> with_gamma(double gamma, bool gauss_seidel) {
  PbgdOptions<double> o;
  o.gamma = o.gamma_start = gamma;
  o.gauss_seidel = gauss_seidel;
  o.inner_steps = 3;
  o.y_steps = 5;
  return o;
}

Vec const x_start = {0.3, -0.4}, y_start = {1.0, 0.5, -1.0};

}  // namespace

TEST_CASE("pbgd reaches the minimum of the penalized objective, whatever gamma", "[pbgd]") {
  FunctorProblem<Fit, double> const problem(Fit{});
  Vec gammas, gaps;
  bool const gauss_seidel = GENERATE(false, true);
  CAPTURE(gauss_seidel);
  for (double const gamma : {1.0, 4.0, 16.0}) {
    CAPTURE(gamma);
    Pbgd<double, Space> method(with_gamma(gamma, gauss_seidel));
    auto const ran = run<double>(problem, method, x_start, y_start, 20000, 1e-10, 1000);
    auto const truth = least(gamma);
    CHECK(ran.result.outcome == SolveOutcome::converged);
    CHECK(distance(ran.x, truth.x) < 1e-6);
    CHECK(distance(ran.y, truth.y) < 1e-6);
    CHECK(std::abs(ran.result.last.lower_gap / truth.gap - 1) < 1e-5);
    CHECK(std::abs(method.values()[0] - truth.value) < 1e-10);
    CHECK(ran.result.last.penalty == gamma);
    gammas.push_back(gamma);
    gaps.push_back(ran.result.last.lower_gap);
  }
  // g - g* = O(gamma^-2) once gamma s^2 >> 1; at these gamma not quite yet.
  CHECK(log_slope({gammas[1], gammas[2]}, {gaps[1], gaps[2]}) < -1.5);
}

TEST_CASE("pbgd finds the optimum of the line, where selection matters", "[pbgd]") {
  FunctorProblem<Line<double>, double> const problem(Line<double>{});
  Pbgd<double, Space> method(with_gamma(10, GENERATE(false, true)));
  auto const ran = run<double>(problem, method, {0.3}, {0.7, 2.0}, 20000, 1e-10, 1000);
  CHECK(ran.result.outcome == SolveOutcome::converged);
  CHECK(std::abs(ran.x[0] - 1) < 1e-7);
  CHECK(distance(ran.y, {1, 1}) < 1e-7);
  CHECK(0.5 * (ran.x[0] - 1) * (ran.x[0] - 1) < 1e-13);  // F - F*
}

TEST_CASE("pbgd converges linearly, at the rate of the PL constant it reports", "[pbgd]") {
  // On the line L_gamma = 1/2 z^T M z in z = (x, y_0, y_1) - 1: its PL constant is the smallest eigenvalue.
  double const gamma = 3;
  auto const determinant = [&](double l) {
    double const p = 1 + gamma - l, q = 1 - l;
    return p * p * q - gamma * gamma * q - p;
  };
  double low = 0, high = 0.5;  // one sign change between these, for gamma = 3
  for (int i = 0; i < 200; ++i) {
    double const middle = 0.5 * (low + high);
    ((determinant(middle) > 0) == (determinant(0) > 0) ? low : high) = middle;
  }
  FunctorProblem<Line<double>, double> const problem(Line<double>{});
  auto options = with_gamma(gamma, false);
  options.step = 0.05;
  Pbgd<double, Space> method(options);
  auto const ran = run<double>(problem, method, {0.3}, {0.7, 2.0}, 600, 0, 100);
  auto const found = method.estimates(0, 0.0);
  CHECK(found.joint >= low * (1 - 1e-6));
  CHECK(found.joint <= low * (1 + 1e-2));
  CHECK(std::isnan(found.upper_block));  // of Gauss-Seidel only
  // ||grad L|| falls by 1 - step mu an iteration in the end.
  double const rate = std::pow(
      ran.lines.back().hypergradient_norm / ran.lines[ran.lines.size() - 2].hypergradient_norm,
      1.0 / 100);
  CHECK(std::abs((1 - rate) / (options.step * low) - 1) < 1e-2);
  CHECK(ran.result.findings.at(0).name == "pl_joint");
}

TEST_CASE("pbgd reports the PL constant in y of its inner loops", "[pbgd]") {
  // In y, L_gamma of Fit has the eigenvalues 1 + gamma s_i^2 and 1: its PL constant is 1.
  FunctorProblem<Fit, double> const problem(Fit{});
  auto options = with_gamma(10, true);
  options.y_steps = 300;
  Pbgd<double, Space> method(options);
  run<double>(problem, method, x_start, y_start, 10);
  auto const found = method.estimates(0);
  CHECK(found.lower_block >= 1 - 1e-6);
  CHECK(found.lower_block <= 1 + 10 * 1.25 * 1.25);
  CHECK(std::isfinite(found.upper_block));
}

TEST_CASE("pbgd takes half of 1 / L, told or estimated", "[pbgd]") {
  double const gamma = 10, s = SmoothFit::s, lipschitz = 1 + gamma * 2 * (1 + s * s);
  SECTION("told") {
    Pbgd<double, Space> method(with_gamma(gamma, false));
    auto const ran = run<double>(SmoothFit{}, method, x_start, y_start, 5);
    CHECK(std::abs(ran.result.last.step * lipschitz / 0.5 - 1) < 1e-14);
  }
  SECTION("estimated") {
    Pbgd<double, Space> method(with_gamma(gamma, false));
    FunctorProblem<Fit, double> const problem(Fit{});
    auto const ran = run<double>(problem, method, x_start, y_start, 41);
    CHECK(ran.result.last.step * lipschitz / 0.5 >= 1 - 1e-6);  // the estimate is from below
    CHECK(ran.result.last.step * lipschitz / 0.5 < 1.02);
  }
}

TEST_CASE("pbgd holds x in a box and calls the end there stationary", "[pbgd]") {
  Scalars<double, Space> const low("low", 2), high("high", 2);
  Kokkos::deep_copy(low, -0.9);
  Kokkos::deep_copy(high, 0.2);
  FunctorProblem<Fit, double> const problem(Fit{}, true, UpperSet<double, Space>::box(low, high));
  Pbgd<double, Space> method(with_gamma(10, GENERATE(false, true)));
  auto const ran = run<double>(problem, method, {0.0, 0.0}, y_start, 20000, 1e-10, 1000);
  auto const truth = least(10, -0.9, 0.2);
  CHECK(truth.x[0] == 0.2);
  CHECK(truth.x[1] == -0.9);
  CHECK(ran.result.outcome == SolveOutcome::converged);
  CHECK(distance(ran.x, truth.x) < 1e-9);
  CHECK(distance(ran.y, truth.y) < 1e-6);
}

TEST_CASE("pbgd ramps gamma over the share of the run that is asked for", "[pbgd]") {
  FunctorProblem<Fit, double> const problem(Fit{});
  auto options = with_gamma(9, false);
  options.gamma_start = 1;
  options.ramp = 0.5;
  Pbgd<double, Space> method(options);
  auto const ran = run<double>(problem, method, x_start, y_start, 16);
  CHECK(ran.lines[1].penalty == 1);
  CHECK(ran.lines[5].penalty == 5);
  for (int k = 9; k <= 16; ++k) CHECK(ran.lines[k].penalty == 9);
}

TEST_CASE("pbgd is biased by a cold start with few inner steps, and not by a warm one", "[pbgd]") {
  FunctorProblem<Fit, double> const problem(Fit{});
  auto options = with_gamma(10, false);
  options.inner_steps = 1;
  options.inner_step = 0.2;
  options.warm = GENERATE(true, false);
  Pbgd<double, Space> method(options);
  auto const ran = run<double>(problem, method, x_start, y_start, 5000, 0, 1000);
  if (options.warm)
    CHECK(distance(ran.x, least(10).x) < 1e-5);
  else
    CHECK(distance(ran.x, least(10).x) > 0.1);
}

TEST_CASE("the penalty of Example 1 has the spurious minimum of F, unless y starts elsewhere",
          "[pbgd]") {
  // min over u of L_gamma = gamma / (2 (1 + gamma)) (v - 2 sin v)^2, as F but for the factor.
  FunctorProblem<ExampleOne, double> const problem(ExampleOne{});
  double const gamma = 10, pi = 3.14159265358979323846, spurious = 7 * pi / 3;
  Pbgd<double, Space> method(with_gamma(gamma, false));
  auto const trapped = run<double>(problem, method, {7.5}, {7.5}, 5000, 1e-9, 1000);
  CHECK(std::abs(trapped.y[0] - spurious) < 1e-4);
  double const gap = spurious - std::sqrt(3.0);
  CHECK(std::abs(method.values()[0] - gamma / (2 * (1 + gamma)) * gap * gap) < 1e-6);
  for (auto const& start : {Vec{7.5, 2.0}, Vec{10.0, -3.0}, Vec{-6.0, 4.0}}) {
    double const u = start[0], v = start[1];
    CAPTURE(u, v);
    Pbgd<double, Space> free(with_gamma(gamma, false));
    run<double>(problem, free, {u}, {v}, 5000, 1e-9, 1000);
    CHECK(free.values()[0] < 1e-10);
  }
}

TEST_CASE("pbgd counts its steps and not its records", "[pbgd]") {
  auto options = with_gamma(10, GENERATE(false, true));
  options.inner_steps = 7;
  options.y_steps = 4;
  Pbgd<double, Space> method(options);
  SmoothFit const problem;
  auto const ran = run<double>(problem, method, x_start, y_start, 3);
  auto const work = total(ran.result.last.counters);
  CHECK(work.values == 0);
  CHECK(work.gradients == 3 * (7 + 4 + (options.gauss_seidel ? 2 * 4 : 0)));
}

TEST_CASE("pbgd makes the same steps whether or not it is monitored", "[pbgd]") {
  SmoothFit const problem;
  auto options = with_gamma(10, GENERATE(false, true));
  Pbgd<double, Space> seen(options);
  auto const first = run<double>(problem, seen, x_start, y_start, 20);
  options.monitor = false;
  Pbgd<double, Space> unseen(options);
  auto const second = run<double>(problem, unseen, x_start, y_start, 20);
  CHECK(first.x == second.x);
  CHECK(first.y == second.y);
  CHECK(std::isnan(second.result.last.lower_gap));
  CHECK(std::isnan(second.result.findings.at(0).value));
  CHECK(std::isfinite(first.result.findings.at(0).value));
}

TEST_CASE("independent problems of a batch do not influence each other in pbgd", "[pbgd]") {
  bool const gauss_seidel = GENERATE(false, true);
  auto const make = [&] {
    return std::make_unique<Pbgd<double, Space>>(with_gamma(10, gauss_seidel));
  };
  CHECK(same_as_alone<double>(make, 30));
}

TEST_CASE("pbgd works in single precision and by its name", "[pbgd]") {
  FunctorProblem<Fit, float> const problem(Fit{});
  PbgdOptions<float> options;
  Pbgd<float, Space> method(options);
  auto const ran = run<float>(problem, method, x_start, y_start, 3000, 0, 1000);
  CHECK(distance(ran.x, least(10).x) < 1e-4);
  Settings settings({"update=gauss-seidel", "gamma=4", "ramp=0.25"});
  CHECK(find_method("pbgd").make_double(settings) != nullptr);
  settings.refuse_unknown();
}
