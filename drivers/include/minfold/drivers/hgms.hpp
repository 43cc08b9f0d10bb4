// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_HGMS_HPP
#define MINFOLD_DRIVERS_HGMS_HPP

#include <minfold/drivers/candidates.hpp>
#include <minfold/drivers/checkpoints.hpp>
#include <minfold/drivers/lower_solve.hpp>
#include <minfold/drivers/outer_step.hpp>
#include <minfold/drivers/problem.hpp>
#include <minfold/drivers/refine.hpp>
#include <minfold/drivers/settings.hpp>
#include <minfold/drivers/solve_record.hpp>

/// HG-MS, "select then differentiate", for min_x F(x), F(x) = sum over targets of min { f(x, y) : y in
/// S(x) }, S(x) = argmin_y g(x, y) a manifold.
///
/// Every outer iteration puts candidates on S(x), moves each along S(x) to a critical point of f,
/// keeps the best and differentiates there:
///     grad F(x) = grad_x f - G^T H^+ grad_y f,   H = d2g/dy2, G = d(grad_y g)/dx.
/// The formula needs a unique selected point only, not a single minimizer of g.
/// Source: the method is described in arXiv 2605.09209; its listing is not public, so the loop is
/// our reconstruction from the stated principle.
namespace minfold {

template <class T>
struct HgmsOptions {
  int max_iterations = 200;
  /// Stop at ||projected hypergradient|| <= tolerance * sum over targets of (largest ||grad_x f|| on S(x_0)
  /// + ||G^T H^+ grad_y f|| at the first selected point), or at the accuracy of hypergradients.
  T tolerance = std::is_same_v<T, float> ? T(1e-3) : T(1e-8);
  std::uint64_t seed = 1;
  // Initialized here, or -Wextra warns where a user's designated initializers leave them out.
  CandidateOptions<T> candidates = {};
  LowerSolveOptions<T> lower = {};
  RefineOptions<T> refine = {};
  OuterOptions<T> outer = {};
  CertificateOptions certificate = {};

  /// The same options from key=value settings (candidates=, step=, ...).
  static HgmsOptions from(Settings& settings);
};

/// Minimizes F from state.x. The host waits where it decides; the arithmetic stays on `space`.
/// `checkpoints` says when the state is handed out, and from which snapshot a run goes on.
template <class T, ExecutionSpace E>
SolveResult minimize_hgms(E const& space, AnyProblem<T, E> const& problem,
                          BilevelState<T, E>& state, HgmsOptions<T> const& options = {},
                          Observer const& observer = {}, Checkpoints const& checkpoints = {});

}  // namespace minfold

#include <minfold/drivers/impl/hgms_impl.hpp>

// Compiled once, in src/instantiate_hgms.cpp: problems are behind AnyProblem, so two of them serve all.
#define MINFOLD_IMPL_HGMS(prefix, T)                                                            \
  prefix template minfold::SolveResult minfold::minimize_hgms(                                  \
      Kokkos::DefaultExecutionSpace const&,                                                     \
      minfold::AnyProblem<T, Kokkos::DefaultExecutionSpace> const&,                             \
      minfold::BilevelState<T, Kokkos::DefaultExecutionSpace>&, minfold::HgmsOptions<T> const&, \
      minfold::Observer const&, minfold::Checkpoints const&);
#if defined(MINFOLD_EXTERN_TEMPLATES)
MINFOLD_IMPL_HGMS(extern, float)
MINFOLD_IMPL_HGMS(extern, double)
#endif

#endif
