// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_NYSTROM_WHITEN_HPP
#define MINFOLD_KERNELS_IMPL_NYSTROM_WHITEN_HPP

#include <minfold/kernels/impl/host_lapack.hpp>
#include <minfold/kernels/impl/host_team.hpp>
#include <minfold/kernels/impl/nystrom_rule.hpp>
#include <minfold/kernels/symmetric_eigen.hpp>

/// C with C G C^T = I for the Gram matrix G of a sketch: the inverse of its Cholesky factor where G is well
/// conditioned enough, else by its eigenvectors, those of eigenvalues at the rounding level left out.
namespace minfold::impl {

enum class WhitenMethod { automatic, lapack, team };

/// m := L^-1 with m = L L^T, below the diagonal and on it, zeros above; false where a pivot is not positive.
/// The rows of [m | I] are eliminated downwards, L^-1 grows where m has become zero. n^3 flops.
template <class Team, class M>
KOKKOS_INLINE_FUNCTION bool inverse_factor(Team const& team, int n, M const& m) {
  using T = typename M::non_const_value_type;
  for (int j = 0; j < n; ++j) {
    T const pivot = m(j, j);
    if (!(pivot > T(0))) return false;
    int const below = n - 1 - j;
    team_for(team, below * n, [&](int t) {
      int const i = j + 1 + t / n, l = t % n;
      if (l != j) m(i, l) -= (m(i, j) / pivot) * m(j, l);
    });
    team.team_barrier();
    team_for(team, below, [&](int t) { m(j + 1 + t, j) /= -pivot; });
    team.team_barrier();
  }
  // Row i is divided by the root of its pivot, which stays on the diagonal until all have read it.
  team_for(team, n * n, [&](int t) {
    int const i = t / n, l = t % n;
    if (l != i) m(i, l) = l < i ? m(i, l) / Kokkos::sqrt(m(i, i)) : T(0);
  });
  team.team_barrier();
  team_for(team, n, [&](int i) { m(i, i) = T(1) / Kokkos::sqrt(m(i, i)); });
  team.team_barrier();
  return true;
}

/// trace G . trace G^-1, an upper bound of the condition of G, n^2 at least; NaN or infinite where G or C is not finite.
template <class Team, class G, class C>
KOKKOS_INLINE_FUNCTION auto whitened_condition(Team const& team, int n, G const& g, C const& c) {
  auto const trace = team_sum(team, n, [&](int i) { return g(i, i); });
  auto const inverse = team_sum(team, n * n, [&](int t) {
    auto const e = c(t / n, t % n);
    return e * e;
  });
  return trace * inverse;
}

/// c := C on a host by LAPACK; false where that is not good enough.
template <class G, class C, class T>
bool whiten_item(G const& g, C const& c, T cut) {
  SequentialBlas const sequential;
  int const width = int(g.extent(0));
  for (int i = 0; i < width; ++i)
    for (int j = 0; j < width; ++j) c(i, j) = j <= i ? g(i, j) : T(0);
  return host::potrf(width, &c(0, 0), width) == 0 && host::trtri(width, &c(0, 0), width) == 0 &&
         whitened_condition(host::Team{}, width, g, c) * cut <= T(1);
}

template <ExecutionSpace E, std::floating_point T>
void whiten_by_lapack(E const& space, Blocks<T, E> const& gram, Blocks<T, E> const& c,
                      Scalars<int, E> const& whitened, T cut) {
  int const items = int(gram.extent(0)), width = int(gram.extent(1));
  for_each_item("minfold::nystrom::cholesky", space, items, width * width,
                [=](TeamMember<E> const&, int item) {
                  whitened(item) =
                      whiten_item(Kokkos::subview(gram, item, Kokkos::ALL, Kokkos::ALL),
                                  Kokkos::subview(c, item, Kokkos::ALL, Kokkos::ALL), cut);
                });
}

template <ExecutionSpace E, std::floating_point T>
void whiten_by_team(E const& space, Blocks<T, E> const& gram, Blocks<T, E> const& c,
                    Scalars<int, E> const& whitened, T cut) {
  int const items = int(gram.extent(0)), width = int(gram.extent(1));
  for_each_item(
      "minfold::nystrom::cholesky", space, items, width * width,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        auto const g = Kokkos::subview(gram, item, Kokkos::ALL, Kokkos::ALL);
        auto const ci = Kokkos::subview(c, item, Kokkos::ALL, Kokkos::ALL);
        team_for(team, width * width, [&](int t) {
          int const i = t / width, j = t % width;
          ci(i, j) = j <= i ? g(i, j) : g(j, i);
        });
        team.team_barrier();
        bool const factored = inverse_factor(team, width, ci);
        T const condition = factored ? whitened_condition(team, width, g, ci) : T(0);
        Kokkos::single(Kokkos::PerTeam(team),
                       [&] { whitened(item) = factored && condition * cut <= T(1); });
      });
}

