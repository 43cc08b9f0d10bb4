// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_LOWER_STEP_HPP
#define MINFOLD_DRIVERS_IMPL_LOWER_STEP_HPP

#include <minfold/core/team.hpp>
#include <minfold/drivers/lower_solve_options.hpp>
#include <minfold/kernels/pinv_cg.hpp>

namespace minfold::impl {

/// Armijo backtracking state of one item; 0 = settled.
template <std::floating_point T>
struct LineSearch {
  T step = 0;
  T slope = 0;  ///< <gradient, direction> of the decrease, > 0
  T value = 0;  ///< at the start of the step
  bool searching = false;
  bool moved = false;  ///< the search has ended and the gradient there was not judged yet
};

template <class T, ExecutionSpace E>
struct LowerSolveWork {
  Vectors<T, E> gradient, rhs, direction, trial;
  Scalars<T, E> values;
  Scalars<SolveRecord<T>, E> solves;
  Scalars<LineSearch<T>, E> searches;

  LowerSolveWork(E const& space, int items, int n)
      : gradient(make_vectors<T>(space, "minfold::lower_solve::gradient", items, n)),
        rhs(make_vectors<T>(space, "minfold::lower_solve::rhs", items, n)),
        direction(make_vectors<T>(space, "minfold::lower_solve::direction", items, n)),
        trial(make_vectors<T>(space, "minfold::lower_solve::trial", items, n)),
        values(make_scalars<T>(space, "minfold::lower_solve::values", items)),
        solves(make_scalars<SolveRecord<T>>(space, "minfold::lower_solve::solves", items)),
        searches(make_scalars<LineSearch<T>>(space, "minfold::lower_solve::searches", items)) {}
};

/// How accurately CG solves for the first Newton step; tighter and tighter from there on, so that the
/// convergence becomes superlinear whatever the item.
template <std::floating_point T>
inline constexpr T first_forcing = T(0.1);
template <std::floating_point T>
KOKKOS_INLINE_FUNCTION T next_forcing(T forcing) {
  return Kokkos::max(T(0.2) * forcing, std::is_same_v<T, float> ? T(1e-3) : T(1e-6));
}
template <std::floating_point T>
PinvCgOptions<T> forced_cg(T forcing, LowerSolveOptions<T> const& options) {
  return {.relative_tolerance = forcing,
          .max_iterations = options.max_cg_iterations,
          .max_restarts = 0,
          .negative_curvature = T(16) * epsilon<T>};
}

/// What a team does for its item between the products of a Newton step: the same for a launch a step and for
/// all steps in one. None ends with a barrier.
template <class T, ExecutionSpace E>
struct LowerStep {
  LowerSolveWork<T, E> work;
  Vectors<T, E> y;
  Scalars<LowerRecord<T>, E> records;
  T length;
  LowerSolveOptions<T> options;

  /// Judges the gradient at y, zeroes it in `rhs` where the item is settled. `stepped`: y is new.
  template <class Team>
  KOKKOS_FUNCTION void judge(Team const& team, int item, bool stepped) const {
    int const n = int(y.extent(1));
    auto const& gradient = work.gradient;
    auto const& rhs = work.rhs;
    auto r = records(item);
    T const norm = team_norm(team, n, Kokkos::subview(gradient, item, Kokkos::ALL));
    if (r.outcome == Outcome::not_run) {
      r.gradient_norm = norm;
      r.value = work.values(item);
      T const scale = r.operator_norm * length, before = r.residual;
      r.residual =
          norm == T(0) ? T(0) : (scale > T(0) ? norm / scale : Kokkos::Experimental::infinity_v<T>);
      if (stepped && r.iterations > 1) r.stalls = r.residual > T(0.5) * before ? r.stalls + 1 : 0;
      if (!Kokkos::isfinite(norm) || !Kokkos::isfinite(r.value))
        r.outcome = Outcome::not_finite;
      else if (r.residual <= options.tolerance ||
               (r.stalls >= 1 && r.residual <= T(64) * epsilon<T>) ||
               (r.stalls >= 3 && r.residual <= options.rounding))
        r.outcome = Outcome::converged;
      else if (r.iterations >= options.max_iterations)
        r.outcome = Outcome::iteration_limit;
    }
    bool const works = r.outcome == Outcome::not_run;
    team_for(team, n, [&](int i) { rhs(item, i) = works ? gradient(item, i) : T(0); });
    team.team_barrier();
    Kokkos::single(Kokkos::PerTeam(team), [&] {
      records(item) = r;
      work.searches(item).searching = work.searches(item).moved = false;
    });
  }

