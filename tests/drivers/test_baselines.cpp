// SPDX-License-Identifier: Apache-2.0
// The updates of the baselines, against the same formulas written out for two numbers y; rows that do
// not see one another; both precisions.
#include <minfold/problems/joint.hpp>

#include "method_runs.hpp"
#include <catch2/catch_test_macros.hpp>

#include <functional>

namespace {

using namespace minfold;
using namespace minfold::test;

/// g = y0^2 + y1^2 / 2 - x y0:            g_y = (2 y0 - x, y1),   g_x = -y0,  H = diag(2, 1), G = (-1, 0)
/// f = ((y0 - 1)^2 + (y1 + 2)^2) / 2 + x y1 + x^2 / 2:  f_y = (y0 - 1, y1 + 2 + x),  f_x = y1 + x
template <class T>
struct Tiny {
  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return 2; }
  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> lower(int, X const& x, Y const& y) const {
    return y(0) * y(0) + T(0.5) * y(1) * y(1) - x(0) * y(0);
  }
  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int, X const& x, Y const& y) const {
    return T(0.5) * (y(0) - T(1)) * (y(0) - T(1)) + T(0.5) * (y(1) + T(2)) * (y(1) + T(2)) +
           x(0) * y(1) + T(0.5) * x(0) * x(0);
  }
};

struct Pair {
  double a = 0, b = 0;
};
Pair operator+(Pair u, Pair v) {
  return {u.a + v.a, u.b + v.b};
}
Pair operator*(double t, Pair v) {
  return {t * v.a, t * v.b};
}
Pair operator-(Pair u, Pair v) {
  return u + (-1.0) * v;
}
double inner(Pair u, Pair v) {
  return u.a * v.a + u.b * v.b;
}

/// The iterate, and what a method keeps besides.
struct Point {
  double x;
  Pair y, kept;
  int k = 0;
};
Pair g_y(double x, Pair y) {
  return {2 * y.a - x, y.b};
}
double g_x(Pair y) {
  return -y.a;
}
double g(double x, Pair y) {
  return y.a * y.a + 0.5 * y.b * y.b - x * y.a;
}
Pair f_y(double x, Pair y) {
  return {y.a - 1, y.b + 2 + x};
}
double f_x(double x, Pair y) {
  return y.b + x;
}
double f(double x, Pair y) {
  return 0.5 * (y.a - 1) * (y.a - 1) + 0.5 * (y.b + 2) * (y.b + 2) + x * y.b + 0.5 * x * x;
}
Pair hessian(Pair v) {
  return {2 * v.a, v.b};
}
double mixed(Pair z) {
  return -z.a;
}

double const s = 0.25, t = 0.1;  // inner-step and step of all
Pair down(double x, Pair y) {
  return y - s * g_y(x, y);
}

