// SPDX-License-Identifier: Apache-2.0
#include <minfold/drivers/danskin.hpp>
#include <minfold/drivers/upper_set.hpp>

#include "support/host.hpp"
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>

using namespace minfold;
using namespace minfold::test;

namespace {

/// Optimality of d for min ||d||, d in conv: no element lies on the near side of d.
double violation(Elements const& elements, Vec const& d) {
  double worst = 0;
  for (auto const& e : elements) worst = std::max(worst, dot(d, d) - dot(d, e));
  return worst;
}

/// Smallest norm over the convex hull by its definition, on a grid of weights (up to four elements).
double least_norm_on_grid(Elements const& elements, int steps) {
  double least = std::numeric_limits<double>::infinity();
  int const m = int(elements.size());
  for (int i = 0; i <= steps; ++i)
    for (int j = 0; i + j <= steps; ++j)
      for (int k = 0; i + j + k <= steps; ++k) {
        double const w[] = {double(i) / steps, double(j) / steps, double(k) / steps,
                            double(steps - i - j - k) / steps};
        if ((m < 4 && w[3] > 0) || (m < 3 && w[2] > 0) || (m < 2 && w[1] > 0)) continue;
        Vec sum(elements[0].size());
        for (int e = 0; e < m; ++e)
          for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += w[e] * elements[e][c];
        least = std::min(least, norm(sum));
      }
  return least;
}

}  // namespace

TEST_CASE("the min-norm element satisfies its optimality conditions and beats every combination") {
  for (int seed = 0; seed < 300; ++seed) {
    int const m = pick(seed, 0, 1, 4), n = pick(seed, 1, 1, 6);
    Elements elements;
    // Hulls that contain the origin, that touch it and that are far away.
    double const shift = pick(seed, 2, 0, 2);
    for (int i = 0; i < m; ++i) {
      Vec e = normals(seed, 10 + i, n);
      e[0] += shift;
      elements.push_back(e);
    }
    if (m > 1 && seed % 5 == 0) elements[m - 1] = elements[0];
    auto const d = min_norm_element(elements);
    double const largest = norm(steepest_element(elements));
    CAPTURE(seed, m, n);
    CHECK(violation(elements, d) <= 1e-12 * largest * largest);
    int const steps = 24;
    double const grid = least_norm_on_grid(elements, steps);
    CHECK(norm(d) <= grid + 1e-12 * largest);
    // Rounding the weights to the grid moves a combination by at most 3 largest / steps.
    CHECK(grid <= norm(d) + 3 * largest / steps);
  }
}

TEST_CASE("many elements, tiny and huge ones, have a min-norm element") {
  for (double const scale : {1.0, 1e-100, 1e100})
    for (int m : {10, 40}) {
      Elements elements;
      for (int i = 0; i < m; ++i) {
        Vec e = normals(7, i, 5);
        e[1] += 3;
        elements.push_back(times(scale, e));
      }
      auto const d = min_norm_element(elements);
      double const largest = norm(steepest_element(elements));
      CAPTURE(scale, m);
      CHECK(violation(elements, d) <= 1e-10 * largest * largest);
      CHECK(norm(d) > 0);
    }
  // Collinear, repeated, and around the origin.
  CHECK(norm(min_norm_element({{1.0}, {2.0}, {-3.0}, {5.0}})) <= 1e-14);
  CHECK(min_norm_element({{2.0, 0.0}, {2.0, 0.0}}) == Vec{2, 0});
  CHECK(norm(min_norm_element({{0.0, 0.0}, {4.0, 1.0}})) == 0);
  auto const edge = min_norm_element({{1.0, 1.0}, {1.0, -1.0}, {3.0, 0.0}});
  CHECK(norm(minus(edge, {1.0, 0.0})) <= 1e-14);
}

