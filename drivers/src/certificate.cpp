// SPDX-License-Identifier: Apache-2.0
#include <minfold/drivers/certificate.hpp>
#include <minfold/drivers/counters.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace minfold {

char const* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::certified: return "certified";
    case Verdict::uncertain: return "uncertain";
    case Verdict::refused: return "refused";
  }
  return "unknown verdict";
}

char const* to_string(Stage stage) {
  switch (stage) {
    case Stage::lower_solve: return "lower_solve";
    case Stage::candidates: return "candidates";
    case Stage::refine: return "refine";
    case Stage::select: return "select";
    case Stage::differentiate: return "differentiate";
    case Stage::certify: return "certify";
  }
  return "unknown stage";
}

CertificateOptions resolved(CertificateOptions options, bool single_precision) {
  auto const set = [&](double& value, double in_double, double in_float) {
    if (value == 0) value = single_precision ? in_float : in_double;
  };
  double const epsilon = single_precision ? std::numeric_limits<float>::epsilon()
                                          : std::numeric_limits<double>::epsilon();
  set(options.lower_residual, 1e4 * epsilon, 1e3 * epsilon);
  set(options.distance, 1e-7, 1e-3);
  set(options.tangential_residual, 1e-7, 1e-3);
  set(options.nondegeneracy, 1e-6, 5e-3);
  set(options.uniqueness_margin, 1e-9, 1e-4);
  set(options.solve_residual, 1e-7, 1e-3);
  set(options.leakage, 1e-6, 2e-3);
  return options;
}

void judge(ItemCertificate& c, Evidence const& e, CertificateOptions const& o) {
  c.reasons.clear();
  auto verdict = Verdict::certified;
  auto const object = [&](Verdict level, std::string const& reason) {
    verdict = std::max(verdict, level);
    c.reasons.push_back(reason);
  };
  // Written as !(value <= bound): a NaN never passes.
  if (!e.finite) {
    object(Verdict::refused, "not finite: a NaN or infinity was met");
  } else {
    if (!e.on_manifold || !(c.lower_residual <= o.lower_residual))
      object(Verdict::refused,
             fmt::format("lower level: the point is not on S(x), relative residual {:.1e} "
                         "(allowed {:.1e})",
                         c.lower_residual, o.lower_residual));
    if (e.below)
      object(Verdict::refused,
             "lower level: another candidate has a smaller g, the point is a local minimizer only");
    if (e.indefinite)
      object(Verdict::refused,
             "lower level: the Hessian is indefinite, the point is not a minimizer of g");
    if (e.dimension_ambiguous || (e.dimension_known && !(c.gap >= o.gap)))
      object(Verdict::refused,
             fmt::format("rank: the spectral gap {:.1e} is ambiguous (needed {:.0f}), "
                         "the kernel dimension {} is a guess",
                         c.gap, o.gap, c.kernel_dimension));
    if (e.dimension_known && !(c.distance_bound <= o.distance * e.length))
      object(Verdict::uncertain,
             fmt::format("accuracy: S(x) may be {:.1e} lengths away (allowed {:.1e}), the lower "
                         "Hessian is ill-conditioned",
                         c.distance_bound / e.length, o.distance));
    if (e.flat)
      object(Verdict::uncertain,
             "rank: the lower Hessian is zero, and nothing tells a manifold of minimizers from a "
             "minimum "
             "of higher order");
    if (!e.dimension_known)
      object(Verdict::uncertain, "rank: the kernel dimension was not determined");
    if (!e.solve_converged || !(c.solve_residual <= o.solve_residual))
      object(Verdict::refused, fmt::format("solve: residual {:.1e} (allowed {:.1e})",
                                           c.solve_residual, o.solve_residual));
    if (!(c.tangential_residual <= o.tangential_residual))
      object(Verdict::uncertain,
             fmt::format(
                 "selection: not critical along S, tangential residual {:.1e} (allowed {:.1e})",
                 c.tangential_residual, o.tangential_residual));
    if (!(c.leakage <= o.leakage))
      object(Verdict::uncertain,
             fmt::format("solve: {:.1e} of the right-hand side is outside the range of H (allowed "
                         "{:.1e})",
                         c.leakage, o.leakage));
    if (std::isnan(c.nondegeneracy))
      object(Verdict::uncertain, "degeneracy: the curvature along S was not measured");
    else if (!(c.nondegeneracy > o.nondegeneracy) && e.nondegeneracy_at_most > o.nondegeneracy)
      object(Verdict::uncertain,
             fmt::format("degeneracy: the curvature along S is not shown to be positive, Lanczos "
                         "leaves its smallest relative value between {:.1e} and {:.1e} (needed "
                         "{:.1e})",
                         c.nondegeneracy, e.nondegeneracy_at_most, o.nondegeneracy));
    else if (!(c.nondegeneracy > o.nondegeneracy))
      object(Verdict::uncertain,
             fmt::format(
                 "degeneracy: the smallest relative curvature along S is {:.1e} (needed {:.1e})",
                 std::isnan(e.nondegeneracy_at_most) ? c.nondegeneracy : e.nondegeneracy_at_most,
                 o.nondegeneracy));
    if (!e.compared)
      object(Verdict::uncertain, "uniqueness: not examined, only one candidate was tried");
    else if (!e.examined)
      object(Verdict::uncertain,
             "uniqueness: not examined at this x, no other candidate came to an end along S");
    else if (e.open)
      object(Verdict::uncertain,
             "uniqueness: another candidate is still descending and may end below the best");
    else if (!(c.uniqueness_margin > o.uniqueness_margin))
      object(Verdict::uncertain,
             fmt::format(
                 "uniqueness: another point of S is within {:.1e} of the best (needed {:.1e}){}",
                 c.uniqueness_margin, o.uniqueness_margin,
                 e.danskin_agrees ? "; both give the same hypergradient" : ""));
  }
  c.verdict = verdict;
}

