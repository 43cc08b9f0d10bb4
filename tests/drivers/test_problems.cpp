// SPDX-License-Identifier: Apache-2.0
// What every problem with a closed form promises; test_problem_cases.cpp has what is particular.
#include "problem_probe.hpp"
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>

using namespace minfold;
using namespace minfold::test;

namespace {

struct Case {
  std::string name;
  std::vector<std::string> settings;
  int manifold_dim;
};

std::vector<Case> const cases = {
    {"sphere", {}, 9},
    {"sphere", {"dim=7", "manifold-dim=3"}, 3},
    {"sphere", {"dim=2"}, 1},
    {"affine", {}, 4},
    {"affine", {"dim=9", "manifold-dim=2", "condition=1e4"}, 2},
    {"affine", {"dim=4", "manifold-dim=3"}, 3},
    {"stiefel", {}, 9},
    {"stiefel", {"n=4", "p=1"}, 3},
    {"stiefel", {"n=4", "p=3"}, 6},
    {"orthogonal-orbit", {}, 1},
    {"orthogonal-orbit", {"n=4", "r=3"}, 3},
    {"phase-orbit", {}, 1},
    {"line", {}, 1},
    {"two-well", {}, 1},
    {"reweighting", {}, 7},
    {"reweighting", {"sources=3", "dim=7", "rank=3", "noise=0.5"}, 4},
    {"kink", {}, 1},
    {"kinks", {}, 1},
    {"hoelder", {"p=1"}, 1},
    {"hoelder", {}, 1},
    {"hoelder", {"p=4", "curvature=0"}, 1},
    {"flat", {}, 1},
    // Every parameter away from its default. Those of the circle stay away from kinks at sample_x.
    {"sphere", {"radius=0.5", "ripple=0.3", "distance=1", "wish=-1,0.5"}, 9},
    {"sphere", {"dim=5", "manifold-dim=2", "radius=4", "ripple=0", "distance=8", "x0=0,2"}, 2},
    {"affine", {"dim=6", "manifold-dim=4", "alpha=1e-3", "condition=50", "x0=2"}, 4},
    {"stiefel", {"n=5", "p=2", "ripple=0.5", "pull=20", "x0=-0.4,0.2"}, 7},
    {"stiefel", {"n=4", "p=2", "ripple=0", "pull=3"}, 5},
    {"orthogonal-orbit", {"n=4", "r=2", "noise=0.02", "planted=-1,0.3", "x0=-0.8,0"}, 1},
    {"phase-orbit", {"n=6", "noise=0", "planted=1,1.5", "x0=1.2,1"}, 1},
    {"line", {"target=-2.5", "x0=1"}, 1},
    {"two-well", {"amplitude=0.3", "curvature=2.5", "center=-0.4", "x0=0.2"}, 1},
    {"reweighting", {"sources=2", "dim=6", "rank=2", "samples=3", "contrast=2", "x0=1,0"}, 4},
    {"kink", {"curvature=0.5", "center=0.3"}, 1},
    {"kinks", {"frequency=3", "curvature=4", "center=0.35"}, 1},
    {"hoelder", {"p=3", "weight=5", "curvature=3", "center=-0.5"}, 1},
    {"flat", {"weight=0.1", "curvature=1.5", "center=-0.1"}, 1},
    {"convex-toy", {}, 0},
    {"convex-toy", {"dim=3", "smallest=0.4", "start-scale=0.5"}, 0},
    {"cosine-toy", {"upper=image", "smallest=0.3"}, 19},
    {"cosine-toy", {"upper=image", "dim=2", "smallest=0.5", "start-scale=2"}, 1},
    {"quadratic", {}, 0},
    {"quadratic", {"dim=5", "smallest=0.02", "start-scale=3"}, 0},
    {"coreset", {}, 0},
    {"coreset", {"x0=1,-1,0.5,0"}, 0},
    {"example-1", {}, 0},
    {"v-pbgd-toy", {}, 0},
    {"diagonal-cleaning", {"classes=2", "features=9", "train=4", "zero=1", "validation=4"}, 12},
    {"diagonal-cleaning",
     {"classes=3", "features=6", "train=4", "zero=0", "validation=5", "joint=false"},
     6},
    {"representation", {}, 21},
    {"representation", {"inputs=6", "hidden=4", "train=3", "validation=5", "outputs=2"}, 2},
};

std::string label(Case const& c) {
  std::string text = c.name;
  for (auto const& s : c.settings) text += " " + s;
  return text;
}

/// Away from the kinks of the problems on the circle (0 and the multiples of pi / 8), and x != 0
/// elsewhere.
std::vector<Vec> sample_x(NamedProblem<double> const& named) {
  int const m = int(named.start.size());
  if (m == 1) return {{-0.61}, {-0.3}, {0.2}, {0.45}};
  std::vector<Vec> points;
  for (std::uint32_t s = 0; s < 3; ++s)
    points.push_back(shifted(named.start, 0.4, normals(100 + s, m)));
  return points;
}

/// F after steepest descent on the closed form.
Truth descended(NamedProblem<double> const& named, Vec x, int steps) {
  auto here = named.truth(x);
  double t = 1;
  for (int step = 0; step < steps && t > 1e-12; ++step) {
    auto const trial = shifted(x, -t, here.gradient);
    auto const there = named.truth(trial);
    if (there.upper <= here.upper - 0.1 * t * dot(here.gradient, here.gradient)) {
      x = trial;
      here = there;
      t *= 1.5;
    } else {
      t *= 0.5;
    }
  }
  return here;
}

}  // namespace

