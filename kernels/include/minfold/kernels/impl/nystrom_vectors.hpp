// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_NYSTROM_VECTORS_HPP
#define MINFOLD_KERNELS_IMPL_NYSTROM_VECTORS_HPP

#include <minfold/kernels/impl/nystrom_sketch.hpp>
#include <minfold/kernels/impl/nystrom_whiten.hpp>

#include <algorithm>
#include <utility>

namespace minfold::impl {

/// Rows of F F^T that are worked together: of the blocks beyond the diagonal ones, half are spared.
inline constexpr int gram_panel = 32;

/// g := F F^T.
template <ExecutionSpace E, std::floating_point T, class Partial>
void own_gram(E const& space, Blocks<T, E> const& f, Blocks<T, E> const& g,
              Partial const& partial) {
  int const items = int(g.extent(0)), width = int(g.extent(1));
  for (int first = 0; first < width; first += gram_panel) {
    int const end = std::min(first + gram_panel, width);
    std::pair const rows(first, end);
    wide_gram(space, Leading(Kokkos::subview(f, Kokkos::ALL, rows, Kokkos::ALL)), Leading(f, end),
              Kokkos::subview(g, Kokkos::ALL, rows, std::pair(0, end)), partial);
  }
  Kokkos::parallel_for(
      "minfold::nystrom::mirror",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0}, {items, width}),
      KOKKOS_LAMBDA(int item, int i) {
        for (int j = i + 1; j < width; ++j) g(item, i, j) = g(item, j, i);
      });
}
inline std::size_t own_partial(int width, int n) {
  return wide_partial(std::min(gram_panel, width), width, n);
}

/// roots := 3/2 I - 1/2 G where this item `works`, else I; values of what it did not keep := 0. Says whether
/// what roots gives is still rough.
template <class Team, class G, class R, class V>
KOKKOS_INLINE_FUNCTION bool right_angles_of_item(Team const& team, G const& gram, R const& roots,
                                                 V const& values, bool works) {
  using T = typename R::non_const_value_type;
  int const width = int(gram.extent(0));
  T const error = team_max(team, works ? width : 0, [&](int i) {
    T worst = 0;
    if (!(gram(i, i) > T(0.5))) return worst;
    for (int j = 0; j < width; ++j) {
      if (!(gram(j, j) > T(0.5))) continue;
      T const e = Kokkos::abs(gram(i, j) - (i == j ? T(1) : T(0)));
      if (!(e <= worst)) worst = e;
    }
    return worst;
  });
  team_for(team, width, [&](int i) {
    for (int j = 0; j < width; ++j) {
      T const one = i == j ? T(1) : T(0);
      roots(i, j) = works ? T(1.5) * one - T(0.5) * gram(i, j) : one;
    }
    if (works && !(gram(i, i) > T(0.5))) values(i) = T(0);
  });
  team.team_barrier();
  // A NaN will not get better.
  return works && error * error > T(64) * epsilon<T>;
}

/// roots(item) := 3/2 I - 1/2 G of the items that are rough, I of the others, so that an item does not depend on
/// those beside it; values of what rough items did not keep := 0. Returns the number of items that will still
/// be rough. Waits.
template <ExecutionSpace E, std::floating_point T>
int right_angles(E const& space, Blocks<T, E> const& gram, Blocks<T, E> const& roots,
                 Vectors<T, E> const& values, Scalars<int, E> const& rough) {
  int const items = int(gram.extent(0)), width = int(gram.extent(1));
  for_each_item(
      "minfold::nystrom::right_angles", space, items, width * width,
      KOKKOS_LAMBDA(TeamMember<E> const& member, int item) {
        auto const team = vector_team<E>(member);
        bool const works = rough(item) != 0;
        bool const again =
            right_angles_of_item(team, Kokkos::subview(gram, item, Kokkos::ALL, Kokkos::ALL),
                                 Kokkos::subview(roots, item, Kokkos::ALL, Kokkos::ALL),
                                 Kokkos::subview(values, item, Kokkos::ALL), works);
        team_single(team, [&] { rough(item) = again; });
      });
  int left = 0;
  Kokkos::parallel_reduce(
      "minfold::nystrom::rough", Kokkos::RangePolicy<E>(space, 0, items),
      KOKKOS_LAMBDA(int item, int& count) { count += rough(item); }, left);
  return left;
}

