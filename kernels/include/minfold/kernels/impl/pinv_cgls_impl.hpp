// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_PINV_CGLS_IMPL_HPP
#define MINFOLD_KERNELS_IMPL_PINV_CGLS_IMPL_HPP

#include <minfold/kernels/impl/krylov_driver.hpp>
#include <minfold/kernels/pinv_cgls.hpp>

namespace minfold::impl {

template <std::floating_point T>
struct CglsState {
  /// What the operand is: b at the start, p for the step, r for the normal residual, z and then its
  /// residual for the verification.
  enum class Phase : std::uint8_t { first, direction, normal, verify, verify_normal, done };

  Phase phase = Phase::done;
  Outcome stop = Outcome::not_run;
  T rhs_norm = 0, scale = 1, norm = 0;
  T gamma = 0;         ///< ||A r||^2
  T first_normal = 0;  ///< ||A b||
  T verified = 0;      ///< last recomputed ||A r||
  int iterations = 0, products = 0, restarts = 0;
};

/// CGLS in the units b / ||b||, A / scale.
template <class T, ExecutionSpace E, class B, class Z, class R, class Records>
struct CglsStep {
  using State = CglsState<T>;
  using Phase = typename State::Phase;

  B b;
  Z z;
  R residual;
  Records records;
  Blocks<T, E> operand, product, direction;
  Scalars<State, E> states;
  PinvCglsOptions<T> options;
  int n, columns, limit;

  KOKKOS_FUNCTION bool running(int item, int c) const {
    return states(item * columns + c).phase != Phase::done;
  }

  template <class Team>
  KOKKOS_FUNCTION void begin(Team const& team, int item, int c) const {
    auto const bi = system_vector(b, item, c);
    auto const zi = system_vector(z, item, c);
    auto const r = system_vector(residual, item, c);
    State s;
    s.rhs_norm = team_norm(team, n, bi);
    team_for(team, n, [&](int i) {
      zi(i) = T(0);
      r(i) = T(0);
    });
    if (!Kokkos::isfinite(s.rhs_norm)) return finish(team, item, c, s, Outcome::not_finite, T(0));
    if (s.rhs_norm == T(0)) return finish(team, item, c, s, Outcome::converged, T(0));
    set_residual(team, item, c, s, false);
    s.phase = Phase::first;
    look_at(team, item, c, s, r);
  }

  template <class Team>
  KOKKOS_FUNCTION void step(Team const& team, int item, int c) const {
    State s = states(item * columns + c);
    auto const q = Kokkos::subview(product, item, c, Kokkos::ALL);
    auto const p = Kokkos::subview(direction, item, c, Kokkos::ALL);
    auto const zi = system_vector(z, item, c);
    auto const r = system_vector(residual, item, c);
    team.team_barrier();
    ++s.products;
    T const q_norm = team_norm(team, n, q);
    if (!Kokkos::isfinite(q_norm)) return finish(team, item, c, s, Outcome::not_finite, T(0));
    switch (s.phase) {
      case Phase::first: {
        if (q_norm == T(0)) return finish(team, item, c, s, Outcome::converged, T(0));
        s.scale = power_of_two_below(q_norm);
        s.first_normal = s.verified = q_norm / s.scale;
        return restart(team, item, c, s, q_norm);
      }
      case Phase::direction: {
        T const inverse = T(1) / s.scale;
        T const p_norm = team_norm(team, n, p), ap_norm = q_norm * inverse;
        if (ap_norm / p_norm > s.norm) s.norm = ap_norm / p_norm;
        // b is in the kernel up to rounding, which shows only now that A p has shown ||A||.
        if (s.iterations == 0 && s.first_normal <= Kokkos::min(rounding<T>(n) + T(32) * epsilon<T>,
                                                               options.relative_tolerance) *
                                                       s.norm)
          return finish(team, item, c, s, Outcome::converged, s.first_normal);
        // p has become a kernel vector up to rounding: nothing left to gain. The method sees A^2,
        // so rounding begins at sqrt(eps) ||A||, and a step there would take z to 1 / eps.
        if (!(ap_norm > Kokkos::sqrt(epsilon<T>) * s.norm * p_norm)) {
          s.stop = Outcome::iteration_limit;
          return start_verify(team, item, c, s);
        }
        T const alpha = s.gamma / (ap_norm * ap_norm);
        ++s.iterations;
        team_for(team, n, [&](int i) {
          zi(i) += alpha * p(i);
          r(i) -= alpha * inverse * q(i);
        });
        team.team_barrier();
        s.phase = Phase::normal;
        return look_at(team, item, c, s, r);
      }
      case Phase::normal: {
        T const normal = q_norm / s.scale;
        if (normal <= options.relative_tolerance * s.first_normal ||
            at_rounding(team, item, c, s, normal) || s.iterations >= limit) {
          s.stop = s.iterations >= limit ? Outcome::iteration_limit : Outcome::converged;
          return start_verify(team, item, c, s);
        }
        T const beta = (normal * normal) / s.gamma, inverse = T(1) / s.scale;
        s.gamma = normal * normal;
        team_for(team, n, [&](int i) { p(i) = inverse * q(i) + beta * p(i); });
        team.team_barrier();
        s.phase = Phase::direction;
        return look_at(team, item, c, s, p);
      }
      case Phase::verify:
        set_residual(team, item, c, s, true);
        s.phase = Phase::verify_normal;
        return look_at(team, item, c, s, r);
      case Phase::verify_normal: return judge(team, item, c, s, q_norm);
      case Phase::done: return;
    }
  }

