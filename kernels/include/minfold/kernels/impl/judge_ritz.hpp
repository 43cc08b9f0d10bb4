// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_JUDGE_RITZ_HPP
#define MINFOLD_KERNELS_IMPL_JUDGE_RITZ_HPP

#include <minfold/kernels/basis.hpp>
#include <minfold/kernels/impl/rayleigh_ritz.hpp>
#include <minfold/kernels/impl/run_projection.hpp>
#include <minfold/kernels/impl/sketch.hpp>
#include <minfold/kernels/impl/spectral.hpp>
#include <minfold/kernels/kernel_basis_options.hpp>

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
        if (states(item).settled) return;
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
        count += !states(item).settled && r.outcome != Outcome::not_finite && r.dimension < n &&
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

}  // namespace minfold::impl

#endif
