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

/// Hosts: up to this order kernel_and_pinv works several items at once in the lanes of one thread.
/// Time an item and core on two cores, in ms, packed and blocked: n = 128 0.05 and 0.15, 192 0.14 and
/// 0.38, 256 0.30 and 0.68, 320 1.05 and 0.99.
inline constexpr int packed_order = 288;
/// The workspace of a pack, 48 n^2 numbers, must fit in what Kokkos allows as scratch, 20 MB.
inline constexpr int packed_limit = 320;
/// Rows of a packed factor that are worked together: half of a second-level cache of 1 MB.
inline constexpr int factor_block_bytes = 512 * 1024;
/// Up to this order the next pack is fetched while one is worked: both together stay in a second-level
/// cache of 512 KB.
inline constexpr int prefetch_order = 64;

/// Rows and columns of the blocks of a tiled factor, and columns of what is subtracted from one at
/// once: 512 KB of a second-level cache and 32 KB of a first. One core: n = 2048 in 44 ms, LAPACK 68;
/// n = 1024 in 5.3 ms, with blocks of 128 9.3; at n = 512, where all fits, 0.63 ms whatever the block,
/// LAPACK 1.6.
inline constexpr int tiled_block = 256, tiled_panel = 256;
/// Bytes that solves and products of tiles fetch ahead. At n = 2048, where tiles come from beyond the
/// second-level cache, a product of 4 columns takes 2.6 ms with none, 1.9 with 2 KB, 2.2 with 4 KB.
inline constexpr int tiled_ahead = 2048;

}  // namespace minfold::impl

#endif
