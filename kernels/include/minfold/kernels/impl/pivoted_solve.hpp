// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_PIVOTED_SOLVE_HPP
#define MINFOLD_KERNELS_IMPL_PIVOTED_SOLVE_HPP

#include <minfold/kernels/impl/pivoted_cholesky.hpp>

/// What a pivoted Cholesky factor of rank r < n gives: solves with A^+ and the kernel. Hosts only.
namespace minfold::impl {

namespace pivoted {

template <std::floating_point T>
T dot(T const* x, T const* y, int n) {
  T part[8] = {};
  int i = 0;
  for (; i + 8 <= n; i += 8)
    for (int l = 0; l < 8; ++l) part[l] += x[i + l] * y[i + l];
  for (; i < n; ++i) part[0] += x[i] * y[i];
  return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
}
template <std::floating_point T>
T length(T const* x, int n) {
  return std::sqrt(dot(x, x, n));
}

/// What is needed of the factorization P^T A P factor = [L11; L21] [L11; L21]^T and of Q.
template <std::floating_point T>
struct Factored {
  ExplicitMatrix<T> a;
  T factor;
  T const* l;
  int rank;
  int const* order;
  T const* q;  ///< (kernel, n), orthonormal
  int kernel;

  /// y(c, :) := factor A x(c, :)
  void multiply(int columns, T const* x, T* y) const {
    int const ld = int(a.column == 1 ? a.row : a.column);
    host_gemm(Transpose::no, Transpose::no, columns, a.n, a.n, factor, x, a.n, a.data, ld, T(0), y,
              a.n);
  }
  /// x(c, :) -= Q Q^T x(c, :); work: columns * kernel.
  void remove_kernel(int columns, T* x, T* work) const {
    if (kernel == 0) return;
    host_gemm(Transpose::no, Transpose::yes, columns, kernel, a.n, T(1), x, a.n, q, a.n, T(0), work,
              kernel);
    host_gemm(Transpose::no, Transpose::no, columns, a.n, kernel, T(-1), work, kernel, q, a.n, T(1),
              x, a.n);
  }
  /// x(c, :) := (factor A)^+ x(c, :) for x in the range: with M = P [L11^-T L11^-1, 0; 0, 0] P^T, A M A =
  /// A, so that (I - Q Q^T) M is A^+ there. work: columns max(rank, kernel).
  void solve(int columns, T* x, T* work) const {
    int const n = a.n;
    T* const y = work;
    for (int c = 0; c < columns; ++c)
      for (int i = 0; i < rank; ++i) y[long(c) * rank + i] = x[long(c) * n + order[i]];
    if (columns <= few_right_sides) {
      for (int c = 0; c < columns; ++c)
        for (Transpose const t : {Transpose::no, Transpose::yes})
          trsv(t, rank, l, n, y + long(c) * rank);
    } else if (rank > 0) {
      trsm_right(Transpose::yes, columns, rank, l, n, y, rank);
      trsm_right(Transpose::no, columns, rank, l, n, y, rank);
    }
    std::fill(x, x + long(columns) * n, T(0));
    for (int c = 0; c < columns; ++c)
      for (int i = 0; i < rank; ++i) x[long(c) * n + order[i]] = y[long(c) * rank + i];
    remove_kernel(columns, x, work);
  }
};

/// X := X L^-1, L lower of order r, X: rows x r, by dgemm and inverses of diagonal blocks; what is right of
/// a wide block is subtracted from all of it at once. work: pivoted_words.
template <std::floating_point T>
void divide_right(int rows, int r, T const* l, int ldl, T* x, int ldx, T* work) {
  constexpr int ld = widest_block, wide = 4 * widest_block;
  int const block = std::max(32, pivoted_block(r));
  T *const f = work, *const inverse = f + ld * ld, *const panel = inverse + ld * ld;
  auto const subtract = [&](int first, int width, int from, int to) {
    if (from < to)
      host_gemm(Transpose::no, Transpose::no, rows, width, to - from, T(-1), x + from, ldx,
                l + long(from) * ldl + first, ldl, T(1), x + first, ldx);
  };
  for (int end = r; end > 0;) {
    int const begin = (end - 1) / wide * wide;
    subtract(begin, end - begin, end, r);
    for (int last = end; last > begin;) {
      int const first = (last - 1) / block * block, width = last - first;
      subtract(first, width, last, end);
      for (int i = 0; i < width; ++i)
        for (int j = 0; j <= i; ++j) f[i * ld + j] = l[long(first + i) * ldl + first + j];
      invert_small(width, f, inverse);
      for (int i0 = 0; i0 < rows; i0 += pivoted_panel) {
        int const count = std::min(pivoted_panel, rows - i0);
        for (int i = 0; i < count; ++i)
          std::copy_n(x + long(i0 + i) * ldx + first, width, panel + i * ld);
        if (width <= slim::narrow)
          slim::times_narrow(count, width, panel, ld, inverse, ld, x + long(i0) * ldx + first, ldx);
        else
          host_gemm(Transpose::no, Transpose::no, count, width, width, T(1), panel, ld, inverse, ld,
                    T(0), x + long(i0) * ldx + first, ldx);
      }
      last = first;
    }
    end = begin;
  }
}

/// Directions of the range, as many as `corrected` says, in which a pivoted factor tells the kernel
/// worst. Rows and columns that were left out are known only through [L21; L22] = W [L11; 0], so with N =
/// [-W, I] the rounding errors of the factor reach A N^T as [I; W] (errors), times the singular values of
/// W; those of random pivots are 1 to n, few of them large. n = 2048, k = 512, kappa = 1e2, the largest
/// angle between the kernels in kappa eps: 51 as it comes, 3.4 with 32 directions, 2.8 with 64, 2.4 with
/// 128, 0.8 with all, which would cost as much as the rest; by dpstrf 10. DERIVED.
inline int corrected(int rank, int kernel) {
  return std::min({kernel, std::max(8, kernel / 16), rank / 5});
}

/// Rows `rank` ... n of l, all n columns: basis of ker(L L^T) in pivot order, orthonormal but for eps ||N||^2,
/// from the rows [L21, .] there. steep(i, :), i < corrected(rank, k), stride n, starts with random numbers:
/// combinations of these rows that are those of N with the largest W. work: k n words, k = n - rank; local:
/// pivoted_words. False: not finite.
template <std::floating_point T>
bool kernel_rows(T* l, int n, int rank, T* steep, T* work, T* local) {
  int const k = n - rank, count = corrected(rank, k);
  T *const rows = l + long(rank) * n, *const gram = work, *const product = gram + long(k) * k;
  // N^T N = I + ...: never singular, and with pivots of this kind hardly ever ill-conditioned.
  divide_right(k, rank, l, n, rows, n, local);
  for (int i = 0; i < k; ++i) {
    std::fill(gram + long(i) * k, gram + long(i + 1) * k, T(0));
    gram[long(i) * k + i] = T(1);
  }
  if (rank > 0) syrk_rows(k, rank, rows, n, T(1), gram, k);
  if (!cholesky(k, gram, k)) return false;
  if (count > 0) {
    // Subspace iteration with K K^T = I + W W^T, and N = K Q.
    for (int step = 0; step < 3; ++step) {
      if (step > 0) trmm_right(Transpose::yes, count, k, gram, k, steep, n);
      syrk_rows(count, k, steep, n, T(0), product, count);
      if (!cholesky(count, product, count)) {
        // Dependent: without directions there is no refinement.
        for (int c = 0; c < count; ++c)
          std::fill(steep + long(c) * n, steep + long(c) * n + k, T(0));
        break;
      }
      trsm_left(Transpose::no, count, k, product, count, steep, n);
      trmm_right(Transpose::no, count, k, gram, k, steep, n);
    }
  }
  if (!invert_lower(k, gram, k)) return false;
  constexpr int tall = 128;  // rows of the triangle at a time
  for (int first = 0; rank > 0 && first < k; first += tall) {
    int const last = std::min(first + tall, k);
    for (int i = first; i < last; ++i)
      std::fill(gram + long(i) * k + i + 1, gram + long(i) * k + last, T(0));
    host_gemm(Transpose::no, Transpose::no, last - first, rank, last, T(-1), gram + long(first) * k,
              k, rows, n, T(0), product + long(first) * rank, rank);
  }
  for (int i = 0; i < k; ++i) {
    T* const row = rows + long(i) * n;
    std::copy_n(product + long(i) * rank, rank, row);
    for (int j = 0; j < k; ++j) row[rank + j] = j <= i ? gram[long(i) * k + j] : T(0);
  }
  return true;
}

/// Q := Q (I - A X X^T A^+): one step of refinement of the kernel, of its part in the directions X =
/// P [V; 0] that kernel_rows found steep. Exact where these are eigenvectors or all; errors of a smaller order
/// of the factor do not matter. Products and Q in the order of A. work: 3 corrected n words.
template <std::floating_point T>
void correct_kernel(Factored<T> const& f, T* q, T* steep, T* work) {
  int const n = f.a.n, k = f.kernel, count = corrected(f.rank, k);
  if (count == 0) return;
  T *const x = work, *const image = x + long(count) * n, *const overlap = image + long(count) * n;
  host_gemm(Transpose::no, Transpose::no, count, n, k, T(1), steep, n, q, n, T(0), x, n);
  for (int i = f.rank; i < n; ++i)
    for (int c = 0; c < count; ++c) x[long(c) * n + f.order[i]] = T(0);
  f.remove_kernel(count, x, overlap);
  for (int c = 0; c < count; ++c) {
    T const size = length(x + long(c) * n, n);
    for (int i = 0; i < n; ++i) x[long(c) * n + i] = size > T(0) ? x[long(c) * n + i] / size : T(0);
  }
  syrk_rows(count, n, x, n, T(0), overlap, count);
  // Dependent: none of them says more than the others.
  if (!cholesky(count, overlap, count)) return;
  trsm_left(Transpose::no, count, n, overlap, count, x, n);
  f.multiply(count, x, image);
  host_gemm(Transpose::no, Transpose::yes, count, k, n, T(1), image, n, q, n, T(0), overlap, k);
  f.solve(count, x, image);
  host_gemm(Transpose::yes, Transpose::no, k, n, count, T(-1), overlap, k, x, n, T(1), q, n);
}

/// Q := Q - (G - I) Q / 2 for lower G = Q Q^T near I: one step to (Q Q^T)^-1/2 Q. The step is small, so
/// single precision gives it to more than is needed, at twice the rate. work: k^2 + 2 k width, columns
/// being worked `width` at a time.
inline void newton_schulz(int k, int n, double const* gram, double* q, int width, float* work) {
  float *const step = work, *const panel = step + long(k) * k,
               *const change = panel + long(k) * width;
  // Scaled, since it may be below what single precision holds with all its digits.
  constexpr double scale = 1048576;
  for (int i = 0; i < k; ++i)
    for (int j = 0; j <= i; ++j)
      step[long(i) * k + j] = step[long(j) * k + i] =
          float(scale * 0.5 * (gram[long(i) * k + j] - (i == j)));
  for (int t = 0; t < n; t += width) {
    int const count = std::min(width, n - t);
    for (int i = 0; i < k; ++i)
      for (int j = 0; j < count; ++j) panel[long(i) * width + j] = float(q[long(i) * n + t + j]);
    host_gemm(Transpose::no, Transpose::no, k, count, k, 1.0f, step, k, panel, width, 0.0f, change,
              width);
    for (int i = 0; i < k; ++i)
      for (int j = 0; j < count; ++j)
        q[long(i) * n + t + j] -= double(change[long(i) * width + j]) / scale;
  }
}

/// Rows of Q (k, n) made orthonormal. Returns max |Q Q^T - I|; NaN where it is not finite; and -1, if `trusting`,
/// where a step of Newton's method leaves rounding only, and what it left was not computed. work: k n words.
template <std::floating_point T>
T orthonormalize_rows(int k, int n, T* q, bool trusting, T* work) {
  T* const gram = work;
  for (int pass = 0;; ++pass) {
    syrk_rows(k, n, q, n, T(0), gram, k);
    T worst = 0;
    for (int i = 0; i < k; ++i)
      for (int j = 0; j <= i; ++j) {
        T const off = std::abs(gram[long(i) * k + j] - (i == j ? T(1) : T(0)));
        if (!(off <= worst)) worst = off;
      }
    // One pass loses eps ||N||^2; the second makes it good.
    if (pass == 2 || !(worst > T(512) * epsilon<T>)) return worst;
    if constexpr (std::is_same_v<T, double>) {
      int const width = std::min(256, n - k - k / 2);
      if (worst <= 1e-7 && width >= 64) {
        newton_schulz(k, n, gram, q, width, reinterpret_cast<float*>(gram + long(k) * k));
        if (trusting && worst <= 1e-10) return T(-1);
        continue;
      }
    }
    if (!cholesky(k, gram, k)) return Kokkos::Experimental::quiet_NaN_v<T>;
    trsm_left(Transpose::no, k, n, gram, k, q, n);
  }
}

}  // namespace pivoted

}  // namespace minfold::impl

#endif
