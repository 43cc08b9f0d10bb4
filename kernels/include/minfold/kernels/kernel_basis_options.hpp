// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_KERNEL_BASIS_OPTIONS_HPP
#define MINFOLD_KERNELS_KERNEL_BASIS_OPTIONS_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/status.hpp>
#include <minfold/kernels/item_ids.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace minfold {

enum class KernelMethod {
  automatic,  ///< direct for explicit matrices and where the block would span the space
  direct,     ///< all n columns of A and an eigen-decomposition
  randomized  ///< A is only multiplied with blocks
};

/// How the randomized method takes a block of random vectors to ker A.
enum class KernelFilter {
  automatic,   ///< chebyshev where bounds are given and its cost model says that it pays
  projection,  ///< CG: needs no bounds
  chebyshev    ///< a Chebyshev polynomial of A for the given bounds
};

template <std::floating_point T>
struct KernelBasisOptions {
  KernelMethod method = KernelMethod::automatic;
  /// |eigenvalue| <= this * ||A|| may count as zero.
  T kernel_tolerance = default_kernel_tolerance<T>;
  /// Smallest ratio of the smallest kept to the largest dropped |eigenvalue| that is trusted.
  T minimum_gap = 10;
  int block = 8;   ///< randomized: random vectors to begin with; doubled as needed
  int probes = 2;  ///< randomized: vectors that must remain outside the kernel
  /// randomized: least relative residual of the CG solves that settle the dimension
  T solve_tolerance = std::is_same_v<T, float> ? T(3e-6) : T(1e-13);
  /// randomized: ||A q|| / ||A|| that the vectors of the basis are then brought to
  T basis_tolerance = 2 * epsilon<T>;
  int max_iterations = 0;  ///< randomized: of the CG solves; 0: 10 n + 100
  std::uint64_t seed = 1;
  ItemIds item_ids = {};
  /// randomized: of all CG solves of a column together; 0: no limit of its own
  int total_iterations = 0;
  /// randomized: a basis to start from, such as the last one of a slowly moving operator, (items,
  /// any number of columns, n) and (items). It costs nothing where it is wrong but its columns.
  Kokkos::View<T const***, Kokkos::LayoutRight, Kokkos::AnonymousSpace> start = {};
  Kokkos::View<int const*, Kokkos::AnonymousSpace> start_dimension = {};
  KernelFilter filter = KernelFilter::automatic;
  /// randomized: bounds of the nonzero eigenvalues of every item where they are known, in the units of A: they
  /// are in [smallest_nonzero, largest]. 0: not known. Wrong bounds cost products, and never a
  /// certificate.
  T smallest_nonzero = 0;
  T largest = 0;
};

}  // namespace minfold

#endif
