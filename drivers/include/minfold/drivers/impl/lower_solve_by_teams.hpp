// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_LOWER_SOLVE_BY_TEAMS_HPP
#define MINFOLD_DRIVERS_IMPL_LOWER_SOLVE_BY_TEAMS_HPP

#include <minfold/drivers/impl/lower_step.hpp>
#include <minfold/kernels/impl/cg_step.hpp>

/// lower_solve of problems that can be evaluated inside of a launch: all steps of a point in one, by a team.
namespace minfold::impl {

/// The steps of lower_solve_working, decided where they are done. `Points` evaluates g at a point:
///   lower_value(team, item, y, out)            out(item) = g
///   lower_gradient(team, item, y, out)         out(i) = d g / d y_i
///   lower_hessian(team, item, y, v, out)       out = H v
/// collective, without barriers.
template <class T, ExecutionSpace E, class Points>
struct LowerSolveByTeams {
  using Cg = CgStep<T, E, Vectors<T, E>, CgBlocks<T, E, Vectors<T, E>>, Scalars<SolveRecord<T>, E>>;

  Points points;
  LowerStep<T, E> step;
  Cg cg;
  Scalars<LowerEvaluations, E> done;

  KOKKOS_FUNCTION void operator()(TeamMember<E> const& team, int item) const {
    LowerEvaluations count;
    if (step.records(item).outcome == Outcome::not_run) solve(team, item, count);
    Kokkos::single(Kokkos::PerTeam(team), [&] { done(item) = count; });
  }

 private:
  KOKKOS_FUNCTION void solve(TeamMember<E> const& team, int item, LowerEvaluations& count) const {
    auto const y = Kokkos::subview(step.y, item, Kokkos::ALL);
    points.lower_value(team, item, y, step.work.values);
    ++count.values;
    judge(team, item, y, false, count);
    if (!works(item)) return;
    auto newton = cg;
    for (T forcing = first_forcing<T>; works(item); forcing = next_forcing(forcing)) {
      newton.options.relative_tolerance = forcing;
      solve_for_direction(team, item, y, newton, count);
      step.start_search(team, item);
      team.team_barrier();
      search(team, item, count);
      if (works(item)) judge(team, item, y, true, count);
    }
  }

  /// Every thread of the team sees the same: each write of the record stands between two barriers.
  KOKKOS_FUNCTION bool works(int item) const {
    return step.records(item).outcome == Outcome::not_run;
  }

  template <class Y>
  KOKKOS_FUNCTION void judge(TeamMember<E> const& team, int item, Y const& y, bool stepped,
                             LowerEvaluations& count) const {
    points.lower_gradient(team, item, y, Kokkos::subview(step.work.gradient, item, Kokkos::ALL));
    ++count.gradients;
    team.team_barrier();
    step.judge(team, item, stepped);
    team.team_barrier();
  }

  template <class Y>
  KOKKOS_FUNCTION void solve_for_direction(TeamMember<E> const& team, int item, Y const& y,
                                           Cg const& newton, LowerEvaluations& count) const {
    auto const workers = vector_team<E>(team);
    newton.begin(workers, item, 0);
    team.team_barrier();
    while (newton.running(item, 0)) {
      points.lower_hessian(team, item, y, newton.work.operand(item, 0),
                           newton.work.product(item, 0));
      ++count.hessian_products;
      team.team_barrier();
      newton.step(workers, item, 0);
      team.team_barrier();
    }
  }

  KOKKOS_FUNCTION void search(TeamMember<E> const& team, int item, LowerEvaluations& count) const {
    auto const trial = Kokkos::subview(step.work.trial, item, Kokkos::ALL);
    while (step.work.searches(item).searching) {
      team_for(team, int(trial.extent(0)),
               [&](int i) { trial(i) = step.trial_component(item, i); });
      team.team_barrier();
      points.lower_value(team, item, trial, step.work.values);
      ++count.values;
      team.team_barrier();
      step.judge_trial(team, item);
      team.team_barrier();
    }
  }
};

/// AnyProblem::lower_solve_by_teams for a problem that offers `Points`.
template <class T, ExecutionSpace E, class Points>
void run_lower_solve_by_teams(E const& space, Points const& points, Vectors<T, E> const& y,
                              Scalars<LowerRecord<T>, E> const& records,
                              Scalars<LowerEvaluations, E> const& done, T length,
                              LowerSolveOptions<T> const& options) {
  using Solve = LowerSolveByTeams<T, E, Points>;
  int const items = int(y.extent(0)), n = int(y.extent(1));
  LowerStep<T, E> const step{LowerSolveWork<T, E>(space, items, n), y, records, length, options};
  CgBlocks<T, E, Vectors<T, E>> const blocks{
      step.work.direction,
      make_blocks<T>(space, "minfold::lower_solve::search_direction", items, 1, n),
      make_blocks<T>(space, "minfold::lower_solve::product", items, 1, n),
      make_blocks<T>(space, "minfold::lower_solve::residual", items, 1, n)};
  auto const cg_options = forced_cg(first_forcing<T>, options);
  typename Solve::Cg const cg{
      step.work.rhs,
      blocks,
      step.work.solves,
      make_scalars<CgState<T>>(space, "minfold::lower_solve::cg", items),
      {},
      cg_options,
      n,
      1,
      cg_options.max_iterations > 0 ? cg_options.max_iterations : 10 * n + 100};
  for_each_uneven_item("minfold::lower_solve::by_teams", space, items, n,
                       Solve{points, step, cg, done});
}

}  // namespace minfold::impl

#endif
