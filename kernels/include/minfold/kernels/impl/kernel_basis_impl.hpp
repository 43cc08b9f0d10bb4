// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_KERNEL_BASIS_IMPL_HPP
#define MINFOLD_KERNELS_IMPL_KERNEL_BASIS_IMPL_HPP

#include <minfold/kernels/impl/polish_kernel.hpp>
#include <minfold/kernels/impl/sketch.hpp>
#include <minfold/kernels/impl/spectral.hpp>
#include <minfold/kernels/kernel_basis.hpp>
#include <minfold/kernels/orthonormalize.hpp>

namespace minfold::impl {

/// What the projection of the sketch has learnt of an item.
template <std::floating_point T>
struct FilterState {
  T norm = 0;            ///< lower bound of ||A||
  T solve_residual = 0;  ///< worst recomputed residual of the solves
  int products = 0;
  bool indefinite = false;
};

/// One width of the randomized method: Rayleigh-Ritz on the span of `filtered`.
template <std::floating_point T, ExecutionSpace E>
struct RitzBlock {
  Blocks<T, E> basis, product;  ///< Ritz vectors and A times them, ascending
  Vectors<T, E> values;
  Scalars<OrthonormalizeRecord<T>, E> orthonormal;
};

template <ExecutionSpace E, class A, class W>
RitzBlock<typename A::scalar_type, E> rayleigh_ritz(E const& space, A const& a, W const& filtered) {
  using T = typename A::scalar_type;
  int const items = a.batch_size(), n = a.dim(), width = int(filtered.extent(1));
  auto const q = make_blocks<T>(space, "minfold::ritz::basis", items, width, n);
  auto const aq = make_blocks<T>(space, "minfold::ritz::product", items, width, n);
  auto const small = make_blocks<T>(space, "minfold::ritz::projected", items, width, width);
  auto const eigen = make_scalars<EigenRecord<T>>(space, "minfold::ritz::eigen", items);
  RitzBlock<T, E> r{make_blocks<T>(space, "minfold::ritz::vectors", items, width, n),
                    make_blocks<T>(space, "minfold::ritz::images", items, width, n),
                    make_vectors<T>(space, "minfold::ritz::values", items, width),
                    make_scalars<OrthonormalizeRecord<T>>(space, "minfold::ritz::records", items)};
  Kokkos::deep_copy(space, q, filtered);
  // Columns that CG reduced to rounding still point at the smallest kept eigenvalues: keep all
  // that can be normalized.
  orthonormalize(space, q, r.orthonormal,
                 {.relative_tolerance = Kokkos::Experimental::norm_min_v<T>});
  apply_block(space, a, Blocks<T const, E>(q), aq);
  batched_gemm(space, Transpose::no, Transpose::yes, T(1), q, aq, T(0), small);
  // Zero rows of q would pose as kernel vectors: they get a value beyond every other, and sort last.
  auto const orthonormal = r.orthonormal;
  for_each_item(
      "minfold::ritz::mask", space, items, width,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        int const rank = orthonormal(item).rank;
        T const top = team_max(team, width * width, [&](int t) {
          return Kokkos::abs(small(item, t / width, t % width));
        });
        team.team_barrier();
        team_for(team, width, [&](int j) {
          if (j >= rank) small(item, j, j) = T(2 * width + 2) * (top > T(0) ? top : T(1));
        });
      });
  symmetric_eigen(space, small, r.values, eigen, {.verify = false});
  batched_gemm(space, Transpose::no, Transpose::no, T(1), small, q, T(0), r.basis);
  batched_gemm(space, Transpose::no, Transpose::no, T(1), small, aq, T(0), r.product);
  auto const values = r.values;
  for_each_item(
      "minfold::ritz::poison", space, items, width,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        if (eigen(item).outcome == Outcome::converged &&
            orthonormal(item).outcome == Outcome::converged)
          return;
        team_for(team, width,
                 [&](int j) { values(item, j) = Kokkos::Experimental::quiet_NaN_v<T>; });
      });
  return r;
}

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

