// SPDX-License-Identifier: Apache-2.0
#include <minfold/problems/stiefel.hpp>

#include "entries.hpp"
#include "host.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace minfold {
namespace {

struct StiefelTruth {
  int rows = 2, columns = 1;
  double ripple = 0.2, pull = 4;
  std::vector<double> matrix[3];

  std::vector<double> matrix_at(std::vector<double> const& x) const {
    return impl::plus(impl::plus(matrix[0], x[0], matrix[1]), x[1], matrix[2]);
  }
  double scale_at(std::vector<double> const& x) const { return 1 + ripple * std::sin(x[0] + x[1]); }

  /// M = U Sigma V^T: y* = s U V^T, F = -s |M|_* + pull/2 |x|^2
  Truth truth(std::vector<double> const& x) const {
    auto const svd = impl::thin_svd(rows, columns, matrix_at(x));
    auto const polar = impl::product(rows, columns, columns, svd.u, svd.vt);
    double const s = scale_at(x), slope = ripple * std::cos(x[0] + x[1]);
    double nuclear = 0;
    for (double const value : svd.s) nuclear += value;
    Truth t;
    t.upper = -s * nuclear + 0.5 * pull * impl::inner(x, x);
    for (int j = 0; j < 2; ++j)
      t.gradient.push_back(-slope * nuclear - s * impl::inner(matrix[1 + j], polar) + pull * x[j]);
    t.differentiable = svd.s.back() > 1e-12 * svd.s.front();
    if (t.differentiable) {
      t.selection = polar;
      for (double& entry : t.selection) entry *= s;
    }
    return t;
  }

  /// Newton steps on the closed form find the minimizer where F is convex on a ball that holds all
  /// candidates, as it is with the defaults. With N(x) = |M(x)|_*, |grad N| <= slope,
  ///   F(x) >= -(1 + ripple) (N(0) + slope |x|) + pull/2 |x|^2,
  /// so that F(x) <= F(0) = -N(0) only for |x| <= reach; there, with dM = M_u for a unit u,
  ///   Hess (s N) <= 2 |grad s| |grad N| + N |Hess s| + s |dM|_F^2 / (smallest singular value).
  Optimum optimum() const {
    if (pull == 0) return {-std::numeric_limits<double>::infinity(), {}};
    auto const values = impl::thin_svd(rows, columns, matrix[0]).s;
    double const nuclear = std::accumulate(values.begin(), values.end(), 0.0);
    double const speed = std::hypot(impl::length(matrix[1]), impl::length(matrix[2])),
                 slope = std::sqrt(double(columns)) * speed;
    double const drop = (1 + ripple) * slope;
    double const reach = (drop + std::sqrt(drop * drop + 2 * pull * ripple * nuclear)) / pull;
    double const smallest = values.back() - speed * reach;
    if (smallest <= 0) return impl::unknown_optimum();
    double const bent = 2 * std::numbers::sqrt2 * ripple * slope +
                        2 * ripple * (nuclear + slope * reach) +
                        (1 + ripple) * speed * speed / smallest;
    if (bent > 0.99 * pull) return impl::unknown_optimum();
    return impl::minimum_near([this](auto const& x) { return truth(x); }, {0, 0});
  }

  /// The nearest scaled frame has the singular vectors of Y.
  double distance(std::vector<double> const& x, std::vector<double> const& y) const {
    double square = 0;
    for (double const value : impl::thin_svd(rows, columns, y).s)
      square += (value - scale_at(x)) * (value - scale_at(x));
    return std::sqrt(square);
  }
};

template <class T>
NamedProblem<T> make_stiefel(Settings& settings, ProblemContext const& context) {
  using E = Kokkos::DefaultExecutionSpace;
  auto data = std::make_shared<StiefelTruth>();
  int const n = settings.integer("n", 6, 2, 64, "rows of Y");
  int const p = settings.integer("p", std::min(2, n - 1), 1, std::min(n - 1, 16),
                                 "columns of Y, fewer than rows");
  data->rows = n;
  data->columns = p;
  data->ripple =
      settings.number("ripple", 0.2, 0, 0.9, "how much the length 1 of the columns changes with x");
  data->pull = settings.number("pull", 4.0 * p, 0, 1e6,
                               "f contains pull/2 |x|^2; without it F is unbounded");
  auto const start = settings.numbers("x0", {0.8, -0.6}, 2, "start of the upper variable");

  data->matrix[0] = impl::reflection_columns(impl::problem_normals(context.seed, 0, n, 1), p);
  for (int i = 0; i < n; ++i)
    for (int a = 0; a < p; ++a)
      data->matrix[0][i * p + a] *= p == 1 ? 2.0 : 2.0 + double(a) / (p - 1);
  for (int j = 1; j < 3; ++j)
    data->matrix[j] = impl::of_length(0.5, impl::problem_normals(context.seed, j, n, p));

  std::vector<double> entries(std::size_t(n) * p * 3);
  for (int t = 0; t < n * p; ++t)
    for (int j = 0; j < 3; ++j) entries[3 * t + j] = data->matrix[j][t];
  Stiefel<T, E> functor;
  functor.matrix = impl::device_vectors<T, E>("minfold::stiefel::matrix", n * p, 3, entries);
  functor.rows = n;
  functor.columns = p;
  functor.ripple = T(data->ripple);
  functor.pull = T(data->pull);
  return impl::assemble<T, Stiefel<T, E>, StiefelTruth>(functor, start, data);
}

}  // namespace

CatalogEntry stiefel_entry() {
  return {"stiefel", "scaled orthonormal frames aligned with a matrix that depends on x",
          make_stiefel<double>, make_stiefel<float>};
}

}  // namespace minfold
