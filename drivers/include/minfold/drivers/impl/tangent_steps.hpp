// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_TANGENT_STEPS_HPP
#define MINFOLD_DRIVERS_IMPL_TANGENT_STEPS_HPP

#include <minfold/drivers/impl/tangent_basis.hpp>
#include <minfold/drivers/lower_solve.hpp>
#include <minfold/drivers/refine_record.hpp>

/// The directions that `refine` tries along S: Riemannian Newton, escape from saddles, descent.
namespace minfold::impl {

/// Line search along S of one item.
template <std::floating_point T>
struct TangentSearch {
  T step = 0, slope = 0, value = 0;
  T last_step = 0;  ///< Barzilai-Borwein
  /// Longest step: one length at first, and more as long as steps of that length are taken at once. Where f
  /// is ill-conditioned along S, the critical point may be many lengths away.
  T radius = 0;
  bool bounded = false;  ///< this step was cut to the radius
  T curvature = 0;       ///< < 0: this step leaves a saddle along negative curvature
  bool searching = false;
};

/// step := 1, or less where that is longer than the radius.
template <std::floating_point T>
KOKKOS_INLINE_FUNCTION void bound_step(TangentSearch<T>& s, T d_norm, T length) {
  if (!(s.radius > length)) s.radius = length;
  s.bounded = d_norm > s.radius;
  s.step = s.bounded ? s.radius / d_norm : T(1);
}

/// What the steps of `refine` share.
template <class T, ExecutionSpace E>
struct RefineWork {
  Vectors<T, E> gx, gradient, lambda, tangential, direction, residual, trial, before,
      gradient_before;
  Scalars<T, E> values;
  Scalars<TangentSearch<T>, E> searches;
  Scalars<SolveRecord<T>, E> solves;
  Scalars<LowerRecord<T>, E> trial_lower;

  RefineWork(E const& space, int items, int m, int n)
      : gx(make_vectors<T>(space, "minfold::refine::upper_x", items, m)),
        gradient(make_vectors<T>(space, "minfold::refine::gradient", items, n)),
        lambda(make_vectors<T>(space, "minfold::refine::lambda", items, n)),
        tangential(make_vectors<T>(space, "minfold::refine::tangential", items, n)),
        direction(make_vectors<T>(space, "minfold::refine::direction", items, n)),
        residual(make_vectors<T>(space, "minfold::refine::residual", items, n)),
        trial(make_vectors<T>(space, "minfold::refine::trial", items, n)),
        before(make_vectors<T>(space, "minfold::refine::before", items, n)),
        gradient_before(make_vectors<T>(space, "minfold::refine::gradient_before", items, n)),
        values(make_scalars<T>(space, "minfold::refine::values", items)),
        searches(make_scalars<TangentSearch<T>>(space, "minfold::refine::searches", items)),
        solves(make_scalars<SolveRecord<T>>(space, "minfold::refine::solves", items)),
        trial_lower(make_scalars<LowerRecord<T>>(space, "minfold::refine::lower", items)) {
    Kokkos::deep_copy(space, searches, TangentSearch<T>{});
  }
};

/// Solves with H for the Riemannian gradient and lambda, and updates norms in the records.
template <class T, ExecutionSpace E>
void measure_gradient(E const& space, RefineWork<T, E> const& w,
                      Scalars<KernelRecord<T>, E> const& kernels,
                      Scalars<RefineRecord<T>, E> const& records,
                      Scalars<TargetScale<T>, E> const& scales, int n) {
  int const items = int(records.extent(0)), targets = int(scales.extent(0));
  int const m = int(w.gx.extent(1));
  for_each_item(
      "minfold::refine::measure", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        T const upper_x = team_norm(team, m, Kokkos::subview(w.gx, item, Kokkos::ALL));
        T const upper = team_norm(team, n, Kokkos::subview(w.gradient, item, Kokkos::ALL));
        T const along = team_norm(team, n, Kokkos::subview(w.tangential, item, Kokkos::ALL));
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          auto& r = records(item);
          if (r.outcome != Outcome::not_run) return;
          r.upper_norm = upper;
          r.upper_x_norm = upper_x;
          r.gradient_norm = along;
          r.value = w.values(item);
          if (!Kokkos::isfinite(upper) || !Kokkos::isfinite(along) || !Kokkos::isfinite(r.value))
            r.outcome = Outcome::not_finite;
          // Stationary for g but no minimizer: not a point of S.
          else if (kernels(item).outcome == Outcome::indefinite_operator)
            r.outcome = Outcome::indefinite_operator;
          else if (kernels(item).outcome != Outcome::ambiguous_rank)
            r.ambiguous = 0;
          else if (++r.ambiguous >= ambiguous_steps)
            r.outcome = Outcome::ambiguous_rank;
        });
      });
  // Serial over the candidates of a target: a maximum, so the order does not matter.
  Kokkos::parallel_for(
      "minfold::refine::scale", Kokkos::RangePolicy<E>(space, 0, targets),
      KOKKOS_LAMBDA(int target) {
        auto s = scales(target);
        for (int item = target; item < items; item += targets) {
          auto const& r = records(item);
          if (r.outcome == Outcome::not_run) {
            s.gradient = Kokkos::max(s.gradient, r.upper_norm);
            s.upper_x = Kokkos::max(s.upper_x, r.upper_x_norm);
          }
          s.curvature = Kokkos::max(s.curvature, r.largest_curvature);
        }
        scales(target) = s;
      });
}

