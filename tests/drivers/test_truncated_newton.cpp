// SPDX-License-Identifier: Apache-2.0
// Newton along S by CG and Lanczos, against closed forms and against the formed Hessian.
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/drivers/hgms.hpp>
#include <minfold/drivers/impl/host_vectors.hpp>

#include "problem_probe.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <cmath>

using namespace minfold;
using namespace minfold::test;

namespace {

/// S = {y : y_i = 0, i >= dim - k}, f = 1/2 sum_i c_i (y_i - wish_i)^2: c grows from 1 to `condition` along S.
struct Valley {
  int dim = 120, k = 100;
  double condition = 1e6;
  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return dim; }
  KOKKOS_FUNCTION double weight(int i) const {
    return i < k ? Kokkos::pow(condition, double(i) / (k - 1)) : 1.0;
  }
  KOKKOS_FUNCTION double wish(int i) const { return 0.5 * Kokkos::cos(1.7 * i); }
  template <class X, class Y>
  KOKKOS_FUNCTION auto lower(int, X const& x, Y const& y) const {
    auto s = 0.0 * x(0) * y(0);
    for (int i = k; i < dim; ++i) s = s + (1.0 + 0.1 * i) * y(i) * y(i);
    return 0.5 * s;
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto upper(int, X const& x, Y const& y) const {
    auto s = 0.0 * x(0) * y(0);
    for (int i = 0; i < dim; ++i) s = s + weight(i) * (y(i) - wish(i)) * (y(i) - wish(i));
    return 0.5 * s;
  }
};

/// S the unit sphere, f = 1/2 sum_i i y_i^2: critical at the axes, the smallest at +-e_0, saddles elsewhere.
/// Target t leaves the last t components to g alone, so that its sphere has t dimensions less.
struct Axes {
  int dim = 30, targets = 1;
  KOKKOS_FUNCTION int batch_size() const { return targets; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return dim; }
  template <class X, class Y>
  KOKKOS_FUNCTION auto lower(int target, X const& x, Y const& y) const {
    auto s = 0.0 * x(0) * y(0) - 1.0;
    auto rest = 0.0 * y(0);
    for (int i = 0; i < dim - target; ++i) s = s + y(i) * y(i);
    for (int i = dim - target; i < dim; ++i) rest = rest + y(i) * y(i);
    return 0.25 * s * s + 0.5 * rest;
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto upper(int, X const& x, Y const& y) const {
    auto s = 0.0 * x(0) * y(0);
    for (int i = 0; i < dim; ++i) s = s + (1.0 + i) * y(i) * y(i);
    return 0.5 * s;
  }
};

struct Refined {
  Vec y;
  std::vector<RefineRecord<double>> records;
  Counters work;
};

RefineOptions<double> by(bool truncated) {
  RefineOptions<double> o;
  o.truncated_order = truncated ? 0 : 1000000;
  o.newton_order = truncated ? 0 : 1000000;
  return o;
}

template <class P>
Refined refined(P const& functor, Vec const& start, RefineOptions<double> const& options) {
  Space const space;
  FunctorProblem<P, double> const whole(functor);
  CountedProblem<double, Space> const problem(whole);
  int const n = problem.dim_y(), items = int(start.size()) / n;
  auto const x = make_vectors<double>(space, "x", 1, 1);
  auto const y = make_vectors<double>(space, "y", items, n);
  auto const lower = make_scalars<LowerRecord<double>>(space, "lower", items);
  auto const records = make_scalars<RefineRecord<double>>(space, "records", items);
  auto const scales = make_scalars<TargetScale<double>>(space, "scales", problem.batch_size());
  Kokkos::deep_copy(x, 0.0);
  Kokkos::deep_copy(scales, TargetScale<double>{});
  impl::from_doubles<double, Space>(space, start, y);
  lower_solve<double, Space>(space, problem, x, y, lower);
  TangentMemory<double, Space> memory;
  auto const before = total(problem.counters());
  refine<double, Space>(space, problem, x, y, lower, records, scales, {}, options, memory);
  Refined r{impl::to_doubles(space, y), {}, total(problem.counters())};
  r.work.second_products -= before.second_products;
  auto const host = to_host(space, records);
  for (int i = 0; i < items; ++i) r.records.push_back(host(i));
  return r;
}

/// Iterations of CG from `start` for the weights of a valley until ||r|| <= tolerance times the largest weight.
int plain_cg(Valley const& valley, Vec const& start, double tolerance) {
  Vec r, p;
  for (int i = 0; i < valley.k; ++i)
    r.push_back(valley.weight(i) * (valley.wish(i) - start[std::size_t(i)]));
  p = r;
  int iterations = 0;
  for (double rr = dot(r, r); std::sqrt(rr) > tolerance * valley.condition; ++iterations) {
    Vec q;
    for (int i = 0; i < valley.k; ++i) q.push_back(valley.weight(i) * p[std::size_t(i)]);
    double const alpha = rr / dot(p, q);
    r = shifted(r, -alpha, q);
    double const next = dot(r, r);
    p = shifted(r, next / rr, p);
    rr = next;
  }
  return iterations;
}

}  // namespace

TEST_CASE("truncated Newton solves an ill-conditioned f along S in the products of CG",
          "[truncated]") {
  auto const representation =
      GENERATE(Representation::automatic, Representation::spectral, Representation::range_basis);
  CAPTURE(to_string(representation));
  Valley const valley;
  auto options = by(true);
  options.tangent.representation = representation;
  auto const r = refined(valley, normals(11, valley.dim), options);
  REQUIRE(r.records[0].outcome == Outcome::converged);
  CHECK(r.records[0].gradient_norm <= 1e-10 * r.records[0].scale);
  for (int i = 0; i < valley.dim; ++i) {
    CAPTURE(i);
    // The tolerance is relative to a curvature of 1e6.
    double const wanted = i < valley.k ? valley.wish(i) : 0;
    CHECK(std::abs(r.y[i] - wanted) <= 1e-3 / valley.weight(i));
  }
  // Each iteration takes two products. Solves of growing accuracy, rT <= 0.1, 1e-2, 1e-4, ..., together
  // cost no more than three of the last one.
  CHECK(r.work.second_products <= 2 * 3 * plain_cg(valley, normals(11, valley.dim), 1e-10));
  // Without second-order products, 80 steps are far from enough.
  auto first_order = by(true);
  first_order.newton = false;
  CHECK(refined(valley, normals(11, valley.dim), first_order).records[0].outcome ==
        Outcome::iteration_limit);
}

TEST_CASE("CG that needs as many products as the formed Hessian makes way for it", "[truncated]") {
  Valley const valley;
  auto options = by(true);
  options.newton_order = valley.k;
  auto const r = refined(valley, normals(11, valley.dim), options);
  CHECK(r.records[0].outcome == Outcome::converged);
  CHECK(r.records[0].gradient_norm <= 1e-10 * r.records[0].scale);
  // What the same takes with formed Hessians only, and no more than twice that.
  auto formed = by(false);
  auto const f = refined(valley, normals(11, valley.dim), formed);
  CHECK(r.work.second_products <= 2 * f.work.second_products);
}

TEST_CASE("truncated Newton leaves saddles of f on S", "[truncated]") {
  Axes const axes;
  auto const representation = GENERATE(Representation::automatic, Representation::spectral,
                                       Representation::kernel_basis, Representation::range_basis);
  CAPTURE(to_string(representation));
  auto options = by(true);
  options.tangent.representation = representation;
  if (representation == Representation::kernel_basis) options.tangent.block = axes.dim;
  for (int axis : {1, 7, 29}) {
    CAPTURE(axis);
    Vec start(std::size_t(axes.dim), 0.0);
    start[std::size_t(axis)] = 1;
    auto const r = refined(axes, start, options);
    CHECK(r.records[0].outcome == Outcome::converged);
    CHECK(std::abs(std::abs(r.y[0]) - 1) <= 1e-9);
    CHECK(std::abs(r.records[0].value - 0.5) <= 1e-12);
  }
}

TEST_CASE("truncated and dense Newton agree, items of a batch with different dimensions too",
          "[truncated]") {
  Axes const axes{.dim = 30, .targets = 3};
  auto const start = normals(12, 6 * axes.dim);
  auto const dense = refined(axes, start, by(false));
  auto const truncated = refined(axes, start, by(true));
  for (int item = 0; item < 6; ++item) {
    CAPTURE(item);
    CHECK(dense.records[item].outcome == Outcome::converged);
    CHECK(truncated.records[item].outcome == Outcome::converged);
    // The minimizer is unique up to its sign.
    for (int i = 0; i < axes.dim; ++i)
      CHECK(std::abs(std::abs(dense.y[std::size_t(item * axes.dim + i)]) -
                     std::abs(truncated.y[std::size_t(item * axes.dim + i)])) <= 1e-8);
    CHECK(std::abs(dense.records[item].value - truncated.records[item].value) <= 1e-12);
  }
}

TEST_CASE("the certificate bounds the curvature along S by Lanczos where k is large",
          "[truncated][certificate]") {
  Space const space;
  Valley const valley{.dim = 120, .k = 100, .condition = 1e3};
  FunctorProblem<Valley, double> const problem(valley);
  auto const solve = [&](int newton_order, int steps) {
    BilevelState<double, Space> state(space, problem);
    HgmsOptions<double> options;
    options.max_iterations = 0;
    options.refine.newton_order = newton_order;
    options.refine.curvature_steps = steps;
    options.candidates.count = 3;
    return minimize_hgms(space, problem, state, options).last.certificate;
  };
  auto const formed = solve(512, 1000), bounded = solve(0, 1000), cut = solve(0, 8);
  CHECK(std::abs(formed.smallest_curvature - 1) <= 1e-9);
  // A lower bound of the true value 1, and not far below it.
  CHECK(bounded.smallest_curvature <= 1 + 1e-9);
  CHECK(bounded.smallest_curvature >= 0.4);
  CHECK(bounded.verdict == formed.verdict);
  // Eight steps show nothing, and the verdict says so.
  CHECK(cut.smallest_curvature <= 0);
  CHECK(cut.verdict == Verdict::uncertain);
  bool told = false;
  for (auto const& reason : cut.reasons)
    told = told || reason.find("not shown to be positive") != std::string::npos;
  CHECK(told);
}

TEST_CASE("a flat direction of f along S is not certified by Lanczos", "[truncated][certificate]") {
  Space const space;
  // The last weight along S is 1e-9 of the first: degenerate for the threshold 1e-6.
  Valley const valley{.dim = 60, .k = 40, .condition = 1e-9};
  FunctorProblem<Valley, double> const problem(valley);
  BilevelState<double, Space> state(space, problem);
  HgmsOptions<double> options;
  options.max_iterations = 0;
  options.refine.newton_order = 0;
  auto const c = minimize_hgms(space, problem, state, options).last.certificate;
  CHECK(c.nondegeneracy <= 1e-6);
  CHECK(c.verdict == Verdict::uncertain);
}