Point aid_cg(Point p) {  // D = 2; N = 2 steps of CG solve a system of two unknowns
  p.y = down(p.x, down(p.x, p.y));
  Pair const b = f_y(p.x, p.y), v = {b.a / 2, b.b};
  p.x -= t * (f_x(p.x, p.y) - mixed(v));
  return p;
}
Point bome(Point p) {  // T = 2, eta = 0.5
  Pair const end = down(p.x, down(p.x, p.y)), fy = f_y(p.x, p.y), qy = g_y(p.x, p.y);
  double const fx = f_x(p.x, p.y), qx = g_x(p.y) - g_x(end);
  double const square = qx * qx + inner(qy, qy);
  double const lambda = std::max(0.0, 0.5 * square - fx * qx - inner(fy, qy)) / (square + 1e-8);
  return {p.x - t * (fx + lambda * qx), p.y - t * (fy + lambda * qy), {}, 0};
}
Point bome_by_value(Point p) {
  Pair const end = down(p.x, down(p.x, p.y)), fy = f_y(p.x, p.y), qy = g_y(p.x, p.y);
  double const fx = f_x(p.x, p.y), qx = g_x(p.y) - g_x(end);
  double const square = qx * qx + inner(qy, qy), q = g(p.x, p.y) - g(p.x, end);
  double const lambda = std::max(0.0, 0.5 * q - fx * qx - inner(fy, qy)) / (square + 1e-8);
  return {p.x - t * (fx + lambda * qx), p.y - t * (fy + lambda * qy), {}, 0};
}
Point v_pbgd(Point p) {  // gamma = 4: steps t / 4
  p.kept = down(p.x, p.kept);
  double const x = p.x - t / 4 * (f_x(p.x, p.y) + 4 * (g_x(p.y) - g_x(p.kept)));
  Pair const y = p.y - (t / 4) * (f_y(p.x, p.y) + 4.0 * g_y(p.x, p.y));
  return {x, y, p.kept, 0};
}
Point v_pbgd_ramped(Point p) {  // gamma = 0.5, then 1, in two iterations with ramp = 1: steps t
  double const gamma = p.k == 0 ? 0.5 : 1.0;
  p.kept = down(p.x, p.kept);
  double const x = p.x - t * (f_x(p.x, p.y) + gamma * (g_x(p.y) - g_x(p.kept)));
  Pair const y = p.y - t * (f_y(p.x, p.y) + gamma * g_y(p.x, p.y));
  return {x, y, p.kept, p.k + 1};
}
Point g_pbgd(Point p) {  // gamma = 4
  Pair const r = g_y(p.x, p.y);
  return {p.x - t / 4 * (f_x(p.x, p.y) + 4 * mixed(r)),
          p.y - (t / 4) * (f_y(p.x, p.y) + 4.0 * hessian(r)),
          {},
          0};
}
/// 2 inner steps, lambda = first + 0.1 k
Point f2sa_from(double first, Point p) {
  double const lambda = first + 0.1 * p.k, n = p.k + 1;
  double const a = std::min(s * std::pow(n, -5.0 / 7), s / (1 + lambda));
  double const slow = std::pow(n, -4.0 / 7);
  for (int i = 0; i < 2; ++i) {
    p.y = p.y - a * (f_y(p.x, p.y) + lambda * g_y(p.x, p.y));
    p.kept = p.kept - s * slow * g_y(p.x, p.kept);
  }
  p.x -= t * slow * (f_x(p.x, p.y) + lambda * (g_x(p.y) - g_x(p.kept)));
  return {p.x, p.y, p.kept, p.k + 1};
}
Point f2sa(Point p) {  // the bound s / (1 + lambda) of a holds
  return f2sa_from(1, p);
}
Point f2sa_decaying(Point p) {  // a falls like k^(-5/7)
  return f2sa_from(0.1, p);
}
Point stocbio(Point p) {  // 2 inner steps, Q = 2: (1 + c + c^2) with c = 1 - s h
  p.y = down(p.x, down(p.x, p.y));
  Pair const b = f_y(p.x, p.y);
  double const c0 = 1 - 2 * s, c1 = 1 - s;
  Pair const v = {s * (1 + c0 + c0 * c0) * b.a, s * (1 + c1 + c1 * c1) * b.b};
  p.x -= t * (f_x(p.x, p.y) - mixed(v));
  return p;
}
Point soba(Point p) {
  Pair const v = p.kept;
  return {p.x - t * (f_x(p.x, p.y) - mixed(v)), down(p.x, p.y),
          v - s * (hessian(v) - f_y(p.x, p.y)), 0};
}
Point galet(Point p) {  // 2 inner steps, 2 steps of w with rho = s^2
  p.y = down(p.x, down(p.x, p.y));
  for (int i = 0; i < 2; ++i) p.kept = p.kept - s * s * hessian(hessian(p.kept) + f_y(p.x, p.y));
  p.x -= t * (f_x(p.x, p.y) + mixed(p.kept));
  return p;
}
/// K = 2, start-step 0.2: phi and its gradient by the chain rule, dy_k/dx = -s (G + H dy_{k-1}/dx).
Point iaptt(Point p) {
  Pair const one = down(p.x, p.kept), two = down(p.x, one);
  int const cut = f(p.x, two) > f(p.x, one) ? 2 : 1;
  Pair const y = cut == 1 ? one : two, b = f_y(p.x, y);
  double const c0 = 1 - 2 * s, c1 = 1 - s;
  double const dx0 = cut == 1 ? s : s + c0 * s;  // dy0/dx; y1 does not depend on x
  Pair const dz = {std::pow(c0, cut) * b.a, std::pow(c1, cut) * b.b};
  return {p.x - t * (f_x(p.x, y) + dx0 * b.a), y, p.kept - 0.2 * dz, 0};
}
Point pzobo(
    Point p) {  // 2 inner steps; y_T is linear in x: the quotient is exact, mu does not matter
  p.y = down(p.x, down(p.x, p.y));
  double const u = normal({1, Stream::walk, 0, 0, std::uint32_t(p.k)});
  double const slope = (s + (1 - 2 * s) * s) * u * f_y(p.x, p.y).a;
  p.x -= t * (f_x(p.x, p.y) + slope * u);
  ++p.k;
  return p;
}
Point pbgd_free(Point p) {  // K = 2, gamma = 4
  for (int i = 0; i < 2; ++i) p.y = p.y - s * (0.25 * f_y(p.x, p.y) + g_y(p.x, p.y));
  p.x -= t * f_x(p.x, p.y);
  return p;
}

