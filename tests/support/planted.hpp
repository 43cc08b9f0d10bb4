// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_PLANTED_HPP
#define MINFOLD_TESTS_PLANTED_HPP

#include "support/host.hpp"

#include <algorithm>
#include <vector>

namespace minfold::test {

/// A symmetric matrix whose eigenpairs are known beyond double precision: made in long double, rounded
/// once. So the reference A^+ b is that of a matrix within eps ||A|| of the one under test, and the
/// honest error bound of a backward stable method is a few kappa eps.
class Planted {
 public:
  int n, k;    ///< the first k vectors span the kernel
  Vec values;  ///< the first k are noise or zero
  Vec matrix;  ///< row-major

  Planted(std::uint64_t seed, int order, int kernel, Vec eigenvalues, double scale = 1)
      : n(order), k(kernel), values(std::move(eigenvalues)), matrix(std::size_t(n) * n), q_(n) {
    for (int j = 0; j < n; ++j) {
      // A stream of its own: a test that draws its b from `normals` must not hit these.
      for (int i = 0; i < n; ++i)
        q_[j].push_back(normal({seed, Stream::problem, std::uint32_t(j), std::uint32_t(i), 0}));
      // Gram-Schmidt with one repetition: orthogonal to a few units of long double.
      for (int pass = 0; pass < 2; ++pass)
        for (int l = 0; l < j; ++l) {
          long double overlap = 0;
          for (int i = 0; i < n; ++i) overlap += q_[l][i] * q_[j][i];
          for (int i = 0; i < n; ++i) q_[j][i] -= overlap * q_[l][i];
        }
      long double square = 0;
      for (long double x : q_[j]) square += x * x;
      for (long double& x : q_[j]) x /= std::sqrt(square);
    }
    std::vector<long double> row(n);
    for (int i = 0; i < n; ++i) {
      std::fill(row.begin(), row.end(), 0);
      for (int j = 0; j < n; ++j) {
        long double const factor = q_[j][i] * values[j];
        for (int l = 0; l <= i; ++l) row[l] += factor * q_[j][l];
      }
      for (int l = 0; l <= i; ++l) matrix[i * n + l] = matrix[l * n + i] = double(row[l]) * scale;
    }
    for (double& v : values) v *= scale;
  }

  /// A^+ b with the kernel that was planted.
  Vec pseudo_inverse(Vec const& b) const {
    return combine(b, k, n, [&](int j) { return 1.0L / values[j]; });
  }
  /// P_ker b.
  Vec kernel_part(Vec const& b) const {
    return combine(b, 0, k, [](int) { return 1.0L; });
  }
  Vec range_part(Vec const& b) const {
    return combine(b, k, n, [](int) { return 1.0L; });
  }
  double norm() const {
    double largest = 0;
    for (double v : values) largest = std::max(largest, std::abs(v));
    return largest;
  }
  double smallest() const {
    double least = norm();
    for (int j = k; j < n; ++j) least = std::min(least, std::abs(values[j]));
    return least;
  }
  double condition() const { return k < n ? norm() / smallest() : 1; }
  Vec vector(int j) const { return Vec(q_[j].begin(), q_[j].end()); }
  std::vector<long double> const& direction(int j) const { return q_[j]; }
  Vec multiply(Vec const& x) const {
    Vec y(n);
    for (int i = 0; i < n; ++i) {
      long double sum = 0;
      for (int l = 0; l < n; ++l) sum += (long double)(matrix[i * n + l]) * x[l];
      y[i] = double(sum);
    }
    return y;
  }

 private:
  std::vector<std::vector<long double>> q_;

  template <class Factor>
  Vec combine(Vec const& b, int first, int last, Factor const& factor) const {
    std::vector<long double> sum(n, 0);
    for (int j = first; j < last; ++j) {
      long double overlap = 0;
      for (int i = 0; i < n; ++i) overlap += q_[j][i] * b[i];
      overlap *= factor(j);
      for (int i = 0; i < n; ++i) sum[i] += overlap * q_[j][i];
    }
    return Vec(sum.begin(), sum.end());
  }
};

/// Kernel of dimension k; the others log-uniform in [1/condition, 1], both ends taken. The kernel's own
/// eigenvalues are at most noise in magnitude, of both signs.
inline Vec spectrum(std::uint64_t seed, int n, int k, double condition, double noise = 0) {
  Vec values(n);
  for (int j = 0; j < n; ++j) {
    double const u = uniform({seed, Stream::test, 77, std::uint32_t(j), 1});
    if (j < k)
      values[j] = noise * (2 * u - 1);
    else
      values[j] = std::pow(condition, -u);
  }
  if (k < n) values[n - 1] = 1;
  if (k < n - 1) values[n - 2] = 1 / condition;
  return values;
}

inline Planted planted(std::uint64_t seed, int n, int k, double condition, double noise = 0,
                       double scale = 1) {
  return Planted(seed, n, k, spectrum(seed, n, k, condition, noise), scale);
}

inline std::vector<Vec> matrices_of(std::vector<Planted> const& items) {
  std::vector<Vec> m;
  for (auto const& p : items) m.push_back(p.matrix);
  return m;
}

}  // namespace minfold::test

#endif
