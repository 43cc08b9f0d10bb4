// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_STATUS_HPP
#define MINFOLD_CORE_STATUS_HPP

#include <minfold/core/batch.hpp>

#include <algorithm>
#include <cstdint>
#include <iosfwd>

/// What happened to each item, as plain data in Views that the caller owns. Nothing here throws or
/// prints for numerical reasons.
namespace minfold {

enum class Outcome : std::uint8_t {
  not_run,
  converged,
  iteration_limit,      ///< stopped without reaching the tolerance
  inconsistent_rhs,     ///< b has a part outside the range that the method cannot remove
  indefinite_operator,  ///< a direction of clearly negative curvature was met
  ambiguous_rank,       ///< no clear spectral gap: the dimension reported is a guess, and says so
  rank_limit,           ///< the dimension exceeds the room that was given
  not_finite            ///< NaN or infinity in the input or on the way
};
inline constexpr int outcome_count = 8;

char const* to_string(Outcome outcome);
std::ostream& operator<<(std::ostream& stream, Outcome outcome);

/// Relative tolerances that scale with the precision.
template <std::floating_point T>
inline constexpr T epsilon = std::numeric_limits<T>::epsilon();
/// Default relative residual of a solve: 1e-12 in double, 1e-5 in float.
template <std::floating_point T>
inline constexpr T default_tolerance = std::is_same_v<T, float> ? T(1e-5) : T(1e-12);
/// Default upper bound, relative to ||A||, of an eigenvalue that may count as zero.
template <std::floating_point T>
inline constexpr T default_kernel_tolerance = std::is_same_v<T, float> ? T(1e-3) : T(1e-6);

/// Relative rounding level of sums of n terms: their errors have random signs, so they grow with
/// sqrt(n). n eps would be all of a number in single precision, from n = 8e6 on.
template <std::floating_point T>
KOKKOS_INLINE_FUNCTION T rounding(int n) {
  return T(8) * Kokkos::sqrt(T(n)) * epsilon<T>;
}

/// One solve z = A^+ b. With P the orthogonal projector onto range A:
template <std::floating_point T>
struct SolveRecord {
  Outcome outcome = Outcome::not_run;
  int iterations = 0;
  int products = 0;     ///< with A, the recomputed residual included
  T rhs_norm = 0;       ///< ||b||
  T residual = 0;       ///< relative and recomputed from A at the end; each solver states which one
  T leakage = 0;        ///< ||(I - P) b|| / ||b||: how far b was from the range
  T operator_norm = 0;  ///< lower bound of ||A|| from the products seen; 0 where none was needed
};

/// Basis of range A.
template <std::floating_point T>
struct RangeRecord {
  Outcome outcome = Outcome::not_run;
  int rank = 0;
  int products = 0;
  T norm_estimate = 0;   ///< of ||A||_2
  T range_residual = 0;  ///< bound on ||(I - Q Q^T) A|| / ||A||, from fresh probes
  T orthogonality = 0;   ///< max |Q^T Q - I|
  T gap = 0;             ///< smallest kept / largest dropped magnitude
};

/// Basis of ker A.
template <std::floating_point T>
struct KernelRecord {
  Outcome outcome = Outcome::not_run;
  int dimension = 0;
  int products = 0;
  T norm_estimate = 0;    ///< of ||A||_2
  T kernel_residual = 0;  ///< max_j ||A q_j|| / ||A||, recomputed
  T orthogonality = 0;    ///< max |Q^T Q - I|
  T gap = 0;              ///< smallest kept / largest dropped |eigenvalue|; infinite for k = n
  T smallest_kept = 0;    ///< estimate of the smallest nonzero |eigenvalue| (mu); 0 for k = n
  T most_negative = 0;    ///< smallest eigenvalue seen / ||A||, at most 0
};

/// Counts by outcome, and the worst item. Host data.
struct Summary {
  int items = 0;
  int count[outcome_count] = {};
  int worst_item = -1;  ///< largest residual among the finite ones
  double worst_residual = 0;
  double worst_leakage = 0;
  long products = 0;
  int iterations = 0;  ///< largest

  bool all(Outcome outcome) const { return count[int(outcome)] == items; }
  int operator[](Outcome outcome) const { return count[int(outcome)]; }
};
std::ostream& operator<<(std::ostream& stream, Summary const& summary);

namespace impl {
template <class R>
double residual_of(R const& r) {
  if constexpr (requires { r.residual; })
    return double(r.residual);
  else if constexpr (requires { r.kernel_residual; })
    return double(r.kernel_residual);
  else
    return double(r.range_residual);
}
}  // namespace impl

/// Brings the records to the host and counts them. Waits for `space`, and for nothing else.
template <ExecutionSpace E, BatchScalar<E> Records>
Summary summarize(E const& space, Records const& records) {
  auto const host = to_host(space, records);
  Summary s;
  s.items = int(host.extent(0));
  for (int i = 0; i < s.items; ++i) {
    auto const& r = host(i);
    ++s.count[int(r.outcome)];
    s.products += r.products;
    if constexpr (requires { r.iterations; }) s.iterations = std::max(s.iterations, r.iterations);
    if constexpr (requires { r.leakage; })
      s.worst_leakage = std::max(s.worst_leakage, double(r.leakage));
    double const residual = impl::residual_of(r);
    if (r.outcome != Outcome::not_finite && (s.worst_item < 0 || residual > s.worst_residual)) {
      s.worst_item = i;
      s.worst_residual = residual;
    }
  }
  return s;
}

}  // namespace minfold

#endif
