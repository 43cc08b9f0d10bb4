// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_PIVOTED_RANGE_HPP
#define MINFOLD_KERNELS_IMPL_PIVOTED_RANGE_HPP

#include <minfold/kernels/impl/pivoted_jacobi.hpp>
#include <minfold/kernels/impl/pivoted_rows.hpp>
#include <minfold/kernels/range_finder_options.hpp>

/// Range basis of one explicit A >= 0 from the factor A ~ L L^T. Hosts only.
namespace minfold::impl {

/// Ritz pairs of L L^T from the rows w = L^T, r <= slim::widest: w := Q1 with orthonormal rows up to
/// eps cond^2, columns := the Ritz vectors in the basis Q1, squares := their values, largest first.
/// CholeskyQR2 (Fukaya et al. 2014), then one-sided Jacobi on the triangle. False where a Gram matrix
/// breaks down.
template <std::floating_point T>
bool ritz_of_rows(int r, int n, T* w, long ldw, slim::Square<T>& columns, T* squares) {
  slim::Square<T> first, second;
  slim::gram(r, n, w, ldw, first);
  slim::pad(r, first);
  if (!slim::upper_cholesky(r, first)) return false;
  // Q1 = U1^-T W: row i is the combination with column i of U1^-1.
  int const width = slim::padded(r);
  for (int i = 0; i < r; ++i) {
    std::fill(columns.at[i], columns.at[i] + width, T(0));
    columns.at[i][i] = T(1);
  }
  slim::solve_upper(r, first, columns);
  slim::combine(r, r, columns, n, w, ldw);
  slim::gram(r, n, w, ldw, second);
  slim::pad(r, second);
  if (!slim::upper_cholesky(r, second)) return false;
  // W = (U2 U1)^T Q, Q1 = U2^T Q, so L L^T = Q^T (U2 U1) (U2 U1)^T Q: orthogonal combinations of the
  // columns of U2 U1 are Ritz vectors in the basis Q, times the roots of their values.
  slim::pad(0, columns);
  for (int i = 0; i < r; ++i)
    for (int l = i; l < r; ++l)
      slim::subtract<T>(width, -second.at[i][l], first.at[l], columns.at[i]);
  // A register holds half of the columns, or the fraction of it that it can.
  constexpr int half = std::max(8, slim::lanes<T>), all = slim::widest / 2;
  int const seats = r <= 2 * half ? 2 * half : slim::widest;
  bool const done = r <= 2 * half ? slim::orthogonalize<half / slim::lanes<T>>(r, columns, squares)
                                  : slim::orthogonalize<all / slim::lanes<T>>(r, columns, squares);
  int order[slim::widest], found = 0;
  for (int j = 0; done && j < seats; ++j)
    if (squares[j] > T(0)) order[found++] = j;
  if (found != r) return false;
  std::sort(order, order + found, [squares](int x, int y) {
    return squares[x] != squares[y] ? squares[x] > squares[y] : x < y;
  });
  slim::Square<T> sorted;
  T inverse[slim::widest], values[slim::widest];
  for (int j = 0; j < r; ++j) {
    values[j] = squares[order[j]];
    inverse[j] = T(1) / std::sqrt(values[j]);
  }
  slim::pad(0, sorted);
  for (int i = 0; i < r; ++i)
    for (int j = 0; j < r; ++j) sorted.at[i][j] = columns.at[i][order[j]] * inverse[j];
  slim::solve_upper(r, second, sorted);
  columns = sorted;
  std::copy(values, values + r, squares);
  return true;
}

/// Columns that ritz_by_blas combines at once.
inline constexpr int ritz_panel = 256;
/// Words, and integers, that ritz_by_blas works in.
inline long ritz_words(long r) {
  return 4 * r * r + std::max(1 + 6 * r + 2 * r * r, r * ritz_panel);
}
inline long ritz_integers(long r) {
  return 3 + 5 * r;
}

/// The same for any r, by BLAS and LAPACK: w := the first `kept` Ritz vectors, where kept = count(values)
/// is asked for once the values are known. Returns -1 where a Gram matrix breaks down.
template <std::floating_point T, class Count>
int ritz_by_blas(int r, int n, T* w, long ldw, T* values, T* store, int* integers,
                 Count const& count) {
  int const ld = int(ldw);
  long const square = long(r) * r;
  int const lwork = 1 + 6 * r + 2 * r * r, liwork = int(ritz_integers(r));
  constexpr int panel = ritz_panel;
  T *const c1 = store, *const c2 = c1 + square, *const c = c2 + square, *const small = c + square,
           *const work = small + square;
  auto const factor = [&](T* g) {
    syrk_rows(r, n, w, ld, T(0), g, r);
    for (int i = 0; i < r; ++i) std::fill(g + long(i) * r + i + 1, g + long(i + 1) * r, T(0));
    return cholesky(r, g, r);
  };
  if (!factor(c1)) return -1;
  trsm_left(Transpose::no, r, n, c1, r, w, ld);
  if (!factor(c2)) return -1;
  // W = C1 C2 Q, so L L^T = Q^T (C1 C2)^T (C1 C2) Q.
  host_gemm(Transpose::no, Transpose::no, r, r, r, T(1), c1, r, c2, r, T(0), c, r);
  host_gemm(Transpose::yes, Transpose::no, r, r, r, T(1), c, r, c, r, T(0), small, r);
  if (syevd(r, small, values, work, lwork, integers, liwork) != 0) return -1;
  std::reverse(values, values + r);
  for (int j = 0; j < r; ++j)
    std::copy(small + long(r - 1 - j) * r, small + long(r - j) * r, c + long(j) * r);
  trsm_right(Transpose::no, r, r, c2, r, c, r);
  int const kept = count(values);
  for (int t = 0; t < n; t += panel) {
    int const width = std::min(panel, n - t);
    for (int j = 0; j < r; ++j)
      std::copy(w + j * ldw + t, w + j * ldw + t + width, work + long(j) * panel);
    if (kept > 0)
      host_gemm(Transpose::no, Transpose::no, kept, width, r, T(1), c, r, work, panel, T(0), w + t,
                ld);
  }
  return kept;
}

/// max |X X^T - I| over r rows. g: r^2 words if r > slim::widest.
template <std::floating_point T>
T defect_of_rows(int r, int n, T const* x, long ldx, [[maybe_unused]] T* g) {
  T worst = 0;
  auto const take = [&worst](T dot, bool diagonal) {
    T const off = std::abs(dot - (diagonal ? T(1) : T(0)));
    if (off > worst || std::isnan(off)) worst = off;  // a NaN stays
  };
  if (r <= slim::widest) {
    slim::Square<T> small;
    slim::gram(r, n, x, ldx, small);
    for (int i = 0; i < r; ++i)
      for (int j = 0; j <= i; ++j) take(small.at[i][j], i == j);
  } else {
    syrk_rows(r, n, x, int(ldx), T(0), g, r);
    for (int i = 0; i < r; ++i)
      for (int j = 0; j <= i; ++j) take(g[long(i) * r + j], i == j);
  }
  return worst;
}

/// X := (3 I - X X^T) X / 2 for r <= slim::widest nearly orthonormal rows: one step of Newton and Schulz to
/// (X X^T)^-1/2 X. The defect becomes its square, besides rounding.
template <std::floating_point T>
void restore_rows(int r, int n, T* x, long ldx) {
  slim::Square<T> step;
  slim::gram(r, n, x, ldx, step);
  for (int i = 0; i < r; ++i)
    for (int j = 0; j < r; ++j) step.at[i][j] = (i == j ? T(1.5) : T(0)) - T(0.5) * step.at[i][j];
  slim::combine(r, r, step, n, x, ldx);
}

/// What became of one item.
template <std::floating_point T>
struct FactorRange {
  RangeRecord<T> record;
  /// As good as the sketch would be: A >= 0 was not contradicted, the bound is within the tolerance and
  /// the rank is beyond doubt.
  bool tight = false;
};

/// Columns of the factor that range_of_item allows.
template <std::floating_point T>
int factor_rows(int n, int capacity, RangeFinderOptions<T> const& options) {
  return std::min(
      n, options.rank > 0 ? std::max(options.rank, options.rank + options.oversampling) : capacity);
}
/// Words, and integers, that range_of_item works in.
template <std::floating_point T>
long range_words(int n, int capacity, RangeFinderOptions<T> const& options) {
  long const rows = factor_rows(n, capacity, options);
  long const own = n + (rows > capacity ? rows * n : 0);
  if (rows <= slim::widest) return own;
  return own + rows + std::max(n * rows + pivoted_words, ritz_words(rows));
}
template <std::floating_point T>
long range_integers(int n, int capacity, RangeFinderOptions<T> const& options) {
  long const rows = factor_rows(n, capacity, options);
  return rows <= slim::widest ? 0 : n + ritz_integers(rows);
}

/// vectors: (capacity, n), values: capacity words; work and integers as many as range_words and
/// range_integers say. The contract of range_finder.
template <std::floating_point T>
FactorRange<T> range_of_item(ExplicitMatrix<T> const& a, RangeFinderOptions<T> const& options,
                             std::uint32_t item, T* vectors, int capacity, T* values, T* work,
                             int* integers) {
  int const n = a.n;
  int const rows = factor_rows(n, capacity, options);
  int const few = std::min(rows, slim::widest);
  // The factor lives where the basis will be, if there is room.
  T* const d = work;
  T* const w = rows > capacity ? d + n : vectors;
  // Beyond `few` columns: the factor as it is made, and when that is done Rayleigh-Ritz.
  T* const squares = d + n + (rows > capacity ? long(rows) * n : 0);
  T* const room = squares + rows;
  PivotedOptions<T> pivoted{.max_rank = few,
                            .tolerance = options.rank > 0 ? T(0) : T(0.25) * options.tolerance,
                            .seed = options.seed,
                            .item = item};
  auto r = pivoted_cholesky_rows(a, w, n, d, pivoted);
  FactorRange<T> out;
  auto& record = out.record;
  record.products = r.columns;
  if (r.finite && r.semidefinite() && !r.complete && rows > few) {
    pivoted.max_rank = rows;
    T *const l = room, *const local = room + long(n) * rows;
    int* const order = integers;
    r = pivoted_cholesky_blocked(a, l, rows, order, d, local, pivoted);
    record.products += r.columns;
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < r.rank; ++j)
        w[long(j) * n + order[i]] = j <= i ? l[long(i) * rows + j] : T(0);
  }
  T norm = 0, last = 0, next = 0;
  int kept = 0;
  bool full = false, good = r.finite && r.semidefinite();
  auto const count = [&](T const* found) {
    norm = found[0];
    while (kept < r.rank) {
      next = std::max(found[kept], T(0));
      bool const wanted = options.rank > 0 ? kept < options.rank && next > rounding<T>(n) * norm
                                           : next > options.tolerance * norm;
      full = wanted && kept == capacity;
      if (!wanted || full) break;
      values[kept++] = next / r.factor;
      last = next;
      next = 0;
    }
    return kept;
  };
  if (good && r.rank > 0 && r.rank <= slim::widest) {
    slim::Square<T> components;
    T few_squares[slim::widest];
    good = ritz_of_rows(r.rank, n, w, n, components, few_squares);
    if (good) slim::combine(count(few_squares), r.rank, components, n, w, long(n));
  } else if (good && r.rank > 0) {
    good = ritz_by_blas(r.rank, n, w, n, squares, room, integers + n, count) >= 0;
  }
  if (!good) kept = 0;
  if (kept > 0 && w != vectors) std::copy(w, w + long(kept) * n, vectors);
  record.orthogonality = defect_of_rows(kept, n, vectors, n, room);
  // The last sweep of ritz_of_rows leaves more where values are close. What a factor that broke down left is not
  // mended.
  T const rounded = T(4) * std::sqrt(T(n)) * epsilon<T>, broken = T(1e3) * epsilon<T>;
  if (kept <= slim::widest && record.orthogonality > rounded && record.orthogonality <= broken) {
    restore_rows(kept, n, vectors, n);
    record.orthogonality = defect_of_rows(kept, n, vectors, n, room);
  }
  good = good && record.orthogonality <= broken;
  if (!good) kept = 0;
  std::fill(vectors + long(kept) * n, vectors + long(capacity) * n, T(0));
  std::fill(values + kept, values + capacity, T(0));
  record.rank = kept;
  record.norm_estimate = norm / r.factor;
  // (I - Q Q^T) A = (I - Q Q^T) L L^T + (I - Q Q^T) E; the first is the largest value left out.
  T const floor = rounding<T>(n) * norm, missed = r.bound();
  T const dropped = std::max(next + missed, floor);
  record.gap = dropped > T(0) ? last / dropped : Kokkos::Experimental::infinity_v<T>;
  record.range_residual = norm > T(0)     ? (next + missed + floor) / norm
                          : missed > T(0) ? T(1)
                                          : T(0);
  bool const loose = missed > options.tolerance * norm;
  record.outcome = !r.finite                              ? Outcome::not_finite
                   : !r.semidefinite()                    ? Outcome::indefinite_operator
                   : !good                                ? Outcome::iteration_limit
                   : full || (options.rank == 0 && loose) ? Outcome::rank_limit
                   : options.rank == 0 && kept > 0 && record.gap < options.minimum_gap
                       ? Outcome::ambiguous_rank
                       : Outcome::converged;
  out.tight = record.outcome == Outcome::converged && !loose;
  return out;
}

}  // namespace minfold::impl

#endif
