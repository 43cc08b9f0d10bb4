// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_REFINE_IMPL_HPP
#define MINFOLD_DRIVERS_IMPL_REFINE_IMPL_HPP

#include <minfold/drivers/impl/truncated_newton.hpp>
#include <minfold/drivers/refine.hpp>

namespace minfold::impl {

/// Accepts a trial that is on S and low enough, halves the step otherwise. Returns how many search and work.
template <class T, ExecutionSpace E>
StillAtWork judge_tangent_trial(E const& space, RefineWork<T, E> const& w, Vectors<T, E> const& y,
                                Scalars<KernelRecord<T>, E> const& kernels,
                                Scalars<LowerRecord<T>, E> const& lower,
                                Scalars<RefineRecord<T>, E> const& records, T length,
                                T lower_tolerance) {
  int const items = int(y.extent(0)), n = int(y.extent(1));
  for_each_item(
      "minfold::refine::judge", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        auto s = w.searches(item);
        if (!s.searching) return;
        T const value = w.values(item);
        bool const on_manifold = w.trial_lower(item).outcome == Outcome::converged;
        // At a saddle the decrease is quadratic: f(y + t d) - f ~ t^2 curvature |d|^2 / 2.
        T const d_norm = team_norm(team, n, Kokkos::subview(w.direction, item, Kokkos::ALL));
        T const wanted = s.curvature < T(0)
                             ? T(-0.1) * s.step * s.step * s.curvature * d_norm * d_norm
                             : T(1e-4) * s.step * s.slope;
        // f is known up to its rounding and up to its slope over the distance that is left to S, which
        // an ill-conditioned H makes longer than the residual says.
        T const mu = kernels(item).smallest_kept;
        T const distance =
            mu > T(0) ? (w.trial_lower(item).gradient_norm + lower(item).gradient_norm) / mu : T(0);
        T const slack = T(16) * epsilon<T> * Kokkos::abs(s.value) +
                        (T(16) * lower_tolerance * length + distance) * records(item).upper_norm;
        bool const accepted = on_manifold && Kokkos::isfinite(value) &&
                              value <= s.value - wanted + (s.curvature < T(0) ? T(0) : slack);
        team.team_barrier();
        if (accepted) {
          team_for(team, n, [&](int i) { y(item, i) = w.trial(item, i); });
        }
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          s.searching = !accepted;
          if (accepted) lower(item) = w.trial_lower(item);
          // `bounded` holds until the first trial is refused.
          s.radius = accepted && s.bounded ? T(4) * s.radius : (accepted ? s.radius : length);
          s.bounded = false;
          s.step *= T(0.5);
          if (!accepted && s.step * d_norm < T(1e3) * epsilon<T> * length) {
            s.searching = false;
            records(item).outcome = Outcome::iteration_limit;
          }
          w.searches(item) = s;
        });
      });
  return count_both(space, w.searches, records);
}

/// scales(target) := the larger of what the whole and its part have met. A maximum: the order of the
/// atomics does not matter.
template <class T, ExecutionSpace E>
void raise_scales(E const& space, Scalars<int, E> const& items,
                  Scalars<TargetScale<T>, E> const& part,
                  Scalars<TargetScale<T>, E> const& scales) {
  int const targets = int(scales.extent(0));
  Kokkos::parallel_for(
      "minfold::refine::raise_scales", Kokkos::RangePolicy<E>(space, 0, int(part.extent(0))),
      KOKKOS_LAMBDA(int row) {
        auto& s = scales(items(row) % targets);
        Kokkos::atomic_max(&s.gradient, part(row).gradient);
        Kokkos::atomic_max(&s.upper_x, part(row).upper_x);
        Kokkos::atomic_max(&s.curvature, part(row).curvature);
      });
}

template <class T, ExecutionSpace E>
struct Tangent {
  TangentSpace<T, E> space;
  TangentProjector<T, E> projector;
  KernelDimensions dimensions;
};

/// residual := grad_y f - P_ker grad_y f
template <class T, ExecutionSpace E>
void subtract_tangential(E const& space, RefineWork<T, E> const& w) {
  Kokkos::parallel_for(
      "minfold::refine::range_part",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(
          space, {0, 0}, {int(w.gradient.extent(0)), int(w.gradient.extent(1))}),
      KOKKOS_LAMBDA(int item, int i) {
        w.residual(item, i) = w.gradient(item, i) - w.tangential(item, i);
      });
}

