// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_PINV_CG_HPP
#define MINFOLD_KERNELS_PINV_CG_HPP

#include <minfold/kernels/pinv_cg_options.hpp>

namespace minfold {

/// z := A^+ b, A symmetric positive semidefinite.
///
/// Requires  b, z: (items, n), or (items, columns, n) for several right-hand sides; z does not alias
///           b; records: (items * columns), that of (item, c) at item * columns + c. Without a basis
///           b lies in range A. With `kernel`, an orthonormal basis of ker A, P = I - K K^T is
///           applied to b and, by default, to every residual of the iteration.
/// Gives     the minimum-norm solution of A z = P b. record.residual = ||A z - P b|| / ||P b||,
///           recomputed, in and outside range P; record.leakage = ||(I - P) b|| / ||b|| (0 without a
///           kernel basis, and with Reprojection::never), and with it, where the solve found P b
///           inconsistent, what it could not remove.
///           `converged` means: residual <= relative_tolerance, or at the accuracy that arithmetic
///           allows, 8 eps (||A|| ||z|| + ||b||). `inconsistent_rhs`: b was not in the range, or the
///           basis is not that of ker A.
///           `indefinite_operator`: z is the last iterate before the direction of negative
///           curvature (a descent direction for truncated Newton methods), 0 if it was the first.
/// Costs     an iteration: one product, two reductions. 4 n words of workspace a system, allocated.
///           Of explicit matrices (DenseOperator, LayoutRight) a host reads one half in a product:
///           for n <= impl::packed_cg_order as a copy in the cache of each thread, n^2 / 2 packs;
///           up to impl::whole_order, or impl::halves_order with few columns, a thread a system;
///           above, the threads share each product, in up to 8 partial sums a column, so that
///           also one item uses all of them.
///           Any scale of A and b: the work is done on b / ||b|| and A / 2^e.
/// Method    Hestenes-Stiefel CG from z = 0, which stays in range A, restarted from the true
///           residual until that one meets the tolerance.
template <ExecutionSpace E, Operator<E> A, class B, class Z, class Records>
void pinv_cg(E const& space, A const& a, B const& b, Z const& z, Records const& records,
             PinvCgOptions<typename A::scalar_type> const& options = {},
             Basis<typename A::scalar_type, E> const& kernel = {});

/// Bytes that pinv_cg allocates on `space` for so many right-hand sides an item, with a kernel basis that
/// has room for so many vectors. The matrices of `a` are not looked at: a DenseOperator of a View
/// without memory will do.
template <ExecutionSpace E, Operator<E> A>
std::size_t pinv_cg_bytes(E const& space, A const& a, int columns,
                          PinvCgOptions<typename A::scalar_type> const& options = {},
                          int kernel_capacity = 0);

}  // namespace minfold

#include <minfold/kernels/impl/pinv_cg_impl.hpp>

#if defined(MINFOLD_EXTERN_TEMPLATES)
#include <minfold/kernels/impl/usual.hpp>

namespace minfold {
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_PINV_CG, extern)
}
#endif

#endif
