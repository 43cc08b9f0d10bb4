// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_CERTIFICATE_HPP
#define MINFOLD_DRIVERS_CERTIFICATE_HPP

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace minfold {

enum class Verdict : std::uint8_t { certified, uncertain, refused };
char const* to_string(Verdict verdict);

/// What a hypergradient rests on, measured at the selected point of one target. Everything that
/// has a unit is also given relative to a named scale, so that tolerances mean the same at any size.
struct ItemCertificate {
  double lower_residual = 0;       ///< ||grad_y g|| / (||H|| length): distance from S in lengths
  double distance_bound = 0;       ///< ||grad_y g|| / mu, mu = smallest nonzero eigenvalue of H
  int kernel_dimension = 0;        ///< k = dim S
  double gap = 0;                  ///< kept / dropped |eigenvalue| of H
  double tangential_residual = 0;  ///< ||P_ker grad_y f|| / scale of the gradient
  /// Smallest eigenvalue of the Riemannian Hessian of f on S, relative to the largest curvature of
  /// f on S met during the solve; NaN where the problem gives no second-order products. Where k is large it
  /// is a lower bound, which holds but with a probability of 1e-10 (in float 1e-6) of the random start.
  double nondegeneracy = std::numeric_limits<double>::quiet_NaN();
  double smallest_curvature = std::numeric_limits<double>::quiet_NaN();  ///< the same, absolute
  /// f(next distinct critical point) - f(selected), relative to the scale of f; infinite when all
  /// candidates agree.
  double uniqueness_margin = std::numeric_limits<double>::infinity();
  double solve_residual = 0;  ///< ||H v - P grad_y f|| relative, recomputed
  double leakage = 0;         ///< ||(I - P) b|| / ||b|| of that solve
  int candidates = 0;         ///< that reached S and a critical point of f along it
  bool rival = false;         ///< one of them is a different point
  Verdict verdict = Verdict::refused;
  std::vector<std::string> reasons;  ///< why not certified; empty when certified
};

/// The worst over all targets, with counts. `reasons` are sentences; with several targets each says
/// how many it concerns.
struct Certificate : ItemCertificate {
  int certified = 0, uncertain = 0, refused = 0;
  int kernel_dimension_min = 0;  ///< kernel_dimension is the largest
};

/// Thresholds of the verdict. All relative.
struct CertificateOptions {
  double lower_residual = 0;       ///< 0: 1e4 eps in double, 1e3 eps in float
  double distance = 0;             ///< distance_bound in lengths; 0: 1e-7 in double, 1e-3 in float
  double tangential_residual = 0;  ///< 0: 1e-7 in double, 1e-3 in float
  double gap = 10;                 ///< below: refused, the kernel dimension is a guess
  /// 0: 1e-6 in double, 5e-3 in float: where f grows like s^4 along S, a refinement that stops at
  /// |f'| = tol is left at s = tol^(1/3) with a curvature of 3 tol^(2/3), 6e-7 and 1.4e-3.
  double nondegeneracy = 0;
  double uniqueness_margin = 0;  ///< 0: 1e-9 in double, 1e-4 in float
  double solve_residual = 0;     ///< 0: 1e-7 in double, 1e-3 in float
  double leakage = 0;            ///< 0: 1e-6 in double, 2e-3 in float
};

/// The same with every 0 replaced by its default for the precision.
CertificateOptions resolved(CertificateOptions options, bool single_precision);

/// What the verdict is derived from besides the numbers of the certificate.
struct Evidence {
  double length = 1;  ///< length_scale of the problem, the unit of distance_bound
  bool finite = true;
  bool on_manifold = true;  ///< the lower solve of the selected point converged
  bool below = false;       ///< another candidate has a smaller g
  bool solve_converged = true;
  bool dimension_known = true;
  bool dimension_ambiguous = false;
  bool flat = false;        ///< H is zero: a gap has no unit
  bool indefinite = false;  ///< H has a clearly negative eigenvalue
  bool compared = true;     ///< more than one candidate was asked for
  bool examined = true;     ///< an independent candidate was finished at this x
  bool open = false;        ///< an unfinished candidate may still descend below the selected point
  /// Where nondegeneracy is a lower bound, an upper one; else NaN.
  double nondegeneracy_at_most = std::numeric_limits<double>::quiet_NaN();
  bool danskin_agrees = false;  ///< tied points give the same hypergradient
};

/// Fills verdict and reasons of one target.
void judge(ItemCertificate& certificate, Evidence const& evidence,
           CertificateOptions const& options);

/// The worst over all targets, with counts.
Certificate aggregate(std::vector<ItemCertificate> const& items);

}  // namespace minfold

#endif
