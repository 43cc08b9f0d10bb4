// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_PROJECT_SKETCH_HPP
#define MINFOLD_KERNELS_IMPL_PROJECT_SKETCH_HPP

#include <minfold/kernels/impl/judge_ritz.hpp>

namespace minfold::impl {

/// omega(item, c, :) := vector c of the basis to start from, made a unit vector, where it has one; random
/// columns have numbers from `first` on.
template <ExecutionSpace E, std::floating_point T>
void fill_start(E const& space, Blocks<T, E> const& omega, int first,
                KernelBasisOptions<T> const& options) {
  fill_sketch(space, omega, options.seed, Stream::sketch, first, options.item_ids);
  if (first > 0 || options.start.extent(1) == 0) return;
  Kokkos::View<T const***, Kokkos::LayoutRight, typename E::memory_space> const start =
      options.start;
  Kokkos::View<int const*, typename E::memory_space> const dimension = options.start_dimension;
  int const n = int(omega.extent(2)),
            columns = std::min(int(omega.extent(1)), int(start.extent(1)));
  for_each_item(
      "minfold::kernel_basis::start_vectors", space, int(omega.extent(0)) * columns, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
        int const item = system / columns, c = system % columns;
        if (c >= dimension(item)) return;
        T const norm = team_norm(team, n, Kokkos::subview(start, item, c, Kokkos::ALL));
        if (!(norm > T(0)) || !Kokkos::isfinite(norm)) return;
        team_for(team, n, [&](int i) { omega(item, c, i) = start(item, c, i) / norm; });
      });
}

