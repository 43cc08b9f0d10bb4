// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_SYMMETRIC_EIGEN_HPP
#define MINFOLD_KERNELS_SYMMETRIC_EIGEN_HPP

#include <minfold/core/status.hpp>
#include <minfold/core/team.hpp>

namespace minfold {

enum class EigenMethod {
  automatic,  ///< LAPACK on hosts from order 12, Jacobi otherwise
  jacobi,
  lapack  ///< hosts only
};

template <std::floating_point T>
struct SymmetricEigenOptions {
  EigenMethod method = EigenMethod::automatic;
  int max_sweeps = 30;  ///< Jacobi
  bool verify = true;   ///< recompute the residual (one product A V an item, one copy of A)
};

template <std::floating_point T>
struct EigenRecord {
  Outcome outcome = Outcome::not_run;
  int sweeps = 0;  ///< Jacobi sweeps; 0 for LAPACK
  T norm = 0;      ///< largest |eigenvalue|
  T residual = 0;  ///< max_j ||A v_j - w_j v_j|| / norm, recomputed; 0 without `verify`
};

/// Eigen-decomposition of a batch of symmetric matrices.
///
/// Requires  a: (items, n, n), LayoutRight, of which the symmetric part (A + A^T)/2 counts;
///           w: (items, n); records: (items).
/// Gives     w ascending; a(item, j, :) the eigenvector of w(item, j), orthonormal. A non-finite
///           matrix, or one whose norm is beyond the largest number, ends its item with
///           Outcome::not_finite and zeros, the others are not touched by it.
/// Costs     O(n^3) an item; allocates what symmetric_eigen_bytes says, and waits for the device where it
///           frees it.
/// Method    cyclic Jacobi with a stop relative to the Frobenius norm and a sweep limit; LAPACK's
///           divide and conquer (xSYEVD) on hosts where n is large enough for it to win, and where it left
///           eigenvectors of a cluster not orthogonal these are made so.
template <ExecutionSpace E, class A, class W, class Records>
  requires BatchBlock<A, E> && BatchVector<W, E> && BatchScalar<Records, E>
void symmetric_eigen(E const& space, A const& a, W const& w, Records const& records,
                     SymmetricEigenOptions<typename A::value_type> const& options = {});

/// Bytes that symmetric_eigen allocates on `space` at its peak. With LAPACK there are 2 n^2 numbers of
/// work space a thread among them.
template <std::floating_point T, ExecutionSpace E = Kokkos::DefaultExecutionSpace>
std::size_t symmetric_eigen_bytes(int items, int n, SymmetricEigenOptions<T> const& options = {},
                                  E const& space = E());

}  // namespace minfold

#include <minfold/kernels/impl/symmetric_eigen_impl.hpp>

#if defined(MINFOLD_EXTERN_TEMPLATES)
#include <minfold/kernels/impl/usual.hpp>

namespace minfold {
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_SYMMETRIC_EIGEN, extern)
}
#endif

#endif
