// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_TANGENT_BASIS_HPP
#define MINFOLD_DRIVERS_IMPL_TANGENT_BASIS_HPP

#include <minfold/kernels/orthonormalize.hpp>
#include <minfold/kernels/tangent_space.hpp>

namespace minfold::impl {

/// Whether the record names the dimension of the kernel, be it as a guess.
template <std::floating_point T>
KOKKOS_INLINE_FUNCTION bool decided(KernelRecord<T> const& r) {
  return r.outcome != Outcome::rank_limit && r.outcome != Outcome::iteration_limit &&
         r.outcome != Outcome::not_finite;
}

/// Among the items that have one decided.
struct KernelDimensions {
  int smallest;  ///< n where none has
  int largest;   ///< -1 where none has
};

/// Waits.
template <ExecutionSpace E, std::floating_point T>
KernelDimensions kernel_dimensions(E const& space, Scalars<KernelRecord<T>, E> const& records,
                                   int n) {
  Kokkos::MinMaxScalar<int> found{n, -1};
  Kokkos::parallel_reduce(
      "minfold::tangent_basis::extremes", Kokkos::RangePolicy<E>(space, 0, int(records.extent(0))),
      KOKKOS_LAMBDA(int item, Kokkos::MinMaxScalar<int>& both) {
        auto const& r = records(item);
        if (!decided(r)) return;
        both.min_val = Kokkos::min(both.min_val, r.dimension);
        both.max_val = Kokkos::max(both.max_val, r.dimension);
      },
      Kokkos::MinMax<int>(found));
  return {std::min(found.min_val, n), std::max(found.max_val, -1)};
}

/// An explicit kernel basis with room for `capacity` vectors, whatever the representation: copied
/// from the eigenvectors, taken as it is, or completed to the orthogonal complement of the range.
/// Dimension 0 where none is decided.
/// Requires: every decided dimension <= capacity; not for Representation::implicit.
template <ExecutionSpace E, std::floating_point T>
Basis<T, E> explicit_kernel(E const& space, TangentSpace<T, E> const& t, int items, int n,
                            int capacity) {
  auto const records = t.records;
  Basis<T, E> q{{}, make_scalars<int>(space, "minfold::tangent_basis::dimension", items)};
  Kokkos::parallel_for(
      "minfold::tangent_basis::dimensions", Kokkos::RangePolicy<E>(space, 0, items),
      KOKKOS_LAMBDA(int item) {
        q.dimension(item) = decided(records(item)) ? records(item).dimension : 0;
      });
  q.vectors = make_blocks<T>(space, "minfold::tangent_basis::kernel", items, capacity, n);
  if (t.representation == Representation::kernel_basis) {
    // The basis has room for more than was found, and every column of q costs second-order products.
    auto const from = t.basis.vectors;
    int const room = int(from.extent(1));
    Kokkos::parallel_for(
        "minfold::tangent_basis::take",
        Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {items, capacity, n}),
        KOKKOS_LAMBDA(int item, int j, int i) {
          bool const used = j < q.dimension(item) && j < room;
          q.vectors(item, j, i) = used ? from(item, j, i) : T(0);
        });
    return q;
  }
  if (t.representation == Representation::spectral) {
    auto const s = t.spectral;
    for_each_item(
        "minfold::tangent_basis::copy", space, items, n,
        KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
          int const k = q.dimension(item), first = s.first(item);
          team_for(team, capacity * n, [&](int l) {
            int const j = l / n;
            q.vectors(item, j, l % n) = j < k ? s.vectors(item, first + j, l % n) : T(0);
          });
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
          int const k = q.dimension(item), r = range.dimension(item);
          for (int j = 0; j < capacity; ++j) {
            auto const v = Kokkos::subview(q.vectors, item, j, Kokkos::ALL);
            if (j < k) {
              remove_kernel(team, n, Kokkos::subview(range.vectors, item, Kokkos::ALL, Kokkos::ALL),
                            r, v);
            } else {
              team_for(team, n, [&](int i) { v(i) = T(0); });
            }
          }
        });
    orthonormalize(space, q.vectors, orthonormal);
  }
  return q;
}

}  // namespace minfold::impl

#endif
