// SPDX-License-Identifier: Apache-2.0
// One x for all targets, and one x a target.
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/drivers/hgms.hpp>

#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>

namespace {

using Space = Kokkos::DefaultExecutionSpace;
using namespace minfold;

/// Target i: S(x) the circle of radius x, f = |y - c_i|^2 / 2 + x^2 / 2 with |c_i| = i + 1, so that
/// F_i(x) = (|c_i| - x)^2 / 2 + x^2 / 2 is smallest at x = |c_i| / 2. `poison` makes one target NaN.
struct Circles {
  int targets;
  int poison = -1;
  KOKKOS_FUNCTION int batch_size() const { return targets; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return 2; }
  template <class X, class Y>
  KOKKOS_FUNCTION auto lower(int item, X const& x, Y const& y) const {
    auto const s = y(0) * y(0) + y(1) * y(1) - x(0) * x(0);
    double const weight = item == poison ? std::numeric_limits<double>::quiet_NaN() : 0.25;
    return weight * s * s;
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto upper(int item, X const& x, Y const& y) const {
    double const radius = item + 1, angle = 0.7 * item;
    auto const a = y(0) - radius * std::cos(angle), b = y(1) - radius * std::sin(angle);
    return 0.5 * (a * a + b * b) + 0.5 * x(0) * x(0);
  }
};

}  // namespace

TEST_CASE("each target reaches its own optimum when each has its own x", "[hgms]") {
  Space const space;
  FunctorProblem<Circles, double> const problem(Circles{5}, false);
  BilevelState<double, Space> state(space, problem);
  Kokkos::deep_copy(state.x, 1.0);
  auto const result = minimize_hgms(space, problem, state);
  CHECK(result.solved());
  auto const x = to_host(space, state.x);
  for (int i = 0; i < 5; ++i) CHECK(std::abs(x(i, 0) - 0.5 * (i + 1)) < 1e-7);
  CHECK(result.last.certificate.certified == 5);
}

TEST_CASE("a shared x minimizes the sum over the targets", "[hgms]") {
  Space const space;
  FunctorProblem<Circles, double> const problem(Circles{5}, true);
  BilevelState<double, Space> state(space, problem);
  Kokkos::deep_copy(state.x, 1.0);
  CHECK(minimize_hgms(space, problem, state).solved());
  // sum (c_i - x)^2 / 2 + 5 x^2 / 2 with mean c = 3.
  CHECK(std::abs(to_host(space, state.x)(0, 0) - 1.5) < 1e-7);
}

TEST_CASE("a target that is not a number is refused and never solved", "[hgms][nan]") {
  Space const space;
  FunctorProblem<Circles, double> const problem(Circles{3, 1}, true);
  BilevelState<double, Space> state(space, problem);
  Kokkos::deep_copy(state.x, 1.0);
  auto const result = minimize_hgms(space, problem, state);
  CHECK(result.outcome == SolveOutcome::failed);
  CHECK(result.last.certificate.verdict == Verdict::refused);
  CHECK(result.last.certificate.refused == 1);
  CHECK_FALSE(result.solved());
}

TEST_CASE("a box holds the upper variable", "[hgms]") {
  Space const space;
  Scalars<double, Space> const low("low", 1), high("high", 1);
  Kokkos::deep_copy(low, 0.25);
  Kokkos::deep_copy(high, 1.0);
  FunctorProblem<Circles, double> const problem(Circles{5}, true,
                                                UpperSet<double, Space>::box(low, high));
  BilevelState<double, Space> state(space, problem);
  Kokkos::deep_copy(state.x, 0.3);
  auto const result = minimize_hgms(space, problem, state);
  CHECK(result.outcome == SolveOutcome::converged);
  CHECK(to_host(space, state.x)(0, 0) == 1.0);
  CHECK(to_host(space, state.hypergradient)(0, 0) < 0.0);
}
