// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_TANGENT_SPACE_HPP
#define MINFOLD_KERNELS_TANGENT_SPACE_HPP

#include <minfold/kernels/impl/spectral.hpp>
#include <minfold/kernels/kernel_basis.hpp>
#include <minfold/kernels/pinv_cgls.hpp>
#include <minfold/kernels/range_finder.hpp>

namespace minfold {

/// How the tangent space ker H is held.
enum class Representation {
  automatic,
  spectral,      ///< all eigenpairs: exact, n products, n^2 words
  kernel_basis,  ///< k vectors: for small k
  range_basis,   ///< n - k vectors: for a lower Hessian of low rank
  implicit       ///< nothing is stored: every projection is a solve (CGLS)
};
char const* to_string(Representation representation);

template <std::floating_point T>
struct TangentSpaceOptions {
  Representation representation = Representation::automatic;
  T kernel_tolerance = default_kernel_tolerance<T>;
  T minimum_gap = 10;
  int block = 8;
  int direct_order = 1536;  ///< automatic: spectral is allowed up to this n
  int max_basis = 256;      ///< automatic: widest kernel or range basis tried
  std::uint64_t seed = 1;
  ItemIds item_ids = {};
};

/// ker H of each item, with what is needed to project on it and to apply H^+.
template <std::floating_point T, ExecutionSpace E>
struct TangentSpace {
  Representation representation = Representation::implicit;
  impl::Spectral<T, E> spectral;        ///< spectral
  Basis<T, E> basis;                    ///< kernel_basis: of ker H; range_basis: of range H
  Vectors<T, E> values;                 ///< range_basis: Ritz values
  Scalars<KernelRecord<T>, E> records;  ///< dimension, gap, mu, ... of every item
  std::int64_t products = 0;            ///< spent, in vectors over the whole batch
  T minimum_gap = 10;                   ///< that the dimensions were judged with
};

/// Finds ker A for each item in the representation that costs least.
///
/// Gives     records(item): dimension of the kernel, gap, smallest kept eigenvalue, recomputed
///           residual. The representation and its width are one for the whole batch: an item may
///           be given a wider sketch, and so other bits, for the sake of another one. For the same
///           items in another order the bits are the same if `item_ids` say who is who. `implicit`
///           leaves the dimension unknown: outcome rank_limit.
/// Costs     automatic: a range finder and a kernel basis of growing width are tried in turn until one
///           certifies its dimension or their products reach n, where all n columns cost no more and
///           give the whole spectrum (n <= direct_order). So at most about twice the cheaper of the
///           two, besides one short solve that polishes a kernel basis, and independent of n for
///           fixed k or fixed rank. Waits for the records of each trial; not for those of a spectrum.
template <ExecutionSpace E, Operator<E> A>
TangentSpace<typename A::scalar_type, E> tangent_space(
    E const& space, A const& a, TangentSpaceOptions<typename A::scalar_type> const& options = {});

/// Bytes that tangent_space allocates on `space` at its peak, its result included, where the largest
/// kernel, or n less the largest range, has `dimension` vectors; -1: not known. Where the representation
/// is left to trials, an upper bound of all of them. See pinv_cg_bytes.
template <ExecutionSpace E, Operator<E> A>
std::size_t tangent_space_bytes(E const& space, A const& a,
                                TangentSpaceOptions<typename A::scalar_type> const& options = {},
                                int dimension = -1);

/// z := A^+ b and kernel_part := P_ker b for blocks (items, columns, n); records: (items * columns) as
/// in pinv_cg. One call gives both: the Riemannian gradient and the multiplier, or the adjoint.
///
/// Gives     a record as of pinv_cg (implicit: of pinv_cgls). `converged`: the residual meets the
///           tolerance, or the accuracy that arithmetic allows, and the kernel is certain; else
///           iteration_limit or inconsistent_rhs, or what is wrong with the tangent space.
/// Costs     spectral: 1 product and 4 n^2 flops a vector; range basis: 1 product; either of them up to
///           three times where a vector misses the tolerance; kernel basis: a CG solve; implicit: a
///           CGLS solve.
template <ExecutionSpace E, Operator<E> A, class Records>
void tangent_solve(E const& space, A const& a, TangentSpace<typename A::scalar_type, E> const& t,
                   Blocks<typename A::scalar_type const, E> const& b,
                   Blocks<typename A::scalar_type, E> const& z,
                   Blocks<typename A::scalar_type, E> const& kernel_part, Records const& records,
                   typename A::scalar_type tolerance = default_tolerance<typename A::scalar_type>);

}  // namespace minfold

#include <minfold/kernels/impl/tangent_space_impl.hpp>

#if defined(MINFOLD_EXTERN_TEMPLATES)
#include <minfold/kernels/impl/usual.hpp>

namespace minfold {
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_TANGENT_SPACE, extern)
}
#endif

#endif
