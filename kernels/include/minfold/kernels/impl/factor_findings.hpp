// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_FACTOR_FINDINGS_HPP
#define MINFOLD_KERNELS_IMPL_FACTOR_FINDINGS_HPP

#include <minfold/core/status.hpp>

/// What every path of kernel_and_pinv measures, and the one place that judges it.
namespace minfold::impl {

/// Measured on A / scale.
template <std::floating_point T>
struct FactorFindings {
  T scale = 1;           ///< power of two
  T norm = 0;            ///< lower bound of ||A|| by products
  T smallest_pivot = 0;  ///< of A + mu I
  int dimension = 0;     ///< columns of Q
  T residual = 0;        ///< max_j ||A q_j||
  T dropped = 0;         ///< ||A Q||_F >= the largest |eigenvalue| that was dropped
  T most_negative = 0;   ///< min_j q_j^T A q_j, at most 0
  T orthogonality = 0;   ///< max |Q^T Q - I|
  T smallest_kept = 0;   ///< smallest Rayleigh quotient of random vectors after inverse iteration
};

/// Shift that makes a semidefinite matrix of order n factor: relative to ||A||, at the level of what
/// the rounding of a Cholesky factorization perturbs A by.
template <std::floating_point T>
KOKKOS_INLINE_FUNCTION T factor_shift(int n) {
  return T(0.5) * rounding<T>(n);
}
/// Inverse iteration starts from L^-T e_j for the smallest pivots j: so many, where this many are below
/// the threshold of the kernel. A kernel vector has a pivot of the size of the shift, or larger, where the
/// rows before it are nearly dependent: up to 1e8 times, and then the start holds little of it. Hence
/// the order, the best first, and some more than seem needed; the last ones are dropped as
/// dependent. In float, where the threshold is near, none of 1,000 items was missed with four to seven
/// more, one in fourteen with fewer.
template <std::floating_point T>
KOKKOS_INLINE_FUNCTION int start_width(int small_pivots, int n) {
  int const width = (small_pivots + (std::is_same_v<T, float> ? 7 : 3)) / 4 * 4;
  return width < n ? width : n;
}
/// The squared length that projection on those before leaves of the normalized vectors: up to this, a
/// vector counts as dependent. One too many would show in || A Q ||, one too few in the probes.
template <std::floating_point T>
inline constexpr T dependent_pivot = std::is_same_v<T, float> ? T(1e-4) : T(1e-8);

/// Steps of inverse iteration after L^-T E. What is left of an eigenvector of range A in the basis is
/// (mu / lambda)^(s + 1/2), and lambda is at least 30 times the threshold: 6e-15 in double after one
/// step for n = 32, 4e-5 in float, where the second makes it 1e-8.
template <std::floating_point T>
inline constexpr int iteration_steps = std::is_same_v<T, float> ? 2 : 1;

/// A kept eigenvalue must exceed the threshold of the kernel by this factor: nearer, two steps of
/// inverse iteration of three random vectors would not show one below the threshold with certainty.
template <std::floating_point T>
inline constexpr T clear_of_threshold = T(30);

/// Writes the record where everything is beyond doubt, in units of A; false: the spectrum must tell.
template <std::floating_point T>
KOKKOS_INLINE_FUNCTION bool judge_factor(FactorFindings<T> const& f, int n, T kernel_tolerance,
                                         T minimum_gap, KernelRecord<T>& record) {
  if (!(f.norm > T(0)) || !Kokkos::isfinite(f.norm) || f.dimension >= n) return false;
  T const floor = factor_shift<T>(n) * f.norm;
  // A has no eigenvalue clearly below 0, or A + mu I would not have factored.
  if (!(f.smallest_pivot > T(0.125) * floor)) return false;
  if (!(f.orthogonality < Kokkos::sqrt(epsilon<T>))) return false;
  T const threshold = kernel_tolerance * f.norm;
  if (!(f.dropped <= threshold)) return false;
  if (!(f.smallest_kept > clear_of_threshold<T> * threshold)) return false;
  T const dropped = Kokkos::max(f.dropped, rounding<T>(n) * f.norm);
  if (!(f.smallest_kept >= minimum_gap * dropped)) return false;
  record.outcome = Outcome::converged;
  record.dimension = f.dimension;
  record.norm_estimate = f.norm * f.scale;
  record.kernel_residual = f.residual / f.norm;
  record.orthogonality = f.orthogonality;
  record.gap = f.smallest_kept / dropped;
  record.smallest_kept = f.smallest_kept * f.scale;
  record.most_negative = f.most_negative / f.norm;
  return true;
}

/// Of one right-hand side, scaled to the order of 1, with A / scale.
template <std::floating_point T>
struct SolveFindings {
  T rhs_scale = 1;
  T rhs = 0;       ///< ||b||
  T inside = 0;    ///< ||P b||
  T outside = 0;   ///< ||(I - P) b||
  T solution = 0;  ///< ||z||
  T error = 0;     ///< ||A z - P b||
  int products = 2;
};

/// What becomes of z: kept, set to 0, or solved again through the spectrum.
enum class SolveVerdict { keep, clear, again };

template <std::floating_point T>
KOKKOS_INLINE_FUNCTION SolveVerdict judge_solve(SolveFindings<T> const& s,
                                                FactorFindings<T> const& f, int n, T tolerance,
                                                SolveRecord<T>& record) {
  record = SolveRecord<T>{};
  record.products = s.products;
  record.operator_norm = f.norm * f.scale;
  record.rhs_norm = s.rhs * s.rhs_scale;
  if (!Kokkos::isfinite(s.rhs) || !Kokkos::isfinite(record.rhs_norm)) {
    record.outcome = Outcome::not_finite;
    return SolveVerdict::clear;
  }
  record.leakage = s.rhs > T(0) ? s.outside / s.rhs : T(0);
  record.outcome = Outcome::converged;
  // The projection left nothing but rounding of b: A^+ b = 0.
  if (!(s.inside > rounding<T>(n) * s.rhs)) return SolveVerdict::clear;
  record.residual = s.error / s.inside;
  T const attainable = T(8) * epsilon<T> * (f.norm * s.solution + s.rhs);
  if (!(s.error <= Kokkos::max(tolerance * s.inside, attainable))) return SolveVerdict::again;
  return SolveVerdict::keep;
}

}  // namespace minfold::impl

#endif