/// Newton direction from the k x k Hessian `m` (destroyed); escape at saddles. Fills searches.
template <class T, ExecutionSpace E>
void newton_directions(E const& space, RefineWork<T, E> const& w,
                       Scalars<KernelRecord<T>, E> const& kernels, Basis<T, E> const& q,
                       Blocks<T, E> const& m, Scalars<RefineRecord<T>, E> const& records,
                       Scalars<TargetScale<T>, E> const& scales, T tolerance, T length) {
  int const items = int(m.extent(0)), k_max = int(m.extent(1)), n = int(w.gradient.extent(1)),
            targets = int(scales.extent(0));
  auto const values = make_vectors<T>(space, "minfold::refine::curvatures", items, k_max);
  auto const eigen = make_scalars<EigenRecord<T>>(space, "minfold::refine::eigen", items);
  auto const coefficients = make_vectors<T>(space, "minfold::refine::coefficients", items, k_max);
  // Rows beyond an item's dimension carry the item's own largest diagonal: they disturb no extreme.
  symmetric_eigen(space, m, values, eigen, {.verify = false});
  for_each_item(
      "minfold::refine::newton", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        auto r = records(item);
        TangentSearch<T> s;  // last_step = 0: a descent step after this one has no secant pair
        s.radius = w.searches(item).radius;
        if (r.outcome != Outcome::not_run) {
          Kokkos::single(Kokkos::PerTeam(team), [&] { w.searches(item) = s; });
          return;
        }
        int const k = q.dimension(item);
        auto const d = Kokkos::subview(w.direction, item, Kokkos::ALL);
        auto const g = Kokkos::subview(w.tangential, item, Kokkos::ALL);
        // Where the kernel is not known, k is 0 here: the step below is one of descent.
        bool const usable = eigen(item).outcome == Outcome::converged && decided(kernels(item));
        T smallest = k > 0 ? values(item, 0) : Kokkos::Experimental::infinity_v<T>, largest = 0;
        for (int j = 0; j < k_max; ++j) {
          // Padding is exactly 0 on the tangent vectors, so an eigenvector of it has no part in rows < k.
          T const e = values(item, j);
          if (Kokkos::abs(e) > largest) largest = Kokkos::abs(e);
        }
        team_for(team, n, [&](int i) { d(i) = T(0); });
        team.team_barrier();
        T const curvature_scale = Kokkos::max(largest, scales(item % targets).curvature);
        r.smallest_curvature = usable ? smallest : Kokkos::Experimental::quiet_NaN_v<T>;
        r.largest_curvature = Kokkos::max(r.largest_curvature, usable ? largest : T(0));
        T const scale = Kokkos::max(scales(item % targets).gradient, curvature_scale * length);
        r.scale = scale;
        bool const small = r.gradient_norm <= tolerance * scale;
        bool const saddle = usable && k > 0 && smallest < T(-1e-4) * curvature_scale;
        if (small && !saddle) {
          r.outcome = Outcome::converged;
        } else {
          T const floor = T(1e2) * epsilon<T> * Kokkos::max(largest, T(1e-6) * curvature_scale);
          for (int j = 0; usable && j < k_max; ++j) {
            // Eigenvector j in y: u = sum_l m(j, l) q_l; its part of the gradient, and of the step.
            T part = 0;
            for (int l = 0; l < k; ++l) {
              T const c = m(item, j, l);
              if (c == T(0)) continue;
              part += c * team_sum(team, n, [&](int i) { return q.vectors(item, l, i) * g(i); });
            }
            T const e = Kokkos::max(Kokkos::abs(values(item, j)), floor);
            T coefficient = e > T(0) ? -part / e : T(0);
            if (small && saddle) coefficient = j == 0 ? T(0.1) * length : T(0);
            Kokkos::single(Kokkos::PerTeam(team), [&] { coefficients(item, j) = coefficient; });
          }
          team.team_barrier();
          for (int l = 0; usable && l < k; ++l) {
            T c = 0;
            for (int j = 0; j < k_max; ++j) c += coefficients(item, j) * m(item, j, l);
            team_for(team, n, [&](int i) { d(i) += c * q.vectors(item, l, i); });
            team.team_barrier();
          }
          T slope = -team_dot(team, n, d, g);
          s.curvature = small && saddle ? smallest : T(0);
          if (!(small && saddle) && !(slope > T(0))) {
            T const safe =
                curvature_scale > T(0) ? T(1) / curvature_scale : length / r.gradient_norm;
            team_for(team, n, [&](int i) { d(i) = -safe * g(i); });
            team.team_barrier();
            slope = safe * r.gradient_norm * r.gradient_norm;
          }
          T const d_norm = team_norm(team, n, d);
          bound_step(s, d_norm, length);
          s.slope = small && saddle ? T(0) : slope;
          s.value = r.value;
          s.searching = d_norm > T(0) && Kokkos::isfinite(d_norm);
          if (!s.searching) r.outcome = Outcome::not_finite;
          ++r.iterations;
        }
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          w.searches(item) = s;
          records(item) = r;
        });
      });
}

