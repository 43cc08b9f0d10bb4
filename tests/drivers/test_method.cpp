// SPDX-License-Identifier: Apache-2.0
// The frame of the methods that move (x, y) by first-order steps, and aid-cg, the plainest of them.
#include <minfold/drivers/baselines/aid_cg.hpp>
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/drivers/method_catalog.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers.hpp>

#include <cmath>
#include <string>

namespace {

using Space = Kokkos::DefaultExecutionSpace;
using namespace minfold;

/// g = 1/2 |y - (t + 1) x|^2 with (y_0, y_1) against (x_0, x_1), y_2 free where `manifold`;
/// f = 1/2 |y - c|^2 + 1/2 |x|^2, c = (1, 2, 3).
/// With t = 0: S(x) = {(x, anything)}, y* = (x, 3), F = 1/2 |x - (1, 2)|^2 + 1/2 |x|^2, x* = (1/2, 1).
struct Shift {
  int targets = 1;
  bool manifold = true;
  KOKKOS_FUNCTION int batch_size() const { return targets; }
  KOKKOS_FUNCTION int dim_x() const { return 2; }
  KOKKOS_FUNCTION int dim_y() const { return 3; }
  template <class X, class Y>
  KOKKOS_FUNCTION auto lower(int t, X const& x, Y const& y) const {
    auto const a = y(0) - (t + 1.0) * x(0), b = y(1) - (t + 1.0) * x(1);
    double const weight = manifold ? 0.0 : 1.0;
    return 0.5 * (a * a + b * b) + 0.5 * weight * (y(2) - 3.0) * (y(2) - 3.0);
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto upper(int, X const& x, Y const& y) const {
    auto const a = y(0) - 1.0, b = y(1) - 2.0, c = y(2) - 3.0;
    return 0.5 * (a * a + b * b + c * c) + 0.5 * (x(0) * x(0) + x(1) * x(1));
  }
};

template <class T>
Vectors<T, Space> filled(Space const& space, int rows, int columns, double first) {
  auto const v = make_vectors<T>(space, "minfold::test::filled", rows, columns);
  auto const host = Kokkos::create_mirror_view(v);
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) host(i, j) = T(first + 0.7 * i - 0.3 * j);
  Kokkos::deep_copy(space, v, host);
  space.fence("minfold::test::filled");
  return v;
}

struct End {
  SolveResult result;
  std::vector<double> x, y;
};

template <class T>
End run(AnyProblem<T, Space> const& problem, NamedRun named, std::vector<std::string> const& sets,
        double y_start) {
  Space const space;
  BilevelState<T, Space> state(space, problem);
  Kokkos::deep_copy(space, state.y, T(y_start));
  state.warm = true;
  Settings settings(sets);
  End end;
  end.result = minimize<T>(space, problem, state, named, settings);
  end.x = impl::to_doubles(space, state.x);
  end.y = impl::to_doubles(space, state.y);
  return end;
}

bool has_reason(SolveResult const& result, std::string const& begin) {
  for (auto const& reason : result.last.certificate.reasons)
    if (reason.rfind(begin, 0) == 0) return true;
  return false;
}

}  // namespace

TEST_CASE("an oracle sums over the targets of a shared x and keeps others apart", "[method]") {
  Space const space;
  int const targets = 3;
  for (bool const shared : {true, false}) {
    CAPTURE(shared);
    FunctorProblem<Shift, double> const problem(Shift{targets}, shared);
    CountedProblem<double, Space> const counted(problem);
    int const rows = shared ? 1 : targets;
    auto const x = filled<double>(space, rows, 2, 0.4), y = filled<double>(space, targets, 3, 1.1);
    Oracle<double, Space> const o(space, counted, x, y);
    auto const hx = impl::to_doubles(space, x), hy = impl::to_doubles(space, y);
    auto const x_of = [&](int t, int j) { return hx[(shared ? 0 : t) * 2 + j]; };

    std::vector<double> g(rows, 0.0), f(rows, 0.0), gx(rows * 2, 0.0), fx(rows * 2, 0.0);
    for (int t = 0; t < targets; ++t) {
      int const r = shared ? 0 : t;
      for (int j = 0; j < 2; ++j) {
        double const e = hy[t * 3 + j] - (t + 1) * x_of(t, j);
        g[r] += 0.5 * e * e;
        gx[r * 2 + j] -= (t + 1) * e;
        f[r] += 0.5 * std::pow(hy[t * 3 + j] - (j + 1), 2) + 0.5 * std::pow(x_of(t, j), 2);
        fx[r * 2 + j] += x_of(t, j);
      }
      f[r] += 0.5 * std::pow(hy[t * 3 + 2] - 3, 2);
    }
    auto const near = [](std::vector<double> const& a, std::vector<double> const& b) {
      REQUIRE(a.size() == b.size());
      for (std::size_t i = 0; i < a.size(); ++i) CHECK(std::abs(a[i] - b[i]) < 1e-13);
    };
    near(o.lower(x, y), g);
    near(o.upper(x, y), f);
    auto const out = o.like_x("out"), other = o.like_x("other");
    auto const vy = o.like_y("vy"), z = o.like_y("z");
    o.lower_gradient_x(x, y, out);
    near(impl::to_doubles(space, out), gx);
    o.upper_gradient(x, y, out, vy);
    near(impl::to_doubles(space, out), fx);

    // <G u, z> = <u, G^T z> in each row
    auto const u = filled<double>(space, rows, 2, -0.6);
    o.copy(y, z);
    o.mixed_product(x, y, u, vy);
    o.mixed_transpose(x, y, z, other);
    near(o.dot(vy, z), o.dot(u, other));
    // and G u = -(t + 1) (u, 0)
    auto const gu = impl::to_doubles(space, vy), hu = impl::to_doubles(space, u);
    for (int t = 0; t < targets; ++t)
      for (int j = 0; j < 3; ++j)
        CHECK(std::abs(gu[t * 3 + j] - (j == 2 ? 0 : -(t + 1) * hu[(shared ? 0 : t) * 2 + j])) <
              1e-13);

    // v := a u + b v with coefficients of the rows
    std::vector<double> a(rows), b(rows);
    for (int r = 0; r < rows; ++r) a[r] = r + 2, b[r] = -r;
    auto const before = impl::to_doubles(space, vy);
    o.axpby(a, z, b, vy);
    auto const after = impl::to_doubles(space, vy);
    for (int t = 0; t < targets; ++t)
      for (int j = 0; j < 3; ++j) {
        int const r = shared ? 0 : t;
        CHECK(std::abs(after[t * 3 + j] - (a[r] * hy[t * 3 + j] + b[r] * before[t * 3 + j])) <
              1e-13);
      }
    CHECK(std::abs(o.lower_curvature(x, y, 10, 1) - 1) < 1e-12);
  }
}