/// Tangent space, Riemannian gradient and lambda at y. The tangent space of an earlier point is taken where it
/// still holds and where lambda can be had with it; so accurate lambda need not be: it shapes steps.
template <class T, ExecutionSpace E>
Tangent<T, E> tangent_of_gradient(E const& space, LowerHessian<T, E> const& h,
                                  RefineWork<T, E> const& w, RefineOptions<T> const& options,
                                  TangentMemory<T, E>& memory) {
  T const loose = std::is_same_v<T, float> ? T(1e-4) : T(1e-8);
  auto const b = as_block(Vectors<T const, E>(w.gradient));
  auto const solve = [&](TangentSpace<T, E> const& t, T tolerance) {
    tangent_solve(space, h, t, b, as_block(w.lambda), as_block(w.tangential), w.solves, tolerance);
  };
  auto const remembered = [&]() -> Tangent<T, E> {
    return {memory.tangent, memory.projector,
            kernel_dimensions(space, memory.tangent.records, h.dim())};
  };
  if (still_tangent<T, E>(space, h, memory, T(0.1) * options.tolerance)) {
    solve(memory.tangent, loose);
    auto const s = summarize(space, w.solves);
    if (s[Outcome::iteration_limit] + s[Outcome::not_finite] == 0) return remembered();
    // The kernel is the same and H is not: what H was makes CG short.
    if (memory.tangent.representation != Representation::kernel_basis) {
      int const n = h.dim();
      subtract_tangential(space, w);
      pinv_pcg(space, h, preconditioner_of(space, memory.tangent, n), w.residual, w.lambda,
               w.solves, {.relative_tolerance = loose, .max_iterations = n / 4 + 1});
      auto const again = summarize(space, w.solves);
      if (again[Outcome::iteration_limit] + again[Outcome::not_finite] == 0) return remembered();
    }
  }
  auto const tangent = remembered_tangent_space(space, h, options.tangent, memory);
  bool const implicit = !has_vectors(tangent.representation);
  solve(tangent, implicit ? default_tolerance<T> : loose);
  Tangent<T, E> found{tangent, {}, kernel_dimensions(space, tangent.records, h.dim())};
  // Small problems need none: their Newton steps are dense and their tangent spaces cheap.
  if (!implicit && tangent.products >= std::int64_t(worth_remembering) * h.batch_size())
    found.projector = tangent_projector(space, tangent, found.dimensions, h.batch_size(), h.dim());
  remember(space, tangent, found.projector, memory);
  return found;
}

/// Goes on with the items whose record says not_run, from outer step `iteration`; `working`: how many they
/// are.
template <class T, ExecutionSpace E>
void refine_working(E const& space, AnyProblem<T, E> const& problem, Vectors<T const, E> x,
                    Vectors<T, E> y, Scalars<LowerRecord<T>, E> const& lower,
                    Scalars<RefineRecord<T>, E> const& records,
                    Scalars<TargetScale<T>, E> const& scales,
                    LowerSolveOptions<T> const& correction, RefineOptions<T> const& options,
                    TangentMemory<T, E>& memory, int iteration, int working) {
  int const items = int(y.extent(0)), n = int(y.extent(1));
  T const length = problem.length_scale();
  RefineWork<T, E> const w(space, items, problem.dim_x(), n);
  for (; working > 0; ++iteration) {
    if (auto const part = working_items(space, problem, records, working); part.problem) {
      bool const one_target = problem.batch_size() == 1;
      auto const part_y = part.gather(space, y);
      auto const part_lower = part.gather(space, lower, items);
      auto const part_records = part.gather(space, records, items);
      auto const part_scales =
          one_target ? scales : part.gather(space, scales, int(scales.extent(0)));
      auto part_memory = memory;
      if (memory.filled && int(memory.tangent.records.extent(0)) == items)
        part_memory = memory_for<T, E>(space, memory, part.items);
      else
        part_memory.filled = false;
      refine_working(space, *part.problem, x, part_y, part_lower, part_records, part_scales,
                     correction, options, part_memory, iteration, working);
      part.scatter(space, part_y, y);
      part.scatter(space, part_lower, lower);
      part.scatter(space, part_records, records);
      if (!one_target) raise_scales(space, part.items, part_scales, scales);
      return;
    }
    problem.upper_value(space, x, y, w.values);
    problem.upper_gradient(space, x, y, w.gx, w.gradient);
    LowerHessian<T, E> const h{&problem, x, y};
    auto const [tangent, projector, dimensions] = tangent_of_gradient(space, h, w, options, memory);
    measure_gradient(space, w, tangent.records, records, scales, n);
    int const k = dimensions.largest;
    bool const newton = options.newton && problem.has_second_order();
    bool const implicit = !has_vectors(tangent.representation);
    bool const may_form = k <= options.newton_order;
    // An implicit tangent space has no matrix, and a CG whose every step projects by a solve is not worth it.
    bool const truncated =
        newton && !implicit && (!may_form || (k >= options.truncated_order && !memory.dense));
    if (truncated) {
      LagrangianProduct<T, E> const product(
          space, problem, x, y, w.lambda,
          projector.rows.data() ? projector
                                : tangent_projector(space, tangent, dimensions, items, n));
      if (truncated_directions<T, E>(space, product, w, tangent.records, records, scales, k,
                                     options.tolerance, length, may_form))
        memory.dense = true;
    } else if (newton && !implicit && k >= 0) {
      auto const q = explicit_kernel(space, tangent, items, n, std::max(k, 1));
      int const room = int(q.vectors.extent(1));
      auto const m = make_blocks<T>(space, "minfold::refine::hessian", items, room, room);
      riemannian_hessian<T, E>(space, problem, x, y, w.lambda, q, m);
      newton_directions(space, w, tangent.records, q, m, records, scales, options.tolerance,
                        length);
    } else {
      gradient_directions<T, E>(space, w, y, records, scales, options.tolerance, length);
    }
    bool const last = iteration >= options.max_iterations;
    Kokkos::parallel_for(
        "minfold::refine::limit", Kokkos::RangePolicy<E>(space, 0, items), KOKKOS_LAMBDA(int item) {
          auto& r = records(item);
          if (last && r.outcome == Outcome::not_run) r.outcome = Outcome::iteration_limit;
          if (r.outcome != Outcome::not_run) w.searches(item).searching = false;
        });
    // An item that works has a direction, so it searches.
    StillAtWork at_work = count_both(space, w.searches, records);
    if (at_work.working == 0) return;
    do {
      Kokkos::parallel_for(
          "minfold::refine::trial",
          Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0}, {items, n}),
          KOKKOS_LAMBDA(int item, int i) {
            auto const& s = w.searches(item);
            w.trial(item, i) =
                s.searching ? y(item, i) + s.step * w.direction(item, i) : y(item, i);
            // Settled items keep their record, and with it are left alone.
            if (i == 0) w.trial_lower(item) = s.searching ? LowerRecord<T>{} : lower(item);
          });
      lower_solve_working<T, E>(space, problem, x, w.trial, w.trial_lower, correction,
                                first_forcing<T>, Judged::all_moved, at_work.searching);
      problem.upper_value(space, x, w.trial, w.values);
      at_work = judge_tangent_trial(space, w, y, tangent.records, lower, records, length,
                                    correction.tolerance);
    } while (at_work.searching > 0);
    working = at_work.working;
  }
}

}  // namespace minfold::impl