TEST_CASE("closed-form selections solve the lower level and are optimal among its solutions",
          "[problems]") {
  for (auto const& c : cases)
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      auto const named = make<double>(c.name, c.settings, seed);
      Probe<double> const probe(*named.problem);
      for (auto const& x : sample_x(named)) {
        CAPTURE(label(c), seed, x);
        auto const truth = named.truth(x);
        REQUIRE(truth.differentiable);
        REQUIRE(int(truth.selection.size()) == named.problem->dim_y());
        auto const& y = truth.selection;
        Spectrum const spectrum(probe, x, y);
        double const rounding = 1e-11 * (1 + spectrum.largest());

        CHECK(norm(probe.lower_gradient(x, y)) <= rounding);
        CHECK(named.distance(x, y) <= 1e-11);
        CHECK(spectrum.nullity() == c.manifold_dim);
        CHECK(std::abs(probe.upper(x, y) - truth.upper) <= 1e-11 * (1 + std::abs(truth.upper)));
        // First-order optimality along S, and the implicit formula for grad F.
        auto const gy = probe.upper_gradient_y(x, y);
        CHECK(norm(spectrum.tangential(gy)) <= 1e-9 * (1 + norm(gy)));
        auto const implicit =
            shifted(probe.upper_gradient_x(x, y), -1, probe.mixed(x, y, spectrum.solve(gy)));
        CHECK(gap(implicit, truth.gradient) <= 1e-8 * (1 + norm(truth.gradient)));
      }
    }
}

TEST_CASE("closed-form gradients are the derivatives of the closed-form values", "[problems]") {
  for (auto const& c : cases) {
    auto const named = make<double>(c.name, c.settings);
    for (auto const& x : sample_x(named)) {
      CAPTURE(label(c), x);
      auto const gradient = named.truth(x).gradient;
      REQUIRE(gradient.size() == x.size());
      for (std::size_t j = 0; j < x.size(); ++j) {
        // Central differences: h^2 F'''/6 + eps |F| / h, about 1e-9 here.
        double const h = 1e-5;
        auto forward = x, backward = x;
        forward[j] += h;
        backward[j] -= h;
        double const slope = (named.truth(forward).upper - named.truth(backward).upper) / (2 * h);
        CHECK(std::abs(slope - gradient[j]) <= 1e-7 * (1 + std::abs(gradient[j])));
      }
    }
  }
}

