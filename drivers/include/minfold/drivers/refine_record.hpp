// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_REFINE_RECORD_HPP
#define MINFOLD_DRIVERS_REFINE_RECORD_HPP

#include <minfold/core/status.hpp>

namespace minfold {

/// How the refinement of one point along S ended.
template <std::floating_point T>
struct RefineRecord {
  Outcome outcome = Outcome::not_run;
  int iterations = 0;
  T value = 0;                                                  ///< f
  T gradient_norm = 0;                                          ///< ||P_ker grad_y f||
  T scale = 0;                                                  ///< what it is compared with
  T upper_norm = 0;                                             ///< ||grad_y f||
  T upper_x_norm = 0;                                           ///< ||grad_x f||
  T smallest_curvature = Kokkos::Experimental::quiet_NaN_v<T>;  ///< of Hess_S f, at the last step
  T largest_curvature = 0;                                      ///< largest |eigenvalue| met
  int ambiguous = 0;  ///< steps in a row from points where the dimension of S was ambiguous
};

/// A point whose dimension of S stays ambiguous for so many steps has no tangent space to move along, and
/// no certificate would follow. Fewer may be a passage: near a change of rank, or before the normal
/// correction has come down to S.
inline constexpr int ambiguous_steps = 8;

/// Per target, what curvature and gradient of f along S can be: the yardstick of the tolerances.
template <std::floating_point T>
struct TargetScale {
  T gradient = 0;   ///< largest ||grad_y f|| met
  T upper_x = 0;    ///< largest ||grad_x f|| met
  T curvature = 0;  ///< largest |eigenvalue of Hess_S f| met
};

}  // namespace minfold

#endif
