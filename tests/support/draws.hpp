// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_DRAWS_HPP
#define MINFOLD_TESTS_DRAWS_HPP

#include "support/planted.hpp"

#include <limits>
#include <map>
#include <numeric>
#include <sstream>
#include <string>

/// Random problems and what is true of them, for tests that look for a record that says `converged`
/// and should not.
namespace minfold::test {

/// log-uniform in [10^low, 10^high].
inline double log_uniform(std::uint64_t seed, int tag, double low, double high) {
  double const u = uniform({seed, Stream::test, std::uint32_t(tag), 0, 2});
  return std::pow(10.0, low + (high - low) * u);
}
inline bool chance(std::uint64_t seed, int tag, double probability) {
  return uniform({seed, Stream::test, std::uint32_t(tag), 0, 3}) < probability;
}

/// One draw. The kernel's eigenvalues are zero, or noise of both signs with the drawn gap below the
/// smallest of the others; those are log-uniform, of one magnitude or of two.
struct Draw {
  std::uint64_t seed = 0;
  int n = 1, k = 0;
  double condition = 1, gap = 0, scale = 1;  ///< gap 0: no noise
  bool indefinite = false;
  bool positive = false;  ///< noise too
  char poison = 0;        ///< 'n': an entry is NaN, 'i': infinite

  Draw(std::uint64_t s, int order, bool single) : seed(s), n(order) {
    k = chance(seed, 0, 0.1) ? n * pick(seed, 1, 0, 1) : pick(seed, 2, 0, n);
    condition = log_uniform(seed, 3, 0, single ? 4 : 7);
    if (chance(seed, 4, 0.5)) gap = log_uniform(seed, 5, 0, 10);
    // Single precision keeps away from its denormals, which are short of digits.
    scale = single ? log_uniform(seed, 6, -20, 20) : log_uniform(seed, 6, -100, 100);
    indefinite = chance(seed, 7, 0.2);
    if (chance(seed, 8, 0.02)) poison = chance(seed, 9, 0.5) ? 'n' : 'i';
  }

  /// The draw without what makes it other than positive semidefinite.
  Draw semidefinite() const {
    Draw d = *this;
    d.indefinite = false;
    d.positive = true;
    d.poison = 0;
    return d;
  }

  Planted plant() const {
    Vec values(n);
    int const shape = pick(seed, 10, 0, 3);
    for (int j = 0; j < n; ++j) {
      double const u = uniform({seed, Stream::test, 11, std::uint32_t(j), 0});
      double const sign = uniform({seed, Stream::test, 12, std::uint32_t(j), 0}) < 0.5 ? -1 : 1;
      if (j < k)
        values[j] =
            gap > 0 ? (positive ? 1 : sign) * std::pow(10.0, -3 * u) / (condition * gap) : 0;
      else
        values[j] = (indefinite ? sign : 1) * std::pow(condition, shape == 0   ? 0
                                                                  : shape == 1 ? -std::round(u)
                                                                               : -u);
    }
    if (k < n) values[n - 1] = 1;
    if (k < n - 1) values[n - 2] = 1 / condition;
    if (k > 0 && gap > 0) values[0] = 1 / (condition * gap);
    return Planted(seed, n, k, values, scale);
  }

  std::string text() const {
    std::ostringstream s;
    s << "seed " << seed << " n " << n << " k " << k << " condition " << condition << " gap " << gap
      << " scale " << scale << (indefinite ? " indefinite" : "");
    if (poison) s << " poison " << poison;
    return s.str();
  }
};

/// A planted matrix as the kernels see it: rounded to T. Eigenpairs by ascending magnitude.
template <class T>
struct Truth {
  Draw draw;
  Planted planted;
  std::vector<int> order;
  Vec matrix;            ///< rounded to T, poison included
  double norm, rounded;  ///< ||A||; what rounding may move an eigenvalue by

  explicit Truth(Draw const& d) : draw(d), planted(d.plant()), order(d.n), matrix(planted.matrix) {
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](int i, int j) { return magnitude_of(i) < magnitude_of(j); });
    norm = planted.norm();
    rounded = 4 * std::sqrt(double(d.n)) * epsilon<T> * norm;
    for (double& entry : matrix) entry = double(T(entry));
    // On both sides of the diagonal: some methods read one triangle.
    if (d.poison) {
      int const row = pick(d.seed, 13, 0, d.n - 1), column = pick(d.seed, 14, 0, d.n - 1);
      matrix[row * d.n + column] = matrix[column * d.n + row] =
          d.poison == 'n' ? std::numeric_limits<double>::quiet_NaN()
                          : std::numeric_limits<double>::infinity();
    }
  }

  int n() const { return draw.n; }
  /// |eigenvalue| j, 0 the smallest; beyond the last, and before the first, none.
  double magnitude(int j) const {
    return j < 0 ? 0 : j >= n() ? std::numeric_limits<double>::infinity() : magnitude_of(order[j]);
  }
  double lowest() const { return *std::min_element(planted.values.begin(), planted.values.end()); }

  /// sum over j in [first, last) of factor(eigenvalue) q_j q_j^T v.
  template <class Factor>
  Vec combine(Vec const& v, int first, int last, Factor const& factor) const {
    std::vector<long double> sum(n(), 0);
    for (int j = first; j < last; ++j) {
      auto const& q = planted.direction(order[j]);
      long double overlap = 0;
      for (int i = 0; i < n(); ++i) overlap += q[i] * v[i];
      overlap *= factor(planted.values[order[j]]);
      for (int i = 0; i < n(); ++i) sum[i] += overlap * q[i];
    }
    return Vec(sum.begin(), sum.end());
  }
  /// Part of v in the span of the d eigenvectors of smallest magnitude.
  Vec kernel_part(Vec const& v, int d) const {
    return combine(v, 0, d, [](double) { return 1.0L; });
  }
  Vec range_part(Vec const& v, int d) const {
    return combine(v, d, n(), [](double) { return 1.0L; });
  }
  /// A^+ v if those d span the kernel.
  Vec pseudo_inverse(Vec const& v, int d) const {
    return combine(v, d, n(), [](double value) { return 1.0L / value; });
  }
  /// The rounded matrix times x.
  Vec multiply(Vec const& x) const {
    Vec y(n());
    for (int i = 0; i < n(); ++i) {
      long double sum = 0;
      for (int l = 0; l < n(); ++l) sum += (long double)(matrix[i * n() + l]) * x[l];
      y[i] = double(sum);
    }
    return y;
  }

 private:
  double magnitude_of(int j) const { return std::abs(planted.values[j]); }
};

inline bool all_finite(Vec const& v) {
  return std::all_of(v.begin(), v.end(), [](double x) { return std::isfinite(x); });
}

/// What is wrong with certificates, in words; what was certified, by method.
class Findings {
 public:
  std::vector<std::string> wrong;
  std::map<std::string, std::pair<int, int>> certified;  ///< of how many
  int bases = 0, loose_bases = 0;  ///< truly recorded, but with larger errors than is usual

  void count(std::string const& method, bool converged) {
    certified[method].first += converged;
    ++certified[method].second;
  }
  /// Unless `holds` adds a line. NaNs never hold.
  template <class... Words>
  void expect(bool holds, Draw const& draw, Words const&... words) {
    if (holds) return;
    std::ostringstream s;
    ((s << words << ' '), ...);
    wrong.push_back(s.str() + "| " + draw.text());
  }
};

}  // namespace minfold::test

#endif