TEST_CASE("aid-cg reaches the optimum of a strongly convex lower level, certified", "[method]") {
  FunctorProblem<Shift, double> const problem(Shift{1, false});
  auto const end = run<double>(problem, {"aid-cg", 1, 2000, 1e-8}, {"step=0.3"}, 0.0);
  CHECK(end.result.solved());
  for (auto const& reason : end.result.last.certificate.reasons) UNSCOPED_INFO(reason);
  CHECK(std::abs(end.x[0] - 0.5) < 1e-7);
  CHECK(std::abs(end.x[1] - 1.0) < 1e-7);
  REQUIRE(end.result.assessment);
  CHECK(std::abs(end.result.assessment->upper - 1.25) < 1e-7);
}

TEST_CASE("a y that is not the selected one is not certified", "[method]") {
  // y_2 is free on S(x): aid-cg leaves it where it starts, and its CG sees an inconsistent system.
  FunctorProblem<Shift, double> const problem(Shift{1, true});
  auto const end = run<double>(problem, {"aid-cg", 1, 3, 1e-8}, {"step=0.3", "products=1"}, 0.25);
  CHECK(end.y[2] == 0.25);
  CHECK_FALSE(end.result.solved());
  CHECK(has_reason(end.result, "selection: y is"));
  REQUIRE(end.result.assessment);
  // F at the end by its closed form; y_2 alone is 2.75 from its place.
  double const f = 0.5 * (std::pow(end.x[0] - 1, 2) + std::pow(end.x[1] - 2, 2) +
                          std::pow(end.x[0], 2) + std::pow(end.x[1], 2));
  CHECK(std::abs(end.result.assessment->upper - f) < 1e-9);
  CHECK(end.result.assessment->distance >= 2.75 - 1e-9);
}

TEST_CASE("an end that is not stationary for F is said to be so", "[method]") {
  FunctorProblem<Shift, double> const problem(Shift{1, false});
  auto const end = run<double>(problem, {"aid-cg", 1, 3, 1e-8}, {"step=0.01"}, 0.0);
  CHECK(end.result.outcome == SolveOutcome::iteration_limit);
  CHECK(has_reason(end.result, "stationarity"));
}

TEST_CASE("the counters hold the work of the method alone", "[method]") {
  FunctorProblem<Shift, double> const problem(Shift{1, false});
  auto const end = run<double>(problem, {"aid-cg", 1, 5, 0.0},
                               {"inner-steps=4", "products=3", "inner-step=1", "assess=true"}, 0.0);
  auto const work = total(end.result.last.counters);
  CHECK(end.result.iterations == 5);
  CHECK(work.gradients == 5 * (4 + 1));
  CHECK(work.hessian_products == 5 * 3);
  CHECK(work.mixed_products == 5);
  CHECK(work.values == 0);
  CHECK(gradient_equivalents(work) == 25 + 2 * 20);
}

TEST_CASE("independent problems do not influence each other", "[method]") {
  int const targets = 3;
  FunctorProblem<Shift, double> const together(Shift{targets, false}, false);
  NamedRun const named{"aid-cg", 1, 40, 0.0};
  auto const all = run<double>(together, named, {"step=0.05", "inner-step=0.5"}, 0.0);
  // Target 0 is the problem of one target.
  FunctorProblem<Shift, double> const alone(Shift{1, false});
  auto const one = run<double>(alone, named, {"step=0.05", "inner-step=0.5"}, 0.0);
  for (int j = 0; j < 2; ++j) CHECK(all.x[j] == one.x[j]);
  for (int j = 0; j < 3; ++j) CHECK(all.y[j] == one.y[j]);
}

TEST_CASE("methods work in float", "[method]") {
  FunctorProblem<Shift, float> const problem(Shift{1, false});
  auto const end = run<float>(problem, {"aid-cg", 1, 2000, 1e-4}, {"step=0.3"}, 0.0);
  CHECK(end.result.outcome == SolveOutcome::converged);
  CHECK(std::abs(end.x[0] - 0.5) < 1e-3);
}

TEST_CASE("a method says what a problem does not offer, and names are checked", "[method]") {
  CHECK_THROWS_AS(find_method("aid-gc"), std::invalid_argument);
  try {
    find_method("aid-gc");
  } catch (std::invalid_argument const& error) {
    CHECK(std::string(error.what()).find("aid-cg") != std::string::npos);
  }
  FunctorProblem<Shift, double> const problem(Shift{1, false});
  CHECK_THROWS_AS(run<double>(problem, {"aid-cg", 1, 5, 0.0}, {"no-such-key=1"}, 0.0),
                  std::invalid_argument);
}
