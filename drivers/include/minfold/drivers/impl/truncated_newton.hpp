// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_TRUNCATED_NEWTON_HPP
#define MINFOLD_DRIVERS_IMPL_TRUNCATED_NEWTON_HPP

#include <minfold/drivers/impl/lanczos_curvature.hpp>
#include <minfold/drivers/impl/newton_cg.hpp>
#include <minfold/drivers/impl/tangent_steps.hpp>

#include <algorithm>

/// Riemannian Newton along S without a matrix: CG for the step, Lanczos for what is a saddle.
namespace minfold::impl {

/// Lanczos vectors that an item may keep: the memory is (items, this, n).
inline int lanczos_room(int items, int n, int k, int most) {
  std::int64_t const words = std::int64_t(1) << 26;
  std::int64_t const fits = words / std::max<std::int64_t>(std::int64_t(items) * n, 1);
  return int(std::clamp<std::int64_t>(std::min({fits, std::int64_t(k), std::int64_t(most)}), 1,
                                      std::max(k, 1)));
}

/// Starts Lanczos where `states` run, from random tangent vectors, and runs it.
template <class T, ExecutionSpace E>
LanczosStep<T, E> run_lanczos(E const& space, LagrangianProduct<T, E> const& product,
                              Scalars<LanczosState<T>, E> const& states, int room, T near,
                              T saddle) {
  int const items = int(states.extent(0)), n = int(product.operand.extent(1));
  LanczosStep<T, E> const step{
      product.operand,
      product.image,
      make_blocks<T>(space, "minfold::lanczos::basis", items, room, n),
      make_vectors<T>(space, "minfold::lanczos::diagonal", items, room),
      make_vectors<T>(space, "minfold::lanczos::off_diagonal", items, room),
      states,
      n,
      near,
      saddle};
  fill_sketch(space, as_block(product.operand), 1, Stream::probe, 2, {});
  product.project(space, product.operand);
  auto symmetric = product;
  symmetric.symmetric = true;
  run_bulk(space, step, as_block(product.operand), symmetric);
  return step;
}

/// Forcing term of the step: CG ends at ||r|| <= this ||g||, which makes the last steps quadratic.
template <std::floating_point T>
KOKKOS_INLINE_FUNCTION T newton_forcing(T relative) {
  return Kokkos::min(T(0.1), relative);
}

/// Newton directions by CG, escape at saddles by Lanczos. Fills searches. k: the largest dimension.
/// Costs two second-order products an iteration of CG and of Lanczos. Waits. With
/// `may_form` CG ends at as many iterations as the formed Hessian has columns; true if that has happened.
template <class T, ExecutionSpace E>
bool truncated_directions(E const& space, LagrangianProduct<T, E> const& product,
                          RefineWork<T, E> const& w, Scalars<KernelRecord<T>, E> const& kernels,
                          Scalars<RefineRecord<T>, E> const& records,
                          Scalars<TargetScale<T>, E> const& scales, int k, T tolerance, T length,
                          bool may_form) {
  int const items = int(records.extent(0)), n = int(w.gradient.extent(1)),
            targets = int(scales.extent(0));
  auto const cg = make_scalars<NewtonCgState<T>>(space, "minfold::refine::newton_cg", items);
  auto const lanczos = make_scalars<LanczosState<T>>(space, "minfold::refine::lanczos", items);
  NewtonCgStep<T, E> const step{w.direction, w.residual, product.operand, product.image, cg, n};
  constexpr int lanczos_steps = 200;
  for_each_item(
      "minfold::refine::truncated_start", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        auto const r = records(item);
        NewtonCgState<T> s;
        LanczosState<T> l;
        if (r.outcome == Outcome::not_run) {
          auto const& t = scales(item % targets);
          T const curvature = Kokkos::max(r.largest_curvature, t.curvature);
          T const scale = Kokkos::max(t.gradient, curvature * length);
          bool const usable = decided(kernels(item));
          s.scale = l.scale = curvature;
          s.rr = r.gradient_norm * r.gradient_norm;
          int const dimension = kernels(item).dimension;
          // Rounding costs CG its end after k steps.
          s.limit = may_form ? Kokkos::max(dimension, 1) : 4 * dimension + 100;
          T const relative = scale > T(0) ? r.gradient_norm / scale : T(1);
          s.target =
              Kokkos::max(newton_forcing(relative) * r.gradient_norm, T(0.1) * tolerance * scale);
          bool const small = r.gradient_norm <= tolerance * scale;
          s.running = usable && !small;
          l.running = usable && small;
          l.limit = Kokkos::min(dimension, lanczos_steps);
        }
        team_for(team, n, [&](int i) { w.residual(item, i) = -w.tangential(item, i); });
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          cg(item) = s;
          lanczos(item) = l;
        });
      });
  int far = 0, near = 0;
  Kokkos::parallel_reduce(
      "minfold::refine::truncated_count", Kokkos::RangePolicy<E>(space, 0, items),
      KOKKOS_LAMBDA(int item, int& moving, int& ending) {
        moving += cg(item).running;
        ending += lanczos(item).running;
      },
      far, near);
  if (far > 0) run_bulk(space, step, as_block(product.operand), product);
  LanczosStep<T, E> probe;
  int const room = lanczos_room(items, n, k, lanczos_steps);
  Vectors<T, E> scratch;
  if (near > 0) {
    Kokkos::parallel_for(
        "minfold::refine::lanczos_limit", Kokkos::RangePolicy<E>(space, 0, items),
        KOKKOS_LAMBDA(int item) { lanczos(item).limit = Kokkos::min(lanczos(item).limit, room); });
    probe = run_lanczos<T, E>(space, product, lanczos, room, T(0), T(1e-4));
    scratch = make_vectors<T>(space, "minfold::refine::ritz", items, 2 * room);
  }
  for_each_item(
      "minfold::refine::truncated", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        auto r = records(item);
        TangentSearch<T> s;
        s.radius = w.searches(item).radius;
        if (r.outcome == Outcome::not_run) {
          auto const found = cg(item);
          auto const end = lanczos(item);
          auto const& t = scales(item % targets);
          auto const d = Kokkos::subview(w.direction, item, Kokkos::ALL);
          auto const g = Kokkos::subview(w.tangential, item, Kokkos::ALL);
          r.largest_curvature =
              Kokkos::max(r.largest_curvature, Kokkos::max(found.largest, end.largest));
          T const curvature = Kokkos::max(r.largest_curvature, t.curvature);
          r.scale = Kokkos::max(t.gradient, curvature * length);
          bool const small = r.gradient_norm <= tolerance * r.scale;
          bool const probed = end.steps > 0;
          bool const saddle = probed && end.ritz < T(-1e-4) * curvature;
          r.smallest_curvature = probed ? end.ritz : Kokkos::Experimental::quiet_NaN_v<T>;
          if (small && (probed || !decided(kernels(item)) || end.limit == 0) && !saddle) {
            r.outcome = Outcome::converged;
          } else {
            T slope = T(0);
            if (saddle) {
              probe.ritz_vector(team, item, scratch, w.direction);
              team_for(team, n, [&](int i) { d(i) *= T(0.1) * length; });
              team.team_barrier();
              s.curvature = end.ritz;
            } else {
              slope = -team_dot(team, n, d, g);
              if (found.iterations == 0 || !(slope > T(0))) {
                T const safe = curvature > T(0) ? T(1) / curvature : length / r.gradient_norm;
                team_for(team, n, [&](int i) { d(i) = -safe * g(i); });
                team.team_barrier();
                slope = safe * r.gradient_norm * r.gradient_norm;
              }
            }
            T const d_norm = team_norm(team, n, d);
            bound_step(s, d_norm, length);
            s.slope = slope;
            s.value = r.value;
            s.searching = d_norm > T(0) && Kokkos::isfinite(d_norm);
            if (!s.searching) r.outcome = Outcome::not_finite;
            ++r.iterations;
          }
        }
        team.team_barrier();
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          w.searches(item) = s;
          records(item) = r;
        });
      });
  int hard = 0;
  if (may_form && far > 0)
    Kokkos::parallel_reduce(
        "minfold::refine::hard", Kokkos::RangePolicy<E>(space, 0, items),
        KOKKOS_LAMBDA(int item, int& count) {
          count += cg(item).iterations > 0 && cg(item).iterations >= cg(item).limit;
        },
        hard);
  return hard > 0;
}

}  // namespace minfold::impl

#endif
