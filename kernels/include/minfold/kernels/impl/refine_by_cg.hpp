// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_REFINE_BY_CG_HPP
#define MINFOLD_KERNELS_IMPL_REFINE_BY_CG_HPP

#include <algorithm>
#include <cmath>
#include <vector>

namespace minfold::impl {

/// Conjugate gradients for the columns of one item, each by itself, preconditioned by a factor of lower
/// precision. The preconditioner is the same linear map only up to its own rounding, hence the flexible
/// (Polak-Ribiere) direction: beta = - alpha q^T s / r^T s needs no vector more.
///
/// Requires  r: right-hand sides in the range of A, columns of n; s: as large; work: twice as large.
/// Gives     z with A z = r, in the range as far as `project` sees to it; r := what the recursion says is left,
///           at most wanted(column, ||z||). Products of one block, or -1: not within `limit`, growing, or not
///           a number.
/// Source    Golub, Ye, SIAM J. Sci. Comput. 21 (1999).
template <class T, class Algebra, class Project, class Wanted>
int refine_by_cg(Algebra& algebra, int n, int columns, int limit, T* r, T* z, T* s, T* work,
                 Project const& project, Wanted const& wanted) {
  struct Column {
    T rs = 0, alpha = 0, first = 0;
    bool done = false;
  };
  std::vector<Column> state(columns);
  long const all = long(n) * columns;
  T *const p = work, *const q = work + all;
  std::fill(z, z + all, T(0));
  std::fill(p, p + all, T(0));
  std::fill(q, q + all, T(0));
  auto const dot = [&](T const* x, T const* y) {
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; ++i) sum += x[i] * y[i];
    return sum;
  };
  for (int step = 0;; ++step) {
    bool done = true;
    for (int c = 0; c < columns; ++c) {
      long const at = long(c) * n;
      T const residual = std::sqrt(dot(r + at, r + at));
      if (step == 0) state[c].first = residual;
      // Grown: A is not what was factored, or has a kernel vector that nobody took out.
      if (!(residual <= 100 * state[c].first)) return -1;
      state[c].done = residual <= wanted(c, std::sqrt(dot(z + at, z + at)));
      done &= state[c].done;
    }
    if (done) return step;
    if (step == limit) return -1;
    std::copy(r, r + all, s);
    algebra.precondition(columns, s);
    project(s);
    for (int c = 0; c < columns; ++c) {
      long const at = long(c) * n;
      auto& k = state[c];
      T const rs = dot(r + at, s + at);
      T const beta = k.rs > T(0) ? -k.alpha * dot(q + at, s + at) / k.rs : T(0);
      k.rs = rs;
#pragma omp simd
      for (int i = 0; i < n; ++i) p[at + i] = s[at + i] + beta * p[at + i];
    }
    algebra.multiply(columns, p, q);
    for (int c = 0; c < columns; ++c) {
      long const at = long(c) * n;
      auto& k = state[c];
      T const curvature = dot(p + at, q + at);
      // A column that is done goes on with the others; at the end of its digits it stays where it is.
      k.alpha = curvature > T(0) ? dot(r + at, p + at) / curvature : T(0);
      if (k.done && !std::isfinite(k.alpha)) k.alpha = T(0);
#pragma omp simd
      for (int i = 0; i < n; ++i) {
        z[at + i] += k.alpha * p[at + i];
        r[at + i] -= k.alpha * q[at + i];
      }
    }
  }
}

}  // namespace minfold::impl

#endif
