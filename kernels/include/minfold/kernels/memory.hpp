// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_MEMORY_HPP
#define MINFOLD_KERNELS_MEMORY_HPP

#include <minfold/kernels/kernel_and_pinv.hpp>
#include <minfold/kernels/kernel_basis.hpp>
#include <minfold/kernels/orthonormalize.hpp>
#include <minfold/kernels/pinv_direct.hpp>
#include <minfold/kernels/pinv_pcg.hpp>
#include <minfold/kernels/range_finder.hpp>
#include <minfold/kernels/tangent_space.hpp>

/// What kernels allocate in the memory of their space at their peak, for one who plans batches: NAME_bytes
/// is declared with NAME, and stands beside the allocations that it adds up. What a result depends on
/// beside the sizes, such as a width that is found, is an argument. Of the products with an operator
/// what it says by product_bytes is counted.
///
/// Not counted: what BLAS and LAPACK allocate for themselves, up to a few hundred bytes that Kokkos adds
/// to an array or needs for a reduction, and on hosts some vectors of n indices a thread.
namespace minfold {

template <std::floating_point T>
std::size_t orthonormalize_bytes(int /*items*/, int /*columns*/, int /*n*/) {
  return 0;
}

/// Of the method `direct`.
template <std::floating_point T, ExecutionSpace E = Kokkos::DefaultExecutionSpace>
std::size_t kernel_basis_direct_bytes(int items, int n, bool explicit_matrices = true,
                                      E const& space = E()) {
  return impl::decompose_bytes<T, E>(items, n, explicit_matrices, space);
}

}  // namespace minfold

#endif