 private:
  template <class Team>
  KOKKOS_FUNCTION void store(Team const& team, int item, int c, State const& s) const {
    team.team_barrier();
    team_single(team, [&] { states(item * columns + c) = s; });
    team.team_barrier();
  }

  /// The next product is A v.
  template <class Team, class V>
  KOKKOS_FUNCTION void look_at(Team const& team, int item, int c, State const& s,
                               V const& v) const {
    auto const u = Kokkos::subview(operand, item, c, Kokkos::ALL);
    team_for(team, n, [&](int i) { u(i) = v(i); });
    store(team, item, c, s);
  }

  /// r := b / ||b||, minus the product in hand where asked.
  template <class Team>
  KOKKOS_FUNCTION void set_residual(Team const& team, int item, int c, State const& s,
                                    bool subtract) const {
    auto const bi = system_vector(b, item, c);
    auto const r = system_vector(residual, item, c);
    auto const q = Kokkos::subview(product, item, c, Kokkos::ALL);
    team_for(team, n, [&](int i) {
      r(i) = bi(i) / s.rhs_norm;
      if (subtract) r(i) -= q(i) / s.scale;
    });
    team.team_barrier();
  }

  /// p := A r (in hand), gamma := ||A r||^2, go on with the product A p.
  template <class Team>
  KOKKOS_FUNCTION void restart(Team const& team, int item, int c, State& s, T q_norm) const {
    auto const q = Kokkos::subview(product, item, c, Kokkos::ALL);
    auto const p = Kokkos::subview(direction, item, c, Kokkos::ALL);
    team_for(team, n, [&](int i) { p(i) = q(i) / s.scale; });
    team.team_barrier();
    s.gamma = (q_norm / s.scale) * (q_norm / s.scale);
    s.phase = Phase::direction;
    look_at(team, item, c, s, p);
  }

  /// Whether ||A r|| is the rounding of that product: r is in the kernel as far as can be told.
  template <class Team>
  KOKKOS_FUNCTION bool in_kernel(Team const& team, int item, int c, State const& s,
                                 T normal) const {
    T const r_norm = team_norm(team, n, system_vector(residual, item, c));
    return normal <= T(2) * Kokkos::sqrt(T(n)) * epsilon<T> * s.norm * r_norm;
  }

  /// Whether ||A r|| is rounding: that of the product with r, or r itself is. The accuracy of z in the
  /// directions of small eigenvalues comes from ||A r|| far below the level of `attainable`.
  template <class Team>
  KOKKOS_FUNCTION bool at_rounding(Team const& team, int item, int c, State const& s,
                                   T normal) const {
    if (in_kernel(team, item, c, s, normal)) return true;
    T const r_norm = team_norm(team, n, system_vector(residual, item, c));
    if (r_norm > T(1e-3)) return false;
    T const z_norm = team_norm(team, n, system_vector(z, item, c));
    return r_norm <= T(0.25) * epsilon<T> * (s.norm * z_norm + T(1));
  }

  /// Rounding level of ||A r||: that of forming r, eps (||A|| ||z|| + ||b||), times ||A||.
  template <class Team>
  KOKKOS_FUNCTION T attainable(Team const& team, int item, int c, State const& s) const {
    T const z_norm = team_norm(team, n, system_vector(z, item, c));
    return T(2) * epsilon<T> * s.norm * (s.norm * z_norm + T(1));
  }

  template <class Team>
  KOKKOS_FUNCTION void start_verify(Team const& team, int item, int c, State& s) const {
    s.phase = Phase::verify;
    look_at(team, item, c, s, system_vector(z, item, c));
  }

  template <class Team>
  KOKKOS_FUNCTION void judge(Team const& team, int item, int c, State& s, T q_norm) const {
    T const normal = q_norm / s.scale;
    // A b may itself be rounding, so that no tolerance relative to it means anything.
    bool const good = normal <= options.relative_tolerance * s.first_normal ||
                      in_kernel(team, item, c, s, normal);
    // That A r is small beside the rounding of forming it says nothing of a z that was given up.
    bool const exhausted =
        s.stop == Outcome::converged && normal <= T(4) * attainable(team, item, c, s);
    bool const progress = normal < T(0.25) * s.verified || s.restarts == 0;
    bool const may_go_on = progress && s.restarts < options.max_restarts && s.iterations < limit;
    if (!good && may_go_on && normal > T(0)) {
      ++s.restarts;
      s.verified = normal;
      return restart(team, item, c, s, q_norm);
    }
    finish(team, item, c, s, good || exhausted ? Outcome::converged : Outcome::iteration_limit,
           normal);
  }

