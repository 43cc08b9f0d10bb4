// SPDX-License-Identifier: Apache-2.0
// What is particular to the toy problems of the methods that minfold is compared with.
#include <minfold/drivers/check.hpp>
#include <minfold/drivers/functor_problem.hpp>
#include <minfold/drivers/hgms.hpp>
#include <minfold/problems/diagonal_toys.hpp>
#include <minfold/problems/small_toys.hpp>

#include "problem_probe.hpp"
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <numbers>

using namespace minfold;
using namespace minfold::test;

namespace {

constexpr double pi = std::numbers::pi;

SolveResult solve(NamedProblem<double> const& named, int iterations, Vec& x) {
  Space const space;
  BilevelState<double, Space> state(space, *named.problem);
  impl::from_doubles<double, Space>(space, named.start, state.x);
  HgmsOptions<double> options;
  options.max_iterations = iterations;
  auto const result = minimize_hgms<double, Space>(space, *named.problem, state, options);
  x = impl::to_doubles(space, state.x);
  return result;
}

}  // namespace

TEST_CASE("derivatives of the toys are those of their objectives", "[problems][check]") {
  struct Case {
    std::string name;
    std::vector<std::string> settings;
  };
  for (auto const& [name, settings] :
       {Case{"convex-toy", {}}, Case{"cosine-toy", {"dim=4"}},
        Case{"cosine-toy", {"dim=3", "upper=image"}}, Case{"quadratic", {}}, Case{"coreset", {}},
        Case{"example-1", {}}, Case{"v-pbgd-toy", {}}}) {
    auto const named = make<double>(name, settings);
    auto const check = check_derivatives<double, Space>(Space(), *named.problem, named.start);
    for (auto const& line : check.lines) {
      CAPTURE(name, line.what, line.error, line.slope);
      CHECK(line.ok);
    }
  }
}

TEST_CASE("g of the cosine is -1 on its ellipsoids, and the distance to them is the nearest one",
          "[problems]") {
  auto const named = make<double>("cosine-toy", {"dim=3"});
  auto const image = make<double>("cosine-toy", {"dim=3", "upper=image"});
  Probe<double> const probe(*image.problem);
  auto const x = image.start;
  auto const y = image.truth(x).selection;
  CHECK(std::abs(probe.lower(x, y) + 1) <= 1e-13);
  CHECK(image.distance(x, y) <= 1e-12);
  CHECK_FALSE(bool(named.truth));

  // Where rays in many directions meet an ellipsoid: none does so nearer than the distance.
  using Toy = DiagonalToy<double, Space, ToyLower::cosine, ToyUpper::image>;
  auto const h = to_host(
      Space(), dynamic_cast<FunctorProblem<Toy, double> const&>(*image.problem).functor().h);
  for (std::uint32_t s = 0; s < 20; ++s) {
    auto const point = shifted(y, 0.8, normals(200 + s, 3));
    double const distance = named.distance(x, point);
    CHECK(distance == image.distance(x, point));
    double shortest = 1e300;
    for (std::uint32_t direction = 0; direction < 3000; ++direction) {
      auto along = normals(1000 + direction, 3);
      double const size = norm(along);
      double aa = 0, ar = 0, rr = 0;  // |r + t a|^2, a = H along / |along|
      for (int i = 0; i < 3; ++i) {
        double const a = h(i) * along[i] / size, r = h(i) * point[i] - x[i];
        aa += a * a;
        ar += a * r;
        rr += r * r;
      }
      for (int j = 0; j < 40; ++j) {
        double const discriminant = ar * ar - aa * (rr - 2 * pi * (2 * j + 1));
        if (discriminant < 0) continue;
        for (double const sign : {-1.0, 1.0}) {
          double const t = (-ar + sign * std::sqrt(discriminant)) / aa;
          if (t > 0) shortest = std::min(shortest, t);
        }
      }
    }
    CAPTURE(s, distance, shortest);
    CHECK(shortest >= distance - 1e-9);
    CHECK(shortest <= 1.1 * distance + 1e-3);
  }
}

TEST_CASE("the ellipsoid variant has kinks where two ellipsoids or all directions tie",
          "[problems]") {
  auto const named = make<double>("cosine-toy", {"dim=2", "upper=image"});
  using Toy = DiagonalToy<double, Space, ToyLower::cosine, ToyUpper::image>;
  auto const on_host = to_host(
      Space(), dynamic_cast<FunctorProblem<Toy, double> const&>(*named.problem).functor().c);
  Vec const c = {on_host(0), on_host(1)};
  double const first = std::sqrt(2 * pi), second = std::sqrt(6 * pi);
  auto const centre = named.truth(c);
  CHECK_FALSE(centre.differentiable);
  CHECK(std::abs(centre.upper - pi) <= 1e-14 * pi);
  auto const between = [&](double rho) { return named.truth({c[0] - rho, c[1]}); };
  CHECK(between(first + 0.4 * (second - first)).gradient[0] < 0);
  CHECK(between(first + 0.6 * (second - first)).gradient[0] > 0);
  CHECK(std::abs(between(first).upper) <= 1e-28);
  CHECK(std::abs(between(second).upper) <= 1e-28);
  CHECK(named.optimum().upper == 0);
}