TEST_CASE("no solution of the lower level that a search finds beats the closed form",
          "[problems]") {
  for (auto const& c : cases) {
    auto const named = make<double>(c.name, c.settings);
    Probe<double> const probe(*named.problem);
    int const d = named.problem->dim_y(), rows = 24;
    auto const x = sample_x(named)[0];
    auto const truth = named.truth(x);
    Spectrum const spectrum(probe, x, truth.selection);
    CAPTURE(label(c), x);

    auto y = probe.random_lower(5, rows);
    for (int step = 0; step < 300; ++step) {  // descent with steps of at most 0.2
      auto const g = probe.lower_gradient(x, y);
      for (int r = 0; r < rows; ++r) {
        double length = 0;
        for (int i = 0; i < d; ++i) length += g[r * d + i] * g[r * d + i];
        double const t = std::min(0.25 / spectrum.largest(), 0.2 / (1e-300 + std::sqrt(length)));
        for (int i = 0; i < d; ++i) y[r * d + i] -= t * g[r * d + i];
      }
    }
    int found = 0;
    double lowest = 1e300;
    for (int r = 0; r < rows; ++r) {
      Vec point(y.begin() + r * d, y.begin() + (r + 1) * d);
      for (int newton = 0; newton < 8; ++newton)
        point = shifted(point, -1,
                        Spectrum(probe, x, point, 1e-4 / (1 + newton * newton * newton * newton))
                            .solve(probe.lower_gradient(x, point)));
      if (!(norm(probe.lower_gradient(x, point)) <= 1e-8 * (1 + spectrum.largest()))) continue;
      if (named.distance(x, point) > 1e-3) continue;  // another critical point of g
      CHECK(named.distance(x, point) <= 1e-6);
      double const upper = probe.upper(x, point);
      lowest = std::min(lowest, upper);
      CHECK(upper >= truth.upper - 1e-6 * (1 + std::abs(truth.upper)));
      ++found;
    }
    CHECK(found >= rows / 2);
  }
}

TEST_CASE("the distance to the solutions is, to first order, the normal part of a displacement",
          "[problems]") {
  for (auto const& c : cases) {
    auto const named = make<double>(c.name, c.settings);
    Probe<double> const probe(*named.problem);
    auto const x = sample_x(named)[1];
    auto const y = named.truth(x).selection;
    Spectrum const spectrum(probe, x, y);
    CAPTURE(label(c), x);
    auto const v = normals(3, int(y.size()));
    double const normal_part = norm(shifted(v, -1, spectrum.tangential(v)));
    REQUIRE(normal_part > 0.01);
    // Curvature of S: the error is of order t |v|^2.
    double const t = 1e-5;
    CHECK(std::abs(named.distance(x, shifted(y, t, v)) / t - normal_part) <= 1e-3 * normal_part);
  }
}

TEST_CASE("bulk products of the closed-form problems agree with differences", "[problems]") {
  // Central differences with h = 1e-5 of smooth functions of moderate size: 1e-9 or so relative to
  // the largest quantity involved.
  double const h = 1e-5, tolerance = 1e-6;
  for (auto const& c : cases) {
    auto const named = make<double>(c.name, c.settings);
    Probe<double> const probe(*named.problem);
    int const m = named.problem->dim_x(), d = named.problem->dim_y();
    for (auto const& x : sample_x(named)) {
      CAPTURE(label(c), x);
      auto const y = shifted(named.truth(x).selection, 0.3, normals(11, d));
      auto const u = normals(12, d), v = normals(13, d), w = normals(14, m);
      auto const along_y = [&](auto const& function, Vec const& direction) {
        auto const plus = function(shifted(y, h, direction)),
                   minus = function(shifted(y, -h, direction));
        return Vec(shifted(plus, -1, minus));
      };
      auto const near = [&](Vec const& exact, Vec difference, double divisor) {
        for (double& entry : difference) entry /= divisor;
        CHECK(gap(exact, difference) <= tolerance * (1 + norm(exact)));
      };

      near({dot(probe.lower_gradient(x, y), v)},
           along_y([&](Vec const& p) { return Vec{probe.lower(x, p)}; }, v), 2 * h);
      near({dot(probe.upper_gradient_y(x, y), v)},
           along_y([&](Vec const& p) { return Vec{probe.upper(x, p)}; }, v), 2 * h);
      near({dot(probe.upper_gradient_x(x, y), w)},
           {probe.upper(shifted(x, h, w), y) - probe.upper(shifted(x, -h, w), y)}, 2 * h);

      auto const hv = probe.lower_hessian(x, y, v);
      near(hv, along_y([&](Vec const& p) { return probe.lower_gradient(x, p); }, v), 2 * h);
      CHECK(std::abs(dot(u, hv) - dot(v, probe.lower_hessian(x, y, u))) <=
            1e-12 * (1 + norm(u) * norm(hv)));
      near(probe.upper_hessian(x, y, v),
           along_y([&](Vec const& p) { return probe.upper_gradient_y(x, p); }, v), 2 * h);

      auto const tensor = probe.third(x, y, u, v);
      near(tensor, along_y([&](Vec const& p) { return probe.lower_hessian(x, p, v); }, u), 2 * h);
      CHECK(gap(tensor, probe.third(x, y, v, u)) <= 1e-12 * (1 + norm(tensor)));

      // <G w, z> = <w, G^T z>, G w by differences in x.
      auto const moved = shifted(probe.lower_gradient(shifted(x, h, w), y), -1,
                                 probe.lower_gradient(shifted(x, -h, w), y));
      near({dot(w, probe.mixed(x, y, v))}, {dot(moved, v)}, 2 * h);
    }
  }
}

