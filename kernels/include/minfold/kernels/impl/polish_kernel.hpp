// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_POLISH_KERNEL_HPP
#define MINFOLD_KERNELS_IMPL_POLISH_KERNEL_HPP

#include <minfold/kernels/impl/rayleigh_ritz.hpp>
#include <minfold/kernels/impl/run_projection.hpp>
#include <minfold/kernels/impl/spectral.hpp>

namespace minfold::impl {

/// K := orth(K - (P A P)^+ P A K), P = I - K K^T, and the gap anew.
///
/// What is left of A then is the Schur complement of P A P. Its rank is rank A - rank P A P, and both are
/// n - dim ker A if K is near ker A, or near a part of it: so it vanishes, and one step brings a
/// basis as of solves that only settled the dimension to the rounding level. `found` is the block that
/// the basis was taken from: the images of the vectors are there.
template <ExecutionSpace E, class A, std::floating_point T, class Records>
void polish_kernel(E const& space, A const& a, RitzBlock<T, E> const& found,
                   Scalars<FilterState<T>, E> const& filter, Basis<T, E> const& basis,
                   Records const& records, T tolerance, int max_iterations) {
  using Found = typename ProjectionState<T>::Found;
  int const items = a.batch_size(), n = a.dim();
  auto const wanted = make_scalars<int>(space, "minfold::kernel_basis::wanted", items);
  auto const states =
      make_scalars<FilterState<T>>(space, "minfold::kernel_basis::polish_states", items);
  int width = 0;
  Kokkos::parallel_reduce(
      "minfold::kernel_basis::widest", Kokkos::RangePolicy<E>(space, 0, items),
      KOKKOS_LAMBDA(int item, int& most) {
        auto const& r = records(item);
        int const k = basis.dimension(item);
        bool const sound = r.outcome == Outcome::converged || r.outcome == Outcome::rank_limit;
        T const enough = Kokkos::max(T(4) * epsilon<T>, tolerance);
        wanted(item) =
            sound && !filter(item).settled && k < n && !(r.kernel_residual <= enough) ? k : 0;
        FilterState<T> state;
        state.norm = r.norm_estimate;
        states(item) = state;
        if (wanted(item) > most) most = wanted(item);
      },
      Kokkos::Max<int>(width));
  if (width <= 0) return;
  auto const q = make_blocks<T>(space, "minfold::kernel_basis::polished", items, width, n);
  auto const image =
      make_blocks<T>(space, "minfold::kernel_basis::polished_image", items, width, n);
  auto const rest =
      make_blocks<T>(space, "minfold::kernel_basis::polish_residual", items, width, n);
  auto const columns =
      make_scalars<ProjectionState<T>>(space, "minfold::kernel_basis::polish", items * width);
  Kokkos::MDRangePolicy<E, Kokkos::Rank<3>> const all(space, {0, 0, 0}, {items, width, n});
  Kokkos::parallel_for(
      "minfold::kernel_basis::take", all, KOKKOS_LAMBDA(int item, int c, int i) {
        bool const mine = c < wanted(item);
        q(item, c, i) = mine ? basis.vectors(item, c, i) : T(0);
        image(item, c, i) = mine ? found.product(item, filter(item).first + c, i) : T(0);
      });
  Kokkos::parallel_for(
      "minfold::kernel_basis::polish_columns", Kokkos::RangePolicy<E>(space, 0, items * width),
      KOKKOS_LAMBDA(int system) {
        columns(system) = ProjectionState<T>{};
        columns(system).active = system % width < wanted(system / width);
      });
  ProjectionOptions<T> o;
  o.tolerance = tolerance;
  o.iterations = max_iterations > 0 ? max_iterations : 10 * n + 100;
  int const spent = run_projection(
      space, a, ProjectionStep<T, E>{q, q, rest, 0, columns, states, basis, o, n, width}, image);
  if (spent == 0) return;
  Kokkos::parallel_for(
      "minfold::kernel_basis::refuse", all, KOKKOS_LAMBDA(int item, int c, int i) {
        auto const& s = columns(item * width + c);
        if (s.active && s.found != Found::nothing) q(item, c, i) = basis.vectors(item, c, i);
      });
  auto const ritz = rayleigh_ritz(space, a, q);
  for_each_item(
      "minfold::kernel_basis::give_back", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        auto record = records(item);
        if (filter(item).settled) return;
        int const k = wanted(item);
        record.products += states(item).products + width;
        team.team_barrier();
        auto polished = record;
        if (k > 0 && ritz.orthonormal(item).rank == k) {
          auto const rows = Kokkos::subview(ritz.basis, item, Kokkos::ALL, Kokkos::ALL);
          measure_basis(team, n, rows,
                        Kokkos::subview(ritz.product, item, Kokkos::ALL, Kokkos::ALL), 0, k,
                        polished);
          if (polished.kernel_residual <= record.kernel_residual) {
            team_for(team, k * n,
                     [&](int t) { basis.vectors(item, t / n, t % n) = rows(t / n, t % n); });
            T dropped = rounding<T>(n) * record.norm_estimate;
            for (int j = 0; j < k; ++j)
              dropped = Kokkos::max(dropped, Kokkos::abs(ritz.values(item, j)));
            if (record.smallest_kept > T(0) && dropped > T(0))
              polished.gap = record.smallest_kept / dropped;
            record = polished;
          }
        }
        Kokkos::single(Kokkos::PerTeam(team), [&] { records(item) = record; });
      });
}

/// Bytes that polish_kernel allocates at its peak for a basis of `width` vectors.
template <ExecutionSpace E, class A>
std::size_t polish_bytes(E const& space, A const& a, int width) {
  using T = typename A::scalar_type;
  std::size_t const items = a.batch_size(), columns = items * width;
  std::size_t const always = array_bytes<int>(items) + array_bytes<FilterState<T>>(items);
  if (width == 0) return always;
  return always + 3 * array_bytes<T>(columns * a.dim()) + array_bytes<ProjectionState<T>>(columns) +
         std::max(projection_bytes(space, a, width), rayleigh_ritz_bytes(space, a, width));
}

}  // namespace minfold::impl

#endif
