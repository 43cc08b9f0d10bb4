// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/problems/representation_data.hpp>

#include "host.hpp"
#include <lapacke.h>

#include <algorithm>
#include <cmath>

namespace minfold {
namespace {

using Numbers = std::vector<double>;
using impl::product, impl::transposed, impl::plus;

/// A = U diag(s) V^T with all of V: the rows of vt beyond the rank span ker A.
struct FullSvd {
  int rank = 0;
  Numbers u, s, vt;  // rows x min; min; columns x columns
};

/// `scale`: size of the numbers whose rounding a consists of where it should be 0.
FullSvd full_svd(int rows, int columns, Numbers a, double scale) {
  int const least = std::min(rows, columns);
  FullSvd svd;
  svd.u.resize(std::size_t(rows) * rows);
  svd.s.resize(std::size_t(least));
  svd.vt.resize(std::size_t(columns) * columns);
  int const info = LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'A', rows, columns, a.data(), columns,
                                  svd.s.data(), svd.u.data(), rows, svd.vt.data(), columns);
  MINFOLD_REQUIRE(info == 0, "representation: dgesdd ended with ", info);
  // Products of two layers lose some digits of the smallest singular values.
  double const cut = std::max(1e-11 * svd.s[0], 1e-14 * scale);
  while (svd.rank < least && svd.s[std::size_t(svd.rank)] > cut) ++svd.rank;
  return svd;
}

/// A^+ B, B is rows x depth.
Numbers pseudo_solve(FullSvd const& svd, int rows, int columns, int depth, Numbers const& b) {
  Numbers x(std::size_t(columns) * depth, 0.0);
  for (int r = 0; r < svd.rank; ++r)
    for (int j = 0; j < depth; ++j) {
      double along = 0;
      for (int i = 0; i < rows; ++i)
        along += svd.u[std::size_t(i) * rows + r] * b[std::size_t(i) * depth + j];
      for (int i = 0; i < columns; ++i)
        x[std::size_t(i) * depth + j] += svd.vt[std::size_t(r) * columns + i] * along / svd.s[r];
    }
  return x;
}

}  // namespace

double spectral_norm(int rows, int columns, Numbers a) {
  int const least = std::min(rows, columns);
  if (least == 0) return 0;
  Numbers s(std::size_t(least), 0.0);
  int const info = LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'N', rows, columns, a.data(), columns, s.data(),
                                  nullptr, rows, nullptr, columns);
  MINFOLD_REQUIRE(info == 0, "spectral_norm: dgesdd ended with ", info);
  return s[0];
}

/// U = Z^+ Y + K (Z_v K)^+ (Y_v - Z_v Z^+ Y), the columns of K an orthonormal basis of ker Z.
SelectedLayer select_layer(int train, int validation, int width, int outputs, Numbers const& z,
                           Numbers const& y, Numbers const& z_v, Numbers const& y_v, double scale) {
  auto const svd = full_svd(train, width, z, scale);
  SelectedLayer layer;
  layer.rank = svd.rank;
  layer.u = pseudo_solve(svd, train, width, outputs, y);
  int const free = width - svd.rank;
  if (free > 0) {
    Numbers const kt(svd.vt.begin() + long(svd.rank) * width, svd.vt.end());
    auto const k = transposed(free, width, kt);
    auto const seen = product(validation, width, free, z_v, k);
    auto const left = plus(y_v, -1, product(validation, width, outputs, z_v, layer.u));
    FullSvd inner;
    if (std::any_of(seen.begin(), seen.end(), [](double e) { return e != 0; }))
      inner = full_svd(validation, free, seen, impl::length(z_v));
    layer.unique = inner.rank == free;
    if (inner.rank > 0) {
      auto const b = pseudo_solve(inner, validation, free, outputs, left);
      layer.u = plus(layer.u, 1, product(width, free, outputs, k, b));
    }
  }
  auto const e = plus(product(validation, width, outputs, z_v, layer.u), -1, y_v);
  layer.upper = 0.5 * impl::inner(e, e);
  // (Z^T Z)^+ = Z^+ (Z^T)^+: divide by s twice.
  auto const slope = product(width, validation, outputs, transposed(validation, width, z_v), e);
  layer.v.assign(std::size_t(width) * outputs, 0.0);
  for (int r = 0; r < svd.rank; ++r)
    for (int j = 0; j < outputs; ++j) {
      double along = 0;
      for (int i = 0; i < width; ++i)
        along += svd.vt[std::size_t(r) * width + i] * slope[std::size_t(i) * outputs + j];
      for (int i = 0; i < width; ++i)
        layer.v[std::size_t(i) * outputs + j] +=
            svd.vt[std::size_t(r) * width + i] * along / (svd.s[r] * svd.s[r]);
    }
  return layer;
}

