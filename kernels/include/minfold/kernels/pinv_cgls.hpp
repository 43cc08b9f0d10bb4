// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_PINV_CGLS_HPP
#define MINFOLD_KERNELS_PINV_CGLS_HPP

#include <minfold/kernels/pinv_cg.hpp>

namespace minfold {

template <std::floating_point T>
struct PinvCglsOptions {
  T relative_tolerance = default_tolerance<T>;  ///< on ||A r|| / ||A b||
  int max_iterations = 0;                       ///< 0: 10 n + 100
  int max_restarts = 8;
  Path path = Path::automatic;
};

/// z := A^+ b and, at no extra cost, kernel_part := P_ker b, for symmetric A (indefinite or not)
/// and any b: the least-squares solution of least norm, by CGLS on A.
///
/// Requires  as pinv_cg; kernel_part is of the shape of b.
/// Gives     record.residual = ||A r|| / (||A|| ||b||) with r = b - A z recomputed (zero exactly when z
///           is a least-squares solution), record.leakage = ||r|| / ||b||, the share of b in ker A.
/// Costs     an iteration: two products, three reductions; about rank A iterations at most, fewer
///           for clustered spectra; sensitive to the square of the condition.
/// Method    CGLS (Bjoerck, Numerical Methods for Least Squares Problems, 7.4.1) from z = 0, restarted
///           from the true residual. z stays in range A, so that r tends to P_ker b.
template <ExecutionSpace E, Operator<E> A, class B, class Z, class R, class Records>
void pinv_cgls(E const& space, A const& a, B const& b, Z const& z, R const& kernel_part,
               Records const& records,
               PinvCglsOptions<typename A::scalar_type> const& options = {});

/// Bytes that pinv_cgls allocates on `space`; see pinv_cg_bytes.
template <ExecutionSpace E, Operator<E> A>
std::size_t pinv_cgls_bytes(E const& space, A const& a, int columns,
                            PinvCglsOptions<typename A::scalar_type> const& options = {});

}  // namespace minfold

#include <minfold/kernels/impl/pinv_cgls_impl.hpp>

#if defined(MINFOLD_EXTERN_TEMPLATES)
#include <minfold/kernels/impl/usual.hpp>

namespace minfold {
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_PINV_CGLS, extern)
}
#endif

#endif
