// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_KERNEL_PROJECTION_HPP
#define MINFOLD_KERNELS_IMPL_KERNEL_PROJECTION_HPP

#include <minfold/core/status.hpp>
#include <minfold/kernels/impl/krylov_driver.hpp>

namespace minfold::impl {

/// What the projection of the sketch has learnt of an item.
template <std::floating_point T>
struct FilterState {
  T norm = 0;            ///< lower bound of ||A||
  T solve_residual = 0;  ///< worst recomputed residual of the solves
  int products = 0;
  int first = 0;  ///< of the Ritz vectors that span the kernel
  bool indefinite = false;
  bool widened = false;  ///< whether widen_targets has looked at the item
  bool refuted = false;  ///< the bounds of the spectrum do not hold
  bool settled = false;  ///< basis and record stay as they are
  T shortfall = 0;  ///< factor by which what a filter has left must still fall; settled needs 1
};

/// sum_i term(i). On a host in eight strands, so that the latency of an addition does not count.
template <ExecutionSpace E, class Team, class Term>
KOKKOS_INLINE_FUNCTION auto long_sum(Team const& team, int n, Term const& term) {
  if constexpr (runs_on_host<E>) {
    using S = std::remove_cvref_t<decltype(term(0))>;
    S part[8] = {};
    int i = 0;
    for (; i + 8 <= n; i += 8)
      for (int l = 0; l < 8; ++l) part[l] += term(i + l);
    for (; i < n; ++i) part[i % 8] += term(i);
    return ((part[0] + part[4]) + (part[1] + part[5])) +
           ((part[2] + part[6]) + (part[3] + part[7]));
  } else {
    return team_sum(team, n, term);
  }
}

template <std::floating_point T>
struct ProjectionOptions {
  T tolerance = 0;  ///< ends a column at ||r|| <= this * ||A||
  T relative = 0;   ///< ... or at this * ||A w_0||, whichever is larger
  T curvature = 0;  ///< up to this * ||A|| a direction counts as one of the kernel
  T shift = 0;      ///< * ||A||: (A + shift)^-1 instead of A^+
  int iterations = 0;
  int restarts = 0;  ///< from the recomputed residual, which is then also recorded
  T reach = 0;       ///< > 1: `tolerance` may be this many times as large, see widen_targets
};

/// One column: CG that carries w = w_0 - z and r = A w instead of z and A w_0 - A z.
template <std::floating_point T>
struct ProjectionState {
  enum class Found : std::uint8_t {
    nothing,
    limit,
    small_curvature,
    negative_curvature,
    not_finite
  };
  bool active = false, running = false;
  Found found = Found::nothing;
  T rr = 0, best = 0, target = 0;
  T residual = 0, verified = 0;   ///< recomputed ||r|| / (||A|| max(||w||, 1)); ||r|| before
  T inverse_sum = 0, p_zero = 1;  ///< as in CgState
  T norm = 0;                     ///< lower bound of A / scale that the products show
  T length = 0;                   ///< ||w_0||
  int slot = 0, iterations = 0, restarts = 0;
};

/// filtered := (I - A^+ A) filtered, or shift (A + shift)^-1 filtered, column by column; with a basis in
/// the complement of its span. In the units A / scale with scale the power of two below ||A||.
/// The columns that still run lie in the first slots, so that finished ones are not multiplied.
template <class T, ExecutionSpace E>
struct ProjectionStep {
  using State = ProjectionState<T>;
  using Found = typename State::Found;
  using Slots = Kokkos::View<T***, Kokkos::LayoutRight, typename E::memory_space,
                             Kokkos::MemoryTraits<Kokkos::Unmanaged>>;

  Blocks<T, E> filtered, original, residual;
  int first;  ///< columns [first, first + columns) of `filtered`; 0 ... columns - 1 of the others
  Scalars<State, E> states;
  Scalars<FilterState<T>, E> items;
  Basis<T, E> kernel;
  ProjectionOptions<T> options;
  int n, columns;

  KOKKOS_FUNCTION T scale(int item) const { return power_of_two_below(items(item).norm); }
  KOKKOS_FUNCTION T norm(int item) const { return items(item).norm / scale(item); }

  /// image(item, c, :) = A w: first residual, or the recomputed one.
  template <class Team, class Image>
  KOKKOS_FUNCTION void start(Team const& team, int item, int c, Image const& image,
                             bool again) const {
    int const system = item * columns + c;
    State s = states(system);
    team.team_barrier();
    if (!s.active) return;
    auto const w = Kokkos::subview(filtered, item, first + c, Kokkos::ALL);
    auto const r = Kokkos::subview(residual, item, c, Kokkos::ALL);
    T const level = norm(item);
    residual_of(team, item, c, image);
    T const length = team_norm(team, n, w), rest = team_norm(team, n, r);
    s.running = false;
    if (!Kokkos::isfinite(rest) || !Kokkos::isfinite(level)) {
      s.found = Found::not_finite;
      return store(team, system, s);
    }
    if (again) {
      // A kernel vector has a part of order one in a random column.
      T const top = Kokkos::max(level, s.norm);
      s.residual = top > T(0) ? rest / (top * (length > T(1) ? length : T(1))) : T(0);
      bool const missed = s.found == Found::nothing && rest > T(2) * s.target &&
                          s.restarts < options.restarts &&
                          (s.restarts == 0 || rest < T(0.25) * s.verified);
      if (!missed) return store(team, system, s);
      ++s.restarts;
      s.inverse_sum = T(0);
      s.p_zero = T(1);
    } else {
      // What A w carries of rounding is out of reach.
      T const floor = T(2) * epsilon<T> * level * length;
      s.target =
          Kokkos::max(Kokkos::max(options.tolerance * level, options.relative * rest), floor);
      s.length = length;
    }
    s.verified = rest;
    s.rr = s.best = rest * rest;
    s.running = rest > s.target;
    store(team, system, s);
  }

