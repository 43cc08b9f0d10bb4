// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_REFINE_HPP
#define MINFOLD_DRIVERS_REFINE_HPP

#include <minfold/drivers/impl/tangent_memory.hpp>
#include <minfold/drivers/lower_solve.hpp>
#include <minfold/drivers/refine_record.hpp>
#include <minfold/kernels/tangent_space.hpp>

namespace minfold {

template <std::floating_point T>
struct RefineOptions {
  int max_iterations = 80;
  /// Stop at ||P_ker grad_y f|| <= tolerance * scale of the target's gradients.
  T tolerance = std::is_same_v<T, float> ? T(1e-5) : T(1e-10);
  bool newton = true;  ///< Riemannian Newton where the problem gives second-order products
  /// Largest k for which Hess_S f is formed, in a step of Newton and for the certificate.
  int newton_order = 512;
  /// Smallest k for which a step of Newton is CG instead. A formed Hessian costs k products with each of
  /// the two operators, CG one an iteration, so CG is tried first and given up for the rest of a solve
  /// once it takes k iterations where k <= newton_order: twice the cheaper of the two at most. Below this k
  /// there is nothing to win. Measured, second-order products of all refinements, formed and by CG:
  /// hyper-cleaning on digits, k = 155, 6200 and 42; with the squared loss, k = 100, 6600 and 42; stiefel,
  /// k = 9, 9342 and 3974, all too cheap to matter.
  int truncated_order = 24;
  int curvature_steps = 1000;  ///< of Lanczos for the certificate, where k > newton_order
  TangentSpaceOptions<T> tangent = {};
};

/// Moves every point along S(x) to a critical point of f on S(x).
///
/// Requires  y: (items, dim_y) on S(x) (lower_solve converged); items whose lower outcome is not
///           converged are left alone and end with that outcome.
/// Gives     y moved, on S(x) again; lower: the records of its last normal correction.
/// Costs     a step: the tangent space, one solve, one normal correction a trial; with Newton also
///           2 k second-order products, or 2 an iteration of CG. A tangent space that still holds at the next
///           point costs one product, see impl::still_tangent.
/// Method    Riemannian gradient rT = P_ker grad_y f and multiplier lambda = H^+ grad_y f in one solve.
///           Newton on the k x k matrix of Hess_S f[v, w] = <v, (d2f/dy2 - d3g/dy3[lambda]) w>, v, w in ker H
///           (methods: Hessian of the Lagrangian on the tangent space), with |eigenvalues| so that the
///           step descends, and an escape along negative curvature at saddles; or the same without the
///           matrix, by CG and Lanczos, see RefineOptions::truncated_order; else, and where the tangent
///           space is implicit, descent with Barzilai-Borwein steps. Armijo on f after the normal correction (the retraction).
template <class T, ExecutionSpace E>
void refine(E const& space, AnyProblem<T, E> const& problem, Vectors<T const, E> x, Vectors<T, E> y,
            Scalars<LowerRecord<T>, E> const& lower, Scalars<RefineRecord<T>, E> const& records,
            Scalars<TargetScale<T>, E> const& scales, LowerSolveOptions<T> const& lower_options,
            RefineOptions<T> const& options, TangentMemory<T, E>& memory);

/// Hess_S f of each item as a matrix on the kernel basis q(item, j, :), j < dimension(item):
/// out(item, i, j) = <q_i, (d2f/dy2 - d3g/dy3[lambda]) q_j>; beyond the dimension
/// a diagonal of its largest entry, which disturbs neither end of the spectrum.
/// Costs 2 columns second-order products an item.
template <class T, ExecutionSpace E>
void riemannian_hessian(E const& space, AnyProblem<T, E> const& problem, Vectors<T const, E> x,
                        Vectors<T const, E> y, Vectors<T const, E> lambda, Basis<T, E> const& q,
                        Blocks<T, E> const& out);

}  // namespace minfold

#include <minfold/drivers/impl/refine_impl.hpp>

#endif
