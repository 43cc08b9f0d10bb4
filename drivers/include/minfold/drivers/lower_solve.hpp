// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_LOWER_SOLVE_HPP
#define MINFOLD_DRIVERS_LOWER_SOLVE_HPP

#include <minfold/drivers/problem.hpp>
#include <minfold/kernels/pinv_cg.hpp>

namespace minfold {

/// Moves every point onto S(x) = argmin g(x, .), or as far towards it as it can: the lower solve and
/// the normal correction of a point already near S.
///
/// Requires  y: (items, dim_y), items a multiple of the targets; records: (items).
/// Gives     y moved; `converged` points have a gradient at rounding level. Points that end in a
///           local minimum of g that is not global look converged: comparing g among the candidates
///           is the caller's.
/// Costs     a Newton step: 1 gradient, 1 value a trial, the CG products. One launch and no wait where the
///           problem has a lower_solve_by_teams, as FunctorProblem itself; else waits once a step, and for its CG.
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
