// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_PCG_STEP_HPP
#define MINFOLD_KERNELS_IMPL_PCG_STEP_HPP

#include <minfold/core/status.hpp>
#include <minfold/kernels/impl/cg_verdict.hpp>
#include <minfold/kernels/impl/krylov_driver.hpp>
#include <minfold/kernels/nystrom.hpp>

namespace minfold::impl {

template <std::floating_point T>
struct PcgState {
  enum class Phase : std::uint8_t { guess, iterate, verify, done };
  /// What the next search direction is made of, once the residual is preconditioned.
  enum class Next : std::uint8_t { nothing, fresh, conjugate };

  Phase phase = Phase::done;
  Next next = Next::nothing;
  Outcome stop = Outcome::not_run;  ///< why the iteration left for `verify`
  T rhs_norm = 0;                   ///< ||b||
  T projected = 0;                  ///< ||P b|| / ||b||
  T leakage = 0;                    ///< ||(I - P) b|| / ||b||
  T scale = 1;                      ///< A is worked as A / scale
  T norm = 0;                       ///< lower bound of ||A|| / scale from the products seen
  T rz = 0, best = 0;               ///< r^T M r, and the smallest r^T r so far
  T size = 0;                       ///< p^T M^-1 p
  T least = Kokkos::Experimental::infinity_v<T>;  ///< smallest p^T A p / p^T M^-1 p so far
  bool at_rounding = false;  ///< without a basis: as much of r as is left may be rounding, in ker A
  T verified = 0;            ///< last recomputed residual, in range P
  T full = 0;                ///< the same residual with its part outside range P
  int iterations = 0, products = 0, restarts = 0;
};

/// Preconditioned CG on A z = P b in the units b / ||b||, A / scale; pinv_cg_impl.hpp has the reasons
/// for the thresholds. An iteration is: product = A operand, `step`, preconditioned = M residual,
/// `direct`.
template <class T, ExecutionSpace E, class B, class Z, class Records, class Options>
struct PcgStep {
  using State = PcgState<T>;
  using Phase = typename State::Phase;
  using Next = typename State::Next;

  B b;
  Z z;
  Records records;
  Blocks<T, E> operand, product, residual, preconditioned;
  Scalars<State, E> states;
  Nystrom<T, E> approximation;
  Scalars<T, E> norms;  ///< lower bounds of ||A|| from products with this A
  Basis<T, E> kernel;
  Options options;  ///< PinvPcgOptions
  int n, columns, limit;

  KOKKOS_FUNCTION bool running(int item, int c) const {
    return states(item * columns + c).phase != Phase::done;
  }

  template <class Team>
  KOKKOS_FUNCTION void begin(Team const& team, int item, int c) const {
    auto const bi = system_vector(b, item, c);
    auto const zi = system_vector(z, item, c);
    auto const p = Kokkos::subview(operand, item, c, Kokkos::ALL);
    auto const r = Kokkos::subview(residual, item, c, Kokkos::ALL);
    State s;
    s.products = c == 0 ? 1 : 0;  // of the norm
    s.rhs_norm = team_norm(team, n, bi);
    s.scale = power_of_two_below(norms(item) > T(0) ? norms(item)
                                                    : approximation.records(item).norm_estimate);
    s.norm = norms(item) / s.scale;
    team_for(team, n, [&](int i) {
      r(i) = T(0);
      p(i) = T(0);
      if (!options.warm_start) zi(i) = T(0);
    });
    team.team_barrier();
    if (!Kokkos::isfinite(s.rhs_norm) || !Kokkos::isfinite(s.norm))
      return finish(team, item, c, s, Outcome::not_finite, T(0));
    if (s.rhs_norm == T(0)) return nothing(team, item, c, s);
    s.leakage = right_hand_side(team, item, c, s);
    s.projected = team_norm(team, n, r);
    // The projection left nothing but rounding of b: A^+ b = 0.
    if (s.leakage > T(0) && s.projected <= rounding<T>(n)) return nothing(team, item, c, s);
    s.best = s.projected * s.projected;
    s.verified = s.projected;
    s.phase = Phase::iterate;
    s.next = Next::fresh;
    if (options.warm_start) {
      team_for(team, n, [&](int i) { zi(i) = (zi(i) / s.rhs_norm) * s.scale; });
      team.team_barrier();
      project(team, item, zi);
      bool const finite = Kokkos::isfinite(team_norm(team, n, zi));
      team_for(team, n, [&](int i) {
        if (!finite) zi(i) = T(0);
        p(i) = zi(i);
      });
      s.phase = Phase::guess;
      s.next = Next::nothing;
    }
    store(team, item, c, s);
  }