/// Steepest descent along S with Barzilai-Borwein steps.
template <class T, ExecutionSpace E>
void gradient_directions(E const& space, RefineWork<T, E> const& w, Vectors<T const, E> const& y,
                         Scalars<RefineRecord<T>, E> const& records,
                         Scalars<TargetScale<T>, E> const& scales, T tolerance, T length) {
  int const items = int(y.extent(0)), n = int(y.extent(1)), targets = int(scales.extent(0));
  for_each_item(
      "minfold::refine::descent", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        auto r = records(item);
        TangentSearch<T> s = w.searches(item);
        s.searching = false;
        if (r.outcome == Outcome::not_run) {
          auto const d = Kokkos::subview(w.direction, item, Kokkos::ALL);
          auto const g = Kokkos::subview(w.tangential, item, Kokkos::ALL);
          T step =
              length > T(0) && r.gradient_norm > T(0) ? T(0.1) * length / r.gradient_norm : T(1);
          if (s.last_step > T(0)) {
            T const ss = team_sum(team, n, [&](int i) {
              T const move = y(item, i) - w.before(item, i);
              return move * move;
            });
            T const sg = team_sum(team, n, [&](int i) {
              return (y(item, i) - w.before(item, i)) * (g(i) - w.gradient_before(item, i));
            });
            step = sg > T(0) ? ss / sg : T(2) * s.last_step;
            // The same secant pair measures the curvature of f along S.
            if (ss > T(0))
              r.largest_curvature = Kokkos::max(r.largest_curvature, Kokkos::abs(sg) / ss);
          }
          r.scale = Kokkos::max(
              scales(item % targets).gradient,
              Kokkos::max(r.largest_curvature, scales(item % targets).curvature) * length);
          if (r.gradient_norm <= tolerance * r.scale) {
            r.outcome = Outcome::converged;
          } else {
            team.team_barrier();
            team_for(team, n, [&](int i) {
              w.before(item, i) = y(item, i);
              w.gradient_before(item, i) = g(i);
              d(i) = -step * g(i);
            });
            T const d_norm = step * r.gradient_norm;
            bound_step(s, d_norm, length);
            s.slope = step * r.gradient_norm * r.gradient_norm;
            s.value = r.value;
            s.curvature = 0;
            s.last_step = step;
            s.searching = true;
            ++r.iterations;
          }
        }
        team.team_barrier();
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          w.searches(item) = s;
          records(item) = r;
        });
      });
}

}  // namespace minfold::impl

#endif
