// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_KERNEL_BASIS_HPP
#define MINFOLD_KERNELS_KERNEL_BASIS_HPP

#include <minfold/kernels/basis.hpp>
#include <minfold/kernels/kernel_basis_options.hpp>
#include <minfold/kernels/pinv_cg.hpp>

namespace minfold {

/// Orthonormal basis of ker A = tangent space of the manifold of minimizers; A symmetric positive
/// semidefinite.
///
/// Requires  basis.vectors: (items, capacity, n), basis.dimension: (items), records: (items).
/// Gives     basis.vectors(item, j, :), j < dimension(item), zeros beyond; any dimension from 0 to n.
///           The dimension is the number of eigenvalues within the tolerance, and whether it is to be
///           trusted is decided by the spectral gap there: record.gap, record.smallest_kept (an upper
///           estimate of mu when randomized) and ||A Q|| / ||A|| recomputed. `ambiguous_rank` when the
///           gap is below minimum_gap, `rank_limit` when the dimension exceeds the capacity (then
///           record.dimension is a lower bound), `indefinite_operator` for a clearly negative
///           eigenvalue.
/// Costs     direct: n products (none for DenseOperator), 9 n^3 flops. Randomized: (k + probes,
///           rounded up to block * 2^j) * (CG iterations to a residual of 1e-4 kernel_tolerance, + 3)
///           products, which settle the dimension, and k * (iterations from there to the rounding
///           level, + 1), whatever n is; four times the first part where the kernel's eigenvalues
///           are noise above that residual, or where the inverses of the kept ones add up to
///           a quarter of 1 / (tolerance ||A||): then one may be below it. A start that is the
///           kernel up to delta saves its own columns the iterations of log(1 / delta), and the
///           block is no wider than it and the probes. 6 words a component and column, allocated
///           once a width.
/// Method    randomized: a random block W is projected onto ker A, W - Z with A Z = A W solved by CG
///           (consistent, one product an iteration), then Rayleigh-Ritz on its span. What CG leaves in
///           the excess columns is dominated by the smallest eigenvalues, which is where the gap is
///           read. A block wider than k finds all of ker A with probability one; single-vector
///           Krylov methods miss members of a multiple eigenvalue. Noise of either sign, below
///           kernel_tolerance, counts as zero. Then the k vectors alone are projected again,
///           in the complement of what they span (polish_kernel.hpp). Columns that have ended are
///           not multiplied on. With a start its vectors take the place of the first random ones;
///           what is asked of the result and how it is recomputed does not change.
///           Known bounds [a, b] of the nonzero spectrum (`smallest_nonzero`, `largest`): a Chebyshev
///           polynomial p(A) of the block, p(0) = 1, takes the place of CG. Of degree m it leaves
///           1 / T_m((b + a) / (b - a)) <= 2 exp(-m rate) of every kept eigenvector, rate =
///           log((1 + s) / (1 - s)), s = sqrt(a / b): m = log(20 sqrt(n / tolerance)) / rate. CG has that
///           rate or a better one, but must go down to 1e-4 tolerance: without bounds nothing says
///           that there is no eigenvalue just above the tolerance. So width * (m + 1) products
///           settle the dimension, and noise in the kernel costs none. The count is read off what
///           is left in the columns outside the basis and off the polynomial that was applied, see
///           judge_filter; smallest_kept is a lower estimate then. Bounds that do not hold show
///           there, or in columns that grow: then CG goes on from what the filter has left, or
///           starts anew. `automatic` filters where bounds are given, probes are wanted and m < n,
///           and not from a start.
///           k known: block = k + probes is enough, and the probes still tell if it was wrong.
template <ExecutionSpace E, Operator<E> A, class Records>
void kernel_basis(E const& space, A const& a, Basis<typename A::scalar_type, E> const& basis,
                  Records const& records,
                  KernelBasisOptions<typename A::scalar_type> const& options = {});

/// Bytes that kernel_basis allocates on `space` at its peak, for a basis with room for `capacity` vectors.
/// Randomized: where the largest kernel of the batch has `dimension` vectors, -1 for more than there is
/// room for. A blurred gap widens the block further, at most to what -1 gives; a kernel that is
/// exact in the first place takes less. See pinv_cg_bytes.
template <ExecutionSpace E, Operator<E> A>
std::size_t kernel_basis_bytes(E const& space, A const& a, int capacity,
                               KernelBasisOptions<typename A::scalar_type> const& options = {},
                               int dimension = -1);

}  // namespace minfold

#include <minfold/kernels/impl/kernel_basis_impl.hpp>

#if defined(MINFOLD_EXTERN_TEMPLATES)
#include <minfold/kernels/impl/usual.hpp>

namespace minfold {
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_KERNEL_BASIS, extern)
}
#endif

#endif
