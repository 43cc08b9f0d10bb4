// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_MEMORY_HPP
#define MINFOLD_KERNELS_MEMORY_HPP

#include <minfold/kernels/kernel_basis.hpp>
#include <minfold/kernels/orthonormalize.hpp>
#include <minfold/kernels/pinv_direct.hpp>

/// What kernels allocate in the memory of their space at their peak, for one who plans batches. Each
/// function stands beside the allocations that it adds up, those of symmetric_eigen and pinv_direct in
/// their own headers.
namespace minfold {

template <std::floating_point T>
std::size_t orthonormalize_bytes(int /*items*/, int /*columns*/, int /*n*/) {
  return 0;
}

/// Of the method `direct`.
template <std::floating_point T, ExecutionSpace E = Kokkos::DefaultExecutionSpace>
std::size_t kernel_basis_direct_bytes(int items, int n, bool explicit_matrices = true) {
  return impl::decompose_bytes<T, E>(items, n, explicit_matrices);
}

}  // namespace minfold

#endif