double constrained_least_squares(RepresentationData const& data) {
  double sum = 0;
  for (auto const& t : data.tasks)
    sum += select_layer(data.train, data.validation, data.inputs, data.outputs, t.x, t.y, t.x_v,
                        t.y_v, 0)
               .upper;
  return sum;
}

double penalized_least_squares(RepresentationData const& data, double gamma) {
  MINFOLD_REQUIRE(gamma > 0, "penalized_least_squares: gamma is ", gamma, ", must be positive");
  double sum = 0;
  for (auto const& t : data.tasks) {
    Numbers a = t.x_v, b = t.y_v;
    for (double const e : t.x) a.push_back(std::sqrt(gamma) * e);
    for (double const e : t.y) b.push_back(std::sqrt(gamma) * e);
    int const rows = data.validation + data.train;
    auto const w =
        pseudo_solve(full_svd(rows, data.inputs, a, 0), rows, data.inputs, data.outputs, b);
    auto const e = plus(product(rows, data.inputs, data.outputs, a, w), -1, b);
    sum += 0.5 * impl::inner(e, e);
  }
  return sum;
}

/// With E_v = Z_v U - Y_v, E = Z U - Y, v = H^+ grad f:
///   grad_x f - G^T v = X_v^T E_v U^T - X^T (Z v U^T + E v^T) = C U^T - X^T E v^T,
///   C = X_v^T E_v - X^T Z v. Two selections give the same if C is 0.
Truth representation_truth(RepresentationData const& data, int hidden, Numbers const& w1) {
  int const m = data.inputs, n = data.outputs;
  impl::check_size("x", w1, m * hidden);
  Truth truth;
  truth.gradient.assign(w1.size(), 0.0);
  for (auto const& t : data.tasks) {
    auto const z = product(data.train, m, hidden, t.x, w1);
    auto const z_v = product(data.validation, m, hidden, t.x_v, w1);
    auto const layer = select_layer(data.train, data.validation, hidden, n, z, t.y, z_v, t.y_v,
                                    impl::length(t.x) * impl::length(w1));
    truth.upper += layer.upper;
    auto const e_v = plus(product(data.validation, hidden, n, z_v, layer.u), -1, t.y_v);
    auto const e = plus(product(data.train, hidden, n, z, layer.u), -1, t.y);
    auto const xt = transposed(data.train, m, t.x);
    auto const direct = product(m, data.validation, n, transposed(data.validation, m, t.x_v), e_v);
    auto const c =
        plus(direct, -1, product(m, data.train, n, xt, product(data.train, hidden, n, z, layer.v)));
    auto const ut = transposed(hidden, n, layer.u), vt = transposed(hidden, n, layer.v);
    truth.gradient = plus(truth.gradient, 1, product(m, n, hidden, c, ut));
    truth.gradient =
        plus(truth.gradient, -1, product(m, n, hidden, product(m, data.train, n, xt, e), vt));
    if (!layer.unique) {
      truth.differentiable = truth.differentiable &&
                             impl::length(c) <= 1e-9 * impl::length(t.x_v) * impl::length(t.y_v);
    }
    truth.selection.insert(truth.selection.end(), ut.begin(), ut.end());
    if (!layer.unique) truth.selection.clear();
  }
  if (truth.selection.size() != data.tasks.size() * std::size_t(n) * hidden)
    truth.selection.clear();
  return truth;
}

double representation_distance(RepresentationData const& data, int task, int hidden,
                               Numbers const& w1, Numbers const& y) {
  int const m = data.inputs, n = data.outputs;
  impl::check_size("x", w1, m * hidden);
  impl::check_size("y", y, n * hidden);
  auto const& t = data.tasks.at(std::size_t(task));
  auto const z = product(data.train, m, hidden, t.x, w1);
  auto const e = plus(product(data.train, hidden, n, z, transposed(n, hidden, y)), -1, t.y);
  return impl::length(
      pseudo_solve(full_svd(data.train, hidden, z, impl::length(t.x) * impl::length(w1)),
                   data.train, hidden, n, e));
}

}  // namespace minfold
