// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/drivers/danskin.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace minfold {
namespace {

double dot(std::vector<double> const& a, std::vector<double> const& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

std::vector<double> combine(Elements const& elements, std::vector<int> const& active,
                            std::vector<double> const& weights) {
  std::vector<double> sum(elements[0].size(), 0.0);
  for (std::size_t i = 0; i < active.size(); ++i)
    for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += weights[i] * elements[active[i]][j];
  return sum;
}

/// Weights, summing to one, of the point of smallest norm of the affine hull: the solution of
/// [0 1^T; 1 Gram] by Gaussian elimination with pivoting. Empty when the set is affinely dependent.
std::vector<double> affine_minimizer(Elements const& elements, std::vector<int> const& active) {
  int const n = int(active.size()) + 1;
  std::vector<std::vector<double>> a(n, std::vector<double>(n + 1, 0.0));
  double scale = 0;
  for (int i : active) scale = std::max(scale, dot(elements[i], elements[i]));
  if (scale == 0) return std::vector<double>(active.size(), 1.0 / double(active.size()));
  for (int i = 1; i < n; ++i) {
    a[0][i] = a[i][0] = 1;
    for (int j = 1; j < n; ++j)
      a[i][j] = dot(elements[active[i - 1]], elements[active[j - 1]]) / scale;
  }
  a[0][n] = 1;
  for (int k = 0; k < n; ++k) {
    int pivot = k;
    for (int i = k + 1; i < n; ++i)
      if (std::abs(a[i][k]) > std::abs(a[pivot][k])) pivot = i;
    if (std::abs(a[pivot][k]) < 1e-13) return {};
    std::swap(a[k], a[pivot]);
    for (int i = 0; i < n; ++i) {
      if (i == k) continue;
      double const factor = a[i][k] / a[k][k];
      for (int j = k; j <= n; ++j) a[i][j] -= factor * a[k][j];
    }
  }
  std::vector<double> weights(active.size());
  for (int i = 1; i < n; ++i) weights[i - 1] = a[i][n] / a[i][i];
  return weights;
}

}  // namespace

double directional_derivative(Elements const& elements, std::vector<double> const& w) {
  MINFOLD_REQUIRE(!elements.empty(), "directional_derivative: no elements");
  double least = std::numeric_limits<double>::infinity();
  for (auto const& d : elements) least = std::min(least, dot(d, w));
  return least;
}

std::vector<double> const& steepest_element(Elements const& elements) {
  MINFOLD_REQUIRE(!elements.empty(), "steepest_element: no elements");
  return *std::max_element(elements.begin(), elements.end(),
                           [](auto const& a, auto const& b) { return dot(a, a) < dot(b, b); });
}

std::vector<double> min_norm_element(Elements const& elements) {
  MINFOLD_REQUIRE(!elements.empty(), "min_norm_element: no elements");
  double const largest = dot(steepest_element(elements), steepest_element(elements));
  int start = 0;
  for (int i = 1; i < int(elements.size()); ++i)
    if (dot(elements[i], elements[i]) < dot(elements[start], elements[start])) start = i;
  std::vector<int> active{start};
  std::vector<double> weights{1.0};
  // Each major cycle lowers the norm strictly, so the active sets do not repeat.
  for (int cycle = 0; cycle < 10 * int(elements.size()) + 10; ++cycle) {
    auto const point = combine(elements, active, weights);
    int entering = 0;
    for (int i = 1; i < int(elements.size()); ++i)
      if (dot(point, elements[i]) < dot(point, elements[entering])) entering = i;
    // point is the answer when no element lies on its near side.
    if (dot(point, point) - dot(point, elements[entering]) <= 1e-14 * largest) return point;
    if (std::find(active.begin(), active.end(), entering) != active.end()) return point;
    active.push_back(entering);
    weights.push_back(0.0);
    for (;;) {
      auto const target = affine_minimizer(elements, active);
      if (target.empty()) {
        active.pop_back();
        weights.pop_back();
        return combine(elements, active, weights);
      }
      double theta = 1;
      for (std::size_t i = 0; i < active.size(); ++i)
        if (target[i] < 1e-14)
          theta = std::min(theta, weights[i] / std::max(weights[i] - target[i], 1e-300));
      for (std::size_t i = 0; i < active.size(); ++i)
        weights[i] = (1 - theta) * weights[i] + theta * target[i];
      if (theta >= 1) break;
      for (std::size_t i = active.size(); i-- > 0;)
        if (weights[i] <= 1e-14) {
          active.erase(active.begin() + long(i));
          weights.erase(weights.begin() + long(i));
        }
    }
  }
  return combine(elements, active, weights);
}

double directional_derivative(std::vector<double> const& base, Elements const& differences,
                              std::vector<double> const& w) {
  double slope = dot(base, w);
  for (auto const& d : differences) slope += std::min(0.0, dot(d, w));
  return slope;
}

std::vector<double> min_norm_element(std::vector<double> const& base, Elements const& differences) {
  auto sum = base;
  double size = std::sqrt(dot(base, base));
  for (auto const& d : differences) size += std::sqrt(dot(d, d));
  std::vector<double> s(differences.size(), 0.0);
  for (int sweep = 0; sweep < 10000; ++sweep) {
    double largest = 0;
    for (std::size_t t = 0; t < differences.size(); ++t) {
      auto const& d = differences[t];
      double const square = dot(d, d);
      if (!(square > 0)) continue;
      double const next = std::clamp(s[t] - dot(sum, d) / square, 0.0, 1.0), change = next - s[t];
      for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += change * d[j];
      s[t] = next;
      largest = std::max(largest, std::abs(change) * std::sqrt(square));
    }
    if (!(largest > 1e-15 * size)) break;
  }
  return sum;
}

std::vector<double> steepest_element(std::vector<double> const& base, Elements const& differences) {
  auto sum = base;
  std::vector<bool> taken(differences.size(), false);
  // Each flip lengthens the sum, so no corner comes twice.
  for (bool flipped = true; flipped;) {
    flipped = false;
    for (std::size_t t = 0; t < differences.size(); ++t) {
      auto const& d = differences[t];
      double const sign = taken[t] ? -1 : 1;
      // ||sum + sign d||^2 - ||sum||^2; the margin keeps rounding from flipping for ever.
      double const gain = 2 * sign * dot(sum, d) + dot(d, d);
      if (!(gain > 1e-12 * (dot(sum, sum) + dot(d, d)))) continue;
      for (std::size_t j = 0; j < sum.size(); ++j) sum[j] += sign * d[j];
      taken[t] = !taken[t];
      flipped = true;
    }
  }
  return sum;
}

}  // namespace minfold
