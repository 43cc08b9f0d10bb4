// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_RANGE_FINDER_HPP
#define MINFOLD_KERNELS_RANGE_FINDER_HPP

#include <minfold/kernels/range_finder_options.hpp>

namespace minfold {

/// Randomized orthonormal basis of the range of a symmetric A, with eigenvalue estimates.
///
/// Requires  basis.vectors: (items, capacity, n), basis.dimension: (items), values: (items, capacity),
///           records: (items). Fixed rank needs capacity >= rank. RangeMethod::pivoted_cholesky: a
///           DenseOperator and semidefinite = true.
/// Gives     basis.vectors(item, j, :), j < rank, orthonormal Ritz vectors; values(item, j) their Ritz
///           values, largest magnitude first. record.range_residual bounds ||(I - Q Q^T) A|| / ||A||.
///           `rank_limit`: the capacity is too small for the tolerance. `ambiguous_rank`: kept and
///           dropped values are within minimum_gap.
///
/// Sketch    The bound holds with probability 1 - 10^-block by fresh probes. The width of the sketch
///           is one for the whole batch: see item_ids for its order.
///   Costs   fixed tolerance: about 2 (r + 2 block) products, half as many again where the rest of
///           the spectrum is noise and not rounding; fixed rank: (rank + oversampling)
///           (2 + power_iterations) + block.
///   Method  Halko, Martinsson, Tropp, SIAM Rev. 53 (2011), algorithms 4.2-4.4; each block of products
///           first serves as the probe of the basis so far (their (4.3)).
///
/// Pivoted   With A >= 0 and A ~ L L^T by pivoted Cholesky, Ritz pairs are those of L L^T: values are
/// Cholesky  below A's and within the bound of them. E = A - L L^T >= 0, so ||(I - Q Q^T) A|| <= (largest
///           value left out) + trace E, with certainty: the diagonal of E is known. This is what
///           semidefinite = true buys, and what it trusts: the diagonal and the columns of the pivots
///           are read, nothing else. What is read must not contradict A >= 0: a residual
///           diagonal below the rounding level, to which |a_ij|^2 > a_ii a_jj leads, is taken for proof.
///           An item whose entries do, or are not finite, or whose bound exceeds `tolerance`, or whose
///           rank is ambiguous by this bound, is sketched when the method is automatic; else its
///           record says so, by `indefinite_operator` and `not_finite` with rank 0.
///   Costs   record.products = columns of A that were read, r for r <= 32; r (r + 4) n flops beside. For
///           r > 32 the first 32 are read twice. Memory beside the basis: none for r <= 32 within the
///           capacity, else r n and 5 r^2 words a thread; on devices 4 r n words an item.
///   Method  Chen, Epperly, Tropp, Webber 2025, randomly pivoted; Fukaya et al. 2014, CholeskyQR2;
///           one-sided Jacobi on its triangle (r <= 32) or LAPACK.
template <ExecutionSpace E, Operator<E> A, class Values, class Records>
void range_finder(E const& space, A const& a, Basis<typename A::scalar_type, E> const& basis,
                  Values const& values, Records const& records,
                  RangeFinderOptions<typename A::scalar_type> const& options = {});

/// Bytes that range_finder allocates on `space` at its peak, for a basis with room for `capacity` vectors:
/// where the item with the largest range has `rank` eigenvalues above the tolerance, -1 for more than
/// there is room for, and where `loose` items of those that pivots are tried on go to the sketch.
/// See pinv_cg_bytes.
template <ExecutionSpace E, Operator<E> A>
std::size_t range_finder_bytes(E const& space, A const& a, int capacity,
                               RangeFinderOptions<typename A::scalar_type> const& options = {},
                               int rank = -1, int loose = 0);

}  // namespace minfold

#include <minfold/kernels/impl/range_finder_impl.hpp>

#if defined(MINFOLD_EXTERN_TEMPLATES)
#include <minfold/kernels/impl/usual.hpp>

namespace minfold {
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_RANGE_FINDER, extern)
}
#endif

#endif
