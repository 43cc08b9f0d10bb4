// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_LOWER_SOLVE_IMPL_HPP
#define MINFOLD_DRIVERS_IMPL_LOWER_SOLVE_IMPL_HPP

#include <minfold/drivers/impl/sub_batch.hpp>
#include <minfold/drivers/lower_solve.hpp>

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

/// Which points judge_lower looks at.
enum class Judged {
  all_at_start,   ///< every item, at points that were judged before
  all_moved,      ///< every item, at new points
  after_searches  ///< the items whose line search has ended since
};

/// Judges gradients, zeroes those of settled items in `rhs`.
template <class T, ExecutionSpace E>
void judge_lower(E const& space, LowerSolveWork<T, E> const& work,
                 Scalars<LowerRecord<T>, E> const& records, T length,
                 LowerSolveOptions<T> const& options, Judged which) {
  auto const gradient = work.gradient, rhs = work.rhs;
  auto const values = work.values;
  auto const searches = work.searches;
  int const items = int(gradient.extent(0)), n = int(gradient.extent(1));
  bool const all = which != Judged::after_searches, stepped = which != Judged::all_at_start;
  for_each_item(
      "minfold::lower_solve::judge", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        if (!all && !searches(item).moved) return;
        auto r = records(item);
        T const norm = team_norm(team, n, Kokkos::subview(gradient, item, Kokkos::ALL));
        if (r.outcome == Outcome::not_run) {
          r.gradient_norm = norm;
          r.value = values(item);
          T const scale = r.operator_norm * length, before = r.residual;
          r.residual = norm == T(0)
                           ? T(0)
                           : (scale > T(0) ? norm / scale : Kokkos::Experimental::infinity_v<T>);
          if (stepped && r.iterations > 1)
            r.stalls = r.residual > T(0.5) * before ? r.stalls + 1 : 0;
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
          searches(item).searching = searches(item).moved = false;
        });
      });
}

/// Turns the CG result into a descent direction of bounded length and starts the line search.
template <class T, ExecutionSpace E>
void start_search(E const& space, LowerSolveWork<T, E> const& work, Vectors<T, E> const& y,
                  Scalars<LowerRecord<T>, E> const& records, T length) {
  auto const rhs = work.rhs, direction = work.direction;
  auto const solves = work.solves;
  auto const searches = work.searches;
  int const items = int(y.extent(0)), n = int(y.extent(1));
  for_each_item(
      "minfold::lower_solve::start_search", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        auto r = records(item);
        LineSearch<T> s;
        if (r.outcome == Outcome::not_run) {
          auto const d = Kokkos::subview(direction, item, Kokkos::ALL);
          auto const g = Kokkos::subview(rhs, item, Kokkos::ALL);
          auto const solve = solves(item);
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
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          searches(item) = s;
          records(item) = r;
        });
      });
}

/// trial := y - step d for items that search.
template <class T, ExecutionSpace E>
void make_trial(E const& space, LowerSolveWork<T, E> const& work, Vectors<T, E> const& y) {
  auto const direction = work.direction, trial = work.trial;
  auto const searches = work.searches;
  int const n = int(y.extent(1));
  Kokkos::parallel_for(
      "minfold::lower_solve::trial",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0}, {int(y.extent(0)), n}),
      KOKKOS_LAMBDA(int item, int i) {
        trial(item, i) = searches(item).searching
                             ? y(item, i) - searches(item).step * direction(item, i)
                             : y(item, i);
      });
}

/// Accepts or halves.
template <class T, ExecutionSpace E>
void judge_trial(E const& space, LowerSolveWork<T, E> const& work, Vectors<T, E> const& y,
                 Scalars<LowerRecord<T>, E> const& records, T length, T rounding) {
  auto const trial = work.trial;
  auto const values = work.values;
  auto const searches = work.searches;
  int const items = int(y.extent(0)), n = int(y.extent(1));
  for_each_item(
      "minfold::lower_solve::judge_trial", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        auto s = searches(item);
        if (!s.searching) return;
        // The slack lets full Newton steps through once g itself has no digits left to decrease.
        T const slack = T(8) * epsilon<T> * Kokkos::abs(s.value);
        T const value = values(item);
        bool const accepted =
            Kokkos::isfinite(value) && value <= s.value - T(1e-4) * s.step * s.slope + slack;
        team.team_barrier();
        if (accepted) {
          team_for(team, n, [&](int i) { y(item, i) = trial(item, i); });
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
            r.outcome = r.residual <= rounding ? Outcome::converged : Outcome::iteration_limit;
          }
          s.moved = !s.searching;
          searches(item) = s;
        });
      });
}

