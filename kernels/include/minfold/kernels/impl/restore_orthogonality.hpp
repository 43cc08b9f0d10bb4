// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_RESTORE_ORTHOGONALITY_HPP
#define MINFOLD_KERNELS_IMPL_RESTORE_ORTHOGONALITY_HPP

#include <minfold/core/status.hpp>
#include <minfold/kernels/impl/host_lapack.hpp>

#include <algorithm>
#include <cmath>

namespace minfold::impl {

/// Divide and conquer can leave eigenvectors of a cluster orthogonal to far less than rounding: xSYEVD of LAPACK
/// 3.12 was seen with |v_l^T v_j| = 1e-10 in double, for 12 eigenvalues within 1e-12 ||A|| at n = 347, upper
/// triangle. Eigenvectors with residuals at rounding overlap by at most 2 eps ||A|| / |w_j - w_l|, so that to take
/// the one out of the other changes no residual by more than rounding.
///
/// v: n columns of n, orthonormal but for few pairs; gram: n^2 numbers of work. False: a vector has no part of
/// its own. Costs n^3 flops by syrk, and 8 n a pair that is not orthogonal.
template <class T>
bool restore_orthogonality(int n, T* v, T* gram) {
  T const limit = std::max(T(64), 4 * std::sqrt(T(n))) * epsilon<T>;
  host::syrk(n, n, v, n, gram, n);
  auto const column = [&](int j) { return v + long(j) * n; };
  auto const dot = [&](T const* x, T const* y) {
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n; ++i) sum += x[i] * y[i];
    return sum;
  };
  for (int j = 0; j < n; ++j) {
    T const* const overlaps = gram + long(j) * n;
    bool changed = false;
    for (int pass = 0; pass < 2; ++pass)
      for (int l = 0; l < j; ++l) {
        if (std::abs(overlaps[l]) <= limit) continue;
        T const overlap = dot(column(l), column(j));
        for (int i = 0; i < n; ++i) column(j)[i] -= overlap * column(l)[i];
        changed = true;
      }
    if (!changed) continue;
    T const norm = std::sqrt(dot(column(j), column(j)));
    if (!(norm > T(0.5))) return false;
    for (int i = 0; i < n; ++i) column(j)[i] /= norm;
  }
  return true;
}

}  // namespace minfold::impl

#endif
