// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_PINV_DIRECT_HPP
#define MINFOLD_KERNELS_PINV_DIRECT_HPP

#include <minfold/kernels/impl/spectral.hpp>
#include <minfold/kernels/pinv_cg.hpp>

namespace minfold {

template <std::floating_point T>
struct PinvDirectOptions {
  T kernel_tolerance = default_kernel_tolerance<T>;
  T minimum_gap = 10;
  T relative_tolerance = default_tolerance<T>;  ///< on ||A z - P b|| / ||P b||
};

/// z := A^+ b through the eigen-decomposition of A: the contract of pinv_cg, for any symmetric A and
/// any b, and with the dimension of the kernel decided by the spectral gap.
///
/// Requires  b, z: (items, n) or (items, columns, n), of any layout and stride; records:
///           (items * columns); kernel_records: (items).
/// Gives     record.residual = ||A z - P b|| / ||P b||, recomputed with the operator;
///           record.leakage = ||(I - P) b|| / ||b||. `converged`: residual <= relative_tolerance, or
///           at the accuracy that arithmetic allows, as in pinv_cg; `iteration_limit` where two steps
///           of refinement do not get there. `ambiguous_rank` when the gap is not clear: z then
///           belongs to the split that the record names. An indefinite A is solved (A^+ is defined) if
///           its gap is clear; the outcome of kernel_records says that it is indefinite.
/// Costs     n products an item (none for DenseOperator), 9 n^3 flops, 3 n^2 words an item, allocated;
///           a vector one product for its residual, and one more a step of refinement. A copy of b, and
///           one of z, where they are not LayoutRight or parts of wider arrays.
template <ExecutionSpace E, Operator<E> A, class B, class Z, class Records, class KernelRecords>
void pinv_direct(E const& space, A const& a, B const& b, Z const& z, Records const& records,
                 KernelRecords const& kernel_records,
                 PinvDirectOptions<typename A::scalar_type> const& options = {});

/// Bytes that pinv_direct allocates in the memory of E at its peak: that of the decomposition or, with
/// many right-hand sides, of a step of refinement, which a solve may do without. `copies`: how many of
/// b and z are not LayoutRight and contiguous.
template <std::floating_point T, ExecutionSpace E = Kokkos::DefaultExecutionSpace>
std::size_t pinv_direct_bytes(int items, int columns, int n, bool explicit_matrices = true,
                              E const& space = E(), int copies = 0);

}  // namespace minfold

#include <minfold/kernels/impl/pinv_direct_impl.hpp>

#if defined(MINFOLD_EXTERN_TEMPLATES)
#include <minfold/kernels/impl/usual.hpp>

namespace minfold {
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_PINV_DIRECT, extern)
}
#endif

#endif
