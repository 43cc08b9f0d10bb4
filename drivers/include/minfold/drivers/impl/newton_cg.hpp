// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_NEWTON_CG_HPP
#define MINFOLD_DRIVERS_IMPL_NEWTON_CG_HPP

#include <minfold/drivers/impl/tangent_projector.hpp>

namespace minfold::impl {

/// CG for the Newton step of one item.
template <std::floating_point T>
struct NewtonCgState {
  bool running = false;
  bool negative = false;  ///< ended along a direction of negative curvature
  T rr = 0, target = 0;   ///< ends at ||r|| <= target
  T largest = 0;          ///< largest ||A p|| / ||p|| met: a lower bound of ||A||
  T scale = 0;            ///< curvature of f met elsewhere
  int iterations = 0, limit = 0;
};

/// Truncated Newton step d ~ -A^{-1} g by CG from 0 (Steihaug 1983, without a radius: the caller bounds the
/// length), A = product. Curvature below 0 ends it with a step along that direction of the length that
/// the same curvature of the other sign would give, as a Newton step with |eigenvalues| takes it;
/// <p, -g> = ||r||^2 > 0, so that the sum descends. The form that impl::run_bulk asks for.
template <class T, ExecutionSpace E>
struct NewtonCgStep {
  Vectors<T, E> d, r, p, image;
  Scalars<NewtonCgState<T>, E> states;
  int n;

  KOKKOS_FUNCTION bool running(int item, int) const { return states(item).running; }

  /// r holds -g where the state runs.
  template <class Team>
  KOKKOS_FUNCTION void begin(Team const& team, int item, int) const {
    bool const starts = states(item).running;
    team_for(team, n, [&](int i) {
      d(item, i) = T(0);
      p(item, i) = starts ? r(item, i) : T(0);
    });
  }

  template <class Team>
  KOKKOS_FUNCTION void step(Team const& team, int item, int) const {
    auto s = states(item);
    T const pp = team_sum(team, n, [&](int i) { return p(item, i) * p(item, i); });
    T const pq = team_sum(team, n, [&](int i) { return p(item, i) * image(item, i); });
    T const qq = team_sum(team, n, [&](int i) { return image(item, i) * image(item, i); });
    team.team_barrier();
    ++s.iterations;
    bool const finite = Kokkos::isfinite(pq) && Kokkos::isfinite(qq) && pp > T(0);
    if (finite) s.largest = Kokkos::max(s.largest, Kokkos::sqrt(qq / pp));
    T const floor = T(1e2) * epsilon<T> * Kokkos::max(s.largest, T(1e-6) * s.scale);
    T const curvature = finite ? pq / pp : T(0);
    if (!finite || !(curvature > floor)) {
      s.negative = finite && curvature < -floor;
      // A flat direction is followed where there is no other.
      bool const along = finite && (s.negative || s.iterations == 1);
      T const size = Kokkos::max(Kokkos::abs(curvature), floor);
      T const alpha = along && size > T(0) ? s.rr / (size * pp) : T(0);
      team_for(team, n, [&](int i) { d(item, i) += alpha * p(item, i); });
      s.running = false;
      return store(team, item, s);
    }
    T const alpha = s.rr / pq;
    team_for(team, n, [&](int i) {
      d(item, i) += alpha * p(item, i);
      r(item, i) -= alpha * image(item, i);
    });
    team.team_barrier();
    T const rr = team_sum(team, n, [&](int i) { return r(item, i) * r(item, i); });
    T const beta = rr / s.rr;
    s.rr = rr;
    s.running = Kokkos::isfinite(rr) && rr > s.target * s.target && s.iterations < s.limit;
    team_for(team, n, [&](int i) { p(item, i) = r(item, i) + beta * p(item, i); });
    store(team, item, s);
  }

 private:
  template <class Team>
  KOKKOS_FUNCTION void store(Team const& team, int item, NewtonCgState<T> const& s) const {
    team.team_barrier();
    team_single(team, [&] { states(item) = s; });
    team.team_barrier();
  }
};

}  // namespace minfold::impl

#endif
