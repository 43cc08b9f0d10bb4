// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_CG_STEP_HPP
#define MINFOLD_KERNELS_IMPL_CG_STEP_HPP

#include <minfold/kernels/impl/cg_verdict.hpp>
#include <minfold/kernels/impl/krylov_driver.hpp>
#include <minfold/kernels/pinv_cg_options.hpp>

namespace minfold::impl {

template <std::floating_point T>
struct CgState {
  enum class Phase : std::uint8_t { first, iterate, verify, done };

  Phase phase = Phase::done;
  Outcome stop = Outcome::not_run;  ///< why the iteration left for `verify`
  T rhs_norm = 0;                   ///< ||b||
  T projected = 0;                  ///< ||P b|| / ||b||
  T leakage = 0;                    ///< ||(I - P) b|| / ||b||
  T scale = 1;                      ///< A is worked as A / scale
  T norm = 0;                       ///< lower bound of ||A|| / scale from the products seen
  T rr = 0, best = 0;               ///< r^T r, its smallest value so far
  T verified = 0;                   ///< last recomputed residual, in range P
  T full = 0;                       ///< the same residual with its part outside range P
  T inverse_sum = 0, p_zero = 1;    ///< sum of 1 / Ritz values, and the polynomial of p at 0
  int iterations = 0, products = 0, restarts = 0;
};

/// Where the vectors of the systems lie: z in the caller's view, the others in blocks.
template <class T, ExecutionSpace E, class Z>
struct CgBlocks {
  Z z;
  Blocks<T, E> operands, products, residuals;

  KOKKOS_FUNCTION auto solution(int item, int c) const { return system_vector(z, item, c); }
  KOKKOS_FUNCTION auto operand(int item, int c) const { return system_vector(operands, item, c); }
  KOKKOS_FUNCTION auto product(int item, int c) const { return system_vector(products, item, c); }
  KOKKOS_FUNCTION auto residual(int item, int c) const { return system_vector(residuals, item, c); }
};

/// CG on A z = P b in the units b / ||b||, A / scale. operand = p (or z while verifying). `Work` says
/// where the vectors are, as CgBlocks.
template <class T, ExecutionSpace E, class B, class Work, class Records>
struct CgStep {
  using State = CgState<T>;
  using Phase = typename State::Phase;

  B b;
  Work work;
  Records records;
  Scalars<State, E> states;
  Basis<T, E> kernel;
  PinvCgOptions<T> options;
  int n, columns, limit;

  KOKKOS_FUNCTION bool running(int item, int c) const {
    return states(item * columns + c).phase != Phase::done;
  }

  template <class Team>
  KOKKOS_FUNCTION void begin(Team const& team, int item, int c) const {
    auto const bi = system_vector(b, item, c);
    auto const zi = work.solution(item, c);
    auto const p = work.operand(item, c);
    State s;
    s.rhs_norm = team_norm(team, n, bi);
    team_for(team, n, [&](int i) { zi(i) = T(0); });
    if (!Kokkos::isfinite(s.rhs_norm)) return finish(team, item, c, s, Outcome::not_finite, T(0));
    if (s.rhs_norm == T(0)) return finish(team, item, c, s, Outcome::converged, T(0));
    s.leakage = right_hand_side(team, item, c, s);
    auto const r = work.residual(item, c);
    s.projected = team_norm(team, n, r);
    // The projection left nothing but rounding of b: A^+ b = 0.
    if (s.leakage > T(0) && s.projected <= rounding<T>(n))
      return finish(team, item, c, s, Outcome::converged, T(0));
    s.rr = s.best = s.projected * s.projected;
    s.verified = s.projected;
    team_for(team, n, [&](int i) { p(i) = r(i); });
    s.phase = Phase::first;
    store(team, item, c, s);
  }

