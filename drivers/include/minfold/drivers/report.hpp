// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_REPORT_HPP
#define MINFOLD_DRIVERS_REPORT_HPP

#include <minfold/drivers/hgms.hpp>
#include <minfold/drivers/settings.hpp>
#include <minfold/problems/catalog.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// A solve as JSON. Numbers that are not finite become null, because JSON has no others.
namespace minfold {

/// How far a solve is from a closed form. Relative errors; NaN where there is nothing to compare
/// with.
struct TruthErrors {
  double upper = 0;        ///< closed-form F at the final x
  double upper_error = 0;  ///< |F reported - F| / max(1, |F|) there
  double optimum = 0;      ///< smallest F, by closed form
  /// |h - grad F| / |grad F| for the first hypergradient, at x_0: the one that no iteration has had a
  /// chance to mend.
  double gradient_error = 0;
  double final_gradient_error = 0;  ///< |h - grad F| at the final x, relative to |grad F(x_0)|
  double x_error = 0;               ///< |x - x*| / max(1, |x*|)
};

/// What an observer has seen of a problem with a closed form.
struct Seen {
  std::vector<double> x, hypergradient;
  double upper = 0;
};

/// Requires named.truth. `first` is at x_0, `last` at the end.
template <class T, ExecutionSpace E>
TruthErrors compare_with_truth(NamedProblem<T, E> const& named, Seen const& first,
                               Seen const& last);

/// Everything worth keeping of a solve.
struct SolveReport {
  std::string problem, method = "hgms", backend, precision;
  int threads = 0;
  std::uint64_t seed = 1;
  nlohmann::ordered_json build;    ///< version, commit, libraries; null: not told
  nlohmann::ordered_json options;  ///< options_json() of the settings and what else was chosen
  std::vector<Iteration> iterations;
  SolveResult result;
  std::vector<double> x;                      ///< final, upper_rows x dim_x
  std::vector<ItemCertificate> certificates;  ///< one a target, at the end
  nlohmann::ordered_json metrics;             ///< null where the problem has none
  std::optional<TruthErrors> truth;
};

/// Every key that was asked for with the value in force: numbers and flags as such.
nlohmann::ordered_json options_json(Settings const& settings);

/// schema "minfold-solve-1":
///   problem, method, backend, threads, precision, seed, build, options,
///   iterations: [{iteration, upper, hypergradient_norm, target, directional_derivative, tied, step, verdict,
///     lower_residual, distance_bound, kernel_dimension, kernel_dimension_min, gap,
///     tangential_residual, nondegeneracy, smallest_curvature, uniqueness_margin, solve_residual,
///     leakage, candidates, rival, certified, uncertain, refused, values, gradients, hessian_products,
///     mixed_products, second_products, seconds, lower_gradient_norm, lower_gap, kkt_residual, penalty}]
///     and reasons where there are any,
///     where counters and seconds are since the start of the solve; uniqueness_margin is null where
///     `rival` is false (no different point was found), gap where nothing is left of H (k = n),
///     nondegeneracy where k = 0 (an isolated point) or where it was not measured (a reason says so),
///     The last four are null where a method does not have them; methods other than hgms give their own
///     f(x, y) as `upper`, their own measure as hypergradient_norm, and a certificate at the end only.
///   result: {outcome, solved, verdict, reasons, iterations, upper, x (at most 100 numbers), metrics,
///     assessment: {the members of Assessment}, of methods other than hgms,
///     not_certified: [{target, verdict, reasons, and what an iteration says of its certificate}],
///     the first 20 of several targets},
///   truth (closed-form problems): the members of TruthErrors,
///   stages: {lower_solve, candidates, refine, select, differentiate, certify}, each {values,
///     gradients, hessian_products, mixed_products, second_products, seconds}.
nlohmann::ordered_json report_json(SolveReport const& report);

}  // namespace minfold

#endif
