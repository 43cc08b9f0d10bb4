// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_SOLVE_RECORD_HPP
#define MINFOLD_DRIVERS_SOLVE_RECORD_HPP

#include <minfold/drivers/certificate.hpp>
#include <minfold/drivers/counters.hpp>
#include <minfold/drivers/problem.hpp>

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

/// What every method takes and leaves: state, one record an iteration, result.
namespace minfold {

/// One line of a solve. Host data. Methods that move x and y together, without a selection, fill the last
/// part; NaN is what a method does not know.
struct Iteration {
  static constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

  int iteration = 0;
  double upper = 0;  ///< HG-MS: F(x); other methods: sum over targets of f at their own y
  /// Of the projected hypergradient, or of what the method takes for it.
  double hypergradient_norm = 0;
  double target = 0;  ///< the norm at which the solve ends
  double step = 0;    ///< of the step that led here; 0 at the start
  int tied = 0;       ///< targets with a rival whose f and hypergradient compete
  /// F'(x; w) along the unit vector w of the next step: -||h|| where F is differentiable, by Danskin's
  /// formula where targets are tied.
  double directional_derivative = 0;
  Certificate certificate;
  StageCounters counters{};  ///< since the start of the solve
  double seconds = 0;        ///< since the start of the solve

  double lower_gradient_norm = unknown;  ///< ||grad_y g|| at the method's y
  double lower_gap = unknown;            ///< g - g* as far as the method knows g*
  double kkt_residual = unknown;  ///< of the method's own reformulation; its header says which
  double penalty = unknown;       ///< gamma, or the multiplier, in force
};

enum class SolveOutcome : std::uint8_t {
  converged,  ///< the hypergradient, or what the method drives to zero, is below the tolerance
  iteration_limit,
  stalled,  ///< no step decreases F: at a kink, or at the accuracy of F
  stopped,  ///< the observer asked for it
  failed    ///< no candidate reached S(x), or NaN
};
char const* to_string(SolveOutcome outcome);

/// What a solve owns: the caller gives x, gets back all of it.
template <class T, ExecutionSpace E>
struct BilevelState {
  Vectors<T, E> x;              ///< (upper_rows, dim_x): start, then result
  Vectors<T, E> y;              ///< (targets, dim_y): selected points; also the start when warm
  bool warm = false;            ///< y holds a point to track from
  Vectors<T, E> hypergradient;  ///< (upper_rows, dim_x)
  std::vector<ItemCertificate> certificates;  ///< one a target, at the last iteration

  BilevelState(E const& space, AnyProblem<T, E> const& problem)
      : x(make_vectors<T>(space, "minfold::state::x", problem.upper_rows(), problem.dim_x())),
        y(make_vectors<T>(space, "minfold::state::y", problem.batch_size(), problem.dim_y())),
        hypergradient(make_vectors<T>(space, "minfold::state::hypergradient", problem.upper_rows(),
                                      problem.dim_x())) {
    Kokkos::deep_copy(space, x, T(0));
    Kokkos::deep_copy(space, y, T(0));
    Kokkos::deep_copy(space, hypergradient, T(0));
  }
};

/// What HG-MS finds at the x where another method ended.
struct Assessment {
  double upper = 0;               ///< F(x)
  double hypergradient_norm = 0;  ///< ||grad F(x)||, projected
  double allowed = 0;             ///< the norm at which x counts as stationary
  double excess = 0;              ///< f(x, y) - F(x), y the method's
  double distance = 0;            ///< ||y - y*(x)|| in lengths, y* the selected point
};

/// Sentences about an assessment that keeps a result from being certified.
std::string not_stationary(Assessment const& assessment);
std::string not_selected(Assessment const& assessment);

/// A number that a method has found out about its run, under a name of its own; its header says what.
struct Finding {
  std::string name;
  double value = 0;
};

struct SolveResult {
  SolveOutcome outcome = SolveOutcome::failed;
  int iterations = 0;
  Iteration last;
  std::optional<Assessment> assessment;  ///< of methods other than HG-MS
  std::vector<Finding> findings;         ///< of methods that have some
  /// Converged and certified.
  bool solved() const {
    return outcome == SolveOutcome::converged && last.certificate.verdict == Verdict::certified;
  }
};

/// Called after each iteration; false stops the solve.
using Observer = std::function<bool(Iteration const&)>;

}  // namespace minfold

#endif
