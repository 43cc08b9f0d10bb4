// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_NYSTROM_RULE_HPP
#define MINFOLD_KERNELS_IMPL_NYSTROM_RULE_HPP

#include <minfold/core/impl/tuning.hpp>
#include <minfold/core/status.hpp>

namespace minfold::impl {

/// Eigenvalues of the sketch below this share of the largest are the rounding of the others: 64 times
/// the rounding level of its sums.
template <std::floating_point T>
KOKKOS_INLINE_FUNCTION T nystrom_cut(int n) {
  return T(64) * rounding<T>(n);
}

/// Where the rule works: see nystrom.hpp.
template <std::floating_point T>
struct NystromRule {
  int columns;
  T smallest, tolerance;

  KOKKOS_FUNCTION T iterations_from(T value, T mu) const {
    T const ratio = value > mu ? value / mu : T(1);
    return T(0.5) * Kokkos::sqrt(ratio) * Kokkos::log(T(2) / tolerance);
  }
  KOKKOS_FUNCTION T iterations(T value) const {
    return smallest > T(0) ? iterations_from(value, smallest) : T(0);
  }
  /// Values v(0) >= ... >= v(width - 1) of a sketch that has not found the whole range.
  template <class V>
  KOKKOS_FUNCTION bool wants_more(V const& v, int width) const {
    if (width < 2) return true;
    T const fall = v(width - 1) / v(width / 2 - 1);
    if (!(fall <= (smallest > T(0) ? T(0.5) : T(1) / T(3)))) return false;
    // What counts as nonzero in this library is above the kernel tolerance.
    T const mu = smallest > T(0) ? smallest : default_kernel_tolerance<T> * v(0);
    T const saved = T(columns) * iterations_from(v(width - 1), mu) * (T(1) - Kokkos::sqrt(fall));
    return saved > T(nystrom_block_cost) * T(width);
  }
  KOKKOS_FUNCTION bool pays(T first, T last, int products) const {
    if (!(smallest > T(0))) return last <= T(0.01) * first;
    return last <= T(0.1) * first && T(columns) * (iterations(first) - iterations(last)) >=
                                         T(nystrom_block_cost) * T(products);
  }
};

/// Eigenvalues of F F^T, largest first; 0 for those that are rounding, and where there are none.
template <class W, class Records>
struct NystromValues {
  using T = typename W::non_const_value_type;
  W ascending;
  Records eigen;
  int item, width;
  T cut;

  KOKKOS_FUNCTION T operator()(int i) const {
    T const w = ascending(item, width - 1 - i);
    bool const kept = eigen(item).outcome == Outcome::converged && w > T(0) &&
                      w > cut * ascending(item, width - 1);
    return kept ? w : T(0);
  }
};

}  // namespace minfold::impl

#endif
