// SPDX-License-Identifier: Apache-2.0
// The stages of HG-MS one by one, on problems whose answers are known.
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/drivers/hgms.hpp>
#include <minfold/drivers/impl/host_vectors.hpp>

#include "problem_probe.hpp"
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <cmath>

using namespace minfold;
using namespace minfold::test;

namespace {

/// S(x) the sphere of radius 2 in five dimensions, f the distance to a point c: T1 without x.
struct Ball {
  int targets = 1;
  KOKKOS_FUNCTION int batch_size() const { return targets; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return 5; }
  KOKKOS_FUNCTION static double wish(int i) { return 1.0 - 0.4 * i; }
  template <class X, class Y>
  KOKKOS_FUNCTION auto lower(int, X const& x, Y const& y) const {
    auto s = 0.0 * x(0) * y(0);
    for (int i = 0; i < 5; ++i) s = s + y(i) * y(i);
    return 0.25 * (s - 4.0) * (s - 4.0);
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto upper(int, X const& x, Y const& y) const {
    auto s = 0.0 * x(0) * y(0);
    for (int i = 0; i < 5; ++i) s = s + (y(i) - wish(i)) * (y(i) - wish(i));
    return 0.5 * s;
  }
};

Vec wish() {
  Vec c(5);
  for (int i = 0; i < 5; ++i) c[i] = Ball::wish(i);
  return c;
}

template <class T>
struct Points {
  Space space;
  Vectors<T, Space> x, y;
  Scalars<LowerRecord<T>, Space> lower;
  Points(int items, int n, std::uint32_t tag)
      : x(make_vectors<T>(space, "x", 1, 1)),
        y(make_vectors<T>(space, "y", items, n)),
        lower(make_scalars<LowerRecord<T>>(space, "lower", items)) {
    Kokkos::deep_copy(x, T(0));
    impl::from_doubles<T, Space>(space, normals(tag, items * n), y);
  }
};

/// Curvatures of g on both sides of the threshold of the kernel, and no gap between them.
struct NoGap {
  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return 5; }

