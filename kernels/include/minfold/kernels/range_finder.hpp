// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_RANGE_FINDER_HPP
#define MINFOLD_KERNELS_RANGE_FINDER_HPP

#include <minfold/kernels/kernel_basis.hpp>

namespace minfold {

template <std::floating_point T>
struct RangeFinderOptions {
  /// > 0: fixed rank, keep the `rank` eigenvalues of largest magnitude. 0: as many as needed for
  /// ||(I - Q Q^T) A|| <= tolerance * ||A||.
  int rank = 0;
  T tolerance = default_kernel_tolerance<T>;
  T minimum_gap = 10;        ///< fixed tolerance: below, the rank is reported as ambiguous
  int oversampling = 8;      ///< fixed rank: extra random vectors
  int power_iterations = 1;  ///< fixed rank: products A Q that sharpen a slow decay
  int block = 8;             ///< fixed tolerance: vectors added at a time, and probes of the bound
  std::uint64_t seed = 1;
  ItemIds item_ids = {};
};

/// Randomized orthonormal basis of the range of a symmetric A, with eigenvalue estimates.
///
/// Requires  basis.vectors: (items, capacity, n), basis.dimension: (items), values: (items, capacity),
///           records: (items). Fixed rank needs capacity >= rank.
/// Gives     basis.vectors(item, j, :), j < rank, orthonormal Ritz vectors; values(item, j) their Ritz
///           values, largest magnitude first. record.range_residual bounds ||(I - Q Q^T) A|| / ||A|| with
///           probability 1 - 10^-block by fresh probes. `rank_limit`: the capacity is too small for
///           the tolerance. `ambiguous_rank`: kept and dropped values are within minimum_gap. The
///           width of the sketch is one for the whole batch: see item_ids for its order.
/// Costs     fixed tolerance: about 2 (r + 2 block) products, half as many again where the rest of
///           the spectrum is noise and not rounding; fixed rank: (rank + oversampling)
///           (2 + power_iterations) + block.
/// Method    Halko, Martinsson, Tropp, SIAM Rev. 53 (2011), algorithms 4.2-4.4; each block of products
///           first serves as the probe of the basis so far (their (4.3)).
template <ExecutionSpace E, Operator<E> A, class Values, class Records>
void range_finder(E const& space, A const& a, Basis<typename A::scalar_type, E> const& basis,
                  Values const& values, Records const& records,
                  RangeFinderOptions<typename A::scalar_type> const& options = {});

}  // namespace minfold

#include <minfold/kernels/impl/range_finder_impl.hpp>

#if defined(MINFOLD_EXTERN_TEMPLATES)
#include <minfold/kernels/impl/usual.hpp>

namespace minfold {
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_RANGE_FINDER, extern)
}
#endif

#endif