  /// operand(item, slot, :) := r of a column that starts.
  template <class Team>
  KOKKOS_FUNCTION void direct(Team const& team, int item, int c, Slots const& operand) const {
    State const s = states(item * columns + c);
    if (!s.running) return;
    team_for(team, n, [&](int i) { operand(item, s.slot, i) = residual(item, c, i); });
  }

  template <class Team>
  KOKKOS_FUNCTION void step(Team const& team, int item, int c, Slots const& operand,
                            Slots const& product) const {
    int const system = item * columns + c;
    State s = states(system);
    if (!s.running) return;
    T* const p = &operand(item, s.slot, 0);
    T const* const q = &product(item, s.slot, 0);
    T* const w = &filtered(item, first + c, 0);
    T* const r = &residual(item, c, 0);
    team.team_barrier();
    T const inverse = T(1) / scale(item), level = norm(item), shift = options.shift * level;
    T const pp = long_sum<E>(team, n, [&](int i) { return p[i] * p[i]; });
    T const pq =
        long_sum<E>(team, n, [&](int i) { return p[i] * (inverse * q[i] + shift * p[i]); });
    if (!Kokkos::isfinite(pq)) return stop(team, system, s, Found::not_finite);
    // The first direction is A w: its image is a step of the power method.
    T const qq = long_sum<E>(team, n, [&](int i) { return (inverse * q[i]) * (inverse * q[i]); });
    s.norm = Kokkos::max(Kokkos::max(s.norm, level), Kokkos::sqrt(qq / pp));
    s.target = Kokkos::max(s.target, options.tolerance * s.norm);
    T const negative = options.curvature > T(0) ? options.curvature : default_kernel_tolerance<T>;
    if (pq < -negative * s.norm * pp) return stop(team, system, s, Found::negative_curvature);
    T const least = Kokkos::max(rounding<T>(n) + T(32) * epsilon<T>, options.curvature);
    if (!(pq > least * s.norm * pp)) return stop(team, system, s, Found::small_curvature);
    T const alpha = s.rr / pq;
    ++s.iterations;
    s.inverse_sum += alpha * s.p_zero;
    team_for(team, n, [&](int i) {
      w[i] -= alpha * p[i];
      r[i] -= alpha * (inverse * q[i] + shift * p[i]);
    });
    team.team_barrier();
    project(team, item, Kokkos::subview(residual, item, c, Kokkos::ALL));
    T const rr = long_sum<E>(team, n, [&](int i) { return r[i] * r[i]; });
    if (!Kokkos::isfinite(rr)) return stop(team, system, s, Found::not_finite);
    // See CgStep::step: a Ritz value within the limit tells of an eigenvalue that the curvature hides.
    if (options.curvature > T(0) && s.inverse_sum * s.norm * options.curvature >= T(0.25))
      return stop(team, system, s, Found::small_curvature);
    if (rr <= s.target * s.target) return stop(team, system, s, Found::nothing);
    if (s.iterations >= options.iterations) return stop(team, system, s, Found::limit);
    if (rr < s.best) s.best = rr;
    if (rr > T(1e8) * s.best) return stop(team, system, s, Found::small_curvature);
    T const beta = rr / s.rr;
    s.rr = rr;
    s.p_zero = T(1) + beta * s.p_zero;
    team_for(team, n, [&](int i) { p[i] = r[i] + beta * p[i]; });
    store(team, system, s);
  }

 private:
  template <class Team>
  KOKKOS_FUNCTION void store(Team const& team, int system, State const& s) const {
    team.team_barrier();
    Kokkos::single(Kokkos::PerTeam(team), [&] { states(system) = s; });
    team.team_barrier();
  }
  template <class Team>
  KOKKOS_FUNCTION void stop(Team const& team, int system, State& s, Found found) const {
    s.running = false;
    s.found = found;
    store(team, system, s);
  }
  template <class Team, class V>
  KOKKOS_FUNCTION void project(Team const& team, int item, V const& v) const {
    int const k = kernel_dimension(kernel, item);
    if (k > 0)
      remove_kernel(team, n, Kokkos::subview(kernel.vectors, item, Kokkos::ALL, Kokkos::ALL), k, v);
  }
  /// r := P (A w + shift (w - w_0)) / scale.
  template <class Team, class Image>
  KOKKOS_FUNCTION void residual_of(Team const& team, int item, int c, Image const& image) const {
    auto const r = Kokkos::subview(residual, item, c, Kokkos::ALL);
    T const unit = scale(item), shift = options.shift * norm(item);
    team_for(team, n, [&](int i) {
      r(i) = image(item, c, i) / unit;
      if (shift > T(0)) r(i) += shift * (filtered(item, first + c, i) - original(item, c, i));
    });
    team.team_barrier();
    project(team, item, r);
  }
};

}  // namespace minfold::impl

#endif