  template <class Team>
  KOKKOS_FUNCTION void step(Team const& team, int item, int c) const {
    State s = states(item * columns + c);
    auto const q = Kokkos::subview(product, item, c, Kokkos::ALL);
    auto const p = Kokkos::subview(operand, item, c, Kokkos::ALL);
    auto const r = Kokkos::subview(residual, item, c, Kokkos::ALL);
    auto const zi = system_vector(z, item, c);
    team.team_barrier();
    s.next = Next::nothing;
    ++s.products;
    T const q_norm = team_norm(team, n, q);
    if (!Kokkos::isfinite(q_norm)) return finish(team, item, c, s, Outcome::not_finite, T(0));
    if (s.phase == Phase::guess) return judge_guess(team, item, c, s);
    if (s.phase == Phase::verify) return verify(team, item, c, s);
    // r is in ker A, exactly: A^+ b = 0 is right, but b was not in the range.
    if (q_norm == T(0) && s.iterations == 0)
      return finish(team, item, c, s, Outcome::inconsistent_rhs, s.projected);
    T const inverse = T(1) / s.scale;
    T const pp = team_dot(team, n, p, p);
    T const pq = team_scaled_dot(team, n, p, inverse, q);
    T const ratio = (q_norm * inverse) / Kokkos::sqrt(pp);
    if (ratio > s.norm) s.norm = ratio;
    if (pq < -options.negative_curvature * s.norm * pp) {
      s.stop = Outcome::indefinite_operator;
      return start_verify(team, item, c, s);
    }
    // More than twice what `verify` holds for rounding, or a step along the kernel could pass for that of A z.
    T const least = (knows_kernel() ? T(1) : T(2)) * rounding<T>(n) + T(32) * epsilon<T>;
    if (!(pq > least * s.norm * pp)) {
      s.stop = Outcome::inconsistent_rhs;
      return start_verify(team, item, c, s);
    }
    // M does not shrink what rounding left in ker A as it shrinks the rest: when r is little more than that, p
    // is nearly a vector of the kernel, and z would go far along it. Seen: from 1e-12 to 6e-5 of ||z||.
    if (s.at_rounding && pq < T(0.1) * s.least * s.size) {
      s.stop = Outcome::inconsistent_rhs;  // unless what is left is no more than rounding
      return start_verify(team, item, c, s);
    }
    s.least = Kokkos::min(s.least, pq / s.size);
    T const alpha = s.rz / pq;
    ++s.iterations;
    team_for(team, n, [&](int i) {
      zi(i) += alpha * p(i);
      r(i) -= alpha * inverse * q(i);
    });
    team.team_barrier();
    project(team, item, r);
    T const rr = team_dot(team, n, r, r);
    if (!Kokkos::isfinite(rr)) return finish(team, item, c, s, Outcome::not_finite, T(0));
    T target = options.relative_tolerance * s.projected;
    T floor = T(0.25) * epsilon<T> * s.projected;
    if (!knows_kernel() && rr <= T(1e-6) * s.projected * s.projected) {
      T const z_norm = team_norm(team, n, zi);
      floor = T(2) * epsilon<T> * (s.norm * z_norm + T(1));
      s.at_rounding = s.at_rounding || may_be_rounding(s, Kokkos::sqrt(rr), z_norm);
    }
    if (floor > target) target = floor;
    if (rr <= target * target) {
      s.stop = Outcome::converged;
      return start_verify(team, item, c, s);
    }
    if (rr < s.best) s.best = rr;
    // CG on an inconsistent system first converges, then diverges. The norm that falls is that of
    // M^(1/2) r; ||r|| may rise in between by the condition of M.
    auto const& u = approximation.records(item);
    T const condition = u.rank > 0 ? u.largest / u.smallest : T(1);
    if (rr > T(1e8) * condition * s.best || s.iterations >= limit) {
      s.stop = s.iterations >= limit ? Outcome::iteration_limit : Outcome::inconsistent_rhs;
      return start_verify(team, item, c, s);
    }
    s.next = Next::conjugate;
    store(team, item, c, s);
  }

