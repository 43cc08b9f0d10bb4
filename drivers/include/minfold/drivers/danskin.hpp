// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_DANSKIN_HPP
#define MINFOLD_DRIVERS_DANSKIN_HPP

#include <vector>

namespace minfold {

/// Where several points y_i are optimistic minimizers, F has the directional derivative
///     F'(x; w) = min_i <d_i, w>,   d_i = grad_x f - G^T H^+ grad_y f at y_i,
/// and the Clarke subdifferential conv{d_i} (Danskin). Host code, one vector an element.
using Elements = std::vector<std::vector<double>>;

/// F'(x; w). Requires at least one element.
double directional_derivative(Elements const& elements, std::vector<double> const& w);

/// The element of smallest norm of conv{d_i}: zero exactly when x is Clarke stationary, else its
/// negative is a direction of descent, F'(x; -d) <= -||d||^2. Exact up to rounding: every affinely
/// independent subset is an optimality candidate, found by Wolfe's active-set method (Math.
/// Programming 11, 1976).
std::vector<double> min_norm_element(Elements const& elements);

/// The steepest direction of a minimum of smooth functions is the longest element: min over ||w|| <= 1
/// of min_i <d_i, w> is -max_i ||d_i||. At a concave kink the min-norm element may vanish while this one
/// still descends.
std::vector<double> const& steepest_element(Elements const& elements);

/// The same for a sum over targets that share x, F = sum_t min_i f_ti: its subdifferential is the sum
/// of those of the targets. Each tied target adds the segment [0, 1] d_t, d_t the difference of its two
/// elements, to `base`, the sum of the selected ones: the set is { base + sum_t s_t d_t, 0 <= s_t <= 1 }.
///
/// F'(x; w) = <base, w> + sum_t min(0, <d_t, w>).
double directional_derivative(std::vector<double> const& base, Elements const& differences,
                              std::vector<double> const& w);

/// The element of smallest norm: a least-squares problem in the box of s, by coordinate descent until
/// no coordinate moves the sum by more than rounding.
std::vector<double> min_norm_element(std::vector<double> const& base, Elements const& differences);

/// A corner, s_t in {0, 1}, from which no single change of an s_t lengthens the sum. The longest of all
/// corners is a combinatorial problem; the negative of any element d descends, F'(x; -d) <= -||d||^2.
std::vector<double> steepest_element(std::vector<double> const& base, Elements const& differences);

}  // namespace minfold

#endif