TEST_CASE("HG-MS solves the toys to their closed forms", "[hgms]") {
  struct Case {
    std::string name;
    std::vector<std::string> settings;
    double accuracy;  ///< of F
  };
  for (auto const& [name, settings, accuracy] :
       {Case{"convex-toy", {"dim=5", "smallest=0.5", "start-scale=0.1"}, 1e-9},
        Case{"quadratic", {}, 1e-9}, Case{"v-pbgd-toy", {}, 1e-9},
        Case{"cosine-toy", {"upper=image", "smallest=0.5", "dim=6"}, 1e-9}}) {
    auto const named = make<double>(name, settings);
    Vec x;
    auto const result = solve(named, 400, x);
    auto const truth = named.truth(x);
    CAPTURE(name, to_string(result.outcome), result.iterations, result.last.upper, truth.upper,
            named.optimum().upper);
    CHECK(std::abs(result.last.upper - truth.upper) <= 1e-9 * (1 + std::abs(truth.upper)));
    CHECK(truth.upper <= named.optimum().upper + accuracy);
    CHECK(result.last.certificate.verdict == Verdict::certified);
  }
}

TEST_CASE("the penalty of Example 1 has the critical points of F", "[problems]") {
  auto const named = make<double>("example-1", {});
  Probe<double> const probe(*named.problem);
  // min over x of f + gamma g, a parabola in x: the vertex from three values.
  auto const reduced = [&](double gamma, double y) {
    auto const at = [&](double x) { return probe.upper({x}, {y}) + gamma * probe.lower({x}, {y}); };
    double const left = at(y - 1), middle = at(y), right = at(y + 1);
    double const curvature = left - 2 * middle + right, slope = 0.5 * (right - left);
    return middle - 0.5 * slope * slope / curvature;
  };
  for (double const gamma : {0.1, 1.0, 10.0, 1000.0}) {
    // The same function of y as F of x, up to a factor.
    for (double y = -10; y <= 10; y += 0.37)
      CHECK(std::abs(reduced(gamma, y) - gamma / (1 + gamma) * named.truth({y}).upper) <=
            1e-11 * (1 + gamma) * (1 + y * y));
    // So the bad local minimum of F is one of the penalty, and so is the maximum next to it.
    double const bad = 7 * pi / 3, top = 5 * pi / 3;
    CHECK(reduced(gamma, bad) < reduced(gamma, bad - 0.1));
    CHECK(reduced(gamma, bad) < reduced(gamma, bad + 0.1));
    CHECK(reduced(gamma, top) > reduced(gamma, top - 0.1));
    CHECK(reduced(gamma, top) > reduced(gamma, top + 0.1));
  }
  CHECK(std::abs(named.truth({7 * pi / 3}).gradient[0]) <= 1e-13);
  CHECK(std::abs(named.truth({7 * pi / 3}).upper - 15.670661) <= 1e-6);
  CHECK(std::abs(named.truth({5 * pi / 3}).upper - 24.276781) <= 1e-6);
  CHECK(named.truth({1.8954942670}).upper <= 1e-18);
}

TEST_CASE("descent on the penalty of Example 1 depends on where y starts", "[problems]") {
  auto const named = make<double>("example-1", {});
  Probe<double> const probe(*named.problem);
  double const gamma = 10;
  auto const descend = [&](double x, double y) {
    for (int step = 0; step < 3000; ++step) {
      // grad_x g = x - y: of G^T z with z = -(y - x), since G = -1.
      double const gx = probe.upper_gradient_x({x}, {y})[0] +
                        gamma * probe.mixed({x}, {y}, {probe.lower_gradient({x}, {y})[0]})[0];
      double const gy =
          probe.upper_gradient_y({x}, {y})[0] + gamma * probe.lower_gradient({x}, {y})[0];
      x -= 0.02 * gx;
      y -= 0.02 * gy;
      if (std::abs(gx) + std::abs(gy) < 1e-9) break;
    }
    return std::pair{y, probe.upper({x}, {y}) + gamma * probe.lower({x}, {y})};
  };
  auto const [y, value] = descend(7.5, 7.5);
  CHECK(std::abs(y - 7 * pi / 3) <= 1e-6);
  CHECK(std::abs(value - 15.670661 * gamma / (1 + gamma)) <= 1e-5);  // 14.246
  for (auto const& [x0, y0] : {std::pair{7.5, 2.0}, {10.0, -3.0}, {-6.0, 4.0}})
    CHECK(descend(x0, y0).second <= 1e-12);
}

TEST_CASE("the optimum of the V-PBGD toy is global, by its Lipschitz constant", "[problems]") {
  auto const named = make<double>("v-pbgd-toy", {});
  auto const optimum = named.optimum();
  // With a = 4x - 2: |dF/da| <= 1 + 1/4 + 1/2 from sine, logistic and log. Intervals are halved until
  // the value in the middle decides, up to a valley about the optimum, which is convex there.
  std::vector<std::pair<double, double>> open = {{0, 3}};
  int values = 0;
  while (!open.empty()) {
    auto const [low, high] = open.back();
    open.pop_back();
    double const middle = 0.5 * (low + high), reach = 4 * 1.75 * 0.5 * (high - low);
    if (low > optimum.x[0] - 0.05 && high < optimum.x[0] + 0.05) continue;
    if (named.truth({middle}).upper - reach > optimum.upper) continue;
    REQUIRE(++values < 100000);
    open.push_back({low, middle});
    open.push_back({middle, high});
  }
  for (double x = optimum.x[0] - 0.05; x < optimum.x[0] + 0.05; x += 1e-3)
    CHECK(named.truth({x + 1e-3}).gradient[0] > named.truth({x}).gradient[0]);
  // The box.
  Vectors<double, Space> x("x", 1, 1);
  Kokkos::deep_copy(x, 7.0);
  named.problem->project_upper(Space(), x);
  CHECK(impl::to_doubles(Space(), x) == Vec{3});
}