TEST_CASE("the directional derivative of a minimum is the least slope") {
  for (int seed = 0; seed < 50; ++seed) {
    Elements elements;
    for (int i = 0; i < 3; ++i) elements.push_back(normals(seed, i, 4));
    Vec const w = normals(seed, 9, 4);
    // F(x) = min_i (<e_i, x> + |x|^2): its difference quotient at 0, where all three are tied.
    auto const value = [&](double t) {
      double least = std::numeric_limits<double>::infinity();
      for (auto const& e : elements) least = std::min(least, t * dot(e, w) + t * t * dot(w, w));
      return least;
    };
    double const t = 1e-7;
    CHECK(std::abs(directional_derivative(elements, w) - value(t) / t) <= 2 * t * dot(w, w));
    // -d descends at rate ||d||^2 at least; no direction of length one descends faster than the
    // longest element does.
    auto const d = min_norm_element(elements);
    CHECK(directional_derivative(elements, times(-1, d)) <= -dot(d, d) + 1e-12);
    auto const& steepest = steepest_element(elements);
    double const best = directional_derivative(elements, times(-1 / norm(steepest), steepest));
    CHECK(best <= -norm(steepest) * (1 - 1e-12));
    CHECK(directional_derivative(elements, times(1 / norm(w), w)) >= best - 1e-12);
  }
}

TEST_CASE("the subdifferential of a sum is the sum of segments") {
  for (int seed = 0; seed < 200; ++seed) {
    int const m = pick(seed, 0, 1, 6), n = pick(seed, 1, 1, 5);
    Vec const base = normals(seed, 1, n);
    Elements differences;
    for (int t = 0; t < m; ++t) differences.push_back(times(0.5, normals(seed, 10 + t, n)));
    if (m > 2 && seed % 4 == 0) differences[2] = differences[0];
    // All corners, whose hull is the set.
    Elements corners;
    for (int mask = 0; mask < 1 << m; ++mask) {
      Vec corner = base;
      for (int t = 0; t < m; ++t)
        if (mask >> t & 1)
          for (int j = 0; j < n; ++j) corner[j] += differences[t][j];
      corners.push_back(corner);
    }
    double const longest = norm(steepest_element(corners));
    CAPTURE(seed, m, n);
    CHECK(norm(minus(min_norm_element(base, differences), min_norm_element(corners))) <=
          1e-6 * longest);
    CHECK(violation(corners, min_norm_element(base, differences)) <= 1e-10 * longest * longest);
    Vec const w = normals(seed, 9, n);
    CHECK(std::abs(directional_derivative(base, differences, w) -
                   directional_derivative(corners, w)) <= 1e-12 * longest * norm(w));
    auto const steep = steepest_element(base, differences);
    double nearest = std::numeric_limits<double>::infinity();
    for (auto const& corner : corners) nearest = std::min(nearest, norm(minus(corner, steep)));
    CHECK(nearest <= 1e-12 * longest);
    CHECK(norm(steep) >= 0.5 * longest);
    CHECK(directional_derivative(base, differences, times(-1, steep)) <=
          -dot(steep, steep) * (1 - 1e-12));
  }
  // Nothing tied: the gradient itself.
  CHECK(min_norm_element(Vec{3, 4}, Elements{}) == Vec{3, 4});
  CHECK(steepest_element(Vec{3, 4}, Elements{}) == Vec{3, 4});
  CHECK(directional_derivative(Vec{3, 4}, Elements{}, Vec{1, 0}) == 3);
}

TEST_CASE("nothing has no derivative") {
  CHECK_THROWS_AS(directional_derivative({}, {1.0}), std::invalid_argument);
  CHECK_THROWS_AS(min_norm_element({}), std::invalid_argument);
  CHECK_THROWS_AS(steepest_element({}), std::invalid_argument);
}

