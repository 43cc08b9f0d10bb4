// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_SKETCH_HPP
#define MINFOLD_KERNELS_IMPL_SKETCH_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/random.hpp>
#include <minfold/kernels/item_ids.hpp>

namespace minfold::impl {

/// x(item, c, i) := normal(seed, identity of the item, row i, column first + c) for all columns of x.
template <ExecutionSpace E, class X>
void fill_sketch(E const& space, X const& x, std::uint64_t seed, Stream stream, int first,
                 ItemIds const& ids) {
  using T = typename X::value_type;
  int const columns = int(x.extent(1)), n = int(x.extent(2));
  Kokkos::View<int const*, typename E::memory_space> const id = ids;
  bool const has_ids = ids.extent(0) > 0;
  Kokkos::parallel_for(
      "minfold::sketch",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {int(x.extent(0)), columns, n}),
      KOKKOS_LAMBDA(int item, int c, int i) {
        Place const place{seed, stream, std::uint32_t(has_ids ? id(item) : item), std::uint32_t(i),
                          std::uint32_t(first + c)};
        x(item, c, i) = T(normal(place));
      });
}

}  // namespace minfold::impl

#endif
