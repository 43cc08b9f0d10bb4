// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_PIVOTED_CHOLESKY_HPP
#define MINFOLD_KERNELS_IMPL_PIVOTED_CHOLESKY_HPP

#include <minfold/core/random.hpp>
#include <minfold/core/status.hpp>
#include <minfold/kernels/impl/pivoted_blas.hpp>
#include <minfold/kernels/impl/pivoted_small.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

/// Pivoted Cholesky of explicit symmetric positive semidefinite matrices, A ~ L L^T with as many
/// columns as the tolerance needs. Only the diagonal and the columns of candidates are read.
///
/// With A >= 0 the rest E = A - L L^T is the Schur complement, so E >= 0 and ||E||_2 <= trace E: the
/// diagonal alone bounds what was never read. Rounding adds about (r + 1) eps trace A to it, since
/// |E_ij| <= sqrt(a_ii a_jj) and each entry is a sum of r + 1 terms of that size; four times that is
/// allowed for, the inverses of the blocks' triangles being a little worse than solves.
///
/// Method: randomly pivoted Cholesky (Chen, Epperly, Tropp, Webber, CPAM 2025), blocked with local
/// pivoting among the candidates (Epperly, Tropp, Webber, arXiv:2410.03969, who reject candidates at
/// random where here the largest go first and those below a threshold wait).
namespace minfold::impl {

enum class Pivoting {
  random,  ///< drawn with probability proportional to the residual diagonal
  greedy   ///< largest residual diagonal
};

/// One explicit symmetric matrix: entry (i, j) = data[i * row + j * column]. It is worked with times a
/// power of two, the record's `factor`, that brings the largest diagonal entry into [1, 2).
template <std::floating_point T>
struct ExplicitMatrix {
  T const* data;
  long row, column;
  int n;
};

template <std::floating_point T>
struct PivotedOptions {
  int max_rank = 0;
  /// Stop when the residual trace <= tolerance * record.norm <= tolerance ||A||; and always when it
  /// is at the rounding level.
  T tolerance = 0;
  /// A residual diagonal below -negative * (that norm), and below rounding, ends the factorization.
  T negative = 0;
  Pivoting pivoting = Pivoting::random;
  std::uint64_t seed = 1;
  std::uint32_t item = 0;
};

/// All values belong to A times `factor`.
template <std::floating_point T>
struct PivotedRecord {
  int rank = 0;
  int columns = 0;  ///< of A that were read
  T factor = 1;     ///< power of two
  T trace = 0;      ///< of A
  T rest = 0;       ///< positive part of the residual trace
  T lowest = 0;     ///< smallest residual diagonal seen, at most 0
  T norm = 0;       ///< largest a_ii and ||L e_j||^2 seen, <= ||A||
  bool finite = true;
  bool complete = false;  ///< stopped by the tolerance, not by max_rank

