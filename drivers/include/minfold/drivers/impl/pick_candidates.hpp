// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_PICK_CANDIDATES_HPP
#define MINFOLD_DRIVERS_IMPL_PICK_CANDIDATES_HPP

#include <minfold/core/batch.hpp>

namespace minfold::impl {

/// to_y(target, :), to_v(target, :) := those of the candidate with the smallest f among those with
/// g <= smallest g of the target + slack. Item c P + target is candidate c. Ties, and targets without a
/// number, go to the lower index.
template <class T, ExecutionSpace E>
void pick_candidates(E const& space, Scalars<T const, E> f, Scalars<T const, E> g, T slack,
                     Vectors<T const, E> y, Vectors<T const, E> v, Vectors<T, E> to_y,
                     Vectors<T, E> to_v) {
  int const targets = int(to_y.extent(0)), n = int(to_y.extent(1));
  int const candidates = int(f.extent(0)) / targets;
  Kokkos::parallel_for(
      "minfold::pick_candidates",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0}, {targets, n}),
      KOKKOS_LAMBDA(int target, int i) {
        T lowest = Kokkos::Experimental::infinity_v<T>;
        for (int c = 0; c < candidates; ++c)
          if (g(c * targets + target) < lowest) lowest = g(c * targets + target);
        int best = -1;
        for (int c = 0; c < candidates; ++c) {
          int const item = c * targets + target;
          bool const usable = g(item) <= lowest + slack && Kokkos::isfinite(f(item));
          if (usable && (best < 0 || f(item) < f(best * targets + target))) best = c;
        }
        int const from = (best < 0 ? 0 : best) * targets + target;
        to_y(target, i) = y(from, i);
        to_v(target, i) = v(from, i);
      });
}

}  // namespace minfold::impl

#endif
