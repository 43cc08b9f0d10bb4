// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_STATIONARITY_CONSTRAINT_HPP
#define MINFOLD_DRIVERS_IMPL_STATIONARITY_CONSTRAINT_HPP

#include <minfold/drivers/oracle.hpp>

#include <algorithm>

namespace minfold::impl {

/// grad f and the constraint h = ||grad_y g||^2 = 0 at a point, one h a row:
///     grad h = 2 (G^T s, H s),  s = grad_y g.
/// Costs 2 gradients, 1 Hessian and 1 mixed product.
template <class T, ExecutionSpace E>
struct StationarityConstraint {
  using PerRow = std::vector<double>;
  using V = Vectors<T, E>;

  typename Oracle<T, E>::Joint upper, gradient;  ///< grad f, grad h
  V residual;                                    ///< s
  PerRow value, square, slope, upper_square;     ///< h, |grad h|^2, <grad f, grad h>, |grad f|^2

  void begin(Oracle<T, E>& o) {
    upper = o.like_both("upper_gradient");
    gradient = o.like_both("constraint_gradient");
    residual = o.like_y("lower_gradient");
  }
  void evaluate(Oracle<T, E>& o, V x, V y) {
    o.upper_gradient(x, y, upper.x, upper.y);
    o.lower_gradient(x, y, residual);
    o.mixed_transpose(x, y, residual, gradient.x);
    o.hessian(x, y, residual, gradient.y);
    PerRow const twice(o.rows(), 2.0), none(o.rows(), 0.0);
    o.axpby(none, gradient, twice, gradient);
    value = o.dot(residual, residual);
    square = o.dot(gradient, gradient);
    slope = o.dot(upper, gradient);
    upper_square = o.dot(upper, upper);
  }
};

/// Multiplier of  min_d 1/2 |d + grad f|^2  s.t.  <grad h, d> + decrease <= 0,
///     lambda = [decrease - <grad h, grad f>]_+ / |grad h|^2.
/// The guard is DERIVED, the published code has none: where |grad h|^2 < 1e-28 the constraint says nothing
/// that its rounding does not, and lambda = 0.
inline double qp_multiplier(double slope, double decrease, double square) {
  return square < 1e-28 ? 0.0 : std::max(0.0, decrease - slope) / square;
}

}  // namespace minfold::impl

#endif
