// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_LOWER_SOLVE_HPP
#define MINFOLD_DRIVERS_LOWER_SOLVE_HPP

#include <minfold/core/status.hpp>
#include <minfold/drivers/problem.hpp>
#include <minfold/kernels/pinv_cg.hpp>

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

/// Moves every point onto S(x) = argmin g(x, .), or as far towards it as it can: the lower solve and
/// the normal correction of a point already near S.
///
/// Requires  y: (items, dim_y), items a multiple of the targets; records: (items).
/// Gives     y moved; `converged` points have a gradient at rounding level. Points that end in a
///           local minimum of g that is not global look converged: comparing g among the candidates
///           is the caller's.
/// Costs     a Newton step: 1 gradient, 1 value a trial, the CG products. Waits once a step.
/// Method    truncated Newton: d = H^+ grad_y g by CG from 0, which is the shortest correction, so that
///           a point near S moves along the normal space; CG stops at the forcing tolerance, before
///           it sees the eigenvalues of H that are small because the point is on S. Negative curvature
///           ends CG with a descent direction. Armijo backtracking on g.
template <class T, ExecutionSpace E>
void lower_solve(E const& space, AnyProblem<T, E> const& problem, Vectors<T const, E> x,
                 Vectors<T, E> y, Scalars<LowerRecord<T>, E> const& records,
                 LowerSolveOptions<T> const& options = {});

}  // namespace minfold

#include <minfold/drivers/impl/lower_solve_impl.hpp>

#endif
