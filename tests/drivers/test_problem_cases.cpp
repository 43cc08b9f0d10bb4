// SPDX-License-Identifier: Apache-2.0
// What is particular to single closed-form problems.
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/problems/affine.hpp>
#include <minfold/problems/degenerate.hpp>
#include <minfold/problems/orthogonal_orbit.hpp>
#include <minfold/problems/phase_orbit.hpp>
#include <minfold/problems/sphere.hpp>
#include <minfold/problems/stiefel.hpp>

#include "problem_probe.hpp"
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <chrono>
#include <cmath>
#include <numbers>

using namespace minfold;
using namespace minfold::test;

namespace {

/// The same problem without its written gradients.
template <class Functor>
struct ObjectivesOnly {
  Functor functor;
  KOKKOS_FUNCTION int batch_size() const { return functor.batch_size(); }
  KOKKOS_FUNCTION int dim_x() const { return functor.dim_x(); }
  KOKKOS_FUNCTION int dim_y() const { return functor.dim_y(); }
  template <class X, class Y>
  KOKKOS_FUNCTION auto lower(int item, X const& x, Y const& y) const {
    return functor.lower(item, x, y);
  }
  template <class X, class Y>
  KOKKOS_FUNCTION auto upper(int item, X const& x, Y const& y) const {
    return functor.upper(item, x, y);
  }
};

template <class T, class Functor>
void compare_gradients(std::string const& name, std::vector<std::string> const& settings,
                       double tolerance) {
  auto const named = make<T>(name, settings);
  auto const* written = dynamic_cast<FunctorProblem<Functor, T> const*>(named.problem.get());
  REQUIRE(written != nullptr);
  FunctorProblem<ObjectivesOnly<Functor>, T> const plain({written->functor()});
  Probe<T> const a(*written), b(plain);
  int const d = written->dim_y();
  auto const x = shifted(named.start, 0.5, normals(1, int(named.start.size())));
  auto const y = normals(2, d), u = normals(3, d), v = normals(4, d);
  auto const near = [&](Vec const& p, Vec const& q) {
    CHECK(gap(p, q) <= tolerance * norm(q));  // some are 0: f of stiefel is linear in y
  };
  CHECK(norm(a.lower_hessian(x, y, v)) > 0);
  CHECK(norm(a.mixed(x, y, v)) > 0);
  CAPTURE(name, settings);
  near(a.lower_gradient(x, y), b.lower_gradient(x, y));
  near(a.upper_gradient_x(x, y), b.upper_gradient_x(x, y));
  near(a.upper_gradient_y(x, y), b.upper_gradient_y(x, y));
  near(a.lower_hessian(x, y, v), b.lower_hessian(x, y, v));
  near(a.upper_hessian(x, y, v), b.upper_hessian(x, y, v));
  near(a.mixed(x, y, v), b.mixed(x, y, v));
  auto const third = b.third(x, y, u, v);
  CHECK(gap(a.third(x, y, u, v), third) <= tolerance * (1 + norm(third)));  // 0 for quadratics
}

double hypergradient_at(Probe<double> const& probe, double x, Vec const& y) {
  Spectrum const spectrum(probe, {x}, y);
  return probe.upper_gradient_x({x}, y)[0] -
         probe.mixed({x}, y, spectrum.solve(probe.upper_gradient_y({x}, y)))[0];
}

}  // namespace

TEMPLATE_TEST_CASE("written gradients are the gradients of the objectives", "[problems]", double,
                   float) {
  using T = TestType;
  using E = Space;
  double const tolerance = sizeof(T) == sizeof(double) ? 1e-12 : 1e-4;
  compare_gradients<T, Sphere<T, E>>("sphere", {}, tolerance);
  compare_gradients<T, Sphere<T, E>>("sphere", {"dim=9", "manifold-dim=4"}, tolerance);
  compare_gradients<T, Affine<T, E>>("affine", {}, tolerance);
  compare_gradients<T, Affine<T, E>>("affine", {"dim=6", "manifold-dim=5"}, tolerance);
  compare_gradients<T, Stiefel<T, E>>("stiefel", {"n=5", "p=3"}, tolerance);
  compare_gradients<T, OrthogonalOrbit<T, E>>("orthogonal-orbit", {"n=4", "r=3"}, tolerance);
  compare_gradients<T, PhaseOrbit<T, E>>("phase-orbit", {}, tolerance);
}

