// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_SELECTION_HPP
#define MINFOLD_DRIVERS_IMPL_SELECTION_HPP

#include <minfold/drivers/candidates.hpp>
#include <minfold/drivers/counted_problem.hpp>
#include <minfold/drivers/select.hpp>
#include <minfold/drivers/state_archive.hpp>

#include <vector>

namespace minfold::impl {

/// The outcome of one selection: best and rival of every target, with their records.
template <class T, ExecutionSpace E>
struct Selection {
  Vectors<T, E> y;  ///< (2 P, dim_y): best, then rival (or best again)
  std::vector<SelectRecord<T>> chosen;
  std::vector<LowerRecord<T>> lower;  ///< of the best
  bool any_rival = false;
  bool complete = false;  ///< every target has a best

  double value(int target) const { return double(chosen[target].value); }

  void archive(StateArchive& a, E const& space) {
    a.sized_view(space, "y", y);
    a.bytes("chosen", chosen);
    a.bytes("lower", lower);
    a("any_rival", any_rival);
    a("complete", complete);
  }
};

/// Lower solve, refinement and selection of all candidates in y (moved in place) at x.
template <class T, ExecutionSpace E>
Selection<T, E> select_at(E const& space, CountedProblem<T, E> const& problem,
                          Vectors<T const, E> x, Vectors<T, E> y,
                          Scalars<TargetScale<T>, E> const& scales,
                          LowerSolveOptions<T> const& lower_options,
                          RefineOptions<T> const& refine_options,
                          SelectOptions<T> const& select_options, TangentMemory<T, E>& memory) {
  using Scope = typename CountedProblem<T, E>::Scope;
  int const items = int(y.extent(0)), targets = problem.batch_size();
  auto const lower = make_scalars<LowerRecord<T>>(space, "minfold::selection::lower", items);
  auto const refined = make_scalars<RefineRecord<T>>(space, "minfold::selection::refined", items);
  auto const chosen = make_scalars<SelectRecord<T>>(space, "minfold::selection::chosen", targets);
  {
    Scope const scope(problem, space, Stage::lower_solve);
    lower_solve<T, E>(space, problem, x, y, lower, lower_options);
  }
  {
    Scope const scope(problem, space, Stage::refine);
    refine<T, E>(space, problem, x, y, lower, refined, scales, lower_options, refine_options,
                 memory);
  }
  Scope const scope(problem, space, Stage::select);
  select_best<T, E>(space, problem, y, lower, refined, chosen, select_options);
  Selection<T, E> s;
  s.y = make_vectors<T>(space, "minfold::selection::points", 2 * targets, problem.dim_y());
  gather_selected<T, E>(space, y, chosen, s.y);
  auto const [host_chosen, host_lower] = to_host_together(space, chosen, lower);
  s.complete = true;
  for (int target = 0; target < targets; ++target) {
    auto const& c = host_chosen(target);
    int const item = std::max(c.best, 0) * targets + target;
    s.chosen.push_back(c);
    s.lower.push_back(host_lower(item));
    s.any_rival = s.any_rival || c.rival >= 0;
    s.complete = s.complete && c.best >= 0;
  }
  return s;
}

}  // namespace minfold::impl

#endif
