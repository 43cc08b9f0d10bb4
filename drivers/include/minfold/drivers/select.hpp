// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_SELECT_HPP
#define MINFOLD_DRIVERS_SELECT_HPP

#include <minfold/drivers/refine.hpp>

namespace minfold {

/// The choice among the candidates of one target.
template <std::floating_point T>
struct SelectRecord {
  int best = -1;     ///< candidate; -1: none reached S
  int rival = -1;    ///< lowest finished candidate that is a different point; -1: none
  int usable = 0;    ///< candidates on S with finite f
  int finished = 0;  ///< of these, critical for f along S: what the best can be compared with
  /// Finished candidates other than the best that were not tracked together with it: independent looks.
  int independent = 0;
  bool open = false;   ///< a different point, not finished, may still descend below the best
  bool below = false;  ///< a candidate, on S or not, has a smaller g: the best is no minimizer of g
  T value = 0;         ///< f of the best
  T margin = Kokkos::Experimental::infinity_v<T>;  ///< f(rival) - f(best)
};

template <std::floating_point T>
struct SelectOptions {
  /// Two points are different when they are farther apart than this times length_scale.
  T distinct = std::is_same_v<T, float> ? T(1e-2) : T(1e-4);
  /// A candidate is finished when its refinement converged, or when its tangential gradient is below
  /// this times its scale: refinement may stop at the accuracy of f, short of its own tolerance.
  T finished = std::is_same_v<T, float> ? T(1e-3) : T(1e-7);
  int tracked = 0;  ///< candidates 0 ... tracked-1 come from the same earlier selection
};

/// Picks for each target the candidate with the smallest f among those on S(x), and its closest
/// competitor at another point.
///
/// A candidate is on S when its lower solve converged and its g is the smallest among the converged ones
/// of the target, up to rounding and to ||H|| (1e-3 length)^2: local minimizers of g that are not global
/// are not in S.
/// Costs     (candidates)^2 distances a target at most. Ties go to the lower index: deterministic.
template <class T, ExecutionSpace E>
void select_best(E const& space, AnyProblem<T, E> const& problem, Vectors<T const, E> y,
                 Scalars<LowerRecord<T>, E> const& lower,
                 Scalars<RefineRecord<T>, E> const& refined,
                 Scalars<SelectRecord<T>, E> const& records, SelectOptions<T> const& options = {}) {
  int const items = int(y.extent(0)), n = int(y.extent(1)), targets = problem.batch_size();
  int const candidates = items / targets, tracked = options.tracked;
  T const length = problem.length_scale();
  T const apart = options.distinct * length, critical = options.finished;
  for_each_item(
      "minfold::select", space, targets, n, KOKKOS_LAMBDA(TeamMember<E> const& team, int target) {
        SelectRecord<T> s;
        T lowest = Kokkos::Experimental::infinity_v<T>, seen = lowest;
        for (int c = 0; c < candidates; ++c) {
          auto const& l = lower(c * targets + target);
          if (l.outcome == Outcome::converged && l.value < lowest) lowest = l.value;
          // NaN compares false.
          if (l.outcome != Outcome::not_finite && l.value < seen) seen = l.value;
        }
        // g is flat to second order on S: its error there is far below ||H|| (distance)^2.
        auto const slack = [&](LowerRecord<T> const& l) {
          return T(1e3) * epsilon<T> * Kokkos::abs(lowest) +
                 T(1e-6) * l.operator_norm * length * length;
        };
        auto const usable = [&](int c) {
          int const item = c * targets + target;
          auto const& l = lower(item);
          return l.outcome == Outcome::converged && l.value <= lowest + slack(l) &&
                 refined(item).outcome != Outcome::not_finite &&
                 refined(item).outcome != Outcome::indefinite_operator &&
                 Kokkos::isfinite(refined(item).value);
        };
        auto const finished = [&](int c) {
          auto const& r = refined(c * targets + target);
          return r.outcome == Outcome::converged || r.gradient_norm <= critical * r.scale;
        };
        auto const value = [&](int c) { return refined(c * targets + target).value; };
        for (int c = 0; c < candidates; ++c) {
          if (!usable(c)) continue;
          ++s.usable;
          s.finished += finished(c);
          if (s.best < 0 || value(c) < value(s.best)) s.best = c;
        }
        if (s.best >= 0) {
          s.value = value(s.best);
          s.below = seen < lowest - slack(lower(s.best * targets + target));
          for (int c = 0; c < candidates; ++c) {
            if (c == s.best || !usable(c)) continue;
            bool const done = finished(c);
            s.independent += done && (c >= tracked || s.best >= tracked);
            // What one length along the gradient can gain at most, and more than descent mostly finds.
            T const least = value(c) - refined(c * targets + target).gradient_norm * length;
            bool const matters =
                done ? s.rival < 0 || value(c) < value(s.rival) : !s.open && least < s.value;
            if (!matters) continue;
            T const distance = team_norm(team, n, [&](int i) {
              return y(c * targets + target, i) - y(s.best * targets + target, i);
            });
            if (!(distance > apart)) continue;
            if (done)
              s.rival = c;
            else
              s.open = true;
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