TEMPLATE_TEST_CASE("ten thousand dimensions cost a few passes over y", "[problems]",
                   (Sphere<double, Space>), (Affine<double, Space>)) {
  int const d = 10000;
  std::string const name = std::is_same_v<TestType, Sphere<double, Space>> ? "sphere" : "affine";
  for (std::string const k : {"manifold-dim=5", "manifold-dim=9000"}) {
    CAPTURE(name, k);
    auto const named = make<double>(name, {"dim=10000", k});
    Probe<double> const probe(*named.problem);
    auto const truth = named.truth(named.start);
    auto const v = normals(1, d);
    auto const& y = truth.selection;
    CHECK(norm(probe.lower_gradient(named.start, y)) <= 1e-11);
    CHECK(norm(probe.lower_hessian(named.start, y, v)) > 0.1);
    CHECK(norm(probe.mixed(named.start, y, v)) > 1e-3);
    CHECK(named.distance(named.start, y) <= 1e-11);
    CHECK(std::abs(probe.upper(named.start, y) - truth.upper) <= 1e-11);
    CHECK(norm(named.truth(named.optimum().x).gradient) <= 1e-11);

    // Without the written gradient: d / 4 evaluations of the objective, some thousand times more.
    auto const* written =
        dynamic_cast<FunctorProblem<TestType, double> const*>(named.problem.get());
    REQUIRE(written != nullptr);
    FunctorProblem<ObjectivesOnly<TestType>, double> const plain({written->functor()});
    Probe<double> const slow(plain);
    auto const seconds = [&](Probe<double> const& p, int times) {
      auto const before = std::chrono::steady_clock::now();
      for (int t = 0; t < times; ++t) p.lower_gradient(named.start, v);
      std::chrono::duration<double> const spent = std::chrono::steady_clock::now() - before;
      return spent.count() / times;
    };
    CHECK(seconds(probe, 10) < 0.1 * seconds(slow, 1));
  }
}

TEST_CASE("condition of the affine problem is the condition of its lower Hessian", "[problems]") {
  auto const named = make<double>("affine", {"dim=8", "manifold-dim=3", "condition=400"});
  Probe<double> const probe(*named.problem);
  auto const y = normals(1, 8);
  Spectrum const spectrum(probe, named.start, y);
  CHECK(std::abs(spectrum.largest() - 400) <= 1e-9);
  // |H^+| is 1 over the smallest eigenvalue, 1 by construction: H^+ H H^+ u = H^+ u for all u.
  double largest = 0;
  for (std::uint32_t s = 0; s < 8; ++s) {
    Vec u = normals(10 + s, 8);
    for (int power = 0; power < 200; ++power) {
      u = spectrum.solve(u);
      double const length = norm(u);
      for (double& entry : u) entry /= length;
    }
    largest = std::max(largest, norm(spectrum.solve(u)));
  }
  CHECK(std::abs(largest - 1) <= 1e-9);
}

TEST_CASE("line: implicit differentiation at an unselected point gives -2.4 for -0.7",
          "[problems]") {
  auto const named = make<double>("line", {});
  Probe<double> const probe(*named.problem);
  CHECK(named.start == Vec{0.3});
  CHECK(std::abs(hypergradient_at(probe, 0.3, {0.3, 2.0}) + 2.4) <= 1e-14);
  CHECK(std::abs(hypergradient_at(probe, 0.3, {0.3, 0.3}) + 0.7) <= 1e-14);
  CHECK(std::abs(named.truth({0.3}).gradient[0] + 0.7) <= 1e-15);
  CHECK(named.distance({0.3}, {0.3, 2.0}) == 0);
}

TEST_CASE("two-well: two local minima, and a kink between them", "[problems]") {
  auto const named = make<double>("two-well", {});
  CHECK(std::abs(named.truth({1.3}).gradient[0]) <= 1e-15);
  CHECK(std::abs(named.truth({-0.7}).gradient[0]) <= 1e-15);
  CHECK(std::abs(named.truth({1.3}).upper + 1.8) <= 1e-15);
  CHECK(std::abs(named.truth({-0.7}).upper + 1.2) <= 1e-15);
  CHECK(named.truth(named.start).gradient[0] > 0);  // downhill is to the left, to -0.7
  CHECK(std::abs(named.optimum().x.at(0) - 1.3) <= 1e-15);
  // The wrong well has a gradient of the other sign.
  Probe<double> const probe(*named.problem);
  CHECK(hypergradient_at(probe, -0.1, {-1, 0}) > 0);
  CHECK(hypergradient_at(probe, -0.1, {1, 0}) < 0);
  CHECK(probe.upper({-0.1}, {1, 0}) > probe.upper({-0.1}, {-1, 0}));
}

