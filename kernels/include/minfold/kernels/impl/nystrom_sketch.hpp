// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_NYSTROM_SKETCH_HPP
#define MINFOLD_KERNELS_IMPL_NYSTROM_SKETCH_HPP

#include <minfold/core/impl/huge_pages.hpp>
#include <minfold/core/wide_blas.hpp>
#include <minfold/kernels/impl/host_team.hpp>
#include <minfold/kernels/impl/sketch.hpp>

#include <utility>
#include <vector>

namespace minfold::impl {

/// Vectors that are about to be written: 4 KB pages took 1.2 of 7.2 ms an item of n = 512.
template <std::floating_point T, ExecutionSpace E>
Blocks<T, E> nystrom_blocks(E const& space, char const* label, int items, int columns, int n) {
  auto const blocks = make_blocks<T>(space, label, items, columns, n);
  if constexpr (runs_on_host<E>) advise_huge_pages(blocks.data(), blocks.size() * sizeof(T));
  return blocks;
}

/// Omega^T A Omega and A Omega of a sketch that grows. Its columns come in pieces, one a step, and stay
/// where they are.
template <std::floating_point T, ExecutionSpace E>
struct NystromSketch {
  struct Piece {
    Blocks<T, E> image;  ///< A Omega
    int first;           ///< column

    int columns() const { return int(image.extent(1)); }
    std::pair<int, int> range() const { return {first, first + columns()}; }
  };
  std::vector<Piece> pieces;
  Blocks<T, E> gram;    ///< Omega^T A Omega; above the diagonal only where it belongs to one step
  Scalars<T, E> norms;  ///< max_c ||A omega_c|| / ||omega_c||
  int width = 0;

  template <class A>
  void grow(E const& space, A const& a, int to, std::uint64_t seed, ItemIds const& ids) {
    int const items = a.batch_size(), n = a.dim(), fresh = to - width;
    auto const omega = nystrom_blocks<T>(space, "minfold::nystrom::omega", items, fresh, n);
    auto const image = nystrom_blocks<T>(space, "minfold::nystrom::image", items, fresh, n);
    fill_uniform_sketch(space, omega, seed, Stream::sketch, width, ids);
    apply_block(space, a, Blocks<T const, E>(omega), image);
    measure(space, omega, image);
    pieces.push_back({image, width});
    widen(space, omega, to);
  }

  /// f := C A Omega^T, vectors as rows, C of order `width`.
  void combine(E const& space, Blocks<T, E> const& c, Blocks<T, E> const& f) const {
    for (Piece const& p : pieces)
      wide_combine(space, Transpose::no, T(1),
                   Kokkos::subview(c, Kokkos::ALL, Kokkos::ALL, p.range()), Leading(p.image),
                   p.first == 0 ? T(0) : T(1), Leading(f));
  }

  /// Words of an item that `widen` needs for wide_gram.
  static std::size_t partial(int before, int fresh, int n) {
    return wide_partial(fresh, before > fresh ? before : fresh, n);
  }

  void measure(E const& space, Blocks<T, E> const& omega, Blocks<T, E> const& image) const {
    int const items = int(omega.extent(0)), fresh = int(omega.extent(1)), n = int(omega.extent(2));
    bool const goes_on = width > 0;
    auto const largest = norms;
    for_each_item(
        "minfold::nystrom::norms", space, items, n,
        KOKKOS_LAMBDA(TeamMember<E> const& member, int item) {
          auto const team = vector_team<E>(member);
          T most = goes_on ? largest(item) : T(0);
          for (int c = 0; c < fresh; ++c) {
            T const after = team_norm(team, n, Kokkos::subview(image, item, c, Kokkos::ALL));
            T const ratio =
                after / team_norm(team, n, Kokkos::subview(omega, item, c, Kokkos::ALL));
            // A NaN stays.
            if (!(ratio <= most)) most = ratio;
          }
          team.team_barrier();
          team_single(team, [&] { largest(item) = most; });
        });
  }

  /// The new rows of the Gram matrix are products of the new columns of Omega with all of A Omega.
  void widen(E const& space, Blocks<T, E> const& omega, int to) {
    int const items = int(omega.extent(0)), before = width, n = int(omega.extent(2));
    auto const old = gram;
    auto const wider = make_blocks<T>(space, "minfold::nystrom::gram", items, to, to);
    auto const sums = make_array<Vectors<T, E>>(space, "minfold::nystrom::partial", items,
                                                partial(before, to - before, n));
    if (before > 0)
      Kokkos::parallel_for(
          "minfold::nystrom::widen",
          Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {items, before, before}),
          KOKKOS_LAMBDA(int item, int i, int j) { wider(item, i, j) = old(item, i, j); });
    for (Piece const& p : pieces)
      wide_gram(space, Leading(omega), Leading(p.image),
                Kokkos::subview(wider, Kokkos::ALL, std::pair(before, to), p.range()), sums);
    gram = wider;
    width = to;
  }
};

}  // namespace minfold::impl

#endif
