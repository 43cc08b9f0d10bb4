// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_FILTERED_BASIS_HPP
#define MINFOLD_KERNELS_IMPL_FILTERED_BASIS_HPP

#include <minfold/kernels/impl/chebyshev_filter.hpp>
#include <minfold/kernels/impl/polish_kernel.hpp>

namespace minfold::impl {

struct FilterVerdict {
  bool wider = false;    ///< some item has no vectors to spare
  double shortfall = 0;  ///< largest factor by which what is left in the columns must still fall
};

/// What the filtered block says of the count, from the polynomial that was applied and not from the bounds
/// that were claimed for it.
///
/// Let leak be the longest part of a column outside the k Ritz vectors that count as kernel. p(A) keeps the
/// part of an eigenvector of t by p(t), and the smallest singular value of the random (k + 1) x width matrix
/// of an unseen (k+1)-th vector's space is below x with a probability of about x^(width - k). With
/// x^(width - k) = 1e-8, as for CG with two probes, every eigenvector with p(t) >= 2 leak sqrt(width) / x is
/// among the k. So all others have eigenvalues above filter.least_damped of that: where that is
/// not 1/2 at most, or the gap there is not wide enough, or what it bounds may be as small as the tolerance, the
/// item stays open.
template <std::floating_point T, ExecutionSpace E, class Records>
FilterVerdict judge_filter(E const& space, ChebyshevFilter<T> const& filter, int degree,
                           Blocks<T, E> const& columns, RitzBlock<T, E> const& ritz,
                           Scalars<FilterState<T>, E> const& states, Records const& records,
                           KernelBasisOptions<T> const& options) {
  int const items = int(columns.extent(0)), width = int(columns.extent(1)),
            n = int(columns.extent(2));
  for_each_item(
      "minfold::kernel_basis::judge_filter", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        auto record = records(item);
        int const rank = ritz.orthonormal(item).rank, first = states(item).first,
                  k = record.dimension;
        bool const sound = !states(item).refuted && (record.outcome == Outcome::converged ||
                                                     record.outcome == Outcome::ambiguous_rank ||
                                                     record.outcome == Outcome::rank_limit);
        T leak = 0;
        for (int c = 0; sound && c < width; ++c) {
          T square = 0;
          for (int j = 0; j < rank; ++j) {
            if (j >= first && j < first + k) continue;
            T const part = team_sum(
                team, n, [&](int i) { return ritz.basis(item, j, i) * columns(item, c, i); });
            square += part * part;
          }
          if (!(square <= leak)) leak = square;
        }
        leak = Kokkos::sqrt(leak);
        T const spare = T(width - k);
        T const x = spare > T(0) ? Kokkos::pow(T(10), T(-8) / spare) : T(0);
        T const level = T(2) * leak * Kokkos::sqrt(T(width)) / x;
        T const bound = filter.least_damped(level, degree);
        team.team_barrier();
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          auto& state = states(item);
          // Only vectors in the kernel: there is more of it, and nothing is said of how much.
          bool const only = record.outcome == Outcome::rank_limit && k == rank;
          state.shortfall = !sound ? Kokkos::Experimental::infinity_v<T>
                            : only ? T(0)
                                   : T(2) * level;
          if (!only && sound) {
            T const dropped = record.smallest_kept / record.gap;
            record.smallest_kept = Kokkos::min(record.smallest_kept, bound);
            record.gap = record.smallest_kept / dropped;
            // What may hide between the bound and the tolerance would count as zero.
            bool const wide =
                record.gap >= options.minimum_gap &&
                record.smallest_kept > options.kernel_tolerance * record.norm_estimate;
            if (record.outcome != Outcome::rank_limit || !wide)
              record.outcome = wide ? Outcome::converged : Outcome::ambiguous_rank;
            // A wider gap is a matter of more damping too, but only of some.
            if (!wide && state.shortfall <= T(1)) state.shortfall = T(100);
          }
          if (!(state.shortfall <= T(1))) record.outcome = Outcome::iteration_limit;
          records(item) = record;
        });
      });
  int const probes = options.probes;
  FilterVerdict verdict;
  int narrow = 0;
  Kokkos::parallel_reduce(
      "minfold::kernel_basis::filter_narrow", Kokkos::RangePolicy<E>(space, 0, items),
      KOKKOS_LAMBDA(int item, int& count) {
        count += !states(item).refuted && records(item).dimension < n &&
                 records(item).outcome != Outcome::not_finite &&
                 records(item).dimension > width - probes;
      },
      narrow);
  Kokkos::parallel_reduce(
      "minfold::kernel_basis::filter_shortfall", Kokkos::RangePolicy<E>(space, 0, items),
      KOKKOS_LAMBDA(int item, double& most) {
        double const s = double(states(item).shortfall);
        if (Kokkos::isfinite(s) && s > most) most = s;
      },
      Kokkos::Max<double>(verdict.shortfall));
  verdict.wider = narrow > 0;
  return verdict;
}

