// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_KERNEL_AND_PINV_HPP
#define MINFOLD_KERNELS_KERNEL_AND_PINV_HPP

#include <minfold/core/dense_operator.hpp>
#include <minfold/core/status.hpp>
#include <minfold/kernels/basis.hpp>

namespace minfold {

/// How kernel_and_pinv works.
enum class FactorMethod {
  automatic,  ///< hosts: packed up to n = 288, above blocked, or pivoted where the basis has room for
  ///< n / 16 vectors or more; mixed from n = 1536 on where that room is for 16 vectors at
  ///< most and kernel_tolerance at least 1e-6; devices: team
  packed,    ///< hosts: several items in the lanes of one thread; n <= 320
  blocked,   ///< hosts: one item a thread, lanes within it; large n
  pivoted,   ///< hosts: one item a thread, pivoted Cholesky; a kernel that is a sizeable part
  team,      ///< any space: one team an item; devices
  spectral,  ///< the whole spectrum: what the others leave undecided
  mixed,     ///< hosts, double: blocked with the factor in float, refined in double; blocked where
             ///< there is no such factor (float, n < 4 (columns + 83)) or where it leaves doubts
};

template <std::floating_point T>
struct KernelAndPinvOptions {
  FactorMethod method = FactorMethod::automatic;
  /// |eigenvalue| <= this * ||A|| counts as zero.
  T kernel_tolerance = default_kernel_tolerance<T>;
  /// Smallest ratio of the smallest kept to the largest dropped |eigenvalue| that is trusted.
  T minimum_gap = 10;
  T relative_tolerance = default_tolerance<T>;  ///< on ||A z - P b|| / ||P b||
  std::uint64_t seed = 1;
};

/// Orthonormal basis Q of ker A and z := A^+ b, from one factorization; A an explicit symmetric
/// positive semidefinite matrix. Where a Cholesky factorization says less than all, the spectrum is
/// computed: any symmetric A is answered as by pinv_direct and kernel_basis.
///
/// Requires  a: of any layout and stride, its lower triangles are read; b, z: (items, n) or
///           (items, columns, n), of any layout and stride, columns may be 0; basis.vectors: (items, capacity, n);
///           basis.dimension, kernel_records: (items); records: (items * columns), that of (item, c)
///           at item * columns + c. z does not alias b.
/// Gives     basis.vectors(item, j, :), j < dimension(item), zeros beyond; z of least norm, A z = P b
///           with P = I - Q Q^T for the whole kernel, whatever the capacity. kernel_records as of
///           kernel_basis: `converged` only where dimension and gap are certain, `rank_limit` where
///           the kernel is larger than the capacity; its smallest_kept is an upper estimate of mu by
///           Rayleigh quotients and norm_estimate a lower bound of ||A|| (spectral: exact). records
///           as of pinv_direct: residual and leakage recomputed with A.
/// Costs     mixed: n^3 / 3 flops in float, and in double some 5 products of k + 3 + columns columns where
///           the range has condition 1e2, 9 at 1e4; blocked: n^3 / 3 + (5 k + 43 + 8 columns) n^2 flops at most; packed: as much in leading order;
///           pivoted, r = n - k: r^2 n - 2/3 r^3 + r^2 k + 2 n k^2, and some 2 n^2 (k / 16) for the refinement
///           of the basis; items that end in the spectrum 9 n^3. Host workspace a thread, allocated, in
///           numbers: packed about 5 n^2 an item of a pack; blocked 3 n^2 + (4 columns + 206) n, the two
///           tiled triangles being n^2 of it; pivoted 2 n^2 + (6 columns + 29) n. Waits once, to see
///           whether an item needs the spectrum. A copy each of the matrices, b and z that are not LayoutRight
///           or parts of wider arrays, to the same bits.
/// Method    L L^T = A + mu I with mu at the rounding level of the factorization; its small pivots
///           count the kernel; inverse iteration from L^-T e_j of these pivots j gives the basis, CholeskyQR2 makes
///           it orthonormal, A Q is recomputed. Three random vectors orthogonal to it, iterated
///           twice with the same factor, show the smallest eigenvalue that is left: a kernel
///           vector that the pivots missed would be there. z by the factor between projections, one
///           step of refinement. pivoted: the pivoted factor tells the rank, its null space is
///           refined where it is uncertain. The estimate of mu fails where a random vector is orthogonal
///           to an eigenvector of it to about 1e-3, three times: what is closer than a factor 30 to the
///           threshold is left to the spectrum.
///           mixed: that factor in float, mu at its rounding level, preconditions CG with A, for the basis
///           X - A^+ A X from the small Ritz vectors X of inverse iteration, and for z. A probe that CG
///           solves to all digits has no component in a kernel vector that was missed; else blocked.
/// Source    randomized range finding on the inverse: Halko, Martinsson, Tropp, SIAM Rev. 53 (2011);
///           CholeskyQR2: Yamamoto et al., ETNA 44 (2015). The combination and its checks: DERIVED.
template <ExecutionSpace E, class Matrix, class B, class Z, class Records, class KernelRecords>
void kernel_and_pinv(
    E const& space, DenseOperator<Matrix> const& a, B const& b, Z const& z,
    Basis<std::remove_const_t<typename Matrix::value_type>, E> const& basis, Records const& records,
    KernelRecords const& kernel_records,
    KernelAndPinvOptions<std::remove_const_t<typename Matrix::value_type>> const& options = {});

/// Bytes that kernel_and_pinv allocates on `space` at its peak, for so many right-hand sides an item and
/// room for `capacity` vectors, where `undecided` items go on to the spectrum. `packed`: scratch that
/// Kokkos keeps for the space is among them, once. `copies`: how many of b and z are not LayoutRight and
/// contiguous; of the matrices `a` tells. See pinv_cg_bytes.
template <ExecutionSpace E, class Matrix>
std::size_t kernel_and_pinv_bytes(
    E const& space, DenseOperator<Matrix> const& a, int columns, int capacity,
    KernelAndPinvOptions<std::remove_const_t<typename Matrix::value_type>> const& options = {},
    int undecided = 0, int copies = 0);

}  // namespace minfold

#include <minfold/kernels/impl/kernel_and_pinv_impl.hpp>

#if defined(MINFOLD_EXTERN_TEMPLATES)
#include <minfold/kernels/impl/usual.hpp>

namespace minfold {
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_KERNEL_AND_PINV, extern)
}
#endif

#endif