TEST_CASE("closed-form problems in single precision are the same problems", "[problems]") {
  double const tolerance = 2e-4;  // some thousand roundings of single precision
  for (auto const& c : cases) {
    auto const named = make<double>(c.name, c.settings);
    auto const single = make<float>(c.name, c.settings);
    Probe<double> const exact(*named.problem);
    Probe<float> const rough(*single.problem);
    auto const x = sample_x(named)[2];
    CAPTURE(label(c), x);
    REQUIRE(single.start == named.start);
    CHECK(single.truth(x).upper == named.truth(x).upper);
    int const d = named.problem->dim_y();
    auto const y = shifted(named.truth(x).selection, 0.3, normals(21, d));
    auto const v = normals(22, d), u = normals(23, d);
    auto const near = [&](Vec const& a, Vec const& b) {
      CHECK(gap(a, b) <= tolerance * (1 + norm(a)));
    };
    near({exact.lower(x, y)}, {rough.lower(x, y)});
    near({exact.upper(x, y)}, {rough.upper(x, y)});
    near(exact.lower_gradient(x, y), rough.lower_gradient(x, y));
    near(exact.upper_gradient_x(x, y), rough.upper_gradient_x(x, y));
    near(exact.upper_gradient_y(x, y), rough.upper_gradient_y(x, y));
    near(exact.lower_hessian(x, y, v), rough.lower_hessian(x, y, v));
    near(exact.upper_hessian(x, y, v), rough.upper_hessian(x, y, v));
    near(exact.mixed(x, y, v), rough.mixed(x, y, v));
    near(exact.third(x, y, u, v), rough.third(x, y, u, v));
    auto const start = rough.random_lower(9, 2);
    near(exact.random_lower(9, 2), start);
    CHECK(norm(start) > 0.1);
  }
}

TEST_CASE("the known optimum is stationary and nowhere beaten", "[problems]") {
  for (auto const& c : cases) {
    auto const named = make<double>(c.name, c.settings);
    auto const optimum = named.optimum();
    int const m = int(named.start.size());
    CAPTURE(label(c), optimum.upper, optimum.x);
    if (std::isnan(optimum.upper)) {
      // The parameters above keep the others known.
      CHECK((c.name == "reweighting" || c.name == "representation"));
      continue;
    }
    if (!std::isfinite(optimum.upper)) {
      CHECK(named.truth(Vec(m, 1e6)).upper < -1e3);
      continue;
    }
    if (!optimum.x.empty()) {
      auto const truth = named.truth(optimum.x);
      CHECK(norm(truth.gradient) <= 1e-11 * (1 + std::abs(truth.upper)));
      CHECK(truth.upper == optimum.upper);
    }
    double lowest = 1e300;
    for (std::uint32_t s = 0; s < 200; ++s) {
      auto x = normals(1000 + s, m);
      for (double& entry : x) entry *= 0.1 * (s % 31);
      auto const here = named.truth(x);
      CHECK(here.upper >= optimum.upper - 1e-12 * (1 + std::abs(optimum.upper)));
      // Descend from some of them: a second basin that is deeper would show.
      lowest = std::min(lowest, s % 20 == 0 ? descended(named, x, 1500).upper : here.upper);
    }
    CHECK(lowest >= optimum.upper - 1e-12 * (1 + std::abs(optimum.upper)));
    CHECK(lowest <= optimum.upper + 1e-5 * (1 + std::abs(optimum.upper)));  // it is attained
  }
}