namespace minfold {

template <class T, ExecutionSpace E>
void riemannian_hessian(E const& space, AnyProblem<T, E> const& problem, Vectors<T const, E> x,
                        Vectors<T const, E> y, Vectors<T const, E> lambda, Basis<T, E> const& q,
                        Blocks<T, E> const& out) {
  int const items = int(y.extent(0)), n = int(y.extent(1)), k = int(q.vectors.extent(1));
  auto const image = make_blocks<T>(space, "minfold::riemannian_hessian::upper", items, k, n);
  auto const third = make_blocks<T>(space, "minfold::riemannian_hessian::third", items, k, n);
  problem.upper_hessian(space, x, y, q.vectors, image);
  problem.third_product(space, x, y, lambda, q.vectors, third);
  Kokkos::parallel_for(
      "minfold::riemannian_hessian::lagrangian",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {items, k, n}),
      KOKKOS_LAMBDA(int item, int j, int i) { image(item, j, i) -= third(item, j, i); });
  batched_gemm(space, Transpose::no, Transpose::yes, T(1), q.vectors, image, T(0), out);
  for_each_item(
      "minfold::riemannian_hessian::pad", space, items, k,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        int const dimension = q.dimension(item);
        T const largest = team_max(team, dimension * dimension, [&](int l) {
          return Kokkos::abs(out(item, l / dimension, l % dimension));
        });
        team.team_barrier();
        team_for(team, k - dimension,
                 [&](int l) { out(item, dimension + l, dimension + l) = largest; });
      });
}

template <class T, ExecutionSpace E>
void refine(E const& space, AnyProblem<T, E> const& problem, Vectors<T const, E> x, Vectors<T, E> y,
            Scalars<LowerRecord<T>, E> const& lower, Scalars<RefineRecord<T>, E> const& records,
            Scalars<TargetScale<T>, E> const& scales, LowerSolveOptions<T> const& lower_options,
            RefineOptions<T> const& options, TangentMemory<T, E>& memory) {
  int const items = int(y.extent(0));
  if (items == 0) return;
  Kokkos::parallel_for(
      "minfold::refine::start", Kokkos::RangePolicy<E>(space, 0, items), KOKKOS_LAMBDA(int item) {
        RefineRecord<T> r;
        if (lower(item).outcome != Outcome::converged) r.outcome = lower(item).outcome;
        records(item) = r;
      });
  // A normal correction that needs many steps started too far from S: a shorter step is cheaper.
  LowerSolveOptions<T> correction = lower_options;
  correction.max_iterations = std::min(correction.max_iterations, 20);
  impl::refine_working(space, problem, x, y, lower, records, scales, correction, options, memory, 0,
                       impl::count_working(space, records));
}

}  // namespace minfold

#endif