  template <class Team>
  KOKKOS_FUNCTION void step(Team const& team, int item, int c) const {
    State s = states(item * columns + c);
    auto const q = work.product(item, c);
    auto const p = work.operand(item, c);
    auto const r = work.residual(item, c);
    auto const zi = work.solution(item, c);
    team.team_barrier();
    ++s.products;
    T const q_norm = team_norm(team, n, q);
    if (!Kokkos::isfinite(q_norm)) return finish(team, item, c, s, Outcome::not_finite, T(0));
    if (s.phase == Phase::verify) return verify(team, item, c, s);
    if (s.phase == Phase::first) {
      // b is in ker A, exactly: A^+ b = 0 is right, but b was not in the range.
      if (q_norm == T(0)) return finish(team, item, c, s, Outcome::inconsistent_rhs, s.projected);
      s.scale = power_of_two_below(q_norm / s.projected);
      s.phase = Phase::iterate;
    }
    T const inverse = T(1) / s.scale;
    T const pp = team_dot(team, n, p, p);
    // Scaled term by term: the products of a small A underflow.
    T const pq = team_scaled_dot(team, n, p, inverse, q);
    T const ratio = (q_norm * inverse) / Kokkos::sqrt(pp);
    if (ratio > s.norm) s.norm = ratio;
    if (pq < -options.negative_curvature * s.norm * pp) {
      s.stop = Outcome::indefinite_operator;
      return start_verify(team, item, c, s);
    }
    // p is a kernel vector, up to rounding at least: what is left of r cannot be reached. A step of
    // length 1 / curvature that r alone calls for must not make ||z|| so large that r looks like
    // the rounding of A z: 32 is four times the factor in `verify`.
    if (!(pq > least_curvature() * s.norm * pp)) {
      s.stop = Outcome::inconsistent_rhs;
      return start_verify(team, item, c, s);
    }
    T const alpha = s.rr / pq;
    ++s.iterations;
    s.inverse_sum += alpha * s.p_zero;
    team_for(team, n, [&](int i) {
      zi(i) += alpha * p(i);
      r(i) -= alpha * inverse * q(i);
    });
    team.team_barrier();
    if (options.reprojection == Reprojection::every_iteration) project(team, item, r);
    after_update(team, item, c, s, team_dot(team, n, r, r));
  }

  /// The rest of an iteration whose new residual has rr = r^T r.
  template <class Team>
  KOKKOS_FUNCTION void after_update(Team const& team, int item, int c, State& s, T rr) const {
    auto const p = work.operand(item, c);
    auto const r = work.residual(item, c);
    auto const zi = work.solution(item, c);
    if (!Kokkos::isfinite(rr)) return finish(team, item, c, s, Outcome::not_finite, T(0));
    // The curvature of p is a mean over the spectrum, in which an eigenvalue below the limit hides
    // until CG has resolved it. Its Ritz value does not: the sum of 1 / Ritz values is minus the
    // slope at 0 of the polynomial that r is of r_0, at least that of the smallest of them.
    if (options.smallest_curvature > T(0) &&
        s.inverse_sum * s.norm * options.smallest_curvature >= T(0.25)) {
      s.stop = Outcome::inconsistent_rhs;
      return start_verify(team, item, c, s);
    }
    T target = options.relative_tolerance * s.projected;
    // Without a basis r keeps what rounding puts into the kernel, and going on below that level
    // would drive z along the kernel without bound. ||z|| is looked at only near convergence.
    T floor = T(0.25) * epsilon<T> * s.projected;
    if (!knows_kernel() && rr <= T(1e-6) * s.projected * s.projected)
      floor = T(2) * epsilon<T> * (s.norm * team_norm(team, n, zi) + T(1));
    if (floor > target) target = floor;
    if (rr <= target * target) {
      s.stop = Outcome::converged;
      return start_verify(team, item, c, s);
    }
    if (rr < s.best) s.best = rr;
    // CG on an inconsistent system first converges, then diverges.
    if (rr > T(1e8) * s.best || s.iterations >= limit) {
      s.stop = s.iterations >= limit ? Outcome::iteration_limit : Outcome::inconsistent_rhs;
      return start_verify(team, item, c, s);
    }
    T const beta = rr / s.rr;
    s.rr = rr;
    s.p_zero = T(1) + beta * s.p_zero;
    team_for(team, n, [&](int i) { p(i) = r(i) + beta * p(i); });
    store(team, item, c, s);
  }

