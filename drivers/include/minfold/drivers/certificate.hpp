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
  /// f on S met during the solve; NaN where the problem gives no second-order products.
  double nondegeneracy = std::numeric_limits<double>::quiet_NaN();
  double smallest_curvature = std::numeric_limits<double>::quiet_NaN();  ///< the same, absolute
  /// f(next distinct critical point) - f(selected), relative to the scale of f; infinite when all
  /// candidates agree.
  double uniqueness_margin = std::numeric_limits<double>::infinity();
  double solve_residual = 0;  ///< ||H v - P grad_y f|| relative, recomputed
  double leakage = 0;         ///< ||(I - P) b|| / ||b|| of that solve
  int candidates = 0;         ///< that reached S and converged along it
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
  double lower_residual = 0;       ///< 0: 1e4 eps
  double tangential_residual = 0;  ///< 0: 1e-7 in double, 1e-3 in float
  double gap = 10;                 ///< below: refused, the kernel dimension is a guess
  double nondegeneracy = 0;        ///< 0: 1e-6 in double, 1e-3 in float
  double uniqueness_margin = 0;    ///< 0: 1e-9 in double, 1e-4 in float
  double solve_residual = 0;       ///< 0: 1e-7 in double, 1e-3 in float
  double leakage = 0;              ///< 0: 1e-6 in double, 1e-3 in float
};

/// The same with every 0 replaced by its default for the precision.
CertificateOptions resolved(CertificateOptions options, bool single_precision);

/// What the verdict is derived from besides the numbers of the certificate.
struct Evidence {
  bool finite = true;
  bool on_manifold = true;  ///< the lower solve of the selected point converged
  bool refined = true;      ///< and its refinement along S
  bool solve_converged = true;
  bool dimension_known = true;
  bool dimension_ambiguous = false;
  bool indefinite = false;      ///< H has a clearly negative eigenvalue
  bool compared = true;         ///< more than one candidate was tried
  bool danskin_agrees = false;  ///< tied points give the same hypergradient
};

/// Fills verdict and reasons of one target.
void judge(ItemCertificate& certificate, Evidence const& evidence,
           CertificateOptions const& options);

/// The worst over all targets, with counts.
Certificate aggregate(std::vector<ItemCertificate> const& items);

}  // namespace minfold

#endif