/// A + tolerance ||A|| I of each item.
template <class A, std::floating_point T, ExecutionSpace E>
struct LiftedSpectrum {
  using scalar_type = T;
  A a;
  Scalars<FilterState<T>, E> states;
  T tolerance;

  int batch_size() const { return a.batch_size(); }
  int dim() const { return a.dim(); }
  template <class X, class Y>
  void apply(E const& space, X const& x, Y const& y) const {
    apply_block(space, a, x, y);
    auto const shift = tolerance;
    auto const norms = states;
    Kokkos::parallel_for(
        "minfold::kernel_basis::shift",
        Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(
            space, {0, 0, 0}, {int(x.extent(0)), int(x.extent(1)), int(x.extent(2))}),
        KOKKOS_LAMBDA(int item, int c, int i) {
          y(item, c, i) += shift * norms(item).norm * x(item, c, i);
        });
  }
};

/// filtered(:, first.., :) := (I - A^+ A) Omega for new random columns.
///
/// Where the kernel's eigenvalues are noise, up to tolerance ||A|| =: t in magnitude, A^+ would
/// take the noise for range, so a solve stops at curvature t and such columns are filtered by
/// t (A + t)^-1 instead, thrice: what is kept by a factor of about one is the kernel, and an
/// eigenvalue ten times t is damped by a thousand.
template <ExecutionSpace E, class A, std::floating_point T>
void project_sketch(E const& space, A const& a, Blocks<T, E> const& filtered, int first, int count,
                    Scalars<FilterState<T>, E> const& states,
                    KernelBasisOptions<T> const& options) {
  int const items = a.batch_size(), n = a.dim();
  auto const omega = make_blocks<T>(space, "minfold::kernel_basis::sketch", items, count, n);
  auto const image = make_blocks<T>(space, "minfold::kernel_basis::image", items, count, n);
  auto const inside = make_blocks<T>(space, "minfold::kernel_basis::range_part", items, count, n);
  auto const again = make_blocks<T>(space, "minfold::kernel_basis::image2", items, count, n);
  auto const noisy = make_scalars<int>(space, "minfold::kernel_basis::noisy", items * count);
  auto const records =
      make_scalars<SolveRecord<T>>(space, "minfold::kernel_basis::solves", items * count);
  fill_sketch(space, omega, options.seed, Stream::sketch, first, options.item_ids);
  apply_block(space, a, Blocks<T const, E>(omega), image);
  raise_norms(space, omega, image, states);
  // The dominant directions of A Omega bring the estimate of the norm close to ||A||. Scaled, since
  // A^2 may leave the range that A does not leave.
  for_each_item(
      "minfold::kernel_basis::unit", space, items * count, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
        auto const from = Kokkos::subview(image, system / count, system % count, Kokkos::ALL);
        auto const to = Kokkos::subview(inside, system / count, system % count, Kokkos::ALL);
        T const scale = power_of_two_below(team_norm(team, n, from));
        team_for(team, n, [&](int i) { to(i) = from(i) / scale; });
      });
  apply_block(space, a, Blocks<T const, E>(inside), again);
  raise_norms(space, inside, again, states);
  constexpr int passes = 3;
  int const limit = options.max_iterations, total = options.total_iterations;
  int spent = 0;
  for (int pass = 0; pass <= passes; ++pass) {
    // What is left is shared by the passes to come, of which the first may well be the only one.
    int const share = pass == 0 ? total : std::max(1, (total - spent) / (passes + 1 - pass));
    int const iterations = total == 0 ? limit : limit == 0 ? share : std::min(limit, share);
    if (pass == 0)
      pinv_cg(space, a, image, inside, records,
              {.relative_tolerance = options.solve_tolerance,
               .max_iterations = iterations,
               .negative_curvature = options.kernel_tolerance,
               .smallest_curvature = options.kernel_tolerance,
               .path = Path::bulk});
    else
      pinv_cg(space, LiftedSpectrum<A, T, E>{a, states, options.kernel_tolerance}, image, inside,
              records,
              {.relative_tolerance = options.solve_tolerance,
               .max_iterations = iterations,
               .path = Path::bulk});
    if (total > 0) {
      int most = 0;
      Kokkos::parallel_reduce(
          "minfold::kernel_basis::spent", Kokkos::RangePolicy<E>(space, 0, items * count),
          KOKKOS_LAMBDA(int system, int& largest) {
            if (records(system).iterations > largest) largest = records(system).iterations;
          },
          Kokkos::Max<int>(most));
      spent += most;
    }
    int noise = 0;
    Kokkos::parallel_reduce(
        "minfold::kernel_basis::noisy", Kokkos::RangePolicy<E>(space, 0, items * count),
        KOKKOS_LAMBDA(int system, int& sum) {
          // Negative curvature counts only beyond t, which the passes with A + t will tell.
          auto const outcome = records(system).outcome;
          if (pass == 0)
            noisy(system) =
                outcome == Outcome::inconsistent_rhs || outcome == Outcome::indefinite_operator;
          sum += noisy(system);
        },
        noise);
    for_each_item(
        "minfold::kernel_basis::filter", space, items, n,
        KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
          auto s = states(item);
          for (int c = 0; c < count; ++c) {
            int const system = item * count + c;
            auto const& r = records(system);
            auto const w = Kokkos::subview(omega, item, c, Kokkos::ALL);
            bool const wait = pass == 0 && noisy(system);
            s.products += r.products + (pass > 0 && noisy(system) ? 1 : 0);
            if (!wait) s.indefinite = s.indefinite || r.outcome == Outcome::indefinite_operator;
            team_for(team, n, [&](int i) {
              if (!wait) w(i) -= inside(item, c, i);
              filtered(item, first + c, i) = w(i);
            });
            team.team_barrier();
            if (wait) continue;
            // A kernel vector has a part of order one in a random column.
            T const size = Kokkos::max(team_norm(team, n, w), T(1)) * s.norm;
            T const residual = r.residual * (r.rhs_norm / size);
            if (size > T(0) && !(residual <= s.solve_residual)) s.solve_residual = residual;
          }
          team.team_barrier();
          Kokkos::single(Kokkos::PerTeam(team), [&] { states(item) = s; });
        });
    if (noise == 0 || pass == passes) return;
    apply_block(space, a, Blocks<T const, E>(omega), image);
    Kokkos::parallel_for(
        "minfold::kernel_basis::skip_clean",
        Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {items, count, n}),
        KOKKOS_LAMBDA(int item, int c, int i) {
          if (!noisy(item * count + c)) image(item, c, i) = T(0);
        });
  }
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
  int const widest =
      std::min(n, int(basis.vectors.extent(1)) + std::max(options.probes, options.block));
  int done = 0, width = std::min(std::max(options.block, options.probes + 1), widest);
  Blocks<T, E> filtered;
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
    auto const ritz = rayleigh_ritz(space, a, filtered);
    raise_norms(space, ritz.basis, ritz.product, states);  // counts the products of Rayleigh-Ritz
    int const needs_more = judge_ritz(space, ritz, states, records, basis, options);
    if (needs_more == 0 || width >= widest) break;
    done = width;
    width = std::min(2 * width, widest);
  }
  polish_kernel(space, a, basis, records, options.max_iterations);
}

}  // namespace minfold::impl

namespace minfold {

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
  if (items == 0) return;
  bool const direct = options.method == KernelMethod::direct || n <= options.block ||
                      (options.method == KernelMethod::automatic && impl::is_dense<A>);
  if (direct)
    impl::copy_kernel(space,
                      impl::decompose(space, a, options.kernel_tolerance, options.minimum_gap),
                      basis, records);
  else
    impl::kernel_basis_randomized(space, a, basis, records, options);
}

}  // namespace minfold

#endif