  template <class Team>
  KOKKOS_FUNCTION void finish(Team const& team, int item, int c, State& s, Outcome outcome,
                              T normal) const {
    auto const zi = system_vector(z, item, c);
    auto const r = system_vector(residual, item, c);
    team.team_barrier();
    T const leakage = team_norm(team, n, r);
    bool const zero = outcome == Outcome::not_finite;
    team.team_barrier();
    team_for(team, n, [&](int i) {
      zi(i) = zero ? T(0) : (zi(i) * s.rhs_norm) / s.scale;
      r(i) = zero ? T(0) : r(i) * s.rhs_norm;
    });
    team.team_barrier();
    if (team_sum(team, n, [&](int i) { return Kokkos::isfinite(zi(i)) ? 0 : 1; })) {
      outcome = Outcome::not_finite;
      team_for(team, n, [&](int i) { zi(i) = r(i) = T(0); });
    }
    team_single(team, [&] {
      SolveRecord<T> record;
      record.outcome = outcome;
      record.iterations = s.iterations;
      record.products = s.products;
      record.rhs_norm = s.rhs_norm;
      record.residual = s.norm > T(0) ? normal / s.norm : T(0);
      record.leakage = leakage;
      record.operator_norm = s.norm * s.scale;
      records(item * columns + c) = record;
    });
    s.phase = Phase::done;
    store(team, item, c, s);
  }
};

}  // namespace minfold::impl

namespace minfold {

template <ExecutionSpace E, Operator<E> A>
std::size_t pinv_cgls_bytes(E const& space, A const& a, int columns,
                            PinvCglsOptions<typename A::scalar_type> const& options) {
  using T = typename A::scalar_type;
  std::size_t const systems = std::size_t(a.batch_size()) * columns;
  if (systems == 0) return 0;
  Path path = impl::chosen_path<A, E>(options.path, columns, a.dim());
  if (path == Path::packed) path = Path::halves;
  return array_bytes<impl::CglsState<T>>(systems) + 3 * array_bytes<T>(systems * a.dim()) +
         impl::krylov_bytes(space, a, columns, path);
}

template <ExecutionSpace E, Operator<E> A, class B, class Z, class R, class Records>
void pinv_cgls(E const& space, A const& a, B const& b, Z const& z, R const& kernel_part,
               Records const& records, PinvCglsOptions<typename A::scalar_type> const& options) {
  using T = typename A::scalar_type;
  static_assert(
      AccessibleFrom<B, E> && AccessibleFrom<Z, E> && AccessibleFrom<R, E>,
      "minfold::pinv_cgls: b, z and kernel_part must be accessible from the execution space");
  static_assert(B::rank() == Z::rank() && B::rank() == R::rank(),
                "minfold::pinv_cgls: b, z and kernel_part are of one shape");
  int const items = a.batch_size(), n = a.dim(), columns = impl::columns_of(b),
            systems = impl::systems_of("pinv_cgls", items, b);
  MINFOLD_REQUIRE(int(b.extent(0)) == items && int(b.extent(B::rank() - 1)) == n,
                  "pinv_cgls: b has ", b.extent(0), " items of ", b.extent(B::rank() - 1),
                  " components, expected ", items, " of ", n);
  auto const fits = [&](auto const& v) {
    return v.extent(0) == b.extent(0) && impl::columns_of(v) == columns &&
           v.extent(B::rank() - 1) == b.extent(B::rank() - 1);
  };
  MINFOLD_REQUIRE(fits(z) && fits(kernel_part),
                  "pinv_cgls: z or kernel_part is not of the shape of b");
  MINFOLD_REQUIRE(int(records.extent(0)) == systems, "pinv_cgls: ", systems, " systems but ",
                  records.extent(0), " records");
  MINFOLD_REQUIRE(
      !impl::overlap(b, z) && !impl::overlap(b, kernel_part) && !impl::overlap(z, kernel_part),
      "pinv_cgls: b, z and kernel_part must not alias");
  MINFOLD_REQUIRE(!impl::overlaps_matrices(a, z) && !impl::overlaps_matrices(a, kernel_part),
                  "pinv_cgls: z and kernel_part must not alias the matrices");
  if (systems == 0) return;
  impl::CglsStep<T, E, B, Z, R, Records> step{
      b,
      z,
      kernel_part,
      records,
      make_blocks<T>(space, "minfold::pinv_cgls::operand", items, columns, n),
      make_blocks<T>(space, "minfold::pinv_cgls::product", items, columns, n),
      make_blocks<T>(space, "minfold::pinv_cgls::search_direction", items, columns, n),
      make_scalars<impl::CglsState<T>>(space, "minfold::pinv_cgls::state", systems),
      options,
      n,
      columns,
      options.max_iterations > 0 ? options.max_iterations : 10 * n + 100};
  Kokkos::deep_copy(space, step.operand, T(0));
  Path path = impl::chosen_path<A, E>(options.path, columns, n);
  if (path == Path::packed) path = Path::halves;
  impl::run_krylov(space, a, step, step.operand, step.product, path);
}

}  // namespace minfold

#endif
