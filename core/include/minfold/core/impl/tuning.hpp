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

}  // namespace minfold::impl

#endif
