// SPDX-License-Identifier: Apache-2.0
#include "host.hpp"

#include <minfold/core/random.hpp>
#include <minfold/core/require.hpp>

#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace minfold::impl {

std::vector<double> problem_normals(std::uint64_t seed, std::uint32_t tag, int rows, int columns) {
  std::vector<double> v(std::size_t(rows) * columns);
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j)
      v[std::size_t(i) * columns + j] =
          normal({seed, Stream::problem, tag, std::uint32_t(i), std::uint32_t(j)});
  return v;
}

double inner(std::vector<double> const& a, std::vector<double> const& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

double length(std::vector<double> const& a) {
  return std::sqrt(inner(a, a));
}

std::vector<double> of_length(double wanted, std::vector<double> v) {
  double const factor = wanted / length(v);
  for (double& entry : v) entry *= factor;
  return v;
}

std::vector<double> plus(std::vector<double> a, double t, std::vector<double> const& b) {
  for (std::size_t i = 0; i < a.size(); ++i) a[i] += t * b[i];
  return a;
}

std::vector<double> transposed(int rows, int columns, std::vector<double> const& a) {
  std::vector<double> t(a.size());
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j)
      t[std::size_t(j) * rows + i] = a[std::size_t(i) * columns + j];
  return t;
}

std::vector<double> product(int rows, int depth, int columns, std::vector<double> const& a,
                            std::vector<double> const& b) {
  std::vector<double> c(std::size_t(rows) * columns, 0.0);
  for (int i = 0; i < rows; ++i)
    for (int k = 0; k < depth; ++k)
      for (int j = 0; j < columns; ++j)
        c[std::size_t(i) * columns + j] +=
            a[std::size_t(i) * depth + k] * b[std::size_t(k) * columns + j];
  return c;
}

std::vector<double> reflection_columns(std::vector<double> const& u, int columns) {
  int const n = int(u.size());
  double const factor = 2.0 / inner(u, u);
  std::vector<double> q(std::size_t(n) * columns);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < columns; ++j)
      q[std::size_t(i) * columns + j] = (i == j ? 1.0 : 0.0) - factor * u[i] * u[j];
  return q;
}

ThinSvd thin_svd(int rows, int columns, std::vector<double> a) {
  int const k = std::min(rows, columns);
  ThinSvd result{std::vector<double>(std::size_t(rows) * k), std::vector<double>(k),
                 std::vector<double>(std::size_t(k) * columns)};
  int const info = LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'S', rows, columns, a.data(), columns,
                                  result.s.data(), result.u.data(), k, result.vt.data(), columns);
  MINFOLD_REQUIRE(info == 0, "thin_svd: the singular values did not converge (info ", info, ")");
  return result;
}

std::vector<double> solve_definite(int n, std::vector<double> a, std::vector<double> b) {
  int const columns = int(b.size()) / n;
  if (LAPACKE_dposv(LAPACK_ROW_MAJOR, 'L', n, columns, a.data(), n, b.data(), columns) != 0)
    return {};
  return b;
}

Optimum unknown_optimum() {
  return {std::numeric_limits<double>::quiet_NaN(), {}};
}

Optimum minimum_near(std::function<Truth(std::vector<double> const&)> const& truth,
                     std::vector<double> x) {
  int const m = int(x.size());
  Truth here = truth(x);
  for (int step = 0; step < 200; ++step) {
    double const slope = length(here.gradient);
    if (slope <= 4 * std::numeric_limits<double>::epsilon() * (1 + std::abs(here.upper))) break;
    std::vector<double> hessian(std::size_t(m) * m);
    for (int j = 0; j < m; ++j) {
      double const h = 1e-5 * (1 + std::abs(x[j]));
      auto forward = x, backward = x;
      forward[j] += h;
      backward[j] -= h;
      auto const gf = truth(forward).gradient, gb = truth(backward).gradient;
      for (int i = 0; i < m; ++i) {
        double const entry = (gf[i] - gb[i]) / (4 * h);
        hessian[i * m + j] += entry;
        hessian[j * m + i] += entry;
      }
    }
    double largest = 0;
    for (double const entry : hessian) largest += std::abs(entry);
    if (!std::isfinite(largest)) break;
    std::vector<double> direction;
    for (double shift = 0; direction.empty(); shift = std::max(2 * shift, 1e-6 * largest + 1e-12)) {
      auto shifted = hessian;
      for (int i = 0; i < m; ++i) shifted[i * m + i] += shift;
      direction = solve_definite(m, shifted, here.gradient);
    }
    double const decrease = inner(direction, here.gradient);
    bool moved = false;
    for (double t = 1; t > 1e-12 && !moved; t *= 0.5) {
      auto const trial = plus(x, -t, direction);
      auto const there = truth(trial);
      bool const resolved = t * decrease > 1e-12 * (1 + std::abs(here.upper));
      moved = resolved ? there.upper <= here.upper - 1e-4 * t * decrease
                       : length(there.gradient) < slope;
      if (moved) {
        x = trial;
        here = there;
      }
    }
    if (!moved) break;
  }
  if (!(length(here.gradient) <= 1e-9 * (1 + std::abs(here.upper) + length(x))))
    return unknown_optimum();
  return {here.upper, x};
}

std::array<double, 2> eigenvalues(double a, double b, double c) {
  double const middle = 0.5 * (a + c), half_width = std::hypot(0.5 * (a - c), b);
  return {middle - half_width, middle + half_width};
}

bool higher_outside(std::function<double(std::vector<double> const&)> const& value,
                    double lipschitz, double level, std::vector<double> const& center,
                    double radius, double half_width) {
  struct Square {
    double x, y, half;
  };
  std::vector<Square> open{{0, 0, half_width}};  // about `center`
  for (int values = 0; !open.empty(); ++values) {
    auto const [x, y, half] = open.back();
    open.pop_back();
    if (std::hypot(std::abs(x) + half, std::abs(y) + half) <= radius) continue;
    double const lowest =
        value({center[0] + x, center[1] + y}) - lipschitz * std::numbers::sqrt2 * half;
    if (lowest > level) continue;
    if (values >= 20000) return false;
    for (double const dx : {-0.5 * half, 0.5 * half})
      for (double const dy : {-0.5 * half, 0.5 * half})
        open.push_back({x + dx, y + dy, 0.5 * half});
  }
  return true;
}

std::vector<double> numbers_within(Settings& settings, std::string const& key,
                                   std::vector<double> const& fallback, int count, double low,
                                   double high, std::string const& meaning) {
  auto values = settings.numbers(key, fallback, count, meaning);
  for (double const value : values)
    MINFOLD_REQUIRE(low <= value && value <= high, "--set ", key, ": ", value,
                    " is not a number from ", low, " to ", high, " (", meaning, ")");
  return values;
}

void check_size(char const* what, std::vector<double> const& v, int expected) {
  MINFOLD_REQUIRE(int(v.size()) == expected, "closed form: ", what, " has ", v.size(),
                  " components, expected ", expected);
}

}  // namespace minfold::impl