struct Formula {
  std::string name;
  std::vector<std::string> sets;
  std::function<Point(Point)> update;
  bool keeps_start = false;  ///< what it keeps starts as y_0, not as 0
};
std::vector<Formula> const formulas = {
    {"aid-cg", {"inner-steps=2", "products=2"}, aid_cg},
    {"bome", {"inner-steps=2"}, bome},
    {"bome", {"inner-steps=2", "control=value"}, bome_by_value},
    {"v-pbgd", {"penalty=4"}, v_pbgd, true},
    {"v-pbgd", {"penalty=1", "ramp=1"}, v_pbgd_ramped, true},
    {"f2sa", {"inner-steps=2"}, f2sa, true},
    {"f2sa", {"inner-steps=2", "multiplier=0.1"}, f2sa_decaying, true},
    {"stocbio", {"inner-steps=2", "products=2"}, stocbio},
    {"soba", {}, soba},
    {"galet", {"inner-steps=2", "products=2"}, galet},
    {"iaptt", {"inner-steps=2", "start-step=0.2"}, iaptt, true},
    {"pzobo", {"inner-steps=2"}, pzobo},
    {"pbgd-free", {"inner-steps=2", "penalty=4"}, pbgd_free},
    {"g-pbgd", {"penalty=4"}, g_pbgd},
};
std::vector<std::string> steps_of(Formula const& formula) {
  auto sets = formula.sets;
  sets.push_back("step=0.1");
  if (formula.name != "g-pbgd") sets.push_back("inner-step=0.25");
  return sets;
}

template <class T>
void check_formulas(double tolerance) {
  FunctorProblem<Tiny<T>, T> const problem{Tiny<T>{}};
  for (auto const& formula : formulas) {
    // Two steps: what a method keeps from the first acts in the second.
    Point p{0.5, {1.5, -1}, {}, 0};
    if (formula.keeps_start) p.kept = p.y;
    p = formula.update(formula.update(p));
    auto const end = run_named<T>(problem, formula.name, steps_of(formula), {0.5}, {1.5, -1}, 2);
    INFO(formula.name << ": x " << end.x[0] << " y " << end.y[0] << " " << end.y[1]);
    CHECK(end.result.iterations == 2);
    CHECK(std::abs(end.x[0] - p.x) <= tolerance);
    CHECK(std::abs(end.y[0] - p.y.a) <= tolerance);
    CHECK(std::abs(end.y[1] - p.y.b) <= tolerance);
    CHECK(std::abs(p.x - 0.5) > 1e-3);  // it moved
  }
}

