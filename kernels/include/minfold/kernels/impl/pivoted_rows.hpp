// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_PIVOTED_ROWS_HPP
#define MINFOLD_KERNELS_IMPL_PIVOTED_ROWS_HPP

#include <minfold/kernels/impl/pivoted_cholesky.hpp>
#include <minfold/kernels/impl/pivoted_small.hpp>

namespace minfold::impl {

/// Place in d of the next pivot: one that is drawn, unless its residual is far below the mean, where the
/// largest takes its place: a small pivot magnifies rounding by up to largest / pivot.
template <std::floating_point T>
int draw_pivot(T const* d, int n, PivotedRecord<T> const& r, PivotedOptions<T> const& options) {
  if (options.pivoting == Pivoting::greedy) return largest_of(d, 0, n);
  // Sums of 64 find the stretch, which is then walked.
  T const target = r.rest * T(pivot_uniform(options, r.rank));
  T before = 0;
  for (int first = 0; first < n; first += 64) {
    int const last = std::min(first + 64, n);
    T part[8] = {};
    int i = first;
    for (; i + 8 <= last; i += 8)
      for (int l = 0; l < 8; ++l) part[l] += d[i + l] > T(0) ? d[i + l] : T(0);
    for (; i < last; ++i) part[0] += d[i] > T(0) ? d[i] : T(0);
    T const sum =
        ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
    if (before + sum <= target && last < n) {
      before += sum;
      continue;
    }
    for (int j = first; j < last; ++j) {
      before += d[j] > T(0) ? d[j] : T(0);
      if (before > target) return T(16 * n) * d[j] >= r.rest ? j : largest_of(d, 0, n);
    }
    break;
  }
  return largest_of(d, 0, n);
}

/// to := (from factor - sum_j w(j, p) w(j, :)) / root, d -= to^2, in one pass over a panel that stays in
/// registers. Returns ||to||^2.
template <std::floating_point T>
T next_row(T const* from, long stride, T factor, int n, int rank, T const* w, long ldw, int p,
           T root, T* to, T* d) {
  constexpr int step = slim::lanes<T>;
  T const inverse = T(1) / root;
  T at_pivot[slim::widest];
  for (int j = 0; j < rank; ++j) at_pivot[j] = w[j * ldw + p];
  slim::Pack<T> square = {}, scale, over;
  slim::fill(factor, scale);
  slim::fill(inverse, over);
  auto const panel = [&]<int Packs>(int at) {
    slim::Pack<T> sum[Packs], f, u;
    for (int l = 0; l < Packs; ++l) {
      slim::load(from + at + l * step, u);
      sum[l] = u * scale;
    }
    for (int j = 0; j < rank; ++j) {
      slim::fill(at_pivot[j], f);
      for (int l = 0; l < Packs; ++l) {
        slim::load(w + j * ldw + at + l * step, u);
        sum[l] -= f * u;
      }
    }
    for (int l = 0; l < Packs; ++l) {
      sum[l] = sum[l] * over;
      slim::store<T>(sum[l], to + at + l * step);
      slim::load(d + at + l * step, u);
      u -= sum[l] * sum[l];
      slim::store<T>(u, d + at + l * step);
      square += sum[l] * sum[l];
    }
  };
  int i = 0;
  if (stride == 1) {
    for (; i + 4 * step <= n; i += 4 * step) panel.template operator()<4>(i);
    for (; i + step <= n; i += step) panel.template operator()<1>(i);
  }
  T rest = 0;
  for (; i < n; ++i) {
    T x = from[i * stride] * factor;
    for (int j = 0; j < rank; ++j) x -= at_pivot[j] * w[j * ldw + i];
    x *= inverse;
    to[i] = x;
    d[i] -= x * x;
    rest += x * x;
  }
  return rest + slim::sum_of<T>(square);
}

/// Rows w(j, :) = column j of L, A ~ L L^T, in the order of A, for at most slim::widest columns: one at a
/// time, exactly `rank` columns of A are read. d: n words, the residual diagonal.
template <std::floating_point T>
PivotedRecord<T> pivoted_cholesky_rows(ExplicitMatrix<T> const& a, T* w, long ldw, T* d,
                                       PivotedOptions<T> const& options) {
  PivotedRecord<T> r;
  int pivots[slim::widest];
  int const n = a.n;
  if (!start_pivoting(a, d, r)) return r;
  for (;;) {
    measure_rest(d, 0, n, r);
    r.complete = r.within(options.tolerance);
    if (r.complete || !r.finite || !r.semidefinite(options.negative) || r.rank >= options.max_rank)
      return r;
    int const p = draw_pivot(d, n, r, options);
    T const root = std::sqrt(d[p]);
    T* const to = w + r.rank * ldw;
    T const square =
        next_row(a.data + p * a.row, a.column, r.factor, n, r.rank, w, ldw, p, root, to, d);
    for (int j = 0; j < r.rank; ++j) to[pivots[j]] = d[pivots[j]] = T(0);
    // The diagonal that was kept up to date and the entry of A must agree.
    r.lowest = std::min(r.lowest, std::min(d[p], -d[p]));
    to[p] = root;
    d[p] = T(0);
    pivots[r.rank++] = p;
    ++r.columns;
    if (square > r.norm) r.norm = square;
  }
}

}  // namespace minfold::impl

#endif
