// SPDX-License-Identifier: Apache-2.0
// The lower solve in one launch against the same one a launch a step, and what it says was asked.
#include <minfold/drivers/counted_problem.hpp>
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/drivers/impl/host_vectors.hpp>
#include <minfold/drivers/lower_solve.hpp>

#include "problem_probe.hpp"
#include "support/watch.hpp"
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>

using namespace minfold;
using namespace minfold::test;

namespace {

/// g = ((sum_j w_j y_j^2) - r^2)^2 / 4 with r = x(0) + target, w_j falling from 1 to 1 / steepness: S is an
/// ellipsoid. The start at 0 is a maximum, a NaN is one.
struct Shell {
  int targets = 1, n = 5;
  double steepness = 4;
  KOKKOS_FUNCTION int batch_size() const { return targets; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return n; }
  KOKKOS_FUNCTION double weight(int j) const {
    return 1 / (1 + (steepness - 1) * j / (n > 1 ? n - 1 : 1));
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto lower(int target, X const& x, Y const& y) const {
    auto square = 0.0 * x(0) * y(0);
    for (int j = 0; j < n; ++j) square = square + weight(j) * y(j) * y(j);
    auto const excess = square - (x(0) + double(target)) * (x(0) + double(target));
    return 0.25 * excess * excess;
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto upper(int, X const& x, Y const& y) const {
    return x(0) * y(0);
  }
};

/// A class that derives from a functor's problem, and so is solved a launch a step: what it overrides must be
/// asked.
template <class T>
class StepByStep final : public FunctorProblem<Shell, T> {
  using Base = FunctorProblem<Shell, T>;

 public:
  mutable int values = 0;

  using Base::Base;
  explicit StepByStep(Base const& base) : Base(base) {}
  void lower_value(Space const& space, Vectors<T const, Space> x, Vectors<T const, Space> y,
                   Scalars<T, Space> out) const override {
    ++values;
    Base::lower_value(space, x, y, out);
  }
  std::unique_ptr<AnyProblem<T, Space>> for_items(
      Space const& space, Scalars<int const, Space> target_of) const override {
    return std::make_unique<StepByStep>(*Base::part(space, target_of));
  }
};

template <class T>
struct Solve {
  Vec y;
  std::vector<LowerRecord<T>> records;
};

template <class T>
Solve<T> solve(AnyProblem<T, Space> const& problem, Vec const& x, Vec const& y,
               LowerSolveOptions<T> const& options = {}) {
  Space const space;
  int const n = problem.dim_y(), items = int(y.size()) / n;
  auto const x_view = make_vectors<T>(space, "x", problem.upper_rows(), 1);
  auto const y_view = make_vectors<T>(space, "y", items, n);
  auto const records = make_scalars<LowerRecord<T>>(space, "records", items);
  impl::from_doubles<T, Space>(space, x, x_view);
  impl::from_doubles<T, Space>(space, y, y_view);
  lower_solve<T, Space>(space, problem, x_view, y_view, records, options);
  auto const host = to_host(space, records);
  return {impl::to_doubles(space, y_view), {host.data(), host.data() + items}};
}

Vec starts(int items, int n) {
  Vec y = normals(11, items * n);
  for (int i = 0; i < n; ++i) y[std::size_t(i)] = 0;
  y[std::size_t(n)] = std::numeric_limits<double>::quiet_NaN();
  // Far out: many halvings, and more steps than others need.
  for (int i = 0; i < n; ++i) y[std::size_t(2 * n + i)] *= 1e3;
  return y;
}

/// sum_j w_j y_j^2
double square_of(Shell const& shell, Vec const& y, int item) {
  double sum = 0;
  for (int j = 0; j < shell.n; ++j)
    sum +=
        shell.weight(j) * y[std::size_t(item * shell.n + j)] * y[std::size_t(item * shell.n + j)];
  return sum;
}

}  // namespace

TEMPLATE_TEST_CASE("the lower solve in one launch is that of a launch a step", "[stages]", float,
                   double) {
  using T = TestType;
  double const near = sizeof(T) == 4 ? 1e-4 : 1e-10;
  for (int const n : {1, 5, 40})
    for (double const steepness : {1.0, 1e3}) {
      Shell const shell{2, n, steepness};
      auto const y = starts(48, n);
      auto const at_once = solve<T>(FunctorProblem<Shell, T>(shell), {2.0}, y);
      StepByStep<T> const derived(shell);
      auto const by_steps = solve<T>(derived, {2.0}, y);
      CHECK(derived.values > 1);
      for (int item = 0; item < 48; ++item) {
        auto const &one = at_once.records[std::size_t(item)],
                   &other = by_steps.records[std::size_t(item)];
        CAPTURE(n, steepness, item, one.outcome, other.outcome, one.iterations, other.iterations);
        CHECK(one.outcome == other.outcome);
        CHECK(std::abs(one.iterations - other.iterations) <= 1);
        if (item == 1) {
          CHECK(one.outcome == Outcome::not_finite);
          continue;
        }
        // A maximum has no gradient: it looks solved, and g tells.
        if (item == 0) {
          CHECK(one.value > 1);
          continue;
        }
        CHECK(one.outcome == Outcome::converged);
        double const r = 2 + item % 2;
        CHECK(std::abs(square_of(shell, at_once.y, item) - r * r) <= near * r * r);
        double gap = 0, size = 0;
        for (int j = 0; j < n; ++j) {
          std::size_t const k = std::size_t(item * n + j);
          gap = std::hypot(gap, at_once.y[k] - by_steps.y[k]);
          size = std::hypot(size, by_steps.y[k]);
        }
        CHECK(gap <= near * size);
      }
    }
}

TEST_CASE("limits of the lower solve in one launch are said", "[stages]") {
  Shell const shell{1, 5, 1e3};
  auto const few = solve<double>(FunctorProblem<Shell, double>(shell), {2.0}, starts(8, 5),
                                 {.max_iterations = 2});
  CHECK(few.records[3].outcome == Outcome::iteration_limit);
  CHECK(few.records[3].iterations == 2);
  CHECK(solve<double>(FunctorProblem<Shell, double>(shell), {2.0}, {}).records.empty());
  // An ellipsoid a thousand lengths wide: rounding of grad_y g keeps the tolerance out of reach, and the steps that
  // gain nothing say so.
  Vec wide = normals(14, 8 * 40);
  for (double& component : wide) component *= 1e3;
  auto const far =
      solve<double>(FunctorProblem<Shell, double>({1, 40, 7}), {997.3}, wide, {.tolerance = 1e-15});
  int stalled = 0;
  for (auto const& r : far.records) {
    CAPTURE(r.outcome, r.iterations, r.residual, r.stalls);
    CHECK(r.outcome == Outcome::converged);
    CHECK(r.iterations < 40);
    stalled += r.stalls > 0;
  }
  CHECK(stalled > 0);
}

TEST_CASE("parts of a batch and rows of x meet their own targets in one launch", "[stages]") {
  Shell const shell{3, 4, 1};
  Space const space;
  auto const y = normals(12, 6 * 4);
  FunctorProblem<Shell, double> const rows(shell, false);
  auto const each = solve<double>(rows, {1.0, 2.0, 3.0}, y);
  for (int item = 0; item < 6; ++item) {
    double const r = 1.0 + 2 * (item % 3);  // x of the row and the target
    CHECK(std::abs(square_of(shell, each.y, item) - r * r) <= 1e-10);
  }
  FunctorProblem<Shell, double> const whole(shell);
  auto const target_of = make_scalars<int>(space, "target_of", 2);
  auto const host = Kokkos::create_mirror_view(target_of);
  host(0) = 2;
  host(1) = 0;
  Kokkos::deep_copy(target_of, host);
  struct Derived : FunctorProblem<Shell, double> {
    using FunctorProblem::FunctorProblem;
  };
  CHECK(Derived(shell).for_items(space, target_of) == nullptr);
  auto const part = whole.for_items(space, target_of);
  auto const two = solve<double>(*part, {1.5}, Vec(y.begin(), y.begin() + 8));
  CHECK(std::abs(square_of(shell, two.y, 0) - 3.5 * 3.5) <= 1e-10);
  CHECK(std::abs(square_of(shell, two.y, 1) - 1.5 * 1.5) <= 1e-10);
}

TEST_CASE(
    "a lower solve in one launch waits for nothing, leaves settled points alone and is counted",
    "[stages]") {
  Space const space;
  Shell const shell{2, 5, 10};
  int const items = 20;
  FunctorProblem<Shell, double> const problem(shell);
  CountedProblem<double, Space> const counted(problem);
  auto const x = make_vectors<double>(space, "x", 1, 1);
  auto const y = make_vectors<double>(space, "y", items, 5);
  auto const records = make_scalars<LowerRecord<double>>(space, "records", items);
  auto const done = make_scalars<LowerEvaluations>(space, "done", items);
  Kokkos::deep_copy(space, x, 2.0);
  auto const from = normals(13, items * 5);
  impl::from_doubles<double, Space>(space, from, y);
  auto const before = Kokkos::create_mirror_view(records);
  for (int item = 0; item < items; ++item) {
    before(item) = LowerRecord<double>{};
    if (item % 4 == 1) before(item).outcome = Outcome::rank_limit;
  }
  Kokkos::deep_copy(records, before);
  {
    Watch const watch;
    REQUIRE(counted.lower_solve_by_teams(space, x, y, records, done, {}));
    CHECK(Watch::seen.waits() == 0);
    CHECK(Watch::seen.kernels.count("minfold::lower_solve::by_teams") == 1);
  }
  auto const [after, evaluations] = to_host_together(space, records, done);
  auto const to = impl::to_doubles(space, y);
  Counters sum;
  for (int item = 0; item < items; ++item) {
    auto const& r = after(item);
    auto const& e = evaluations(item);
    CAPTURE(item, r.outcome, r.iterations, r.products, e.values, e.gradients, e.hessian_products);
    if (item % 4 == 1) {
      CHECK(r.outcome == Outcome::rank_limit);
      CHECK(e.values + e.gradients + e.hessian_products == 0);
      for (std::size_t i = 0; i < 5; ++i)
        CHECK(to[std::size_t(item) * 5 + i] == from[std::size_t(item) * 5 + i]);
      continue;
    }
    CHECK(r.outcome == Outcome::converged);
    CHECK(e.gradients == r.iterations + 1);
    CHECK(e.values >= r.iterations + 1);
    CHECK(e.hessian_products == r.products);
    sum.values += e.values;
    sum.gradients += e.gradients;
    sum.hessian_products += e.hessian_products;
  }
  auto const same = [&](Counters const& c) {
    CHECK(c.values == sum.values);
    CHECK(c.gradients == sum.gradients);
    CHECK(c.hessian_products == sum.hessian_products);
  };
  same(total(counted.counters()));
  same(total(counted.counters()));  // not twice
  {
    // What is asked aside is not counted, and what was pending before is.
    impl::from_doubles<double, Space>(space, from, y);
    Kokkos::deep_copy(records, before);
    typename CountedProblem<double, Space>::Aside const aside(counted);
    REQUIRE(counted.lower_solve_by_teams(space, x, y, records, done, {}));
  }
  same(total(counted.counters()));
}
