// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_CERTIFY_HPP
#define MINFOLD_DRIVERS_IMPL_CERTIFY_HPP

#include <minfold/drivers/certificate.hpp>
#include <minfold/drivers/hypergradient.hpp>
#include <minfold/drivers/impl/selection.hpp>

#include <cmath>
#include <limits>

namespace minfold::impl {

/// The certificates of one outer iteration, with what else was learnt on the way.
struct Certified {
  std::vector<ItemCertificate> certificates;  ///< one a target
  std::vector<Evidence> evidence;             ///< what their verdicts rest on
  std::vector<double> value_noise;            ///< accuracy of f at the selected points
};

/// Measures of a hypergradient and of the selection behind it, with units -> numbers relative to named
/// scales -> verdicts.
///
/// x_norms: ||x|| of the row that each target sees. A sum such as f = a(x) y may cancel to far less than
/// its terms: |f| + ||x|| ||grad_x f|| stands for their size.
template <class T, ExecutionSpace E>
Certified certify(E const& space, AnyProblem<T, E> const& problem, Selection<T, E> const& selection,
                  Scalars<TargetScale<T>, E> const& target_scales, Hypergradients<T, E> const& at,
                  std::vector<double> const& x_norms, bool compared,
                  CertificateOptions const& thresholds) {
  auto const [lower, upper, upper_x, tangential, curvature, at_most, solves, kernels, scales] =
      to_host_together(space, at.lower_norm, at.upper_norm, at.upper_x_norm, at.tangential_norm,
                       at.smallest_curvature, at.curvature_at_most, at.solves, at.kernels,
                       target_scales);
  double const length = double(problem.length_scale());
  double const eps = double(epsilon<T>), infinity = std::numeric_limits<double>::infinity();
  std::size_t const targets = selection.chosen.size();
  Certified all{std::vector<ItemCertificate>(targets), std::vector<Evidence>(targets),
                std::vector<double>(targets)};
  for (std::size_t t = 0; t < targets; ++t) {
    auto& c = all.certificates[t];
    auto& e = all.evidence[t];
    auto const& k = kernels(t);
    auto const& s = solves(t);
    auto const& chosen = selection.chosen[t];
    double const value = double(chosen.value);
    double const terms = std::abs(value) + x_norms[t] * double(upper_x(t));
    // A variation of f along S that drowns in the rounding of f is none.
    double const visible = std::sqrt(eps) * terms;
    double const curvature_scale =
        std::max(double(scales(t).curvature), visible / (length * length));
    double const gradient_scale = std::max(double(scales(t).gradient), curvature_scale * length);
    double const value_scale = gradient_scale * length;
    double const operator_norm =
        double(k.norm_estimate) > 0 ? double(k.norm_estimate) : double(s.operator_norm);
    double const zero = double(lower(t)) == 0 ? 0 : infinity;

    c.lower_residual = operator_norm > 0 ? double(lower(t)) / (operator_norm * length) : zero;
    c.distance_bound = k.smallest_kept > 0 ? double(lower(t)) / double(k.smallest_kept) : zero;
    c.kernel_dimension = k.dimension;
    c.gap = double(k.gap);
    c.tangential_residual = gradient_scale > 0 ? double(tangential(t)) / gradient_scale : 0;
    c.smallest_curvature = double(curvature(t));
    c.nondegeneracy = std::isinf(c.smallest_curvature) ? c.smallest_curvature
                      : curvature_scale > 0            ? c.smallest_curvature / curvature_scale
                                                       : 0 * c.smallest_curvature;
    e.nondegeneracy_at_most =
        curvature_scale > 0 ? double(at_most(t)) / curvature_scale : double(at_most(t));
    // f is known up to its rounding and up to its slope over what may be left of the way to S.
    double const rounding = 64 * eps * terms;
    double const distance = std::isfinite(c.distance_bound) ? c.distance_bound : 0;
    all.value_noise[t] = rounding + distance * double(upper(t));
    double const margin = double(chosen.margin);
    c.rival = chosen.rival >= 0;
    c.uniqueness_margin = !c.rival ? margin
                          : margin <= 2 * all.value_noise[t] || value_scale == 0
                              ? 0
                              : margin / value_scale;
    c.solve_residual = double(s.residual);
    c.leakage = double(s.leakage);
    // The same number as the tangential residual in the units of this right-hand side: of no
    // interest where grad_y f itself vanishes at the optimum.
    if (double(s.rhs_norm) < gradient_scale)
      c.leakage *= gradient_scale > 0 ? double(s.rhs_norm) / gradient_scale : 0;
    c.candidates = chosen.finished;

    e.length = length;
    e.finite = k.outcome != Outcome::not_finite && s.outcome != Outcome::not_finite &&
               std::isfinite(value) && std::isfinite(double(lower(t)));
    e.on_manifold = chosen.best >= 0 && selection.lower[t].outcome == Outcome::converged;
    e.below = chosen.below;
    e.solve_converged = s.outcome == Outcome::converged || k.outcome == Outcome::ambiguous_rank;
    e.dimension_known = k.outcome != Outcome::rank_limit && k.outcome != Outcome::iteration_limit;
    e.dimension_ambiguous = k.outcome == Outcome::ambiguous_rank;
    e.flat = k.outcome == Outcome::converged && k.norm_estimate == T(0);
    e.indefinite = k.outcome == Outcome::indefinite_operator;
    e.compared = compared;
    e.examined = chosen.independent > 0;
    e.open = chosen.open;
    judge(c, e, thresholds);
  }
  return all;
}

}  // namespace minfold::impl

#endif
