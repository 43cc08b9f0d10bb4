// SPDX-License-Identifier: Apache-2.0
// The CVaR of f under the Gibbs measure, and descent on it.
#include <minfold/drivers/method_catalog.hpp>
#include <minfold/drivers/superquantile.hpp>
#include <minfold/problems/joint.hpp>

#include "method_cases.hpp"
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace minfold;
using namespace minfold::test;

namespace {

/// S(x) = unit sphere in R^d whatever x is, f = <x, y_0, y_1> + weight/2 |x - (3, 0)|^2.
struct Height {
  int d = 2;
  double weight = 0;
  int targets = 1;
  KOKKOS_FUNCTION int batch_size() const { return targets; }
  KOKKOS_FUNCTION int dim_x() const { return 2; }
  KOKKOS_FUNCTION int dim_y() const { return d; }
  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> lower(int, X const& x, Y const& y) const {
    joint_t<X, Y> square = 0.0 * x(0) * y(0);
    for (int i = 0; i < d; ++i) square += y(i) * y(i);
    return 0.25 * (square - 1.0) * (square - 1.0);
  }
  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int, X const& x, Y const& y) const {
    auto const u = x(0) - 3.0;
    return x(0) * y(0) + x(1) * y(1) + 0.5 * weight * (u * u + x(1) * x(1));
  }
};

/// Samples of the Gibbs measure from one point, long enough to forget it.
struct Sampled {
  FunctorProblem<Height, double> problem;
  Bench<double> bench;
  impl::GibbsCloud<double, Space> cloud;
  Sampled(int d, int samples, int steps) : problem(Height{d}), bench(problem, {1, 0}, start(d)) {
    GibbsOptions<double> options;
    options.samples = samples;
    options.steps = steps;
    options.temperature = 0.3;
    cloud.begin(bench.oracle, options, 7);
    cloud.sample(bench.oracle, bench.oracle.x, options);
  }
  static Vec start(int d) {
    Vec y(d, 0.0);
    y[0] = -1;
    return y;
  }
  double tail(double delta, bool largest) {
    return cloud.tail(bench.oracle, bench.oracle.x, delta, largest)[0];
  }
};

double const pi = 3.14159265358979323846;

}  // namespace

TEST_CASE("the CVaR of a height on the circle and on the sphere", "[superquantile]") {
  // Standard deviations of the empirical CVaR with n = 2000 samples: below 0.015 for these delta.
  {
    Sampled circle(2, 2000, 600);
    for (double const delta : {0.2, 0.5, 1.0}) {
      CAPTURE(delta);
      double const exact = std::sin(pi * delta) / (pi * delta);
      CHECK(std::abs(circle.tail(delta, true) - exact) < 0.05);
      CHECK(std::abs(circle.tail(delta, false) + exact) < 0.05);
    }
  }
  Sampled sphere(3, 2000, 600);
  for (double const delta : {0.2, 0.5, 1.0}) {
    CAPTURE(delta);
    CHECK(std::abs(sphere.tail(delta, true) - (1 - delta)) < 0.05);
    CHECK(std::abs(sphere.tail(delta, false) + (1 - delta)) < 0.05);
  }
}

TEST_CASE("samples are projected onto S(x)", "[superquantile]") {
  Sampled circle(2, 100, 50);
  Vec const points = impl::to_doubles(Space(), circle.cloud.samples());
  for (std::size_t i = 0; i < points.size(); i += 2)
    CHECK(std::abs(std::hypot(points[i], points[i + 1]) - 1) < 1e-10);
}

TEST_CASE("the mean of the tail is the minimum over b of its definition", "[superquantile]") {
  Sampled circle(2, 37, 50);
  Vec const points = impl::to_doubles(Space(), circle.cloud.samples());
  for (double const delta : {0.1, 0.33, 0.5, 0.99})
    for (double const sign : {1.0, -1.0}) {
      // A piecewise linear function of b: its minimum is at one of the values.
      double least = 1e300;
      for (std::size_t at = 0; at < points.size(); at += 2) {
        double const b = sign * points[at];
        double excess = 0;
        for (std::size_t i = 0; i < points.size(); i += 2)
          excess += std::max(0.0, sign * points[i] - b);
        least = std::min(least, b + excess / (delta * 37));
      }
      CAPTURE(delta, sign);
      CHECK(std::abs(circle.tail(delta, sign > 0) - sign * least) < 1e-12);
    }
}

