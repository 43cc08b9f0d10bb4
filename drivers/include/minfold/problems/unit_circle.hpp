// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_UNIT_CIRCLE_HPP
#define MINFOLD_PROBLEMS_UNIT_CIRCLE_HPP

#include <minfold/core/dual.hpp>
#include <minfold/core/random.hpp>
#include <minfold/problems/joint.hpp>

namespace minfold {

/// What the problems on the unit circle share: x is one number,
///   g = 1/4 (|y|^2 - 1)^2,  y in R^2,
/// and f contains curvature/2 (x - center)^2, which keeps F bounded below.
template <class T>
struct UnitCircle {
  T curvature{}, center{};

  KOKKOS_FUNCTION int batch_size() const { return 1; }
  KOKKOS_FUNCTION int dim_x() const { return 1; }
  KOKKOS_FUNCTION int dim_y() const { return 2; }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> lower(int, X const&, Y const& y) const {
    auto const excess = y(0) * y(0) + y(1) * y(1) - T(1);
    return T(0.25) * excess * excess;
  }

  template <class X>
  KOKKOS_FUNCTION auto bowl(X const& x) const {
    return T(0.5) * curvature * (x(0) - center) * (x(0) - center);
  }
};

/// f = -A (2 y_0^2 - 1) - x y_0 + bowl(x), A >= 0 (closed-form test T7, DERIVED): wells at
/// y_0 = -1 and 1;
///   F = -A - |x| + bowl(x).
/// With the bowl 1/2 (x - 0.3)^2 the local minima are x = 1.3, F = -A - 0.8, and x = -0.7,
/// F = -A - 0.2. From x = -0.1 a method that selects goes to -0.7, one that only tracks a start in
/// the right well goes to 1.3.
template <class T>
struct TwoWell : UnitCircle<T> {
  T amplitude{};

  /// The first candidate of a solve is in the right well, (0.8, 0.6), so that what tracking alone
  /// does from there is the same for every seed; all others are standard normal.
  KOKKOS_FUNCTION double restart(Place place) const {
    if (place.item == 0 && place.column == 0) return place.row == 0 ? 0.8 : 0.6;
    return normal(place);
  }

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int, X const& x, Y const& y) const {
    return -amplitude * (T(2) * y(0) * y(0) - T(1)) - x(0) * y(0) + this->bowl(x);
  }
};

/// f = -x y_0 + bowl(x), F = -|x| + bowl(x) (closed-form test N1, DERIVED). At x = 0 the whole
/// circle is optimal and F has a concave kink.
template <class T>
struct Kink : UnitCircle<T> {
  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int, X const& x, Y const& y) const {
    return -x(0) * y(0) + this->bowl(x);
  }
};

/// f = -sin(N x) y_0 + bowl(x), F = -|sin N x| + bowl(x) (closed-form test N2, DERIVED): kinks at
/// every multiple of pi / N.
template <class T>
struct Kinks : UnitCircle<T> {
  T frequency{};  ///< N

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int, X const& x, Y const& y) const {
    return -sin(frequency * x(0)) * y(0) + this->bowl(x);
  }
};

}  // namespace minfold

#endif
