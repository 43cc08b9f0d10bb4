// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_KERNEL_BASIS_IMPL_HPP
#define MINFOLD_KERNELS_IMPL_KERNEL_BASIS_IMPL_HPP

#include <minfold/kernels/impl/polish_kernel.hpp>
#include <minfold/kernels/impl/sketch.hpp>
#include <minfold/kernels/kernel_basis.hpp>

namespace minfold::impl {

/// Reads dimension, gap and residuals off the Ritz values. `needs_more` counts the items whose
/// block leaves too few vectors outside the kernel to trust the count.
template <std::floating_point T, ExecutionSpace E, class Records>
int judge_ritz(E const& space, RitzBlock<T, E> const& ritz,
               Scalars<FilterState<T>, E> const& states, Records const& records,
               Basis<T, E> const& basis, KernelBasisOptions<T> const& options) {
  int const items = int(ritz.values.extent(0)), width = int(ritz.values.extent(1)),
            n = int(ritz.basis.extent(2)), capacity = int(basis.vectors.extent(1));
  for_each_item(
      "minfold::kernel_basis::judge", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        KernelRecord<T> record;
        auto const w = Kokkos::subview(ritz.values, item, Kokkos::ALL);
        int const rank = ritz.orthonormal(item).rank;
        T const norm = states(item).norm;
        auto const split =
            split_spectrum(w, rank, norm, n, options.kernel_tolerance, options.minimum_gap);
        record.outcome = ritz.orthonormal(item).outcome == Outcome::converged ? split.outcome
                                                                              : Outcome::not_finite;
        if (!Kokkos::isfinite(norm)) record.outcome = Outcome::not_finite;
        // A solve with residual rho leaves at most rho / tolerance of any kept direction in the
        // block: with more than a quarter a kernel vector could hide, so the count would be a guess.
        if (record.outcome == Outcome::converged &&
            !(states(item).solve_residual <= T(0.25) * options.kernel_tolerance))
          record.outcome = Outcome::iteration_limit;
        if (record.outcome == Outcome::converged && states(item).indefinite)
          record.outcome = Outcome::indefinite_operator;
        record.dimension = record.outcome == Outcome::not_finite ? 0 : split.dimension;
        record.products = states(item).products;
        record.norm_estimate = split.norm;
        record.gap = split.gap;
        record.smallest_kept = split.smallest_kept;
        record.most_negative = split.most_negative;
        measure_basis(team, n, Kokkos::subview(ritz.basis, item, Kokkos::ALL, Kokkos::ALL),
                      Kokkos::subview(ritz.product, item, Kokkos::ALL, Kokkos::ALL), split.first,
                      record.dimension, record);
        int const k = record.dimension < capacity ? record.dimension : capacity;
        if (record.outcome != Outcome::not_finite &&
            (record.dimension > capacity || (record.dimension == rank && rank < n)))
          record.outcome = Outcome::rank_limit;
        team_for(team, capacity * n, [&](int t) {
          int const j = t / n;
          basis.vectors(item, j, t % n) = j < k ? ritz.basis(item, split.first + j, t % n) : T(0);
        });
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          basis.dimension(item) = k;
          records(item) = record;
          states(item).first = split.first;
        });
      });
  int const probes = options.probes;
  int needs_more = 0;
  Kokkos::parallel_reduce(
      "minfold::kernel_basis::needs_more", Kokkos::RangePolicy<E>(space, 0, items),
      KOKKOS_LAMBDA(int item, int& count) {
        auto const& r = records(item);
        // In a block that is hardly wider than the kernel the gap may only seem blurred.
        count += r.outcome != Outcome::not_finite && r.dimension < n &&
                 (r.dimension > width - probes || r.outcome == Outcome::ambiguous_rank);
      },
      needs_more);
  return needs_more;
}