  template <class X, class Y>
  KOKKOS_FUNCTION auto lower(int, X const& x, Y const& y) const {
    double const curvature[] = {1, 1, 3e-6, 5e-7, 0};
    auto s = 0.0 * x(0) * y(0);
    for (int i = 0; i < 5; ++i) s = s + curvature[i] * y(i) * y(i);
    return 0.5 * s;
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto upper(int, X const& x, Y const& y) const {
    auto s = 0.0 * x(0) * y(0);
    for (int i = 0; i < 5; ++i) {
      auto const d = y(i) - 1.0;
      s = s + (1.0 + 100.0 * i) * d * d + d * d * d * d;
    }
    return 0.5 * s;
  }
};

}  // namespace

TEMPLATE_TEST_CASE("the lower solve brings every item of a batch to rounding", "[stages]", float,
                   double) {
  using T = TestType;
  FunctorProblem<Ball, T> const problem(Ball{});
  // 40 items: the slow ones go on in a batch of their own, which must not end them early.
  Points<T> batch(40, 5, 3);
  lower_solve<T, Space>(batch.space, problem, batch.x, batch.y, batch.lower);
  auto const together = to_host(batch.space, batch.lower);
  auto const y = impl::to_doubles(batch.space, batch.y);
  auto const starts = normals(3, 40 * 5);
  for (int item = 0; item < 40; ++item) {
    CAPTURE(item);
    CHECK(together(item).outcome == Outcome::converged);
    CHECK(together(item).residual <= (sizeof(T) == 4 ? T(2e-6) : T(1e-13)));
    Points<T> alone(1, 5, 3);
    impl::from_doubles<T, Space>(
        alone.space, Vec(starts.begin() + 5 * item, starts.begin() + 5 * item + 5), alone.y);
    lower_solve<T, Space>(alone.space, problem, alone.x, alone.y, alone.lower);
    CHECK(impl::to_doubles(alone.space, alone.y) ==
          Vec(y.begin() + 5 * item, y.begin() + 5 * item + 5));
  }
}

TEMPLATE_TEST_CASE("a point that is on S already stays, and counts as solved", "[stages]", float,
                   double) {
  using T = TestType;
  FunctorProblem<Ball, T> const problem(Ball{});
  Points<T> p(40, 5, 3);
  lower_solve<T, Space>(p.space, problem, p.x, p.y, p.lower);
  auto const once = impl::to_doubles(p.space, p.y);
  lower_solve<T, Space>(p.space, problem, p.x, p.y, p.lower);
  auto const again = to_host(p.space, p.lower);
  auto const twice = impl::to_doubles(p.space, p.y);
  for (int item = 0; item < 40; ++item) {
    CAPTURE(item);
    CHECK(again(item).outcome == Outcome::converged);
    CHECK(gap(Vec(once.begin() + 5 * item, once.begin() + 5 * item + 5),
              Vec(twice.begin() + 5 * item, twice.begin() + 5 * item + 5)) <=
          (sizeof(T) == 4 ? 1e-5 : 1e-13));
  }
}

TEST_CASE("arms that hold their targets exactly are solved as they are", "[stages]") {
  // There g is 0 or all rounding while its written gradient is not: no step can decrease it.
  Space const space;
  for (std::uint64_t const seed : {1, 2, 4}) {
    auto const named = make<double>("redundant-arm", {"targets=40"}, seed);
    BilevelState<double, Space> state(space, *named.problem);
    impl::from_doubles<double, Space>(space, named.start, state.x);
    minimize_hgms<double, Space>(space, *named.problem, state, {.max_iterations = 0});
    auto const records = make_scalars<LowerRecord<double>>(space, "records", 40);
    lower_solve<double, Space>(space, *named.problem, state.x, state.y, records);
    CAPTURE(seed);
    CHECK(summarize(space, records)[Outcome::converged] == 40);
  }
}

TEST_CASE("refinement finds the nearest point in every representation, with and without Newton",
          "[stages]") {
  bool const newton = GENERATE(true, false);
  auto const representation =
      GENERATE(Representation::automatic, Representation::spectral, Representation::kernel_basis,
               Representation::range_basis, Representation::implicit);
  CAPTURE(newton, to_string(representation));
  FunctorProblem<Ball, double> const problem(Ball{});
  Points<double> p(6, 5, 4);
  lower_solve<double, Space>(p.space, problem, p.x, p.y, p.lower);
  auto const records = make_scalars<RefineRecord<double>>(p.space, "records", 6);
  auto const scales = make_scalars<TargetScale<double>>(p.space, "scales", 1);
  Kokkos::deep_copy(scales, TargetScale<double>{});
  RefineOptions<double> options;
  options.newton = newton;
  options.tangent.representation = representation;
  options.max_iterations = 200;
  TangentMemory<double, Space> known;
  refine<double, Space>(p.space, problem, p.x, p.y, p.lower, records, scales, {}, options, known);
  auto const y = impl::to_doubles(p.space, p.y);
  auto const host = to_host(p.space, records);
  auto const c = wish();
  for (int item = 0; item < 6; ++item) {
    CHECK(host(item).outcome == Outcome::converged);
    for (int i = 0; i < 5; ++i)
      CHECK(std::abs(y[std::size_t(5 * item + i)] - 2 * c[i] / norm(c)) <= 1e-8);
    CHECK(std::abs(host(item).value - 0.5 * (norm(c) - 2) * (norm(c) - 2)) <= 1e-12);
    // Hess_S f = |c| / r on all of the tangent space; only Newton steps form it.
    if (newton && representation != Representation::implicit)
      CHECK(std::abs(host(item).smallest_curvature - norm(c) / 2) <= 1e-7);
  }
}

TEST_CASE("refinement ends where the dimension of S stays ambiguous", "[stages]") {
  FunctorProblem<NoGap, double> const problem(NoGap{});
  Points<double> p(4, 5, 4);
  lower_solve<double, Space>(p.space, problem, p.x, p.y, p.lower);
  auto const records = make_scalars<RefineRecord<double>>(p.space, "records", 4);
  auto const scales = make_scalars<TargetScale<double>>(p.space, "scales", 1);
  Kokkos::deep_copy(scales, TargetScale<double>{});
  TangentMemory<double, Space> known;
  refine<double, Space>(p.space, problem, p.x, p.y, p.lower, records, scales, {}, {}, known);
  auto const host = to_host(p.space, records);
  for (int item = 0; item < 4; ++item) {
    CHECK(host(item).outcome == Outcome::ambiguous_rank);
    CHECK(host(item).iterations < ambiguous_steps);
  }
}

TEST_CASE("the certificate has the curvature of f along S", "[stages]") {
  FunctorProblem<Ball, double> const problem(Ball{});
  Space const space;
  BilevelState<double, Space> state(space, problem);
  auto const result = minimize_hgms(space, problem, state, {.max_iterations = 0});
  auto const& c = result.last.certificate;
  CHECK(std::abs(c.smallest_curvature - norm(wish()) / 2) <= 1e-9);
  CHECK(c.nondegeneracy > 0.1);
  CHECK(c.nondegeneracy <= 1 + 1e-12);
  CHECK(c.kernel_dimension == 4);
  CHECK(c.candidates == 12);
  CHECK(c.verdict == Verdict::certified);
}

TEST_CASE("candidates keep what is tracked and spread over all kinds", "[stages]") {
  FunctorProblem<Ball, double> const problem(Ball{3});
  int const count = 10, targets = 3, items = count * targets, tracked = 1;
  auto const made = [&](std::uint64_t seed, int iteration) {
    Points<double> p(items, 5, 5);
    lower_solve<double, Space>(p.space, problem, p.x, p.y, p.lower);
    auto const before = impl::to_doubles(p.space, p.y);
    make_candidates<double, Space>(p.space, problem, p.x, p.y, tracked, seed, iteration, {});
    return std::pair(before, impl::to_doubles(p.space, p.y));
  };
  auto const [before, after] = made(1, 0);
  for (int t = 0; t < tracked * targets * 5; ++t) CHECK(before[t] == after[t]);
  int const kinds[] = {0, 1, 2};  // restart, Langevin, walk; see candidates.hpp
  for (int c = tracked; c < count; ++c)
    for (int target = 0; target < targets; ++target) {
      auto const row = [&](Vec const& v, int item) {
        return Vec(v.begin() + 5 * item, v.begin() + 5 * item + 5);
      };
      auto const base = row(before, target), point = row(after, c * targets + target);
      int const kind = kinds[(c - tracked) % 3];
      CAPTURE(c, target, kind);
      CHECK(gap(base, point) > 1e-3);
      if (kind == 2) {
        // A walk leaves along the tangent space: orthogonal to the radius.
        auto const step = shifted(point, -1, base);
        CHECK(std::abs(dot(step, base)) <= 1e-2 * norm(step) * norm(base));
      } else if (kind == 1) {
        // The Gibbs measure at this temperature stays around the sphere.
        CHECK(norm(point) > 0.5);
        CHECK(norm(point) < 4);
      }
    }
  CHECK(made(1, 0).second == after);
  CHECK(made(2, 0).second != after);
  CHECK(made(1, 1).second != after);
}

TEST_CASE("a fixed step is taken as it is, projected", "[stages]") {
  OuterOptions<double> options;
  options.rule = StepRule::fixed;
  options.step = 0.5;
  OuterStep outer(1, 2);
  int evaluations = 0;
  auto const evaluate = [&](Vec const&) {
    ++evaluations;
    return Vec{0.0};
  };
  auto const free =
      outer.advance(Vec{1, 1}, Vec{2, -4}, Vec{0}, Vec{0}, options, evaluate, [](Vec&) {});
  CHECK(free.x == Vec{0, 3});
  CHECK(free.step == 0.5);
  CHECK(evaluations == 0);
  auto const held = OuterStep(1, 2).advance(Vec{1, 1}, Vec{2, -4}, Vec{0}, Vec{0}, options,
                                            evaluate, [](Vec& x) { x[1] = std::min(x[1], 1.5); });
  CHECK(held.x == Vec{0, 1.5});
}

TEST_CASE("Armijo halves until F decreases, refuses NaN, and searches row by row", "[stages]") {
  OuterOptions<double> options;
  options.step = 4;
  // Row 0: F = x^2 / 2; row 1: NaN for x < 0.5.
  auto const value = [](Vec const& x) {
    return Vec{0.5 * x[0] * x[0], x[1] < 0.5 ? NAN : 0.5 * x[1] * x[1]};
  };
  Vec const x{1, 1};
  auto const result =
      OuterStep(2, 1).advance(x, x, value(x), Vec{0, 0}, options, value, [](Vec&) {});
  CHECK(result.moved);
  CHECK(std::abs(result.x[0]) < 1);
  CHECK(result.x[1] >= 0.5);
  CHECK(result.x[1] < 1);
  // Nothing descends: the row stays.
  auto const up = [](Vec const& at) { return Vec{at[0] == 1 ? 0.0 : 1.0}; };
  auto const stuck =
      OuterStep(1, 1).advance(Vec{1}, Vec{1}, Vec{0}, Vec{0}, options, up, [](Vec&) {});
  CHECK(!stuck.moved);
  CHECK(stuck.x == Vec{1});
}
