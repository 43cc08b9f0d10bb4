// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_CANDIDATES_HPP
#define MINFOLD_DRIVERS_CANDIDATES_HPP

#include <minfold/core/status.hpp>
#include <minfold/drivers/problem.hpp>
#include <minfold/kernels/pinv_cgls.hpp>

namespace minfold {

template <std::floating_point T>
struct CandidateOptions {
  int count = 12;  ///< points a target, the tracked one included; 1: tracking only
  int langevin_steps = 30;
  /// Langevin on exp(-g / eps): eps = temperature ||H|| length_scale^2.
  T temperature = T(0.05);
  T langevin_step = T(0.2);  ///< step h = this / ||H||
  T walk = T(1);             ///< tangential walks: standard deviation in length_scale
  /// Fresh candidates are drawn every so many outer iterations; in between only what is tracked moves.
  int every = 1;
};

/// Fills the candidates of every target: row c P + target of y is candidate c.
///
/// Candidates 0 ... tracked-1 stay as they are. The others are in turn a random restart
/// (problem.random_lower), a Langevin sample of the lower objective from candidate 0, and a tangential
/// walk from candidate 0, beginning with another kind in every iteration; with tracked = 0 all are
/// restarts.
///
/// Gives     points near S or far from it: lower_solve brings them there.
/// Costs     langevin_steps gradients, 2 products for ||H||, and one CGLS solve for the walks.
/// Source    Langevin candidates: the Gibbs measure exp(-g/eps) concentrates on S (arXiv 2501.00429).
///           That HG-MS uses this mixture is our choice; no public source gives one.
template <class T, ExecutionSpace E>
void make_candidates(E const& space, AnyProblem<T, E> const& problem, Vectors<T const, E> x,
                     Vectors<T, E> y, int tracked, std::uint64_t seed, int iteration,
                     CandidateOptions<T> const& options = {});

}  // namespace minfold

#include <minfold/drivers/impl/candidates_impl.hpp>

#endif