TEST_CASE("superquantile descends to the optimum of its relaxation, in both forms",
          "[superquantile]") {
  // On the circle the relaxed f is +-kappa |x| + 1/2 |x - (3, 0)|^2, kappa = sin(pi delta) / (pi delta):
  // the largest f is least at x = 3 - kappa, the least f at x = 3 + kappa.
  bool const pessimistic = GENERATE(true, false);
  FunctorProblem<Height, double> const problem(Height{2, 1});
  SuperquantileOptions<double> options;
  options.pessimistic = pessimistic;
  options.delta = 0.2;
  options.step = 0.2;
  options.gibbs.samples = 300;
  options.gibbs.temperature = 0.3;
  options.burn_in = 400;
  Superquantile<double, Space> method(options);
  auto const ran = run<double>(problem, method, {2.5, 0.8}, {0, 1}, 60, 0, 60);
  double const kappa = std::sin(pi * 0.2) / (pi * 0.2), sign = pessimistic ? 1 : -1;
  CAPTURE(pessimistic, ran.x);
  CHECK(std::abs(ran.x[0] - (3 - sign * kappa)) < 0.15);
  CHECK(std::abs(ran.x[1]) < 0.2);
  double const x = std::hypot(ran.x[0], ran.x[1]);
  double const relaxed = sign * kappa * x + 0.5 * distance(ran.x, {3, 0}) * distance(ran.x, {3, 0});
  CHECK(std::abs(method.values()[0] - relaxed) < 0.25);
  // y is on S(x), at the sample with the extreme f.
  CHECK(std::abs(std::hypot(ran.y[0], ran.y[1]) - 1) < 1e-10);
  CHECK(sign * ran.y[0] > 0.9);
}

TEST_CASE("several targets of one x add their tails", "[superquantile]") {
  FunctorProblem<Height, double> const one(Height{2, 0, 1}), three(Height{2, 0, 3});
  GibbsOptions<double> options;
  options.samples = 50;
  Bench<double> bench(three, {1, 0}, {-1, 0, -1, 0, -1, 0});
  impl::GibbsCloud<double, Space> cloud;
  cloud.begin(bench.oracle, options, 7);
  cloud.sample(bench.oracle, bench.oracle.x, options);
  Vec const points = impl::to_doubles(Space(), cloud.samples());
  double sum = 0;
  for (std::size_t i = 0; i < points.size(); i += 2) sum += points[i];
  CHECK(std::abs(cloud.tail(bench.oracle, bench.oracle.x, 1, true)[0] - sum / 50) < 1e-12);
}

TEST_CASE("independent problems of a batch do not influence each other in superquantile",
          "[superquantile]") {
  SuperquantileOptions<double> options;
  options.gibbs.samples = 20;
  options.gibbs.steps = 5;
  options.burn_in = 10;
  auto const make = [&] { return std::make_unique<Superquantile<double, Space>>(options); };
  CHECK(same_as_alone<double>(make, 3));
}

TEST_CASE("superquantile works in single precision and by its name", "[superquantile]") {
  FunctorProblem<Height, float> const problem(Height{2, 1});
  SuperquantileOptions<float> options;
  options.pessimistic = true;
  options.step = 0.2f;
  options.gibbs.samples = 100;
  Superquantile<float, Space> method(options);
  auto const ran = run<float>(problem, method, {2.5, 0.2}, {0, 1}, 40, 0, 40);
  CHECK(std::abs(ran.x[0] - 2) < 0.3);
  Settings settings({"form=pessimistic", "delta=0.1", "samples=10"});
  CHECK(find_method("superquantile").make_double(settings) != nullptr);
  settings.refuse_unknown();
}
