// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_CG_VERDICT_HPP
#define MINFOLD_KERNELS_IMPL_CG_VERDICT_HPP

#include <minfold/core/status.hpp>
#include <minfold/core/team.hpp>

/// What CG and preconditioned CG decide alike, from the numbers of their states.
namespace minfold::impl {

struct CgVerdict {
  bool go_on;       ///< from the recomputed residual
  Outcome outcome;  ///< where it does not go on
};

/// On a recomputed residual, s.full, of which true_residual is in range P. `level`: of ||A|| ||z|| + ||b||, what
/// rounding is held to leave. `refused`: nothing is left of r, but the caller does not take the end for one.
template <class State, class Options, class T>
KOKKOS_INLINE_FUNCTION CgVerdict judge_residual(State const& s, Options const& options, int limit,
                                                bool knows_kernel, bool refused, T true_residual,
                                                T z_norm, T level = T(8) * epsilon<T>) {
  // Where A was only seen on its kernel, s.norm is rounding and says nothing; hence the limit.
  T const attainable = Kokkos::min(level * (s.norm * z_norm + T(1)), T(0.01) * s.projected);
  T const allowed = Kokkos::max(options.relative_tolerance * s.projected, attainable);
  if (true_residual <= allowed && !refused) {
    // One more round towards the tolerance while rounding still leaves room for it. Without a
    // basis there is none: half of a residual at the rounding level lies in the kernel.
    bool const room = knows_kernel && true_residual > options.relative_tolerance * s.projected &&
                      true_residual < T(0.25) * s.verified && s.restarts < options.max_restarts;
    if (!room) return {false, s.full <= allowed ? Outcome::converged : Outcome::inconsistent_rhs};
  }
  bool const progress = true_residual < T(0.25) * s.verified || s.restarts == 0;
  bool const go_on = s.stop == Outcome::converged && progress &&
                     s.restarts < options.max_restarts && s.iterations < limit;
  return {go_on, s.stop == Outcome::converged ? Outcome::iteration_limit : s.stop};
}

/// Of a system that ends with the residual true_residual.
template <class State, class T>
KOKKOS_INLINE_FUNCTION SolveRecord<T> solve_record(State const& s, Outcome outcome,
                                                   T true_residual) {
  SolveRecord<T> record;
  record.outcome = outcome;
  record.iterations = s.iterations;
  record.products = s.products;
  record.rhs_norm = s.rhs_norm;
  record.residual = s.projected > T(0) ? true_residual / s.projected : T(0);
  record.leakage = s.leakage;
  record.operator_norm = s.norm * s.scale;
  if (outcome == Outcome::inconsistent_rhs) {
    // The smallest residual seen bounds what no z could remove.
    T const left = s.stop == Outcome::converged ? true_residual
                                                : Kokkos::min(true_residual, Kokkos::sqrt(s.best));
    record.leakage = Kokkos::sqrt(s.leakage * s.leakage + left * left);
  }
  return record;
}

}  // namespace minfold::impl

#endif
