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

/// X := X L^-1, L lower of order r, X: rows x r, by dgemm and inverses of diagonal blocks. work:
/// pivoted_words.
template <std::floating_point T>
void divide_right(int rows, int r, T const* l, int ldl, T* x, int ldx, T* work) {
  constexpr int ld = widest_block;
  int const block = std::max(32, pivoted_block(r));
  T *const f = work, *const inverse = f + ld * ld, *const panel = inverse + ld * ld;
  for (int last = r; last > 0;) {
    int const first = (last - 1) / block * block, width = last - first;
    if (last < r)
      host_gemm(Transpose::no, Transpose::no, rows, width, r - last, T(-1), x + last, ldx,
                l + long(last) * ldl + first, ldl, T(1), x + first, ldx);
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
}

/// Q := Q - (G - I) Q / 2 for lower G = Q Q^T near I: one step to (Q Q^T)^-1/2 Q. The step is small, so
/// single precision gives it to more than is needed, at twice the rate. work: k^2 + 2 newton_panel k.
inline constexpr int newton_panel = 256;
inline void newton_schulz(int k, int n, double const* gram, double* q, int ldq, float* work) {
  float *const step = work, *const panel = step + long(k) * k,
               *const change = panel + long(k) * newton_panel;
  // Scaled, since it may be below what single precision holds with all its digits.
  constexpr double scale = 1048576;
  for (int i = 0; i < k; ++i)
    for (int j = 0; j <= i; ++j)
      step[long(i) * k + j] = step[long(j) * k + i] =
          float(scale * 0.5 * (gram[long(i) * k + j] - (i == j)));
  for (int t = 0; t < n; t += newton_panel) {
    int const width = std::min(newton_panel, n - t);
    for (int i = 0; i < k; ++i)
      for (int j = 0; j < width; ++j)
        panel[long(i) * newton_panel + j] = float(q[long(i) * ldq + t + j]);
    host_gemm(Transpose::no, Transpose::no, k, width, k, 1.0f, step, k, panel, newton_panel, 0.0f,
              change, newton_panel);
    for (int i = 0; i < k; ++i)
      for (int j = 0; j < width; ++j)
        q[long(i) * ldq + t + j] -= double(change[long(i) * newton_panel + j]) / scale;
  }
}

/// Rows `rank` ... n of l, all n columns: orthonormal basis of ker(L L^T) in pivot order, from the rows
/// [L21, .] there. work: n^2 words, k = n - rank; local: pivoted_words. Returns max |Q Q^T - I|; NaN where it is
/// not finite.
template <std::floating_point T>
T kernel_rows(T* l, int n, int rank, T* work, T* local) {
  int const k = n - rank;
  T *const rows = l + long(rank) * n, *const gram = work, *const product = gram + long(k) * k;
  T worst = Kokkos::Experimental::quiet_NaN_v<T>;
  // N^T = [-L21 L11^-1, I], so N^T N = I + ...: never singular, and with pivots of this kind hardly ever
  // ill-conditioned.
  divide_right(k, rank, l, n, rows, n, local);
  for (int i = 0; i < k; ++i) {
    std::fill(gram + long(i) * k, gram + long(i + 1) * k, T(0));
    gram[long(i) * k + i] = T(1);
  }
  if (rank > 0) syrk_rows(k, rank, rows, n, T(1), gram, k);
  if (!cholesky(k, gram, k) || !invert_lower(k, gram, k)) return worst;
  if (rank > 0)
    host_gemm(Transpose::no, Transpose::no, k, rank, k, T(-1), gram, k, rows, n, T(0), product,
              rank);
  for (int i = 0; i < k; ++i) {
    T* const row = rows + long(i) * n;
    std::copy_n(product + long(i) * rank, rank, row);
    for (int j = 0; j < k; ++j) row[rank + j] = j <= i ? gram[long(i) * k + j] : T(0);
  }
  for (int pass = 0;; ++pass) {
    syrk_rows(k, n, rows, n, T(0), gram, k);
    worst = 0;
    for (int i = 0; i < k; ++i)
      for (int j = 0; j <= i; ++j) {
        T const off = std::abs(gram[long(i) * k + j] - (i == j ? T(1) : T(0)));
        if (!(off <= worst)) worst = off;
      }
    // One pass loses eps ||N||^2; the second makes it good.
    if (pass == 2 || !(worst > T(512) * epsilon<T>)) return worst;
    if constexpr (std::is_same_v<T, double>) {
      if (worst <= 1e-7 && 2 * (long(n) * n - long(k) * k) >= long(k) * (k + 2 * newton_panel)) {
        newton_schulz(k, n, gram, rows, n, reinterpret_cast<float*>(product));
        continue;
      }
    }
    if (!cholesky(k, gram, k)) return Kokkos::Experimental::quiet_NaN_v<T>;
    trsm_left(Transpose::no, k, n, gram, k, rows, n);
  }
}

}  // namespace pivoted

}  // namespace minfold::impl

#endif
