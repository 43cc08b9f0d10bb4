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
/// Above that order kernel_and_pinv pivots where the room for the kernel is at least n / this. Times
/// dpstrf, n = 512, blocked and pivoted: k = 4 2.4 and 1.2, k = 32 1.26 and about the same, k = 128 0.67
/// and 1.26.
inline constexpr int large_kernel = 16;
/// From that order on kernel_and_pinv factors in float, for a kernel of up to so many vectors, where the
/// threshold of the kernel is not below that: what is kept is then 30 times as large, far above the shift that
/// the factor needs. Times of blocked by those of mixed, one core, k = 4 to 7: condition 1e2 n = 512 0.88,
/// 1024 0.95, 1536 1.17, 2048 1.39; condition 1e4 1024 0.73, 1536 1.02; k = 40 n = 2048 0.88.
inline constexpr int mixed_order = 1536, mixed_kernel = 16;
inline constexpr double mixed_tolerance = 1e-6;
/// The workspace of a pack, 48 n^2 numbers, must fit in what Kokkos allows as scratch, 20 MB.
inline constexpr int packed_limit = 320;
/// Rows of a packed factor that are worked together: half of a second-level cache of 1 MB.
inline constexpr int factor_block_bytes = 512 * 1024;
/// Up to this order the next pack is fetched while one is worked: both together stay in a second-level
/// cache of 512 KB.
inline constexpr int prefetch_order = 64;

// Pivoted Cholesky on hosts. One core of an Intel Xeon with AVX-512 at 2 GHz, OpenBLAS 0.3.29.

/// Columns whose updates travel together through dgemm. k = n / 4, ms of the factorization with blocks of
/// 16, 32, 64: n = 128: 0.073, 0.081, 0.097; n = 512: 1.68, 1.73, 2.05, of which dgemm 1.20, 1.02, 0.85;
/// n = 2048: -, 84, 75.
inline int pivoted_block(int n) {
  return n <= 256 ? 16 : n <= 1024 ? 32 : 64;
}
/// Rows of the factor that are fetched, updated and multiplied while they are in the second cache.
/// n = 2048: 59.2 ms with 128, 57.5 with 256, which takes twice the room.
inline constexpr int pivoted_panel = 128;
/// Up to so many right-hand sides one triangular solve each is as fast as one for all, or faster: 3 of
/// them, r = 384: 0.076 against 0.119 ms; r = 1536: 2.1 against 1.8.
inline constexpr int few_right_sides = 4;
/// Items a task takes: enough work, some 100 microseconds, to be worth being handed out.
inline int range_chunk(int n) {
  return n >= 256 ? 1 : n >= 64 ? 4 : 16;
}

/// Up to this order CG works packs of systems, a system a lane; above, a system a thread with packs
/// of components. Measured on two cores with AVX-512, double, cond 1e2: 1000 x 32 in 1.4 ms against
/// 3.8, 200 x 128 in 8.7 ms against 10.6, 50 x 128 with 8 columns in 15 ms against 38 by bulk. One
/// item alone takes as long as a pack of them, at n = 128 0.56 ms where a system a thread takes 0.10; the
/// choice does not look at the number of items, so that their bits do not depend on it. No lane is given
/// a new system while the others go on, which could save 7 % of the iterations of 1000 x 32 and would
/// have to scatter each matrix number by number; not tried.
inline constexpr int packed_cg_order = 128;
/// Up to this order, and with fewer than 4 right-hand sides, a whole solve is one launch.
inline constexpr int fused_order = 512;
/// Explicit matrices on hosts: a system a thread in one launch, the vectors in the first cache and half of H in
/// the second, up to whole_order with any number of columns, up to halves_order with halves_columns at most;
/// above, products are split among the threads. Two cores, double, condition 1e2, ms, a system a thread and
/// split: 64 x 136 with 4 columns 11 and 22, 16 43 and 69, 40 108 and 156; 22 x 512 with 4 68 and 122, 8 138
/// and 127, 16 277 and 304, 24 479 and 487; 14 x 640 with 1 19 and 34, 4 69 and 121, 6 103 and 117, 8 137 and
/// 120; 5 x 1024 with 1 22 and 29, 4 66 and 104, 6 105 and 104. One item with one column has one thread only,
/// where split it could have two; the choice does not look at the number of items.
inline constexpr int whole_order = 512, halves_order = 1023, halves_columns = 6;
/// Above, of a batch as many items are solved at once as share this part of the third-level cache, at least
/// one for each so many threads, which are about as many as share a cache where there are several. AMD EPYC,
/// 32 MB, two threads, 4 x 2048, condition 1e2, five rounds in turns: 84 to 101 ms, all at once 147 to 183.
inline constexpr double resident_share = 0.75;
inline constexpr int threads_a_cache = 8;
/// Up to so many columns a block product reads one half of H for each pack of them; above, dgemm.
inline constexpr int columns_by_halves = 16;
/// Up to so many, one column after the other is cheaper than a pack with empty lanes: ms of a solve
/// alone and packed, 4 x 2048 with 2 columns 167 and 390, 3 x 2600 with 2 504 and 824, with 3 553 and 774.
inline constexpr int columns_alone = 3;

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
/// Rows and columns of the blocks of a tiled factor, and columns of what is subtracted from one at once:
/// 512 KB of a second-level cache and 32 KB of a first. At n = 2048 44 ms; blocks of 128 took 1.2 times as
/// long. At n = 512, where all fits, 0.63 ms whatever the block; LAPACK 1.6 ms.
inline constexpr int tiled_block = 256, tiled_panel = 256;
/// Bytes that solves and products of tiles fetch ahead. At n = 2048, where tiles come from beyond the
/// second-level cache, a product of 4 columns takes 2.6 ms with none, 1.9 with 2 KB, 2.2 with 4 KB.
inline constexpr int tiled_ahead = 2048;

}  // namespace minfold::impl

#endif