namespace {

template <class T>
Vec projected(UpperSet<T, Space> const& set, Vec const& x) {
  auto const v = to_vectors<T>({x});
  set.project(Space(), v);
  return row(on_host(v), 0);
}
template <class T>
Scalars<T, Space> scalars(Vec const& x) {
  Scalars<T, Space> const v("test::scalars", x.size());
  auto const host = Kokkos::create_mirror_view(v);
  for (std::size_t i = 0; i < x.size(); ++i) host(i) = T(x[i]);
  Kokkos::deep_copy(v, host);
  return v;
}

/// p is the projection of x on a convex set: in the set, and <x - p, y - p> <= 0 for all y in it. It is
/// enough to look at `others`, points of the set, among them its corners.
void check_projection(Vec const& x, Vec const& p, std::vector<Vec> const& others, double eps) {
  double const size = 1 + norm(x);
  for (auto const& y : others)
    CHECK(dot(minus(x, p), minus(y, p)) <= 64 * eps * size * (size + norm(y)));
}

}  // namespace

TEMPLATE_TEST_CASE("projections on simple sets are the nearest points", "", double, float) {
  using T = TestType;
  using Set = UpperSet<T, Space>;
  double const eps = double(epsilon<T>);
  for (int seed = 0; seed < 60; ++seed) {
    int const m = pick(seed, 0, 1, 12);
    Vec x = times(pick(seed, 1, 0, 3), normals(seed, 2, m));
    for (double& v : x) v = T(v);
    CAPTURE(seed, m);
    {
      Vec const lower = times(-0.5, Vec(m, 1.0)), upper(m, 0.75);
      auto const p = projected(Set::box(scalars<T>(lower), scalars<T>(upper)), x);
      for (int i = 0; i < m; ++i) CHECK(p[i] == std::min(std::max(x[i], -0.5), 0.75));
    }
    {
      double const radius = 1.5;
      auto const p = projected(Set::ball(T(radius)), x);
      CHECK(norm(p) <= radius * (1 + 4 * eps));
      if (norm(x) <= radius * (1 - 4 * eps)) CHECK(p == x);
      std::vector<Vec> others;
      for (int i = 0; i < 5; ++i) {
        auto const v = normals(seed, 20 + i, m);
        others.push_back(times(radius / norm(v), v));
      }
      check_projection(x, p, others, eps);
    }
    for (double const sum : {1.0, 3.0}) {
      auto const p = projected(Set::simplex(T(sum)), x);
      double total = 0;
      for (double v : p) {
        CHECK(v >= 0);
        total += v;
      }
      CHECK(std::abs(total - sum) <= 16 * m * eps * (sum + norm(x)));
      std::vector<Vec> corners;
      for (int i = 0; i < m; ++i) {
        corners.emplace_back(m);
        corners.back()[i] = sum;
      }
      check_projection(x, p, corners, eps);
    }
    CHECK(projected(Set{}, x) == x);
  }
}

TEMPLATE_TEST_CASE("projections leave points of the set and keep a NaN in sight", "", double,
                   float) {
  using T = TestType;
  using Set = UpperSet<T, Space>;
  Vec const inside = {0.25, 0.5, 0.25};
  CHECK(norm(minus(projected(Set::simplex(T(1)), inside), inside)) <= 4 * double(epsilon<T>));
  CHECK(projected(Set::ball(T(1)), inside) == inside);
  CHECK(norm(projected(Set::ball(T(0)), inside)) == 0);
  auto const corner = projected(Set::simplex(T(1)), {1e6, 0, -1e6});
  CHECK(norm(minus(corner, {1, 0, 0})) <= 1e6 * double(epsilon<T>));
  auto const equal = projected(Set::simplex(T(2)), {5, 5, 5, 5});
  for (double v : equal) CHECK(std::abs(v - 0.5) <= 16 * double(epsilon<T>));
  double const nan = std::nan("");
  for (auto const& set : {Set::ball(T(1)), Set::simplex(T(1)),
                          Set::box(scalars<T>({0, 0, 0}), scalars<T>({1, 1, 1}))})
    CHECK(std::isnan(norm(minus(projected(set, {0.1, nan, 0.2}), {0, 0, 0})) +
                     dot(projected(set, {0.1, nan, 0.2}), {1, 1, 1})));
}
