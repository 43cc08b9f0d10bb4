// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_ORTHONORMALIZE_HPP
#define MINFOLD_KERNELS_ORTHONORMALIZE_HPP

#include <minfold/core/status.hpp>
#include <minfold/core/team.hpp>

namespace minfold {

template <std::floating_point T>
struct OrthonormalizeOptions {
  /// A vector whose part outside the span of the others is below this fraction of the longest
  /// vector of its item is dependent.
  T relative_tolerance = 16 * epsilon<T>;
};

template <std::floating_point T>
struct OrthonormalizeRecord {
  Outcome outcome = Outcome::not_run;
  int rank = 0;
  T largest = 0;        ///< longest vector
  T smallest_kept = 0;  ///< shortest pivot
};

/// Replaces the vectors w(item, j, :) by an orthonormal basis of their span.
///
/// Requires  w: (items, columns, n), columns <= n or not; records: (items).
/// Gives     rows 0 ... rank-1 orthonormal to a few eps, the rest zero; the span is that of the
///           input up to relative_tolerance. Any scale, zero and repeated vectors included; a
///           non-finite vector ends its item with Outcome::not_finite and rank 0.
/// Costs     about 4 n columns^2 flops an item; asynchronous; no allocation.
/// Method    modified Gram-Schmidt with pivoting on the remaining norms, each pivot
///           orthogonalized again until that no longer shortens it by half (Kahan and Parlett;
///           Giraud et al. 2005).
template <ExecutionSpace E, class W, class Records>
  requires BatchBlock<W, E> && BatchScalar<Records, E>
void orthonormalize(E const& space, W const& w, Records const& records,
                    OrthonormalizeOptions<typename W::value_type> const& options = {}) {
  using T = typename W::value_type;
  MINFOLD_REQUIRE(records.extent(0) == w.extent(0), "orthonormalize: ", w.extent(0), " items but ",
                  records.extent(0), " records");
  int const columns = int(w.extent(1)), n = int(w.extent(2));
  T const tolerance = options.relative_tolerance;
  for_each_item(
      "minfold::orthonormalize", space, int(w.extent(0)), n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        auto const row = [&](int j) { return Kokkos::subview(w, item, j, Kokkos::ALL); };
        T first = 0, last = 0;
        int rank = 0;
        bool finite = true;
        for (; rank < columns; ++rank) {
          int pivot = rank;
          T longest = -1;
          for (int j = rank; j < columns; ++j) {
            T const norm = team_norm(team, n, row(j));
            finite = finite && Kokkos::isfinite(norm);
            if (norm > longest) {
              longest = norm;
              pivot = j;
            }
          }
          if (!finite) break;
          if (rank == 0) first = longest;
          if (!(longest > tolerance * first) || rank >= n) break;
          auto const q = row(rank), chosen = row(pivot);
          T const scale = power_of_two_below(longest), inverse = T(1) / scale;
          team_for(team, n, [&](int i) {
            T const keep = q(i);
            q(i) = chosen(i) * inverse;
            if (pivot != rank) chosen(i) = keep;
          });
          team.team_barrier();
          // One pass is enough unless it removes half of the vector: then what is left of it has
          // errors of the size of what was removed. A vector that keeps shrinking is rounding.
          T norm = longest * inverse, before = T(0);
          for (int pass = 0; pass < 5; ++pass) {
            before = norm;
            for (int j = 0; j < rank; ++j) {
              auto const previous = row(j);
              T const overlap = team_dot(team, n, previous, q);
              team_for(team, n, [&](int i) { q(i) -= overlap * previous(i); });
              team.team_barrier();
            }
            norm = team_norm(team, n, q);
            if (norm > T(0.5) * before) break;
          }
          if (!(norm > T(0.5) * before) || !(norm * scale > tolerance * first)) break;
          last = norm * scale;
          team_for(team, n, [&](int i) { q(i) /= norm; });
          team.team_barrier();
          Kokkos::parallel_for(Kokkos::TeamThreadRange(team, rank + 1, columns), [&](int j) {
            auto const other = row(j);
            T overlap = 0;
            Kokkos::parallel_reduce(
                Kokkos::ThreadVectorRange(team, n),
                [&](int i, T& part) { part += q(i) * other(i); }, overlap);
            Kokkos::parallel_for(Kokkos::ThreadVectorRange(team, n),
                                 [&](int i) { other(i) -= overlap * q(i); });
          });
          team.team_barrier();
        }
        if (!finite) rank = 0;
        for (int j = rank; j < columns; ++j) {
          auto const rest = row(j);
          team_for(team, n, [&](int i) { rest(i) = T(0); });
        }
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          records(item) = {finite ? Outcome::converged : Outcome::not_finite, rank, first, last};
        });
      });
}

}  // namespace minfold

#if defined(MINFOLD_EXTERN_TEMPLATES)
#include <minfold/kernels/impl/usual.hpp>

namespace minfold {
MINFOLD_IMPL_USUAL(MINFOLD_IMPL_USUAL_ORTHONORMALIZE, extern)
}
#endif

#endif
