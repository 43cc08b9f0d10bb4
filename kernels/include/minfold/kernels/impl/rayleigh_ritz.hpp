// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_RAYLEIGH_RITZ_HPP
#define MINFOLD_KERNELS_IMPL_RAYLEIGH_RITZ_HPP

#include <minfold/core/lifted_operator.hpp>
#include <minfold/core/wide_blas.hpp>
#include <minfold/kernels/orthonormalize.hpp>
#include <minfold/kernels/symmetric_eigen.hpp>

#include <algorithm>

namespace minfold::impl {

/// One width of the randomized method: Rayleigh-Ritz on the span of `filtered`.
template <std::floating_point T, ExecutionSpace E>
struct RitzBlock {
  Blocks<T, E> basis, product;  ///< Ritz vectors and A times them, ascending
  Vectors<T, E> values;
  Scalars<OrthonormalizeRecord<T>, E> orthonormal;
};

template <std::floating_point T>
std::size_t ritz_block_bytes(std::size_t items, std::size_t width, std::size_t n) {
  return 2 * array_bytes<T>(items * width * n) + array_bytes<T>(items * width) +
         array_bytes<OrthonormalizeRecord<T>>(items);
}

/// Bytes that rayleigh_ritz allocates at its peak, its result included.
template <ExecutionSpace E, class A>
std::size_t rayleigh_ritz_bytes(E const& space, A const& a, int width) {
  using T = typename A::scalar_type;
  std::size_t const items = a.batch_size(), n = a.dim(), w = width;
  return 2 * array_bytes<T>(items * w * n) + array_bytes<T>(items * w * w) +
         array_bytes<EigenRecord<T>>(items) + ritz_block_bytes<T>(items, w, n) +
         std::max(product_bytes(space, a, width),
                  array_bytes<T>(items * wide_partial(width, width, a.dim())) +
                      symmetric_eigen_bytes<T, E>(int(items), width, {.verify = false}, space));
}

template <ExecutionSpace E, class A, class W>
RitzBlock<typename A::scalar_type, E> rayleigh_ritz(E const& space, A const& a, W const& filtered) {
  using T = typename A::scalar_type;
  int const items = a.batch_size(), n = a.dim(), width = int(filtered.extent(1));
  auto const q = make_blocks<T>(space, "minfold::ritz::basis", items, width, n);
  auto const aq = make_blocks<T>(space, "minfold::ritz::product", items, width, n);
  auto const small = make_blocks<T>(space, "minfold::ritz::projected", items, width, width);
  auto const eigen = make_scalars<EigenRecord<T>>(space, "minfold::ritz::eigen", items);
  RitzBlock<T, E> r{make_blocks<T>(space, "minfold::ritz::vectors", items, width, n),
                    make_blocks<T>(space, "minfold::ritz::images", items, width, n),
                    make_vectors<T>(space, "minfold::ritz::values", items, width),
                    make_scalars<OrthonormalizeRecord<T>>(space, "minfold::ritz::records", items)};
  Kokkos::deep_copy(space, q, filtered);
  // Columns that CG reduced to rounding still point at the smallest kept eigenvalues: keep all
  // that can be normalized.
  orthonormalize(space, q, r.orthonormal,
                 {.relative_tolerance = Kokkos::Experimental::norm_min_v<T>});
  apply_block(space, a, Blocks<T const, E>(q), aq);
  auto const partial = make_array<Vectors<T, E>>(space, "minfold::ritz::partial", items,
                                                 wide_partial(width, width, n));
  wide_gram(space, Leading(q), Leading(aq), small, partial);
  // Zero rows of q would pose as kernel vectors: they get a value beyond every other, and sort last.
  auto const orthonormal = r.orthonormal;
  for_each_item(
      "minfold::ritz::mask", space, items, width,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        int const rank = orthonormal(item).rank;
        T const top = team_max(team, width * width, [&](int t) {
          return Kokkos::abs(small(item, t / width, t % width));
        });
        team.team_barrier();
        team_for(team, width, [&](int j) {
          if (j >= rank) small(item, j, j) = T(2 * width + 2) * (top > T(0) ? top : T(1));
        });
      });
  symmetric_eigen(space, small, r.values, eigen, {.verify = false});
  wide_combine(space, Transpose::no, T(1), small, Leading(q), T(0), Leading(r.basis));
  wide_combine(space, Transpose::no, T(1), small, Leading(aq), T(0), Leading(r.product));
  auto const values = r.values;
  for_each_item(
      "minfold::ritz::poison", space, items, width,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        if (eigen(item).outcome == Outcome::converged &&
            orthonormal(item).outcome == Outcome::converged)
          return;
        team_for(team, width,
                 [&](int j) { values(item, j) = Kokkos::Experimental::quiet_NaN_v<T>; });
      });
  return r;
}

}  // namespace minfold::impl

#endif
