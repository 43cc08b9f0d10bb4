// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_POLISH_KERNEL_HPP
#define MINFOLD_KERNELS_IMPL_POLISH_KERNEL_HPP

#include <minfold/kernels/impl/spectral.hpp>
#include <minfold/kernels/orthonormalize.hpp>

namespace minfold::impl {

/// K := orth(K - A^+ P A K), one step of refinement: a basis as of solves with a small residual becomes
/// one at the rounding level, so that K^T A z, which no solve with P removes, is below it too.
template <ExecutionSpace E, class A, std::floating_point T, class Records>
void polish_kernel(E const& space, A const& a, Basis<T, E> const& basis, Records const& records,
                   int max_iterations) {
  int const items = a.batch_size(), n = a.dim();
  int width = 0;
  Kokkos::parallel_reduce(
      "minfold::kernel_basis::widest", Kokkos::RangePolicy<E>(space, 0, items),
      KOKKOS_LAMBDA(int item, int& most) {
        bool const exact = records(item).outcome != Outcome::converged ||
                           records(item).kernel_residual <= T(4) * epsilon<T>;
        if (!exact && basis.dimension(item) > most) most = basis.dimension(item);
      },
      Kokkos::Max<int>(width));
  if (width <= 0 || width >= n) return;
  auto const q = make_blocks<T>(space, "minfold::kernel_basis::polished", items, width, n);
  auto const image =
      make_blocks<T>(space, "minfold::kernel_basis::polished_image", items, width, n);
  auto const step = make_blocks<T>(space, "minfold::kernel_basis::correction", items, width, n);
  auto const solves =
      make_scalars<SolveRecord<T>>(space, "minfold::kernel_basis::polish", items * width);
  auto const orthonormal =
      make_scalars<OrthonormalizeRecord<T>>(space, "minfold::kernel_basis::orthonormal", items);
  Kokkos::MDRangePolicy<E, Kokkos::Rank<3>> const all(space, {0, 0, 0}, {items, width, n});
  Kokkos::parallel_for(
      "minfold::kernel_basis::take", all, KOKKOS_LAMBDA(int item, int c, int i) {
        bool const wanted =
            records(item).outcome == Outcome::converged && c < basis.dimension(item);
        q(item, c, i) = wanted ? basis.vectors(item, c, i) : T(0);
      });
  apply_block(space, a, Blocks<T const, E>(q), image);
  pinv_cg(space, a, image, step, solves,
          {.relative_tolerance = T(1e-3), .max_iterations = max_iterations, .path = Path::bulk},
          basis);
  Kokkos::parallel_for(
      "minfold::kernel_basis::correct", all, KOKKOS_LAMBDA(int item, int c, int i) {
        if (solves(item * width + c).outcome == Outcome::converged)
          q(item, c, i) -= step(item, c, i);
      });
  orthonormalize(space, q, orthonormal);
  apply_block(space, a, Blocks<T const, E>(q), image);
  for_each_item(
      "minfold::kernel_basis::give_back", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        auto record = records(item);
        int const k = basis.dimension(item);
        for (int c = 0; c < width; ++c) record.products += solves(item * width + c).products;
        record.products += 2 * width;
        team.team_barrier();
        if (record.outcome == Outcome::converged && k <= width && orthonormal(item).rank == k) {
          auto const rows = Kokkos::subview(q, item, Kokkos::ALL, Kokkos::ALL);
          measure_basis(team, n, rows, Kokkos::subview(image, item, Kokkos::ALL, Kokkos::ALL), 0, k,
                        record);
          team_for(team, k * n,
                   [&](int t) { basis.vectors(item, t / n, t % n) = rows(t / n, t % n); });
        }
        Kokkos::single(Kokkos::PerTeam(team), [&] { records(item) = record; });
      });
}

}  // namespace minfold::impl

#endif