/// The eigenvalues of a sketch, and its eigenvectors where they are asked for.
template <std::floating_point T, ExecutionSpace E>
struct NystromFactors {
  T cut;
  Blocks<T, E> factor;       ///< F with F^T F = the approximation
  Blocks<T, E> gram, roots;  ///< eigenvectors of F F^T; work
  Vectors<T, E> squares;     ///< eigenvalues of F F^T, ascending
  Scalars<EigenRecord<T>, E> eigen;
  Scalars<int, E> flags;
  Scalars<Outcome, E> seen;  ///< see whiten
  Kokkos::View<T**, Kokkos::LayoutRight, typename E::memory_space> partial;

  /// F = C A Omega^T, C Omega^T A Omega C^T = I, and the eigenvalues of F F^T.
  NystromFactors(E const& space, NystromSketch<T, E> const& sketch, Scalars<int, E> const& open,
                 int n)
      : cut(nystrom_cut<T>(n)) {
    int const items = int(sketch.gram.extent(0)), width = sketch.width;
    gram = make_blocks<T>(space, "minfold::nystrom::factor_gram", items, width, width);
    roots = make_blocks<T>(space, "minfold::nystrom::roots", items, width, width);
    squares = make_vectors<T>(space, "minfold::nystrom::squares", items, width);
    eigen = make_scalars<EigenRecord<T>>(space, "minfold::nystrom::eigen", items);
    flags = make_scalars<int>(space, "minfold::nystrom::flags", items);
    seen = make_scalars<Outcome>(space, "minfold::nystrom::seen", items);
    whiten(space, sketch.gram, open, cut, gram, squares, eigen, flags, roots, seen);
    factor = nystrom_blocks<T>(space, "minfold::nystrom::factor", items, width, n);
    partial =
        make_array<Vectors<T, E>>(space, "minfold::nystrom::partial", items, own_partial(width, n));
    sketch.combine(space, roots, factor);
    own_gram(space, factor, gram, partial);
    symmetric_eigen(space, gram, squares, eigen, {.verify = false});
  }

  KOKKOS_FUNCTION NystromValues<Vectors<T, E>, Scalars<EigenRecord<T>, E>> values(int item,
                                                                                  int width) const {
    return {squares, eigen, item, width, cut};
  }

  /// The eigenvectors of F^T F, as rows, in the order of `values`, of the items that `rough` marks; values of
  /// what is none := 0. F is lost, and `rough`.
  ///
  /// The Gram matrix knows small values to eps v_1 only, and so do the vectors their right angles: an
  /// error e of eps v_1 / v_l. U := (3/2 I - 1/2 U U^T) U leaves e^2, and again where that is too much.
  Blocks<T, E> vectors(E const& space, Vectors<T, E> const& values, Scalars<int, E> const& rough) {
    int const items = int(factor.extent(0)), width = int(factor.extent(1));
    auto u =
        nystrom_blocks<T>(space, "minfold::nystrom::vectors", items, width, int(factor.extent(2)));
    inverse_roots(space, gram, squares, eigen, cut, roots);
    wide_combine(space, Transpose::no, T(1), roots, Leading(factor), T(0), Leading(u));
    auto to = factor;
    for (int round = 0;; ++round) {
      own_gram(space, u, gram, partial);
      int const left = right_angles(space, gram, roots, values, rough);
      wide_combine(space, Transpose::no, T(1), roots, Leading(u), T(0), Leading(to));
      std::swap(u, to);
      if (left == 0 || round == 2) return u;
    }
  }
};

/// Bytes of NystromFactors, and what its making and `vectors` need beside them at their peak; the larger of
/// both without the other's.
template <std::floating_point T, ExecutionSpace E>
std::size_t nystrom_factor_bytes(E const& space, std::size_t items, std::size_t width, int n) {
  return 2 * array_bytes<T>(items * width * width) + array_bytes<T>(items * width) +
         array_bytes<EigenRecord<T>>(items) + array_bytes<int>(items) +
         array_bytes<Outcome>(items) + array_bytes<T>(items * own_partial(int(width), n)) +
         array_bytes<T>(items * width * n) +
         std::max(array_bytes<T>(items * width * n),
                  symmetric_eigen_bytes<T, E>(int(items), int(width), {.verify = false}, space));
}

}  // namespace minfold::impl

#endif