  /// Turns the CG result into a descent direction of bounded length and starts the line search.
  template <class Team>
  KOKKOS_FUNCTION void start_search(Team const& team, int item) const {
    int const n = int(y.extent(1));
    auto r = records(item);
    LineSearch<T> s;
    if (r.outcome == Outcome::not_run) {
      auto const d = Kokkos::subview(work.direction, item, Kokkos::ALL);
      auto const g = Kokkos::subview(work.rhs, item, Kokkos::ALL);
      auto const solve = work.solves(item);
      if (solve.operator_norm > T(0)) r.operator_norm = solve.operator_norm;
      ++r.iterations;
      r.products += solve.products;
      T const g_norm = r.gradient_norm;
      T slope = team_dot(team, n, d, g);
      // No usable direction (negative curvature at once): steepest descent, one Newton length
      // for the largest curvature seen.
      if (!(slope > T(0))) {
        T const scale = r.operator_norm > T(0) ? T(1) / r.operator_norm : length / g_norm;
        team_for(team, n, [&](int i) { d(i) = scale * g(i); });
        team.team_barrier();
        slope = scale * g_norm * g_norm;
      }
      T const d_norm = team_norm(team, n, d);
      T const y_norm = team_norm(team, n, Kokkos::subview(y, item, Kokkos::ALL));
      T const longest = T(4) * (length + y_norm);
      s.step = d_norm > longest ? longest / d_norm : T(1);
      s.slope = slope;
      s.value = r.value;
      s.searching = true;
      if (!Kokkos::isfinite(d_norm)) {
        s.searching = false;
        s.moved = true;
        r.outcome = Outcome::not_finite;
      }
    }
    team.team_barrier();
    Kokkos::single(Kokkos::PerTeam(team), [&] {
      work.searches(item) = s;
      records(item) = r;
    });
  }

  /// Component i of the trial: y - step d where the item searches.
  KOKKOS_FUNCTION T trial_component(int item, int i) const {
    auto const& s = work.searches(item);
    return s.searching ? y(item, i) - s.step * work.direction(item, i) : y(item, i);
  }

  /// Accepts the trial with its value or halves the step.
  template <class Team>
  KOKKOS_FUNCTION void judge_trial(Team const& team, int item) const {
    int const n = int(y.extent(1));
    auto s = work.searches(item);
    if (!s.searching) return;
    // The slack lets full Newton steps through once g itself has no digits left to decrease.
    T const slack = T(8) * epsilon<T> * Kokkos::abs(s.value);
    T const value = work.values(item);
    bool const accepted =
        Kokkos::isfinite(value) && value <= s.value - T(1e-4) * s.step * s.slope + slack;
    team.team_barrier();
    if (accepted) {
      team_for(team, n, [&](int i) { y(item, i) = work.trial(item, i); });
    }
    Kokkos::single(Kokkos::PerTeam(team), [&] {
      s.searching = !accepted;
      if (accepted) records(item).value = value;
      s.step *= T(0.5);
      if (!accepted && s.step < epsilon<T>) {
        s.searching = false;
        // A point that was on S from the start cannot decrease g: only now ||H|| is known to tell.
        auto& r = records(item);
        r.residual = r.gradient_norm / (r.operator_norm * length);
        r.outcome = r.residual <= options.rounding ? Outcome::converged : Outcome::iteration_limit;
      }
      s.moved = !s.searching;
      work.searches(item) = s;
    });
  }
};

}  // namespace minfold::impl

#endif
