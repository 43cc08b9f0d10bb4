// SPDX-License-Identifier: Apache-2.0
#include <minfold/problems/stiefel.hpp>

#include "entries.hpp"
#include "host.hpp"

#include <algorithm>
#include <cmath>

namespace minfold {
namespace {

/// M_0 has singular values in [2, 3], |M_1|_F = |M_2|_F = 1/2, pull = 4 p and ripple = 0.2: M has
/// full rank and F is strongly convex for |x| <= 2, and F > F(0) outside. One minimizer, found by
/// Newton steps on the closed form.
struct StiefelTruth {
  int rows = 2, columns = 1;
  double ripple = 0.2, pull = 4;
  std::vector<double> matrix[3];
  std::vector<double> start;

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

  Optimum optimum() const {
    return impl::minimum_near([this](auto const& x) { return truth(x); }, start);
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
  data->pull = 4.0 * p;
  data->start = settings.numbers("x0", {0.8, -0.6}, 2, "start of the upper variable");

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
  auto const start = data->start;
  return impl::assemble<T, Stiefel<T, E>, StiefelTruth>(functor, start, data);
}

}  // namespace

CatalogEntry stiefel_entry() {
  return {"stiefel", "scaled orthonormal frames aligned with a matrix that depends on x",
          make_stiefel<double>, make_stiefel<float>};
}

}  // namespace minfold