/// Raises norm to the largest ||A x|| / ||x|| over the vectors of x: a lower bound of ||A||.
template <ExecutionSpace E, class X, class AX, std::floating_point T>
void raise_norms(E const& space, X const& x, AX const& ax,
                 Scalars<FilterState<T>, E> const& states) {
  int const columns = int(x.extent(1)), n = int(x.extent(2));
  for_each_item(
      "minfold::kernel_basis::norms", space, int(x.extent(0)), n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        T largest = states(item).norm;
        for (int c = 0; c < columns; ++c) {
          T const norm = team_norm(team, n, Kokkos::subview(x, item, c, Kokkos::ALL));
          T const image = team_norm(team, n, Kokkos::subview(ax, item, c, Kokkos::ALL));
          if (norm > T(0) && image / norm > largest) largest = image / norm;
        }
        team.team_barrier();
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          states(item).norm = largest;
          states(item).products += columns;
        });
      });
}

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
/// doubt of the count.
///
/// Where the kernel's eigenvalues are noise, up to tolerance ||A|| =: t in magnitude, A^+ would
/// take the noise for range, so a solve stops at curvature t and such columns are filtered by
/// t (A + t)^-1 instead, thrice: what is kept by a factor of about one is the kernel, and an
/// eigenvalue ten times t is damped by a thousand.
template <ExecutionSpace E, class A, std::floating_point T>
void project_sketch(E const& space, A const& a, Blocks<T, E> const& filtered, int first, int count,
                    Scalars<FilterState<T>, E> const& states,
                    KernelBasisOptions<T> const& options) {
  using Found = typename ProjectionState<T>::Found;
  int const items = a.batch_size(), n = a.dim();
  auto const omega = make_blocks<T>(space, "minfold::kernel_basis::sketch", items, count, n);
  auto const image = make_blocks<T>(space, "minfold::kernel_basis::image", items, count, n);
  auto const rest = make_blocks<T>(space, "minfold::kernel_basis::residual", items, count, n);
  auto const columns =
      make_scalars<ProjectionState<T>>(space, "minfold::kernel_basis::columns", items * count);
  fill_start(space, omega, first, options);
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
          columns(system).active = goes_on;
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

/// Bytes that kernel_basis_randomized allocates at its peak where the kernel has `dimension` vectors.
template <ExecutionSpace E, class A>
std::size_t kernel_basis_randomized_bytes(
    E const& space, A const& a, int capacity,
    KernelBasisOptions<typename A::scalar_type> const& options, int dimension) {
  using T = typename A::scalar_type;
  std::size_t const items = a.batch_size(), n = a.dim();
  auto const vectors = [&](int count) { return array_bytes<T>(items * count * n); };
  int const probes = std::max(options.probes, 0);
  int const begin = options.start.extent(1) > 0 ? dimension + std::max(probes, 1)
                                                : std::max(options.block, probes + 1);
  int const widest = std::min(int(n), capacity + std::max(options.probes, options.block));
  std::size_t most = 0;
  int done = 0, width = std::min(begin, widest);
  for (;;) {
    int const fresh = width - done;
    most = std::max(
        {most, vectors(width) + vectors(done),
         vectors(width) + 3 * vectors(fresh) + array_bytes<ProjectionState<T>>(items * fresh) +
             std::max(projection_bytes(space, a, fresh), product_bytes(space, a, fresh)),
         vectors(width) + rayleigh_ritz_bytes(space, a, width)});
    if (dimension <= width - probes || width >= widest) break;
    done = width;
    width = std::min(2 * width, widest);
  }
  most = std::max(most, vectors(width) + ritz_block_bytes<T>(items, width, n) +
                            polish_bytes(space, a, std::min({dimension, capacity, width})));
  return array_bytes<FilterState<T>>(items) + most;
}

/// Whether kernel_basis takes the direct method.
template <class A>
bool kernel_basis_is_direct(KernelBasisOptions<typename A::scalar_type> const& options, int n) {
  return options.method == KernelMethod::direct || n <= options.block ||
         (options.method == KernelMethod::automatic && is_dense<A>);
}

template <ExecutionSpace E, class A, class Records>
void kernel_basis_randomized(E const& space, A const& a,
                             Basis<typename A::scalar_type, E> const& basis, Records const& records,
                             KernelBasisOptions<typename A::scalar_type> const& options) {
  using T = typename A::scalar_type;
  int const items = a.batch_size(), n = a.dim();
  auto const states =
      make_scalars<impl::FilterState<T>>(space, "minfold::kernel_basis::states", items);
  Kokkos::deep_copy(space, states, impl::FilterState<T>{});
  int const probes = std::max(options.probes, 0);
  // A basis to start from needs no more beside it than what shows that it is all of the kernel.
  int begin = std::max(options.block, probes + 1);
  if (options.start.extent(1) > 0) {
    Kokkos::View<int const*, typename E::memory_space> const dimension = options.start_dimension;
    int most = 0;
    Kokkos::parallel_reduce(
        "minfold::kernel_basis::start_dimension", Kokkos::RangePolicy<E>(space, 0, items),
        KOKKOS_LAMBDA(int item, int& largest) {
          if (dimension(item) > largest) largest = dimension(item);
        },
        Kokkos::Max<int>(most));
    most = std::min(most, int(options.start.extent(1)));
    if (most > 0) begin = most + std::max(probes, 1);
  }
  int const widest =
      std::min(n, int(basis.vectors.extent(1)) + std::max(options.probes, options.block));
  int done = 0, width = std::min(begin, widest);
  Blocks<T, E> filtered;
  RitzBlock<T, E> ritz;
  for (;;) {
    auto const wider = make_blocks<T>(space, "minfold::kernel_basis::filtered", items, width, n);
    if (done > 0) {
      auto const old = filtered;
      Kokkos::parallel_for(
          "minfold::kernel_basis::grow",
          Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {items, done, n}),
          KOKKOS_LAMBDA(int item, int c, int i) { wider(item, c, i) = old(item, c, i); });
    }
    filtered = wider;
    project_sketch(space, a, filtered, done, width - done, states, options);
    ritz = rayleigh_ritz(space, a, filtered);
    raise_norms(space, ritz.basis, ritz.product, states);  // counts the products of Rayleigh-Ritz
    int const needs_more = judge_ritz(space, ritz, states, records, basis, options);
    if (needs_more == 0 || width >= widest) break;
    ritz = {};
    done = width;
    width = std::min(2 * width, widest);
  }
  polish_kernel(space, a, ritz, states, basis, records, options.basis_tolerance,
                options.max_iterations);
}

}  // namespace minfold::impl