  /// preconditioned = M r: the next search direction.
  template <class Team>
  KOKKOS_FUNCTION void direct(Team const& team, int item, int c) const {
    State s = states(item * columns + c);
    if (s.next == Next::nothing) return;
    auto const p = Kokkos::subview(operand, item, c, Kokkos::ALL);
    auto const r = Kokkos::subview(residual, item, c, Kokkos::ALL);
    auto const y = Kokkos::subview(preconditioned, item, c, Kokkos::ALL);
    team.team_barrier();
    project(team, item, y);
    T const rz = team_dot(team, n, r, y);
    if (!Kokkos::isfinite(rz)) return finish(team, item, c, s, Outcome::not_finite, T(0));
    // M is positive definite by construction; where rounding says otherwise there is no going on.
    if (!(rz > T(0))) {
      s.stop = Outcome::iteration_limit;
      return start_verify(team, item, c, s);
    }
    T const beta = s.next == Next::conjugate ? rz / s.rz : T(0);
    team_for(team, n, [&](int i) { p(i) = beta == T(0) ? y(i) : y(i) + beta * p(i); });
    s.rz = rz;
    s.size = rz + beta * beta * s.size;
    s.next = Next::nothing;
    store(team, item, c, s);
  }

 private:
  KOKKOS_FUNCTION bool knows_kernel() const { return kernel.vectors.data() != nullptr; }

  /// So near the level at which `verify` takes it for rounding that most of r may be.
  KOKKOS_FUNCTION bool may_be_rounding(State const& s, T residual_norm, T z_norm) const {
    return residual_norm <= T(4) * rounding<T>(n) * (s.norm * z_norm + T(1));
  }

  template <class Team, class V>
  KOKKOS_FUNCTION T project(Team const& team, int item, V const& v) const {
    int const k = kernel_dimension(kernel, item);
    if (k == 0) return T(0);
    return remove_kernel(team, n, Kokkos::subview(kernel.vectors, item, Kokkos::ALL, Kokkos::ALL),
                         k, v);
  }

  template <class Team>
  KOKKOS_FUNCTION void store(Team const& team, int item, int c, State const& s) const {
    team.team_barrier();
    team_single(team, [&] { states(item * columns + c) = s; });
    team.team_barrier();
  }

  /// residual := P b / ||b||; returns ||(I - P) b|| / ||b||.
  template <class Team>
  KOKKOS_FUNCTION T right_hand_side(Team const& team, int item, int c, State const& s) const {
    auto const bi = system_vector(b, item, c);
    auto const r = Kokkos::subview(residual, item, c, Kokkos::ALL);
    team_for(team, n, [&](int i) { r(i) = bi(i) / s.rhs_norm; });
    team.team_barrier();
    return project(team, item, r);
  }

  template <class Team>
  KOKKOS_FUNCTION void start_verify(Team const& team, int item, int c, State& s) const {
    auto const p = Kokkos::subview(operand, item, c, Kokkos::ALL);
    auto const zi = system_vector(z, item, c);
    team_for(team, n, [&](int i) { p(i) = zi(i); });
    s.phase = Phase::verify;
    s.next = Next::nothing;
    store(team, item, c, s);
  }

