// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_SELECT_HPP
#define MINFOLD_DRIVERS_SELECT_HPP

#include <minfold/drivers/refine.hpp>

namespace minfold {

/// The choice among the candidates of one target.
template <std::floating_point T>
struct SelectRecord {
  int best = -1;   ///< candidate; -1: none reached S
  int rival = -1;  ///< lowest candidate that is a different point; -1: none
  int usable = 0;  ///< candidates on S with finite f
  T value = 0;     ///< f of the best
  T margin = Kokkos::Experimental::infinity_v<T>;  ///< f(rival) - f(best)
  T lower_spread =
      0;  ///< g(best) - smallest g among the candidates: > 0 if best is a local minimum only
};

/// Picks for each target the candidate with the smallest f among those on S(x), and its closest
/// competitor at another point.
///
/// A candidate is on S when its lower solve converged and its g is within value_tolerance of the smallest
/// g of the target: local minimizers of g that are not global are not in S. Two points are different
/// when they are farther apart than distinct * length_scale.
/// Costs     (candidates)^2 distances a target at most. Ties go to the lower index: deterministic.
template <class T, ExecutionSpace E>
void select_best(E const& space, AnyProblem<T, E> const& problem, Vectors<T const, E> y,
                 Scalars<LowerRecord<T>, E> const& lower,
                 Scalars<RefineRecord<T>, E> const& refined,
                 Scalars<SelectRecord<T>, E> const& records, T distinct) {
  int const items = int(y.extent(0)), n = int(y.extent(1)), targets = problem.batch_size();
  int const candidates = items / targets;
  T const apart = distinct * problem.length_scale();
  T const length = problem.length_scale();
  for_each_item(
      "minfold::select", space, targets, n, KOKKOS_LAMBDA(TeamMember<E> const& team, int target) {
        SelectRecord<T> s;
        T lowest = Kokkos::Experimental::infinity_v<T>;
        for (int c = 0; c < candidates; ++c) {
          auto const& l = lower(c * targets + target);
          if (l.outcome == Outcome::converged && l.value < lowest) lowest = l.value;
        }
        // g is flat to second order on S: its error there is far below ||H|| (distance)^2.
        auto const usable = [&](int c) {
          int const item = c * targets + target;
          auto const& l = lower(item);
          T const slack = Kokkos::sqrt(epsilon<T>) * Kokkos::abs(lowest) +
                          T(1e-6) * l.operator_norm * length * length;
          return l.outcome == Outcome::converged && l.value <= lowest + slack &&
                 refined(item).outcome != Outcome::not_finite &&
                 refined(item).outcome != Outcome::indefinite_operator &&
                 Kokkos::isfinite(refined(item).value);
        };
        auto const value = [&](int c) { return refined(c * targets + target).value; };
        for (int c = 0; c < candidates; ++c) {
          if (!usable(c)) continue;
          ++s.usable;
          if (s.best < 0 || value(c) < value(s.best)) s.best = c;
        }
        if (s.best >= 0) {
          s.value = value(s.best);
          s.lower_spread = lower(s.best * targets + target).value - lowest;
          for (int c = 0; c < candidates; ++c) {
            if (c == s.best || !usable(c) || (s.rival >= 0 && !(value(c) < value(s.rival))))
              continue;
            // An unfinished refinement of the same critical point is not a rival.
            if (refined(c * targets + target).outcome != Outcome::converged) continue;
            T const distance = team_norm(team, n, [&](int i) {
              return y(c * targets + target, i) - y(s.best * targets + target, i);
            });
            if (distance > apart) s.rival = c;
          }
          if (s.rival >= 0) s.margin = value(s.rival) - s.value;
        }
        Kokkos::single(Kokkos::PerTeam(team), [&] { records(target) = s; });
      });
}

/// to(target, :) := the best candidate; to(P + target, :) := the rival, or the best where there is none,
/// when `to` has room for two.
template <class T, ExecutionSpace E>
void gather_selected(E const& space, Vectors<T const, E> y,
                     Scalars<SelectRecord<T>, E> const& records, Vectors<T, E> to) {
  int const targets = int(records.extent(0)), n = int(y.extent(1));
  Kokkos::parallel_for(
      "minfold::select::gather",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0}, {int(to.extent(0)), n}),
      KOKKOS_LAMBDA(int row, int i) {
        int const target = row % targets;
        auto const& s = records(target);
        int const c = row < targets || s.rival < 0 ? s.best : s.rival;
        to(row, i) = y((c < 0 ? 0 : c) * targets + target, i);
      });
}

}  // namespace minfold

#endif