TEST_CASE("kinks are where the selection is not unique", "[problems]") {
  auto const kink = make<double>("kink", {"x0=0"});
  auto const at_kink = kink.truth(kink.start);
  CHECK(!at_kink.differentiable);
  CHECK(at_kink.selection.empty());
  CHECK(std::abs(at_kink.gradient[0]) <= 1);  // the Clarke set is [-1, 1]
  CHECK(kink.truth({1e-9}).differentiable);
  CHECK(kink.truth({1e-9}).gradient[0] - kink.truth({-1e-9}).gradient[0] < -1.9);
  CHECK(kink.optimum().x.empty());
  CHECK(kink.optimum().upper == -0.5);
  CHECK(make<double>("kink", {"center=0.5"}).optimum().x == Vec{1.5});

  auto const kinks = make<double>("kinks", {"frequency=5"});
  double const period = std::numbers::pi / 5;
  for (int j = -2; j <= 2; ++j) {
    CHECK(!kinks.truth({j * period}).differentiable);
    CHECK(kinks.truth({j * period + 0.01}).differentiable);
    double const jump =
        kinks.truth({j * period + 1e-9}).gradient[0] - kinks.truth({j * period - 1e-9}).gradient[0];
    CHECK(std::abs(jump + 10) <= 1e-6);
  }
  CHECK(kinks.optimum().x.empty());
  CHECK(make<double>("kinks", {"frequency=5", "center=0.1"}).optimum().x.size() == 1);
  CHECK(make<double>("kinks", {"curvature=0"}).optimum().upper == -1);
}

TEST_CASE("hoelder: grad F has exponent 1 / (2p - 1) at 0", "[problems]") {
  for (int p : {1, 2, 3, 5}) {
    auto const named = make<double>("hoelder", {"p=" + std::to_string(p), "curvature=0"});
    auto const slope = [&](double x) { return named.truth({x}).gradient[0]; };
    double const exponent = std::log(slope(1e-6) / slope(1e-8)) / std::log(100.0);
    CHECK(std::abs(exponent - 1.0 / (2 * p - 1)) <= 1e-12);
    CHECK(slope(-1e-6) == -slope(1e-6));
    CHECK(slope(0) == 0);
    // Beyond |x| = 1 the selection stays at the top of the circle.
    CHECK(named.truth({2}).selection == Vec{0, 1});
    CHECK(named.truth({2}).gradient[0] == -1);
  }
}

TEST_CASE("flat: grad F is continuous at 0 without a positive Hoelder exponent", "[problems]") {
  auto const named = make<double>("flat", {"curvature=0"});
  auto const slope = [&](double x) { return named.truth({x}).gradient[0]; };
  auto const exponent = [&](double x) {
    return std::log(slope(x) / slope(x / 10)) / std::log(10.0);
  };
  // log x = log 2 - 3 log s - 1/s^2, so d log s / d log x = 1 / (2/s^2 - 3), which falls to 0.
  double previous = 1;
  for (double const x : {1e-3, 1e-6, 1e-24, 1e-96, 1e-192}) {
    double const s = slope(x / std::sqrt(10.0));
    CHECK(std::abs(exponent(x) * (2 / (s * s) - 3) - 1) <= 0.05);
    CHECK(exponent(x) < 0.7 * previous);
    previous = exponent(x);
  }
  CHECK(previous < 0.0016);
  CHECK(slope(0) == 0);
  CHECK(std::abs(slope(1e-300)) < 0.04);
  // The interior minimum ends where y = (0, 1) becomes lower: a kink.
  CHECK(named.truth({0.79}).selection[1] < 0.75);
  CHECK(named.truth({0.80}).selection == Vec{0, 1});
  auto const q = [&](double x) { return named.truth({x}).upper; };
  CHECK(std::abs(q(0.7958 + 1e-3) - q(0.7958 - 1e-3)) < 3e-3);  // F itself is continuous
}