  /// Rounding level of an entry of the residual diagonal: below -level, A is not semidefinite. The
  /// factor 16 leaves room for a pivot that is not the largest.
  KOKKOS_FUNCTION T level() const { return T(16) * T(rank + 1) * epsilon<T> * T(2); }
  /// Bound of ||A - L L^T||_2 for A >= 0, rounding included.
  KOKKOS_FUNCTION T bound() const { return rest + T(4) * T(rank + 1) * epsilon<T> * trace; }
  KOKKOS_FUNCTION bool semidefinite(T negative = 0) const {
    return lowest >= -Kokkos::max(level(), negative * norm);
  }
  /// Nothing is left but rounding and what the tolerance allows.
  KOKKOS_FUNCTION bool within(T tolerance) const {
    return !(rest > Kokkos::max(tolerance * norm, T(2) * T(rank + 1) * epsilon<T> * trace));
  }
};

/// Column of the counter from which the pivots of a seed are drawn: beyond every sketch.
inline constexpr std::uint32_t pivot_column = 0x80000000u;

template <std::floating_point T>
double pivot_uniform(PivotedOptions<T> const& options, int draw) {
  return uniform({options.seed, Stream::sketch, options.item, std::uint32_t(draw), pivot_column});
}

/// d := diagonal times the factor. False, and a record that says so, where it is not finite.
template <std::floating_point T>
bool start_pivoting(ExplicitMatrix<T> const& a, T* d, PivotedRecord<T>& r) {
  long const step = a.row + a.column;
  T largest = 0, sum = 0;
  for (int i = 0; i < a.n; ++i) {
    T const x = a.data[i * step];
    d[i] = x;
    largest = std::max(largest, std::abs(x));
    sum += x * T(0);  // NaN for NaN and infinity
  }
  r.finite = sum == T(0);
  if (!r.finite) return false;
  // Not to the reciprocal of a power that has none.
  T const scale = std::max(power_of_two_below(largest), T(2) * std::numeric_limits<T>::min());
  r.factor = T(1) / scale;
  for (int i = 0; i < a.n; ++i) {
    d[i] *= r.factor;
    r.trace += std::max(d[i], T(0));
    r.norm = std::max(r.norm, d[i]);
    r.lowest = std::min(r.lowest, d[i]);
  }
  r.rest = r.trace;
  return true;
}

/// Sums and extremes of what is left of the diagonal.
template <std::floating_point T>
void measure_rest(T const* d, int first, int n, PivotedRecord<T>& r) {
  T part[8] = {}, low[8] = {}, bad[8] = {};
  auto const take = [&](T x, int l) {
    part[l] += x > T(0) ? x : T(0);
    low[l] = x < low[l] ? x : low[l];
    bad[l] += x * T(0);
  };
  int i = first;
  for (; i + 8 <= n; i += 8)
    for (int l = 0; l < 8; ++l) take(d[i + l], l);
  for (; i < n; ++i) take(d[i], 0);
  r.rest = 0;
  for (int l = 0; l < 8; ++l) {
    r.rest += part[l];
    r.lowest = std::min(r.lowest, low[l]);
    r.finite = r.finite && bad[l] == T(0);
  }
}

template <std::floating_point T>
int largest_of(T const* d, int first, int n) {
  int best = first;
  for (int i = first + 1; i < n; ++i)
    if (d[i] > d[best]) best = i;
  return best;
}

/// chosen[]: up to `count` places of d, ascending: one drawn from each of count - 1 strata of the
/// residual trace, so that place i is drawn (count - 1) d_i / trace times in the mean, and the largest.
template <std::floating_point T>
int draw_candidates(T const* d, int first, int n, int count, T total, int draw,
                    PivotedOptions<T> const& options, int* chosen) {
  int found = 0;
  if (n - first <= count) {
    for (int i = first; i < n; ++i) chosen[found++] = i;
    return found;
  }
  int const strata = count - 1;
  auto const boundary = [&](int s) {
    return total * ((T(s) + T(pivot_uniform(options, draw + s))) / T(strata));
  };
  chosen[found++] = largest_of(d, first, n);
  T sum = 0, next = strata > 0 ? boundary(0) : total;
  for (int i = first, s = 0; i < n && s < strata; ++i) {
    sum += d[i] > T(0) ? d[i] : T(0);
    if (!(sum > next)) continue;
    if (i != chosen[0]) chosen[found++] = i;
    while (s < strata && next < sum)
      if (++s < strata) next = boundary(s);
  }
  std::sort(chosen, chosen + found);
  return found;
}

/// chosen[]: the `count` places of the largest d, ascending; of equal ones the first.
template <std::floating_point T>
int largest_candidates(T const* d, int first, int n, int count, int* chosen) {
  auto const before = [d](int x, int y) { return d[x] != d[y] ? d[x] > d[y] : x < y; };
  int found = 0;
  for (int i = first; i < n; ++i) {
    if (found == count && !before(i, chosen[0])) continue;
    if (found == count) std::pop_heap(chosen, chosen + found--, before);
    chosen[found++] = i;
    std::push_heap(chosen, chosen + found, before);
  }
  std::sort(chosen, chosen + found);
  return found;
}

inline constexpr int widest_block = 64,
                     pivoted_words = widest_block * (4 * widest_block + pivoted_panel);

/// Pivoted Cholesky of the candidates among themselves: s (stride widest_block) is their part of the
/// rest of A, overwritten. local[]: candidates in the order of their pivots, the `taken` accepted ones
/// first; a pivot has to exceed the threshold. Row c of s: the factor's row of candidate c, by place of
/// the pivot in `local`.
template <std::floating_point T>
int factor_candidates(int count, T threshold, T* s, int* local) {
  constexpr int ld = widest_block;
  int const width = (count + 15) / 16 * 16;
  T row[ld];
  for (int c = 0; c < count; ++c) {
    local[c] = c;
    std::fill(s + c * ld + count, s + c * ld + width, T(0));
  }
  int taken = 0;
  for (; taken < count; ++taken) {
    int best = taken;
    for (int c = taken + 1; c < count; ++c)
      if (s[local[c] * ld + local[c]] > s[local[best] * ld + local[best]]) best = c;
    std::swap(local[taken], local[best]);
    int const p = local[taken];
    T const pivot = s[p * ld + p];
    if (!(pivot > threshold) || !std::isfinite(pivot)) break;
    T const root = std::sqrt(pivot), inverse = T(1) / root;
    for (int e = 0; e < width; ++e) row[e] = s[p * ld + e] * inverse;
    for (int c = 0; c <= taken; ++c) row[local[c]] = T(0);  // columns of the factor already
    for (int c = taken + 1; c < count; ++c) {
      T* const other = s + local[c] * ld;
      T const factor = row[local[c]];
      slim::subtract<T>(width, factor, row, other);
      other[p] = factor;
    }
    s[p * ld + p] = root;
  }
  return taken;
}

/// m := F^-1, both lower and of stride widest_block, by rows.
template <std::floating_point T>
void invert_small(int order, T const* f, T* m) {
  constexpr int ld = widest_block, step = slim::lanes<T>;
  for (int i = 0; i < order; ++i) {
    T* const row = m + i * ld;
    std::fill(row, row + ld, T(0));
    T const inverse = T(1) / f[i * ld + i];
    for (int t = 0; t < i; t += step) {
      slim::Pack<T> sum = {}, factor, u;
      for (int l = t; l < i; ++l) {
        slim::fill(f[i * ld + l] * inverse, factor);
        slim::load(m + l * ld + t, u);
        sum -= factor * u;
      }
      slim::store<T>(sum, row + t);
    }
    row[i] = inverse;
  }
}

/// L of A ~ L L^T in pivot order, row-major with leading dimension ldl >= max_rank: row i belongs to
/// index order[i] of A; rows below the rank are lower triangular, what is above the diagonal there
/// is zero within a block and not set elsewhere. Left-looking: a block of candidates is factored by
/// itself, the columns of those accepted are fetched and updated by dgemm, and multiplied with the
/// inverse of the triangle, a panel of rows at a time: r^2 n - 2/3 r^3 flops, all at the rate of
/// dgemm (dtrsm has a third of it at this width). d: n words, work: pivoted_words.
template <std::floating_point T>
PivotedRecord<T> pivoted_cholesky_blocked(ExplicitMatrix<T> const& a, T* l, int ldl, int* order,
                                          T* d, T* work, PivotedOptions<T> const& options) {
  constexpr int ld = widest_block;
  PivotedRecord<T> r;
  int const n = a.n, block = pivoted_block(n);
  for (int i = 0; i < n; ++i) order[i] = i;
  if (!start_pivoting(a, d, r)) return r;
  int chosen[ld], local[ld];
  T *const s = work, *const f = s + ld * ld, *const inverse = f + ld * ld,
           *const panel = inverse + ld * ld;
  int draws = 0;
  auto const exchange = [&](int p, int q) {
    if (p == q) return;
    std::swap(order[p], order[q]);
    std::swap(d[p], d[q]);
    std::swap_ranges(l + long(p) * ldl, l + long(p) * ldl + r.rank, l + long(q) * ldl);
  };
  // to(i, c) := rest of A at rows first + i, columns j + c of the order.
  auto const fetch = [&](int first, int rows, int count, T* to) {
    int const j = r.rank;
    // Eight rows of A at a time: they fit the ways of the first cache also where they are a power
    // of two apart.
    for (int c0 = 0; c0 < count; c0 += 8) {
      int const c1 = std::min(c0 + 8, count);
      for (int i = 0; i < rows; ++i) {
        T const* const from = a.data + order[first + i] * a.column;
        for (int c = c0; c < c1; ++c) to[i * ld + c] = from[order[j + c] * a.row] * r.factor;
      }
    }
    if (j > 0)
      host_gemm(Transpose::no, Transpose::yes, rows, count, j, T(-1), l + long(first) * ldl, ldl,
                l + long(j) * ldl, ldl, T(1), to, ld);
  };
  for (;;) {
    int const j = r.rank, left = n - j;
    measure_rest(d, j, n, r);
    r.complete = r.within(options.tolerance);
    if (r.complete || !r.finite || !r.semidefinite(options.negative) || j >= options.max_rank)
      break;
    int count = std::min(block, options.max_rank - j);
    count = options.pivoting == Pivoting::greedy
                ? largest_candidates(d, j, n, count, chosen)
                : draw_candidates(d, j, n, count, r.rest, draws, options, chosen);
    draws += block;
    for (int c = 0; c < count; ++c) exchange(j + c, chosen[c]);
    fetch(j, count, count, s);
    T const threshold = std::max(r.rest / (T(16) * T(left)), T(2) * T(j + 1) * epsilon<T>);
    int const taken = factor_candidates(count, threshold, s, local);
    if (taken == 0) {
      // The largest residual is above the rounding level on the diagonal that was kept up to date,
      // but not where it was computed again: not finite, or not semidefinite.
      int const p = local[0];
      T const first = s[p * ld + p];
      if (std::isfinite(first))
        r.lowest = std::min(r.lowest, first - d[j + p]);
      else
        r.finite = false;
      break;
    }
    r.columns += taken;
    for (int c = 0; c < taken; ++c)
      for (int e = 0; e <= c; ++e) f[c * ld + e] = s[local[c] * ld + local[e]];
    for (int c = 0; c < count; ++c) {
      int at = local[c];
      while (at < c) at = local[at];
      exchange(j + c, j + at);
    }
    for (int c = 0; c < taken; ++c)
      for (int e = 0; e < taken; ++e) l[long(j + c) * ldl + j + e] = e <= c ? f[c * ld + e] : T(0);
    invert_small(taken, f, inverse);
    for (int c = 0; c < taken; ++c)
      for (int e = 0; e < ld; ++e) s[c * ld + e] = e < taken ? inverse[e * ld + c] : T(0);
    for (int first = j + taken; first < n; first += pivoted_panel) {
      int const rows = std::min(pivoted_panel, n - first);
      fetch(first, rows, taken, panel);
      if (taken <= slim::narrow)
        slim::times_narrow(rows, taken, panel, ld, s, ld, l + long(first) * ldl + j, ldl);
      else
        host_gemm(Transpose::no, Transpose::no, rows, taken, taken, T(1), panel, ld, s, ld, T(0),
                  l + long(first) * ldl + j, ldl);
      for (int i = first; i < first + rows; ++i)
        d[i] -= slim::square_of(l + long(i) * ldl + j, taken);
    }
    if (j == 0)
      for (int e = 0; e < taken; ++e) {
        T square = 0;
        for (int i = 0; i < n; ++i) square += l[long(i) * ldl + e] * l[long(i) * ldl + e];
        r.norm = std::max(r.norm, square);
      }
    r.rank += taken;
  }
  return r;
}

}  // namespace minfold::impl

#endif
