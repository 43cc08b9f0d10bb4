// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_IMPL_TUNING_HPP
#define MINFOLD_CORE_IMPL_TUNING_HPP

#include <minfold/core/concepts.hpp>

/// The one place that knows how a space likes to be used.
namespace minfold::impl {

template <ExecutionSpace E>
inline constexpr bool runs_on_host =
    bool(Kokkos::SpaceAccessibility<Kokkos::HostSpace, typename E::memory_space>::accessible) &&
    bool(Kokkos::SpaceAccessibility<E, Kokkos::HostSpace>::accessible);

/// Threads of one team. On a host one thread an item: reductions are then sequential, so results
/// do not depend on the number of threads. On a device one warp of vector lanes a team, more
/// threads for longer vectors.
template <ExecutionSpace E>
int team_size(int length) {
  if constexpr (runs_on_host<E>) {
    return 1;
  } else {
    return length <= 64 ? 1 : (length <= 1024 ? 4 : 8);
  }
}
template <ExecutionSpace E>
int vector_length() {
  if constexpr (runs_on_host<E>) {
    return 1;
  } else {
    return 32;
  }
}

/// Components of a long vector that one host task of wide_blas.hpp works: 16 vectors of 4096
/// doubles fill 512 KB, half of a 1 MB second-level cache. Chosen by that, not by a measurement.
/// Fixed, and not per thread: see wide_chunks.
inline constexpr int wide_chunk = 4096;

/// First width of a Nystrom sketch of automatic rank.
inline constexpr int nystrom_first = 16;
/// What a product costs that travels in a block of 16 or more, in products that travel alone. Measured,
/// two cores, dense, 2 x 2048 and 4 x 2048: 0.12 to 0.15, the factors of the sketch included. An operator
/// that works column by column gains nothing, so the rule stays above.
inline constexpr double nystrom_block_cost = 0.25;

}  // namespace minfold::impl

#endif