  KOKKOS_FUNCTION bool knows_kernel() const {
    return kernel.vectors.data() && options.reprojection == Reprojection::every_iteration;
  }

  /// Curvature up to this, relative to the norm, is that of a kernel vector.
  KOKKOS_FUNCTION T least_curvature() const {
    return Kokkos::max(rounding<T>(n) + T(32) * epsilon<T>, options.smallest_curvature);
  }

 private:
  /// v := P v; returns what was removed. No subview of a basis that is not there.
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
    auto const r = work.residual(item, c);
    team_for(team, n, [&](int i) { r(i) = bi(i) / s.rhs_norm; });
    team.team_barrier();
    return options.reprojection == Reprojection::never ? T(0) : project(team, item, r);
  }

  template <class Team>
  KOKKOS_FUNCTION void start_verify(Team const& team, int item, int c, State& s) const {
    auto const p = work.operand(item, c);
    auto const zi = work.solution(item, c);
    team_for(team, n, [&](int i) { p(i) = zi(i); });
    s.phase = Phase::verify;
    store(team, item, c, s);
  }

  /// product = A z: judge the true residual, and go on from it while that still helps.
  template <class Team>
  KOKKOS_FUNCTION void verify(Team const& team, int item, int c, State& s) const {
    auto const q = work.product(item, c);
    auto const p = work.operand(item, c);
    auto const r = work.residual(item, c);
    right_hand_side(team, item, c, s);
    T const inverse = T(1) / s.scale;
    team_for(team, n, [&](int i) { r(i) -= inverse * q(i); });
    team.team_barrier();
    // What is promised is ||A z - P b||. The iteration sees and reduces its part in range P; the
    // rest is that the basis is not the kernel of A.
    s.full = team_norm(team, n, r);
    if (options.reprojection == Reprojection::every_iteration) project(team, item, r);
    judge(team, item, c, s, team_norm(team, n, r), team_norm(team, n, p));
  }

 public:
  /// The decision on a recomputed residual, s.full, of which true_residual is in range P.
  template <class Team>
  KOKKOS_FUNCTION void judge(Team const& team, int item, int c, State& s, T true_residual,
                             T z_norm) const {
    auto const p = work.operand(item, c);
    auto const r = work.residual(item, c);
    // Nothing is left of r, but a Ritz value is where the caller says that the kernel begins.
    bool const refused = s.stop == Outcome::inconsistent_rhs && options.smallest_curvature > T(0);
    auto const verdict =
        judge_residual(s, options, limit, knows_kernel(), refused, true_residual, z_norm);
    if (!verdict.go_on) return finish(team, item, c, s, verdict.outcome, s.full);
    ++s.restarts;
    s.inverse_sum = T(0);
    s.p_zero = T(1);
    s.verified = true_residual;
    s.rr = s.best = true_residual * true_residual;
    team_for(team, n, [&](int i) { p(i) = r(i); });
    s.phase = Phase::iterate;
    store(team, item, c, s);
  }

 private:
  template <class Team>
  KOKKOS_FUNCTION void finish(Team const& team, int item, int c, State& s, Outcome outcome,
                              T true_residual) const {
    auto const zi = work.solution(item, c);
    team.team_barrier();
    // Two factors, one after the other: their quotient may leave the range that z does not leave.
    team_for(team, n, [&](int i) {
      zi(i) = outcome == Outcome::not_finite ? T(0) : (zi(i) * s.rhs_norm) / s.scale;
    });
    team.team_barrier();
    if (team_sum(team, n, [&](int i) { return Kokkos::isfinite(zi(i)) ? 0 : 1; })) {
      outcome = Outcome::not_finite;
      team_for(team, n, [&](int i) { zi(i) = T(0); });
    }
    team_single(team,
                [&] { records(item * columns + c) = solve_record(s, outcome, true_residual); });
    s.phase = Phase::done;
    store(team, item, c, s);
  }
};

}  // namespace minfold::impl

#endif