namespace minfold {

template <ExecutionSpace E, Operator<E> A>
std::size_t kernel_basis_bytes(E const& space, A const& a, int capacity,
                               KernelBasisOptions<typename A::scalar_type> const& options,
                               int dimension) {
  using T = typename A::scalar_type;
  int const n = a.dim();
  if (a.batch_size() == 0) return 0;
  if (!impl::kernel_basis_is_direct<A>(options, n))
    return impl::kernel_basis_randomized_bytes(space, a, capacity, options,
                                               dimension < 0 ? n : dimension);
  return impl::decompose_bytes<T, E>(
      a.batch_size(), n, impl::is_dense<A>, space,
      impl::most_product_bytes(space, a, std::min(n, impl::assembly_block)));
}

template <ExecutionSpace E, Operator<E> A, class Records>
void kernel_basis(E const& space, A const& a, Basis<typename A::scalar_type, E> const& basis,
                  Records const& records,
                  KernelBasisOptions<typename A::scalar_type> const& options) {
  int const items = a.batch_size(), n = a.dim();
  MINFOLD_REQUIRE(int(basis.vectors.extent(0)) == items && int(basis.vectors.extent(2)) == n,
                  "kernel_basis: basis is for ", basis.vectors.extent(0), " items of ",
                  basis.vectors.extent(2), " components, expected ", items, " of ", n);
  MINFOLD_REQUIRE(int(basis.dimension.extent(0)) == items && int(records.extent(0)) == items,
                  "kernel_basis: dimension and records must have ", items, " entries");
  MINFOLD_REQUIRE(options.item_ids.extent(0) == 0 || int(options.item_ids.extent(0)) == items,
                  "kernel_basis: ", options.item_ids.extent(0), " item_ids for ", items, " items");
  MINFOLD_REQUIRE(options.start.extent(1) == 0 ||
                      (int(options.start.extent(0)) == items && int(options.start.extent(2)) == n &&
                       int(options.start_dimension.extent(0)) == items),
                  "kernel_basis: the basis to start from is for ", options.start.extent(0),
                  " items of ", options.start.extent(2), " components, expected ", items, " of ",
                  n);
  MINFOLD_REQUIRE(!impl::overlaps_matrices(a, basis.vectors),
                  "kernel_basis: the basis must not alias the matrices");
  if (items == 0) return;
  if (impl::kernel_basis_is_direct<A>(options, n))
    impl::copy_kernel(space,
                      impl::decompose(space, a, options.kernel_tolerance, options.minimum_gap),
                      basis, records);
  else
    impl::kernel_basis_randomized(space, a, basis, records, options);
}

}  // namespace minfold

#endif
