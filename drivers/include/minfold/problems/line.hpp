// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_LINE_HPP
#define MINFOLD_PROBLEMS_LINE_HPP

#include <minfold/core/dual.hpp>
#include <minfold/problems/joint.hpp>

namespace minfold {

/// A line of solutions (closed-form test T6; FOUND: toy_lls.py of the BOME authors):
///   g = 1/2 y_0^2 - x y_0,  f = 1/2 (x - y_1)^2 + 1/2 (y_0 - target)^2
/// S(x) = {(x, anything)}, y* = (x, x), F = 1/2 (x - target)^2. In the source target = 1.
///
/// Selection matters (DERIVED): implicit differentiation at y = (x, y_1) gives
/// (x - y_1) + (x - target), which is -2.4 at x = 0.3, y = (0.3, 2), target = 1, where the
/// hypergradient F' = x - target is -0.7.
template <class T>
struct Line {
  T target = T(1);

  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return 2; }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> lower(int, X const& x, Y const& y) const {
    return T(0.5) * y(0) * y(0) - x(0) * y(0);
  }
  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int, X const& x, Y const& y) const {
    return T(0.5) * (x(0) - y(1)) * (x(0) - y(1)) + T(0.5) * (y(0) - target) * (y(0) - target);
  }
};

}  // namespace minfold

#endif