TEMPLATE_TEST_CASE("flat functions and their derivatives are finite zeros near 0", "[problems]",
                   double, float) {
  using T = TestType;
  using D3 = Dual<Dual<Dual<T>>>;
  T const tiny = Kokkos::Experimental::denorm_min_v<T>;
  for (T const s : {T(0), tiny, -tiny, T(1e-20), T(-1e-12), T(1e-3), T(0.03), T(-0.03)}) {
    D3 x;
    x.value = Dual<Dual<T>>(s);
    x.value.eps[0] = Dual<T>(T(1));
    x.value.value.eps[0] = T(1);
    x.eps[0] = Dual<Dual<T>>(T(1));
    D3 const bump = flat_bump(x);
    CHECK(bump.value.value.value == T(0));
    CHECK(bump.eps[0].value.value == T(0));
    CHECK(bump.eps[0].eps[0].value == T(0));
    CHECK(bump.eps[0].eps[0].eps[0] == T(0));
  }
  // From where it is not cut off: finite, positive, with the derivative 2 s^-3 exp(-1/s^2).
  for (T const s : {T(0.115), T(0.2), T(0.7)}) {
    Dual<T> x(s);
    x.eps[0] = 1;
    auto const bump = flat_bump(x);
    CHECK(bump.value > 0);
    CHECK(std::abs(bump.eps[0] / (2 / (s * s * s) * bump.value) - 1) <= T(1e-5));
    CHECK(left_bump(x).value == T(0));
    CHECK(left_bump(-x).value == bump.value);
    CHECK(left_bump(-x).eps[0] == bump.eps[0]);
  }
  auto const named = make<T>("flat", {});
  Probe<T> const probe(*named.problem);
  for (Vec const& y : {Vec{1, 0}, Vec{0, 1}, Vec{-1, 0}, Vec{1e-30, 1e-30}}) {
    auto const third = probe.lower_hessian({0.1}, y, {1, 1});
    auto const hv = probe.upper_hessian({0.1}, y, {1, 1});
    CHECK(std::isfinite(norm(third)));
    CHECK(std::isfinite(norm(hv)));
    CHECK(std::isfinite(norm(probe.upper_gradient_y({0.1}, y))));
  }
}

TEST_CASE("reweighting: the planted mixture fits the validation data, others do not",
          "[problems]") {
  auto const named = make<double>("reweighting", {});
  CHECK(named.optimum().upper == 0);
  CHECK(named.optimum().x.empty());
  auto const planted = [&](std::string const& suffix) {
    auto const json = named.metrics({named.start, {}}, {named.start, {}});
    Vec weights;
    for (int i = 1; i <= 4; ++i) weights.push_back(json.at("weight " + std::to_string(i) + suffix));
    return weights;
  };
  Vec logits = planted(", planted");
  for (double& entry : logits) entry = std::log(entry) + 3;  // a shift changes nothing
  CHECK(named.truth(logits).upper <= 1e-24);
  CHECK(norm(named.truth(logits).gradient) <= 1e-12);
  CHECK(named.truth(named.start).upper > 1e-4);
  CHECK(planted(", start") == Vec(4, 0.25));
  // The model of least norm, which ignores the validation data, is no selection.
  Probe<double> const probe(*named.problem);
  auto const truth = named.truth(named.start);
  Spectrum const spectrum(probe, named.start, truth.selection);
  auto const least = shifted(truth.selection, -1, spectrum.tangential(truth.selection));
  CHECK(named.distance(named.start, least) <= 1e-10);
  CHECK(probe.upper(named.start, least) > 1.5 * truth.upper);
  // Logits far apart: nothing overflows.
  CHECK(std::isfinite(probe.lower({800, 0, -800, 0}, truth.selection)));
  // Without contrast equal weights are the planted ones.
  auto const equal = make<double>("reweighting", {"contrast=0"});
  CHECK(equal.truth(equal.start).upper <= 1e-24);
  // With noise the best mixture no longer fits, and nothing proves which one it is.
  auto const noisy = make<double>("reweighting", {"noise=0.5"});
  CHECK(noisy.truth(logits).upper > 1e-3);
  CHECK(std::isnan(noisy.optimum().upper));
}

TEST_CASE("the seed chooses the data of a problem", "[problems]") {
  for (std::string const name :
       {"sphere", "affine", "stiefel", "orthogonal-orbit", "phase-orbit", "reweighting"}) {
    CAPTURE(name);
    auto const a = make<double>(name, {}, 1), b = make<double>(name, {}, 1),
               c = make<double>(name, {}, 2);
    CHECK(a.truth(a.start).upper == b.truth(b.start).upper);
    CHECK(a.truth(a.start).upper != c.truth(c.start).upper);
  }
}
