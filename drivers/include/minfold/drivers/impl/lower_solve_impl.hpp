// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_LOWER_SOLVE_IMPL_HPP
#define MINFOLD_DRIVERS_IMPL_LOWER_SOLVE_IMPL_HPP

#include <minfold/drivers/impl/lower_step.hpp>
#include <minfold/drivers/impl/sub_batch.hpp>
#include <minfold/drivers/lower_solve.hpp>

namespace minfold::impl {

/// Which points judge_lower looks at.
enum class Judged {
  all_at_start,   ///< every item, at points that were judged before
  all_moved,      ///< every item, at new points
  after_searches  ///< the items whose line search has ended since
};

template <class T, ExecutionSpace E>
void judge_lower(E const& space, LowerStep<T, E> const& step, Judged which) {
  bool const all = which != Judged::after_searches, stepped = which != Judged::all_at_start;
  for_each_item(
      "minfold::lower_solve::judge", space, int(step.y.extent(0)), int(step.y.extent(1)),
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        if (all || step.work.searches(item).moved) step.judge(team, item, stepped);
      });
}

template <class T, ExecutionSpace E>
void start_search(E const& space, LowerStep<T, E> const& step) {
  for_each_item(
      "minfold::lower_solve::start_search", space, int(step.y.extent(0)), int(step.y.extent(1)),
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) { step.start_search(team, item); });
}

template <class T, ExecutionSpace E>
void make_trial(E const& space, LowerStep<T, E> const& step) {
  Kokkos::parallel_for(
      "minfold::lower_solve::trial",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0},
                                                {int(step.y.extent(0)), int(step.y.extent(1))}),
      KOKKOS_LAMBDA(int item, int i) { step.work.trial(item, i) = step.trial_component(item, i); });
}

template <class T, ExecutionSpace E>
void judge_trial(E const& space, LowerStep<T, E> const& step) {
  for_each_item(
      "minfold::lower_solve::judge_trial", space, int(step.y.extent(0)), int(step.y.extent(1)),
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) { step.judge_trial(team, item); });
}

/// Goes on with the items whose record says not_run, from the state in y and records; `working`: how many
/// they are.
template <class T, ExecutionSpace E>
void lower_solve_working(E const& space, AnyProblem<T, E> const& problem, Vectors<T const, E> x,
                         Vectors<T, E> y, Scalars<LowerRecord<T>, E> const& records,
                         LowerSolveOptions<T> const& options, T forcing, Judged which,
                         int working) {
  if (working == 0) return;
  if (which == Judged::all_moved) {
    auto const done = make_scalars<LowerEvaluations>(space, "minfold::lower_solve::evaluations",
                                                     int(y.extent(0)));
    if (problem.lower_solve_by_teams(space, x, y, records, done, options)) return;
  }
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
  LowerSolveWork<T, E> const work(space, items, n);
  LowerStep<T, E> const step{work, y, records, problem.length_scale(), options};
  problem.lower_value(space, x, y, work.values);
  problem.lower_gradient(space, x, y, work.gradient);
  judge_lower(space, step, which);
  working = count_working(space, records);
  while (working > 0) {
    if (items >= sub_batch_items && 2 * working <= items &&
        (problem.batch_size() == 1 || problem.for_items(space, {})))
      return lower_solve_working<T, E>(space, problem, x, y, records, options, forcing,
                                       Judged::all_at_start, working);
    pinv_cg(space, LowerHessian<T, E>{&problem, x, y}, work.rhs, work.direction, work.solves,
            forced_cg(forcing, options));
    forcing = next_forcing(forcing);
    start_search(space, step);
    // Nearly every first trial is accepted: its gradient is taken at once, and the host waits for both
    // answers together. Where an item goes on to search its gradient is taken again when all have ended.
    StillAtWork at_work{.searching = items};
    for (bool first = true; at_work.searching > 0; first = false) {
      make_trial(space, step);
      problem.lower_value(space, x, work.trial, work.values);
      judge_trial(space, step);
      if (!first) at_work = count_both(space, work.searches, records);
      if (first || at_work.searching == 0) {
        problem.lower_gradient(space, x, y, work.gradient);
        judge_lower(space, step, Judged::after_searches);
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
  impl::lower_solve_working<T, E>(space, problem, x, y, records, options, impl::first_forcing<T>,
                                  impl::Judged::all_moved, items);
}

}  // namespace minfold

#endif
