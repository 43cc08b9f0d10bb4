// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_PINV_PCG_HPP
#define MINFOLD_KERNELS_PINV_PCG_HPP

#include <minfold/kernels/nystrom.hpp>
#include <minfold/kernels/pinv_cg.hpp>

namespace minfold {

template <std::floating_point T>
struct PinvPcgOptions {
  T relative_tolerance = default_tolerance<T>;  ///< on ||A z - P b|| / ||P b||
  int max_iterations = 0;                       ///< 0: 10 n + 100
  int max_restarts = 8;  ///< times that CG starts again from the recomputed residual
  /// Curvature p^T A p below -this * ||A|| ||p||^2 ends with Outcome::indefinite_operator.
  T negative_curvature = default_kernel_tolerance<T>;
  /// z holds a first guess, such as the last solution of a slowly moving operator. Needs a kernel
  /// basis: what the guess has in ker A is removed, and no product with A would tell. A guess
  /// whose residual is larger than that of 0 is dropped.
  bool warm_start = false;
};

/// z := A^+ b by CG preconditioned with a Nystrom approximation, A symmetric positive semidefinite: the
/// contract of pinv_cg, fewer products where the spectrum decays.
///
/// Requires  b, z, records, kernel: as pinv_cg. `approximation`: nystrom() of A, or of an operator near
///           A (the last outer iterate): the better it fits, the fewer the iterations.
/// Gives     as pinv_cg; without a kernel basis, where b lies in range A, the accuracy that arithmetic
///           allows is taken to be 8 sqrt(n) eps (||A|| ||z|| + ||b||), and what ends above that but
///           can go no further is said to be `inconsistent_rhs`. The part of z in ker A is of
///           the size kappa eps ||z||, that of plain CG too, for an approximation of A itself; one of
///           another operator has vectors outside range A, so that it needs a kernel basis, with
///           which z lies in range P whatever the approximation is.
/// Costs     an iteration: one product, 4 n rank + 12 n flops; once, one more product an item. The
///           products of finished systems are saved only where a host reads one half of an explicit
///           matrix, as pinv_cg does; where that works a thread a system, a whole solve is one launch.
/// Method    preconditioned CG with M = I - U (I - v_l / V) U^T, V = diag(values), v_l the smallest: A M has
///           its large eigenvalues at about v_l and keeps the others (Frangella, Tropp, Udell 2023,
///           (5.3), mu = 0). DERIVED for singular A: the sketch is taken through A, so u_j in
///           range A and M maps range A and ker A each to itself; on range A, M is positive
///           definite, and CG from z = 0 converges to A^+ b. With a kernel basis, M is replaced by
///           P M P. Restarted from the true residual as pinv_cg.
template <ExecutionSpace E, Operator<E> A, class B, class Z, class Records>
void pinv_pcg(E const& space, A const& a, Nystrom<typename A::scalar_type, E> const& approximation,
              B const& b, Z const& z, Records const& records,
              PinvPcgOptions<typename A::scalar_type> const& options = {},
              Basis<typename A::scalar_type, E> const& kernel = {});

/// Bytes that pinv_pcg allocates on `space` at its peak, with an approximation that has room for `width`
/// vectors an item; see pinv_cg_bytes.
template <ExecutionSpace E, Operator<E> A>
std::size_t pinv_pcg_bytes(E const& space, A const& a, int width, int columns);

}  // namespace minfold

#include <minfold/kernels/impl/pinv_pcg_impl.hpp>

#if defined(MINFOLD_EXTERN_TEMPLATES)
#include <minfold/kernels/impl/usual.hpp>

namespace minfold {
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_PINV_PCG, extern)
}
#endif

#endif
