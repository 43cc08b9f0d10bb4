// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_PINV_CG_OPTIONS_HPP
#define MINFOLD_KERNELS_PINV_CG_OPTIONS_HPP

#include <minfold/core/lifted_operator.hpp>
#include <minfold/core/status.hpp>
#include <minfold/kernels/basis.hpp>

namespace minfold {

enum class Reprojection { never, start_only, every_iteration };

template <std::floating_point T>
struct PinvCgOptions {
  T relative_tolerance = default_tolerance<T>;  ///< on ||A z - P b|| / ||P b||
  int max_iterations = 0;                       ///< 0: 10 n + 100
  /// Times that CG starts again from the recomputed residual (iterative refinement).
  int max_restarts = 8;
  /// Curvature p^T A p below -this * ||A|| ||p||^2 ends with Outcome::indefinite_operator.
  T negative_curvature = default_kernel_tolerance<T>;
  /// Curvature up to this * ||A|| ||p||^2 ends with Outcome::inconsistent_rhs: p is taken for a
  /// direction of the kernel. If positive, so do Ritz values whose inverses, added up, exceed a
  /// quarter of 1 / (this * ||A||): an eigenvalue up to this * ||A|| is not resolved. The rounding
  /// level, (8 sqrt(n) + 32) eps, is the least that is used for the curvature.
  T smallest_curvature = 0;
  /// How often P is applied. `never`: b is taken to lie in range P, the basis is not looked at.
  Reprojection reprojection = Reprojection::every_iteration;
  /// `automatic` goes by order, columns and type, not by the number of items: an item gives the same bits
  /// alone and in a batch. Where fewer systems are solved than the threads have lanes, Path::halves is
  /// faster than the Path::packed that `automatic` takes for small explicit matrices: one core, AVX-512,
  /// one system: n = 32 0.008 and 0.019 ms, n = 64 0.022 and 0.10, n = 128 0.10 and 0.56.
  Path path = Path::automatic;
};

}  // namespace minfold

#endif