Certificate aggregate(std::vector<ItemCertificate> const& items) {
  Certificate all;
  if (items.empty()) return all;
  static_cast<ItemCertificate&>(all) = items.front();
  all.kernel_dimension_min = all.kernel_dimension;
  // std::max and std::min drop a NaN in their second argument: let it through instead.
  auto const worst = [](double a, double b, bool larger) {
    if (std::isnan(a) || std::isnan(b)) return std::numeric_limits<double>::quiet_NaN();
    return larger ? std::max(a, b) : std::min(a, b);
  };
  std::map<std::string, int> kinds;
  for (auto const& c : items) {
    all.lower_residual = worst(all.lower_residual, c.lower_residual, true);
    all.distance_bound = worst(all.distance_bound, c.distance_bound, true);
    all.kernel_dimension = std::max(all.kernel_dimension, c.kernel_dimension);
    all.kernel_dimension_min = std::min(all.kernel_dimension_min, c.kernel_dimension);
    all.gap = worst(all.gap, c.gap, false);
    all.tangential_residual = worst(all.tangential_residual, c.tangential_residual, true);
    all.nondegeneracy = worst(all.nondegeneracy, c.nondegeneracy, false);
    all.smallest_curvature = worst(all.smallest_curvature, c.smallest_curvature, false);
    all.uniqueness_margin = worst(all.uniqueness_margin, c.uniqueness_margin, false);
    all.solve_residual = worst(all.solve_residual, c.solve_residual, true);
    all.leakage = worst(all.leakage, c.leakage, true);
    all.candidates = std::min(all.candidates, c.candidates);
    all.rival = all.rival || c.rival;
    all.verdict = std::max(all.verdict, c.verdict);
    (c.verdict == Verdict::certified   ? all.certified
     : c.verdict == Verdict::uncertain ? all.uncertain
                                       : all.refused) += 1;
    for (auto const& reason : c.reasons) ++kinds[reason.substr(0, reason.find(':'))];
  }
  if (items.size() == 1) return all;
  all.reasons.clear();
  for (auto const& [kind, count] : kinds)
    all.reasons.push_back(fmt::format("{}: {} of {} targets", kind, count, items.size()));
  return all;
}

}  // namespace minfold
