// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_RANGE_FINDER_OPTIONS_HPP
#define MINFOLD_KERNELS_RANGE_FINDER_OPTIONS_HPP

#include <minfold/kernels/kernel_basis.hpp>

namespace minfold {

enum class RangeMethod {
  automatic,        ///< pivoted Cholesky for explicit matrices that are said to be semidefinite
  sketch,           ///< products with a random block
  pivoted_cholesky  ///< explicit matrices, `semidefinite` only
};

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
  RangeMethod method = RangeMethod::automatic;
  /// The caller vouches for A >= 0, in the entries that are not read too: see range_finder.
  bool semidefinite = false;
};

}  // namespace minfold

#endif
