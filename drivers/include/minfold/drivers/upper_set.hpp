// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_UPPER_SET_HPP
#define MINFOLD_DRIVERS_UPPER_SET_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/team.hpp>

namespace minfold {

/// Feasible set of the upper variable, with its Euclidean projection, applied to each row of x.
/// Boxes may have bounds that differ by component.
template <class T, ExecutionSpace E>
struct UpperSet {
  enum class Kind { everything, box, ball, simplex };

  Kind kind = Kind::everything;
  Scalars<T, E> lower, upper;  ///< box: bounds, dim_x each
  T radius = T(1);             ///< ball about 0; simplex: sum of the components

  static UpperSet box(Scalars<T, E> lower, Scalars<T, E> upper) {
    UpperSet set;
    set.kind = Kind::box;
    set.lower = lower;
    set.upper = upper;
    return set;
  }
  static UpperSet ball(T radius) {
    UpperSet set;
    set.kind = Kind::ball;
    set.radius = radius;
    return set;
  }
  static UpperSet simplex(T sum) {
    UpperSet set;
    set.kind = Kind::simplex;
    set.radius = sum;
    return set;
  }

  /// x(row, :) := the nearest point of the set.
  void project(E const& space, Vectors<T, E> x) const {
    if (kind == Kind::everything) return;
    int const m = int(x.extent(1));
    auto const self = *this;
    for_each_item(
        "minfold::upper_set::project", space, int(x.extent(0)), m,
        KOKKOS_LAMBDA(TeamMember<E> const& team, int row) {
          auto const v = Kokkos::subview(x, row, Kokkos::ALL);
          if (self.kind == Kind::box) {
            team_for(team, m, [&](int j) {
              v(j) = v(j) < self.lower(j) ? self.lower(j)
                                          : (v(j) > self.upper(j) ? self.upper(j) : v(j));
            });
          } else if (self.kind == Kind::ball) {
            T const norm = team_norm(team, m, v);
            if (norm > self.radius) team_for(team, m, [&](int j) { v(j) *= self.radius / norm; });
          } else {
            self.project_simplex(team, m, v);
          }
        });
  }

  /// sum_j max(v_j - tau, 0) = radius, tau by bisection (the sum is monotone in tau), then exact
  /// on the support found. 2 + 60 passes over v.
  template <class Team, class V>
  KOKKOS_INLINE_FUNCTION void project_simplex(Team const& team, int m, V const& v) const {
    T high = team_max(team, m, [&](int j) { return Kokkos::abs(v(j)); });
    T low = -high - radius;
    for (int pass = 0; pass < 60; ++pass) {
      T const middle = T(0.5) * (low + high);
      T const sum = team_sum(team, m, [&](int j) { return v(j) > middle ? v(j) - middle : T(0); });
      (sum > radius ? low : high) = middle;
    }
    T const level = low;
    T const kept = team_sum(team, m, [&](int j) { return v(j) > level ? v(j) : T(0); });
    int const support = team_sum(team, m, [&](int j) { return v(j) > level ? 1 : 0; });
    if (support == 0) return;  // not finite: leave it for the caller to see
    T const tau = (kept - radius) / T(support);
    team.team_barrier();
    team_for(team, m, [&](int j) { v(j) = v(j) > tau ? v(j) - tau : T(0); });
  }
};

}  // namespace minfold

#endif