/// Target i of P: S(x) an ellipse of its own; rows with an x each. `first` makes a batch of one.
struct Ellipses {
  int targets = 1, first = 0;
  KOKKOS_FUNCTION int batch_size() const { return targets; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return 2; }
  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> lower(int item, X const& x, Y const& y) const {
    joint_t<X, Y> const e =
        y(0) * y(0) + (1 + 0.2 * (first + item)) * y(1) * y(1) - 1 - x(0) * x(0);
    return 0.25 * e * e;
  }
  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int item, X const& x, Y const& y) const {
    double const c = 0.5 * (first + item) - 0.7;
    return 0.5 * ((y(0) - c) * (y(0) - c) + (y(1) - 2) * (y(1) - 2)) + 0.5 * x(0) * x(0) - c * x(0);
  }
};

/// All targets are the first.
struct Same : Ellipses {
  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> lower(int, X const& x, Y const& y) const {
    return Ellipses::lower(0, x, y);
  }
  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int, X const& x, Y const& y) const {
    return Ellipses::upper(0, x, y);
  }
};

}  // namespace

TEST_CASE("two steps of every baseline are those of its formula", "[baselines]") {
  check_formulas<double>(1e-13);
}

TEST_CASE("the formulas hold in float", "[baselines]") {
  // pzobo divides differences by mu = 0.01: rounding is 100 times larger there.
  check_formulas<float>(2e-4);
}

TEST_CASE("independent problems side by side give what each gives alone", "[baselines][rows]") {
  int const count = 3;
  Vec x, y;
  for (int i = 0; i < count; ++i) {
    x.push_back(0.3 + 0.2 * i);
    y.push_back(0.9 - 0.1 * i);
    y.push_back(0.4 + 0.2 * i);
  }
  for (auto const& formula : formulas) {
    auto sets = formula.sets;
    sets.push_back("step=0.02");
    if (formula.name != "g-pbgd") sets.push_back("inner-step=0.05");
    FunctorProblem<Ellipses, double> const all(Ellipses{count, 0}, false);
    auto const together = run_named<double>(all, formula.name, sets, x, y, 15);
    for (int i = 0; i < count; ++i) {
      FunctorProblem<Ellipses, double> const one(Ellipses{1, i}, false);
      auto const alone =
          run_named<double>(one, formula.name, sets, {x[i]}, {y[2 * i], y[2 * i + 1]}, 15);
      INFO(formula.name << ", problem " << i);
      CHECK(std::isfinite(alone.x[0]));
      CHECK(together.x[i] == alone.x[0]);
      CHECK(together.y[2 * i] == alone.y[0]);
      CHECK(together.y[2 * i + 1] == alone.y[1]);
      CHECK(std::abs(alone.x[0] - x[i]) > 1e-4);
    }
  }
}

TEST_CASE("a shared x moves along the sum over the targets", "[baselines][rows]") {
  // Three times the same target: f and g are three times those of one, so that a third of every step
  // that is not relative to them does the same.
  Same three;
  three.targets = 3;
  FunctorProblem<Same, double> const shared(three, true);
  FunctorProblem<Ellipses, double> const one(Ellipses{1, 0}, true);
  for (std::string const name : {"aid-cg", "stocbio", "soba", "galet", "f2sa"}) {
    auto const sum = run_named<double>(shared, name, {"inner-step=0.05", "step=0.01"}, {0.4},
                                       {0.9, 0.4, 0.9, 0.4, 0.9, 0.4}, 10);
    auto const alone =
        run_named<double>(one, name, {"inner-step=0.05", "step=0.03"}, {0.4}, {0.9, 0.4}, 10);
    INFO(name);
    CHECK(std::abs(sum.x[0] - alone.x[0]) <= 1e-12);
    CHECK(std::abs(alone.x[0] - 0.4) > 1e-3);
  }
}