/// The columns of both, of the same degree.
template <std::floating_point T, ExecutionSpace E>
FilteredBlock<T, E> joined(E const& space, FilteredBlock<T, E> const& one,
                           FilteredBlock<T, E> const& two) {
  int const items = int(one.now.extent(0)), done = int(one.now.extent(1)),
            width = done + int(two.now.extent(1)), n = int(one.now.extent(2));
  FilteredBlock<T, E> f{
      make_blocks<T>(space, "minfold::kernel_basis::filter_now", items, width, n),
      make_blocks<T>(space, "minfold::kernel_basis::filter_before", items, width, n),
      make_vectors<T>(space, "minfold::kernel_basis::filter_length", items, width), one.degree,
      one.ratio};
  auto const now = f.now, before = f.before;
  auto const length = f.length;
  Kokkos::parallel_for(
      "minfold::kernel_basis::filter_join",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {items, width, n}),
      KOKKOS_LAMBDA(int item, int c, int i) {
        bool const old = c < done;
        int const from = old ? c : c - done;
        now(item, c, i) = old ? one.now(item, from, i) : two.now(item, from, i);
        before(item, c, i) = old ? one.before(item, from, i) : two.before(item, from, i);
        if (i == 0) length(item, c) = old ? one.length(item, from) : two.length(item, from);
      });
  return f;
}

/// The bases of the items of which a Chebyshev filter leaves no doubt: `settled` in `states`, with records and
/// vectors as they stay. Returns the filtered columns for the projection to go on from, nothing where
/// all are settled.
template <ExecutionSpace E, class A, std::floating_point T, class Records>
Blocks<T, E> filtered_basis(E const& space, A const& a, Basis<T, E> const& basis,
                            Records const& records, Scalars<FilterState<T>, E> const& states,
                            KernelBasisOptions<T> const& options, int begin, int widest) {
  int const items = a.batch_size(), n = a.dim(), limit = most_degree(options, n);
  auto const filter = chebyshev_filter(options, n);
  int degree = std::min(filter.degree, limit);
  auto block = new_filtered_block(space, items, 0, begin, n, options);
  raise_degree(space, a, filter, block, degree, states);
  RitzBlock<T, E> ritz;
  for (int more = 0;;) {
    int const width = int(block.now.extent(1));
    ritz = rayleigh_ritz(space, a, block.now);
    raise_norms(space, ritz.basis, ritz.product, states);
    judge_ritz(space, ritz, states, records, basis, options);
    auto const verdict =
        judge_filter(space, filter, degree, block.now, ritz, states, records, options);
    if (block.degree < degree) break;  // all refuted
    if (verdict.wider && width < widest) {
      ritz = {};
      auto fresh =
          new_filtered_block(space, items, width, std::min(width, widest - width), n, options);
      raise_degree(space, a, filter, fresh, degree, states);
      if (fresh.degree < degree) break;
      block = joined(space, block, fresh);
      continue;
    }
    // Where bounds hold the columns shrink as predicted; two attempts allow for a first look that
    // took a kernel vector for more.
    if (!(verdict.shortfall > 1) || verdict.shortfall > 1e8 || more == 2) break;
    int const further = degree + int(std::log(2 * verdict.shortfall) / double(filter.rate)) + 1;
    if (further > limit) break;
    ritz = {};
    degree = further;
    raise_degree(space, a, filter, block, degree, states);
    if (block.degree < degree) break;
    ++more;
  }
  block.before = {};
  if (ritz.basis.extent(1) > 0)
    // The filter alone need not bring the vectors to what the tolerance allows.
    polish_kernel(space, a, ritz, states, basis, records,
                  std::min(options.basis_tolerance, options.kernel_tolerance),
                  options.max_iterations);
  T const tolerance = options.kernel_tolerance;
  T const undamped = filter.least_damped(T(0.5), degree);
  bool const judged = ritz.basis.extent(1) > 0;
  int open = 0;
  Kokkos::parallel_reduce(
      "minfold::kernel_basis::settle", Kokkos::RangePolicy<E>(space, 0, items),
      KOKKOS_LAMBDA(int item, int& count) {
        auto const& r = records(item);
        auto& state = states(item);
        // Ritz vectors are as good as their residuals now; what counts as kernel must be mapped to
        // what the tolerance allows.
        state.settled = judged && !state.refuted && state.shortfall <= T(1) &&
                        (r.outcome == Outcome::converged || r.outcome == Outcome::rank_limit) &&
                        (r.dimension == 0 || r.kernel_residual <= T(2) * tolerance);
        if (judged) state.products = r.products;
        // A direction that counts as zero and was damped is not in the columns, and a projection that goes on from
        // them cannot find it: the bounds contradict the tolerance.
        if (!(undamped > T(2) * tolerance * state.norm)) state.refuted = true;
        count += !state.settled;
      },
      open);
  return open > 0 ? block.now : Blocks<T, E>();
}

/// Bytes that filtered_basis allocates at its peak, where the kernels have `dimension` vectors and the
/// bounds hold.
template <ExecutionSpace E, class A, std::floating_point T>
std::size_t filtered_basis_bytes(E const& space, A const& a, int capacity, int begin, int widest,
                                 KernelBasisOptions<T> const& options, int dimension) {
  std::size_t const items = a.batch_size(), n = a.dim();
  auto const block = [&](int width) {
    return 2 * array_bytes<T>(items * width * n) + array_bytes<T>(items * width);
  };
  auto const step = [&](int width) {
    return array_bytes<T>(items * width * n) + product_bytes(space, a, width);
  };
  int width = begin;
  std::size_t most = block(width) + step(width);
  for (;;) {
    most = std::max(most, block(width) + rayleigh_ritz_bytes(space, a, width));
    if (dimension <= width - options.probes || width >= widest) break;
    int const fresh = std::min(width, widest - width);
    most = std::max({most, block(width) + block(fresh) + step(fresh),
                     block(width) + block(fresh) + block(width + fresh)});
    width += fresh;
  }
  return std::max(most, array_bytes<T>(items * width * n) + array_bytes<T>(items * width) +
                            ritz_block_bytes<T>(items, width, n) +
                            polish_bytes(space, a, std::min({dimension, capacity, width})));
}

}  // namespace minfold::impl

#endif