/// c := C where a Cholesky factor gives it and G is so far from singular that no eigenvalue would be left
/// out: then whitened(item), and G is positive definite.
template <ExecutionSpace E, std::floating_point T>
void whiten_by_cholesky(E const& space, Blocks<T, E> const& gram, Blocks<T, E> const& c,
                        Scalars<int, E> const& whitened, T cut,
                        WhitenMethod method = WhitenMethod::automatic) {
  if constexpr (runs_on_host<E>) {
    if (method != WhitenMethod::team) return whiten_by_lapack(space, gram, c, whitened, cut);
  }
  whiten_by_team(space, gram, c, whitened, cut);
}

/// c(i, :) := values(i)^(-1/2) times the eigenvector, row width - 1 - i of `vectors`; zero where values(i) is.
template <class Values, class V, class C>
KOKKOS_INLINE_FUNCTION void inverse_root(Values const& values, V const& vectors, C const& c,
                                         int i) {
  using T = typename C::non_const_value_type;
  int const width = int(c.extent(0));
  T const w = values(i);
  T const factor = w > T(0) ? T(1) / Kokkos::sqrt(w) : T(0);
  for (int l = 0; l < width; ++l) c(i, l) = w > T(0) ? factor * vectors(width - 1 - i, l) : T(0);
}

/// c(item, i, :) := w_j^(-1/2) v_j for the kept eigenpairs j of an ascending decomposition, largest first, zero
/// for the others; of the items without skip(item).
template <ExecutionSpace E, std::floating_point T>
void inverse_roots(E const& space, Blocks<T, E> const& vectors, Vectors<T, E> const& values,
                   Scalars<EigenRecord<T>, E> const& eigen, T cut, Blocks<T, E> const& c,
                   Scalars<int, E> const& skip = {}) {
  int const width = int(vectors.extent(1));
  bool const skips = skip.extent(0) > 0;
  Kokkos::parallel_for(
      "minfold::nystrom::inverse_roots",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0}, {int(vectors.extent(0)), width}),
      KOKKOS_LAMBDA(int item, int i) {
        if (skips && skip(item)) return;
        inverse_root(NystromValues<Vectors<T, E>, Scalars<EigenRecord<T>, E>>{values, eigen, item,
                                                                              width, cut},
                     Kokkos::subview(vectors, item, Kokkos::ALL, Kokkos::ALL),
                     Kokkos::subview(c, item, Kokkos::ALL, Kokkos::ALL), i);
      });
}

/// What the extreme eigenvalues of G say of A.
template <std::floating_point T>
KOKKOS_INLINE_FUNCTION Outcome seen_by_eigenvalues(T lowest, T highest, Outcome outcome) {
  bool const negative = lowest < -default_kernel_tolerance<T> * Kokkos::max(highest, -lowest);
  return negative && outcome != Outcome::not_finite ? Outcome::indefinite_operator : outcome;
}

/// What the whitening of G has seen of each item: `converged`, `indefinite_operator`, `not_finite`, or
/// `iteration_limit` of the eigenvalue problem.
template <ExecutionSpace E, std::floating_point T>
void whiten(E const& space, Blocks<T, E> const& gram, Scalars<int, E> const& open, T cut,
            Blocks<T, E> const& work, Vectors<T, E> const& values,
            Scalars<EigenRecord<T>, E> const& eigen, Scalars<int, E> const& whitened,
            Blocks<T, E> const& c, Scalars<Outcome, E> const& seen) {
  int const items = int(gram.extent(0)), width = int(gram.extent(1));
  whiten_by_cholesky(space, gram, c, whitened, cut);
  int left = 0;
  Kokkos::parallel_reduce(
      "minfold::nystrom::whitened", Kokkos::RangePolicy<E>(space, 0, items),
      KOKKOS_LAMBDA(int item, int& count) {
        seen(item) = Outcome::converged;
        count += open(item) && !whitened(item);
      },
      left);
  if (left == 0) return;
  // The others ride along with the identity.
  for_each_item(
      "minfold::nystrom::unfactored", space, items, width * width,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        bool const works = open(item) && !whitened(item);
        team_for(team, width * width, [&](int t) {
          int const i = t / width, j = t % width;
          work(item, i, j) =
              works ? (j <= i ? gram(item, i, j) : gram(item, j, i)) : (i == j ? T(1) : T(0));
        });
      });
  symmetric_eigen(space, work, values, eigen, {.verify = false});
  inverse_roots(space, work, values, eigen, cut, c, whitened);
  Kokkos::parallel_for(
      "minfold::nystrom::seen", Kokkos::RangePolicy<E>(space, 0, items), KOKKOS_LAMBDA(int item) {
        if (whitened(item)) return;
        seen(item) =
            seen_by_eigenvalues(values(item, 0), values(item, width - 1), eigen(item).outcome);
      });
}

}  // namespace minfold::impl

#endif
