// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_LOWER_SOLVE_OPTIONS_HPP
#define MINFOLD_DRIVERS_LOWER_SOLVE_OPTIONS_HPP

#include <minfold/core/status.hpp>

namespace minfold {

template <std::floating_point T>
struct LowerSolveOptions {
  /// Stop at ||grad_y g|| <= tolerance * ||H|| * length_scale: distance to S in typical lengths.
  T tolerance = std::is_same_v<T, float> ? T(2e-6) : T(1e-13);
  /// Rounding in grad_y g may keep the tolerance out of reach: a residual below this that three steps
  /// in a row do not halve is at rounding, and so is one below 64 eps that a single step does not.
  T rounding = (std::is_same_v<T, float> ? T(1e3) : T(1e4)) * epsilon<T>;
  int max_iterations = 200;
  int max_cg_iterations = 500;  ///< of one Newton step
};

template <std::floating_point T>
struct LowerRecord {
  Outcome outcome = Outcome::not_run;
  int iterations = 0;
  int products = 0;
  int stalls = 0;       ///< steps in a row that did not halve the residual
  T residual = 0;       ///< ||grad_y g|| / (||H|| length_scale)
  T gradient_norm = 0;  ///< ||grad_y g||
  T operator_norm = 0;  ///< lower bound of ||H|| at the last step
  T value = 0;          ///< g
};

/// What a lower solve of one point asked of the problem.
struct LowerEvaluations {
  int values = 0, gradients = 0, hessian_products = 0;
};

}  // namespace minfold

#endif
