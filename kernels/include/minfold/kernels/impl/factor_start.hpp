// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_FACTOR_START_HPP
#define MINFOLD_KERNELS_IMPL_FACTOR_START_HPP

#include <minfold/kernels/impl/factor_findings.hpp>

#include <algorithm>
#include <vector>

/// What the host paths of kernel_and_pinv start from.
namespace minfold::impl {

/// The three random vectors of the factor paths, the same for every item: what they have to be
/// independent of is the matrix.
template <class T>
struct FactorSketch {
  T const* probe;  ///< (c, i) at c * stride + i
  int stride;
};

/// order := the `width` indices below n with the smallest pivots, these first.
template <class Pivot>
void choose_smallest(int n, std::vector<int>& order, std::size_t width, Pivot const& pivot) {
  auto const before = [&](int i, int j) {
    return pivot(i) < pivot(j) || (pivot(i) == pivot(j) && i < j);
  };
  order.clear();
  if (width == 0) return;
  for (int i = 0; i < n; ++i) {
    // Few are wanted, and most indices are beyond the last of them.
    if (order.size() == width && !before(i, order.back())) continue;
    if (order.size() == width) order.pop_back();
    order.insert(std::upper_bound(order.begin(), order.end(), i, before), i);
  }
}

/// order := the indices below n that inverse iteration starts at, smallest pivots first. Returns the
/// smallest pivot, a NaN if there is one.
template <class T, class Pivot>
T smallest_pivots(int n, std::vector<int>& order, T threshold, Pivot const& pivot) {
  T smallest = pivot(0);
  int small = 0;
  for (int i = 0; i < n; ++i) {
    T const p = pivot(i);
    if (!(p >= smallest)) smallest = p;
    small += p <= threshold;
  }
  order.clear();
  if (smallest == smallest) choose_smallest(n, order, start_width<T>(small, n), pivot);
  return smallest;
}

}  // namespace minfold::impl

#endif