/// filtered(:, first.., :) := (I - A^+ A) Omega for new random columns, up to a residual that leaves no
/// doubt of the count. In place of the first of them the columns of `sketch`, which a filter has
/// left, where its bounds were not refuted: their parts in the kernel are as random.
///
/// Where the kernel's eigenvalues are noise, up to tolerance ||A|| =: t in magnitude, A^+ would
/// take the noise for range, so a solve stops at curvature t and such columns are filtered by
/// t (A + t)^-1 instead, thrice: what is kept by a factor of about one is the kernel, and an
/// eigenvalue ten times t is damped by a thousand.
template <ExecutionSpace E, class A, std::floating_point T>
void project_sketch(E const& space, A const& a, Blocks<T, E> const& filtered, int first, int count,
                    Scalars<FilterState<T>, E> const& states, KernelBasisOptions<T> const& options,
                    Blocks<T, E> const& sketch) {
  using Found = typename ProjectionState<T>::Found;
  int const items = a.batch_size(), n = a.dim();
  auto const omega = make_blocks<T>(space, "minfold::kernel_basis::sketch", items, count, n);
  auto const image = make_blocks<T>(space, "minfold::kernel_basis::image", items, count, n);
  auto const rest = make_blocks<T>(space, "minfold::kernel_basis::residual", items, count, n);
  auto const columns =
      make_scalars<ProjectionState<T>>(space, "minfold::kernel_basis::columns", items * count);
  fill_start(space, omega, first, options);
  int const given = first == 0 ? std::min(count, int(sketch.extent(1))) : 0;
  if (given > 0)
    Kokkos::parallel_for(
        "minfold::kernel_basis::go_on",
        Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {items, given, n}),
        KOKKOS_LAMBDA(int item, int c, int i) {
          if (!states(item).refuted) omega(item, c, i) = sketch(item, c, i);
        });
  apply_block(space, a, Blocks<T const, E>(omega), image);
  raise_norms(space, omega, image, states);
  Kokkos::MDRangePolicy<E, Kokkos::Rank<3>> const all(space, {0, 0, 0}, {items, count, n});
  Kokkos::parallel_for(
      "minfold::kernel_basis::place", all,
      KOKKOS_LAMBDA(int item, int c, int i) { filtered(item, first + c, i) = omega(item, c, i); });
  constexpr int passes = 3;
  int const limit = options.max_iterations > 0 ? options.max_iterations : 10 * n + 100;
  int const total = options.total_iterations;
  int spent = 0;
  for (int pass = 0; pass <= passes; ++pass) {
    // What is left is shared by the passes to come, of which the first may well be the only one.
    int const share = pass == 0 ? total : std::max(1, (total - spent) / (passes + 1 - pass));
    ProjectionOptions<T> o;
    o.iterations = total == 0 ? limit : std::min(limit, share);
    o.restarts = 8;
    if (pass == 0) {
      // judge_ritz asks for a quarter of the tolerance. The rest is for what it reads: an eigenvalue
      // near the tolerance must be resolved in every column, or some are filtered with A + t
      // and some are not, and the excess columns must point at the smallest kept one.
      o.tolerance = Kokkos::max(options.solve_tolerance, T(1e-4) * options.kernel_tolerance);
      o.curvature = options.kernel_tolerance;
      // Not beside the columns of an earlier width, and never above what judge_ritz trusts.
      if (first == 0) o.reach = T(0.1) * options.kernel_tolerance / o.tolerance;
    } else {
      o.relative = options.solve_tolerance;
      o.shift = options.kernel_tolerance;
    }
    Kokkos::parallel_for(
        "minfold::kernel_basis::activate", Kokkos::RangePolicy<E>(space, 0, items * count),
        KOKKOS_LAMBDA(int system) {
          bool const noisy = pass == 0 || columns(system).found == Found::small_curvature ||
                             (pass == 1 && columns(system).found == Found::negative_curvature);
          bool const goes_on = pass < 2 ? noisy : columns(system).active;
          columns(system) = ProjectionState<T>{};
          columns(system).active = goes_on && !states(system / count).settled;
        });
    spent += run_projection(
        space, a,
        ProjectionStep<T, E>{filtered, omega, rest, first, columns, states, {}, o, n, count},
        image);
    int noise = 0;
    Kokkos::parallel_reduce(
        "minfold::kernel_basis::noisy", Kokkos::RangePolicy<E>(space, 0, items * count),
        KOKKOS_LAMBDA(int system, int& sum) {
          // Negative curvature counts only beyond t, which the passes with A + t will tell.
          auto const& s = columns(system);
          sum += pass == 0
                     ? s.found == Found::small_curvature || s.found == Found::negative_curvature
                     : s.active;
        },
        noise);
    for_each_item(
        "minfold::kernel_basis::filter", space, items, n,
        KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
          auto s = states(item);
          T const scale = power_of_two_below(s.norm);
          T norm = s.norm;
          for (int c = 0; c < count; ++c) {
            auto const& column = columns(item * count + c);
            norm = Kokkos::max(norm, column.norm * scale);
            bool const wait = pass == 0 && (column.found == Found::small_curvature ||
                                            column.found == Found::negative_curvature);
            // Another pass starts from what this one has left, or from the column as it was.
            team_for(team, n, [&](int i) {
              if (wait) filtered(item, first + c, i) = omega(item, c, i);
              omega(item, c, i) = filtered(item, first + c, i);
            });
            if (wait || !column.active) continue;
            s.indefinite = s.indefinite || column.found == Found::negative_curvature;
            if (!(column.residual <= s.solve_residual)) s.solve_residual = column.residual;
          }
          team.team_barrier();
          if (Kokkos::isfinite(norm)) s.norm = norm;
          Kokkos::single(Kokkos::PerTeam(team), [&] { states(item) = s; });
        });
    if (noise == 0 || pass == passes) return;
    apply_block(space, a, Blocks<T const, E>(omega), image);
    Kokkos::parallel_for(
        "minfold::kernel_basis::count_images", Kokkos::RangePolicy<E>(space, 0, items),
        KOKKOS_LAMBDA(int item) { states(item).products += count; });
  }
}

}  // namespace minfold::impl

#endif
