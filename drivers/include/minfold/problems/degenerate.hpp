// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_DEGENERATE_HPP
#define MINFOLD_PROBLEMS_DEGENERATE_HPP

#include <minfold/problems/unit_circle.hpp>

/// Unique selections that are degenerate along the manifold: F is differentiable, its gradient is
/// not Lipschitz continuous. All DERIVED.
namespace minfold {

/// exp(-1/s^2), 0 at s = 0: smooth, all derivatives vanish at 0. Where the exponential is within
/// a few powers of the smallest number of the type (|s| < 0.038 in double, 0.112 in float) the
/// function and its derivatives are exactly 0, so that no 0 times infinity arises.
template <class S>
KOKKOS_FUNCTION S flat_bump(S const& s) {
  using T = plain_t<S>;
  constexpr T deepest = sizeof(T) == sizeof(double) ? T(700) : T(80);
  T const v = plain_value(s);
  if (!(v * v * deepest > T(1))) return S(0);
  return exp(S(T(-1)) / (s * s));
}

/// exp(-1/t^2) for t < 0, else 0: lifts the left half of the circle and leaves the right half.
template <class S>
KOKKOS_FUNCTION S left_bump(S const& t) {
  return plain_value(t) < 0 ? flat_bump(t) : S(0);
}

/// f = |y_1|^{2p} / (2p) - x y_1 + weight left_bump(y_0) + bowl(x)  (closed-form test H_p)
///   F - bowl = -(1 - 1/(2p)) |x|^{2p/(2p-1)}  for |x| <= 1,  1/(2p) - |x|  beyond;
/// grad F is Hoelder continuous at 0 with exponent exactly 1/(2p - 1).
template <class T>
struct Hoelder : UnitCircle<T> {
  int power_half = 1;  ///< p
  T weight{};

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int, X const& x, Y const& y) const {
    return power(y(1) * y(1), power_half) / T(2 * power_half) - x(0) * y(1) +
           weight * left_bump(y(0)) + this->bowl(x);
  }
};

/// f = exp(-1/y_1^2) - x y_1 + weight left_bump(y_0) + bowl(x)  (closed-form test H_flat)
/// F - bowl = psi(s*) - x s*, psi'(s*) = x, psi(s) = exp(-1/s^2): grad F is continuous at 0 and has
/// no positive Hoelder exponent there, with infinitely smooth data.
template <class T>
struct Flat : UnitCircle<T> {
  T weight{};

  template <class X, class Y>
  KOKKOS_FUNCTION joint_t<X, Y> upper(int, X const& x, Y const& y) const {
    return flat_bump(y(1)) - x(0) * y(1) + weight * left_bump(y(0)) + this->bowl(x);
  }
};

}  // namespace minfold

#endif