TEST_CASE("an optimum that is claimed is not beaten, whatever the seed and the parameters",
          "[problems]") {
  struct Claim {
    std::string name;
    std::vector<std::string> settings;
    int known;  ///< at least, of 20 seeds
  };
  std::vector<Claim> const claims = {
      {"sphere", {}, 20},
      {"sphere", {"dim=2"}, 20},
      {"sphere", {"radius=0.2", "distance=0.5", "wish=1,1"}, 20},
      {"sphere", {"ripple=1.2", "wish=2,-3"}, 0},
      {"sphere", {"dim=2", "radius=6", "distance=2"}, 0},
      {"stiefel", {}, 20},
      {"stiefel", {"n=3", "p=2", "ripple=0.4", "pull=6"}, 0},
      {"stiefel", {"ripple=0.9", "pull=1"}, 0},
      {"orthogonal-orbit", {}, 20},
      {"orthogonal-orbit", {"n=2", "noise=0.5"}, 15},
      {"orthogonal-orbit", {"n=2", "noise=4", "planted=2,-3"}, 0},
      {"orthogonal-orbit", {"n=4", "r=4", "noise=0.01"}, 20},
      {"phase-orbit", {}, 20},
      {"phase-orbit", {"n=2", "noise=1"}, 12},
      {"phase-orbit", {"n=2", "noise=3", "planted=-5,0"}, 0},
      {"hoelder", {"p=1", "curvature=1.1", "center=0.02"}, 20},
      {"hoelder", {"p=6", "curvature=300", "center=1e-3"}, 20},
      {"flat", {"curvature=0.9", "center=0.05"}, 20},
      {"flat", {"curvature=1.3", "center=0"}, 20},
      {"flat", {"curvature=40", "center=-0.6"}, 20},
      {"kinks", {"frequency=20", "curvature=500", "center=0.31"}, 20},
      {"two-well", {"curvature=30", "center=-2"}, 20},
  };
  for (auto const& [name, settings, expected] : claims) {
    int known = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      auto const named = make<double>(name, settings, seed);
      auto const optimum = named.optimum();
      if (std::isnan(optimum.upper)) {
        CHECK(optimum.x.empty());
        continue;
      }
      ++known;
      CAPTURE(name, settings, seed, optimum.upper, optimum.x);
      int const m = int(named.start.size());
      double const slack = 1e-11 * (1 + std::abs(optimum.upper));
      if (!optimum.x.empty())
        CHECK(std::abs(named.truth(optimum.x).upper - optimum.upper) <= slack);
      for (std::uint32_t s = 0; s < 12; ++s) {
        auto x = normals(3000 + s, m);
        for (double& entry : x) entry *= 0.5 * (1 + s);
        CHECK(descended(named, x, 200).upper >= optimum.upper - slack);
      }
    }
    CAPTURE(name, settings);
    CHECK(known >= expected);
  }
  // Where it is certain that nothing is known, or that there is no minimum.
  CHECK(std::isnan(make<double>("sphere", {"ripple=1.2", "wish=2,-3"}).optimum().upper));
  CHECK(std::isnan(make<double>("stiefel", {"ripple=0.9", "pull=1"}).optimum().upper));
  CHECK(make<double>("stiefel", {"pull=0"}).optimum().upper == -HUGE_VAL);
  CHECK(std::isnan(make<double>("phase-orbit", {"n=2", "noise=10"}).optimum().upper));
}
