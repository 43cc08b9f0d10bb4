// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_TANGENT_BASIS_HPP
#define MINFOLD_DRIVERS_IMPL_TANGENT_BASIS_HPP

#include <minfold/kernels/orthonormalize.hpp>
#include <minfold/kernels/tangent_space.hpp>

namespace minfold::impl {

/// Largest kernel dimension in the batch, -1 when some item has none decided. Waits.
template <ExecutionSpace E, std::floating_point T>
int largest_dimension(E const& space, Scalars<KernelRecord<T>, E> const& records) {
  int largest = 0;
  Kokkos::parallel_reduce(
      "minfold::tangent_basis::largest", Kokkos::RangePolicy<E>(space, 0, int(records.extent(0))),
      KOKKOS_LAMBDA(int item, int& most) {
        auto const& r = records(item);
        int const k = r.outcome == Outcome::rank_limit || r.outcome == Outcome::iteration_limit
                          ? 1 << 30
                          : r.dimension;
        if (k > most) most = k;
      },
      Kokkos::Max<int>(largest));
  return largest == 1 << 30 ? -1 : largest;
}

/// An explicit kernel basis with room for `capacity` vectors, whatever the representation: copied
/// from the eigenvectors, taken as it is, or completed to the orthogonal complement of the range.
/// Requires: every kernel dimension <= capacity; not for Representation::implicit.
template <ExecutionSpace E, std::floating_point T>
Basis<T, E> explicit_kernel(E const& space, TangentSpace<T, E> const& t, int items, int n,
                            int capacity) {
  if (t.representation == Representation::kernel_basis) return t.basis;
  Basis<T, E> q{make_blocks<T>(space, "minfold::tangent_basis::kernel", items, capacity, n),
                make_scalars<int>(space, "minfold::tangent_basis::dimension", items)};
  auto const records = t.records;
  if (t.representation == Representation::spectral) {
    auto const s = t.spectral;
    for_each_item(
        "minfold::tangent_basis::copy", space, items, n,
        KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
          int const k = records(item).dimension, first = s.first(item);
          team_for(team, capacity * n, [&](int l) {
            int const j = l / n;
            q.vectors(item, j, l % n) = j < k ? s.vectors(item, first + j, l % n) : T(0);
          });
          Kokkos::single(Kokkos::PerTeam(team), [&] { q.dimension(item) = k; });
        });
    return q;
  }
  // Random vectors minus their range part span ker H almost surely; n - r of them are needed.
  auto const range = t.basis;
  auto const orthonormal =
      make_scalars<OrthonormalizeRecord<T>>(space, "minfold::tangent_basis::records", items);
  fill_sketch(space, q.vectors, 1, Stream::probe, 0, {});
  for (int pass = 0; pass < 2; ++pass) {
    for_each_item(
        "minfold::tangent_basis::complement", space, items, n,
        KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
          int const k = records(item).dimension, r = range.dimension(item);
          for (int j = 0; j < capacity; ++j) {
            auto const v = Kokkos::subview(q.vectors, item, j, Kokkos::ALL);
            if (j < k) {
              remove_kernel(team, n, Kokkos::subview(range.vectors, item, Kokkos::ALL, Kokkos::ALL),
                            r, v);
            } else {
              team_for(team, n, [&](int i) { v(i) = T(0); });
            }
          }
          Kokkos::single(Kokkos::PerTeam(team), [&] { q.dimension(item) = k; });
        });
    orthonormalize(space, q.vectors, orthonormal);
  }
  return q;
}

}  // namespace minfold::impl

#endif