  /// residual := P b - A z with product = A z, and its norms in range P and altogether.
  template <class Team>
  KOKKOS_FUNCTION T true_residual_of(Team const& team, int item, int c, State& s) const {
    auto const q = Kokkos::subview(product, item, c, Kokkos::ALL);
    auto const r = Kokkos::subview(residual, item, c, Kokkos::ALL);
    right_hand_side(team, item, c, s);
    T const inverse = T(1) / s.scale;
    team_for(team, n, [&](int i) { r(i) -= inverse * q(i); });
    team.team_barrier();
    s.full = team_norm(team, n, r);
    project(team, item, r);
    return team_norm(team, n, r);
  }

  template <class Team>
  KOKKOS_FUNCTION void go_on(Team const& team, int item, int c, State& s, T residual_norm) const {
    s.verified = residual_norm;
    s.best = residual_norm * residual_norm;
    s.phase = Phase::iterate;
    s.next = Next::fresh;
    store(team, item, c, s);
  }

  /// product = A z of the first guess: it is worth a start if it is nearer than 0 is.
  template <class Team>
  KOKKOS_FUNCTION void judge_guess(Team const& team, int item, int c, State& s) const {
    auto const zi = system_vector(z, item, c);
    T const left = true_residual_of(team, item, c, s);
    if (left <= options.relative_tolerance * s.projected && s.full <= T(2) * left)
      return finish(team, item, c, s, Outcome::converged, s.full);
    if (left < s.projected) return go_on(team, item, c, s, left);
    team_for(team, n, [&](int i) { zi(i) = T(0); });
    team.team_barrier();
    right_hand_side(team, item, c, s);
    go_on(team, item, c, s, s.projected);
  }

  /// product = A z: judge the true residual, and go on from it while that still helps.
  template <class Team>
  KOKKOS_FUNCTION void verify(Team const& team, int item, int c, State& s) const {
    auto const p = Kokkos::subview(operand, item, c, Kokkos::ALL);
    T const true_residual = true_residual_of(team, item, c, s);
    T const z_norm = team_norm(team, n, p);
    T const level = knows_kernel() ? T(8) * epsilon<T> : rounding<T>(n);
    auto const verdict =
        judge_residual(s, options, limit, knows_kernel(), false, true_residual, z_norm, level);
    if (!verdict.go_on) return finish(team, item, c, s, verdict.outcome, s.full);
    ++s.restarts;
    s.at_rounding = !knows_kernel() && may_be_rounding(s, true_residual, z_norm);
    go_on(team, item, c, s, true_residual);
  }

  /// b is zero, or all of it lies in the kernel: so is z zero, whatever was guessed.
  template <class Team>
  KOKKOS_FUNCTION void nothing(Team const& team, int item, int c, State& s) const {
    auto const zi = system_vector(z, item, c);
    team_for(team, n, [&](int i) { zi(i) = T(0); });
    team.team_barrier();
    finish(team, item, c, s, Outcome::converged, T(0));
  }

  template <class Team>
  KOKKOS_FUNCTION void finish(Team const& team, int item, int c, State& s, Outcome outcome,
                              T true_residual) const {
    auto const zi = system_vector(z, item, c);
    auto const p = Kokkos::subview(operand, item, c, Kokkos::ALL);
    team.team_barrier();
    // Two factors, one after the other: their quotient may leave the range that z does not leave.
    team_for(team, n, [&](int i) {
      zi(i) = outcome == Outcome::not_finite ? T(0) : (zi(i) * s.rhs_norm) / s.scale;
      p(i) = T(0);
    });
    team.team_barrier();
    if (team_sum(team, n, [&](int i) { return Kokkos::isfinite(zi(i)) ? 0 : 1; })) {
      outcome = Outcome::not_finite;
      team_for(team, n, [&](int i) { zi(i) = T(0); });
    }
    team_single(team,
                [&] { records(item * columns + c) = solve_record(s, outcome, true_residual); });
    s.phase = Phase::done;
    s.next = Next::nothing;
    store(team, item, c, s);
  }
};

}  // namespace minfold::impl

#endif