/// Goes on with the items whose record says not_run, from the state in y and records; `working`: how many
/// they are.
template <class T, ExecutionSpace E>
void lower_solve_working(E const& space, AnyProblem<T, E> const& problem, Vectors<T const, E> x,
                         Vectors<T, E> y, Scalars<LowerRecord<T>, E> const& records,
                         LowerSolveOptions<T> const& options, T forcing, Judged which,
                         int working) {
  if (working == 0) return;
  if (auto const part = working_items(space, problem, records, working); part.problem) {
    auto const part_y = part.gather(space, y);
    auto const part_records = part.gather(space, records, int(y.extent(0)));
    lower_solve_working<T, E>(space, *part.problem, x, part_y, part_records, options, forcing,
                              which, working);
    part.scatter(space, part_y, y);
    part.scatter(space, part_records, records);
    return;
  }
  int const items = int(y.extent(0)), n = int(y.extent(1));
  T const length = problem.length_scale();
  LowerSolveWork<T, E> const work(space, items, n);
  problem.lower_value(space, x, y, work.values);
  problem.lower_gradient(space, x, y, work.gradient);
  judge_lower(space, work, records, length, options, which);
  working = count_working(space, records);
  while (working > 0) {
    if (items >= sub_batch_items && 2 * working <= items &&
        (problem.batch_size() == 1 || problem.for_items(space, {})))
      return lower_solve_working<T, E>(space, problem, x, y, records, options, forcing,
                                       Judged::all_at_start, working);
    // Tighter and tighter: the convergence becomes superlinear whatever the item.
    pinv_cg(space, LowerHessian<T, E>{&problem, x, y}, work.rhs, work.direction, work.solves,
            {.relative_tolerance = forcing,
             .max_iterations = options.max_cg_iterations,
             .max_restarts = 0,
             .negative_curvature = T(16) * epsilon<T>});
    forcing = Kokkos::max(T(0.2) * forcing, std::is_same_v<T, float> ? T(1e-3) : T(1e-6));
    start_search(space, work, y, records, length);
    // Nearly every first trial is accepted: its gradient is taken at once, and the host waits for both
    // answers together. Where an item goes on to search its gradient is taken again when all have ended.
    StillAtWork at_work{.searching = items};
    for (bool first = true; at_work.searching > 0; first = false) {
      make_trial(space, work, y);
      problem.lower_value(space, x, work.trial, work.values);
      judge_trial(space, work, y, records, length, options.rounding);
      if (!first) at_work = count_both(space, work.searches, records);
      if (first || at_work.searching == 0) {
        problem.lower_gradient(space, x, y, work.gradient);
        judge_lower(space, work, records, length, options, Judged::after_searches);
        at_work = count_both(space, work.searches, records);
      }
    }
    working = at_work.working;
  }
}

}  // namespace minfold::impl

namespace minfold {

template <class T, ExecutionSpace E>
void lower_solve(E const& space, AnyProblem<T, E> const& problem, Vectors<T const, E> x,
                 Vectors<T, E> y, Scalars<LowerRecord<T>, E> const& records,
                 LowerSolveOptions<T> const& options) {
  int const items = int(y.extent(0)), n = int(y.extent(1));
  MINFOLD_REQUIRE(n == problem.dim_y() && items % problem.batch_size() == 0, "lower_solve: y is ",
                  items, " x ", n, ", expected a multiple of ", problem.batch_size(), " rows of ",
                  problem.dim_y());
  MINFOLD_REQUIRE(int(records.extent(0)) == items, "lower_solve: ", items, " items but ",
                  records.extent(0), " records");
  if (items == 0) return;
  Kokkos::deep_copy(space, records, LowerRecord<T>{});
  impl::lower_solve_working<T, E>(space, problem, x, y, records, options, T(0.1),
                                  impl::Judged::all_moved, items);
}

}  // namespace minfold

#endif
