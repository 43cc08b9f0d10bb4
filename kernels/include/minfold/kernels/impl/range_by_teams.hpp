// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_RANGE_BY_TEAMS_HPP
#define MINFOLD_KERNELS_IMPL_RANGE_BY_TEAMS_HPP

#include <minfold/kernels/impl/kernel_basis_impl.hpp>
#include <minfold/kernels/impl/pivoted_cholesky.hpp>
#include <minfold/kernels/range_finder_options.hpp>

/// The range of explicit A >= 0 by pivoted Cholesky, a team an item: for devices.
namespace minfold::impl {

/// w(item, j, :) := column j of L, A factor ~ L L^T, a column at a time, rows beyond the rank zero. The next
/// pivot wins a race of exponential clocks, so i is drawn with probability d_i / trace by all threads
/// at once. Residuals far below the mean do not run: a small pivot magnifies rounding.
template <ExecutionSpace E, class Matrix, std::floating_point T>
void factor_teams(E const& space, Matrix const& m, Blocks<T, E> const& w,
                  Scalars<PivotedRecord<T>, E> const& factors,
                  RangeFinderOptions<T> const& options) {
  int const items = int(w.extent(0)), rows = int(w.extent(1)), n = int(w.extent(2));
  auto const d = make_vectors<T>(space, "minfold::range_finder::diagonal", items, n);
  auto const taken = make_vectors<int>(space, "minfold::range_finder::taken", items, n);
  Kokkos::View<int const*, typename E::memory_space> const ids = options.item_ids;
  bool const has_ids = ids.extent(0) > 0;
  std::uint64_t const seed = options.seed;
  T const tolerance = options.rank > 0 ? T(0) : T(0.25) * options.tolerance;
  for_each_item(
      "minfold::range_finder::pivots", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        PivotedRecord<T> r;
        T const largest = team_max(team, n, [&](int i) { return Kokkos::abs(T(m(item, i, i))); });
        r.finite = Kokkos::isfinite(largest);
        r.factor = T(1) / Kokkos::max(power_of_two_below(largest),
                                      T(2) * Kokkos::Experimental::norm_min_v<T>);
        team_for(team, n, [&](int i) {
          d(item, i) = r.finite ? m(item, i, i) * r.factor : T(0);
          taken(item, i) = 0;
        });
        team.team_barrier();
        r.norm = team_max(team, n, [&](int i) { return d(item, i); });
        for (bool first = true; r.finite; first = false) {
          r.rest = team_sum(team, n, [&](int i) { return Kokkos::max(d(item, i), T(0)); });
          T const low = team_max(team, n, [&](int i) { return -d(item, i); });
          r.finite = Kokkos::isfinite(low) && Kokkos::isfinite(r.rest);
          r.lowest = Kokkos::min(r.lowest, -low);
          if (first) r.trace = r.rest;
          r.complete = r.within(tolerance);
          if (r.complete || !r.finite || !r.semidefinite() || r.rank >= rows) break;
          T const least = r.rest / T(16 * n);
          int const rank = r.rank;
          Kokkos::ValLocScalar<double, int> winner{-1.0, 0};
          Kokkos::parallel_reduce(
              Kokkos::TeamVectorRange(team, n),
              [&](int i, Kokkos::ValLocScalar<double, int>& best) {
                if (!(d(item, i) >= least)) return;
                Place const place{seed, Stream::sketch, std::uint32_t(has_ids ? ids(item) : item),
                                  std::uint32_t(i), pivot_column + std::uint32_t(rank)};
                double const speed = double(d(item, i)) / -portable_log(uniform(place));
                if (speed > best.val) best = {speed, i};
              },
              Kokkos::MaxLoc<double, int>(winner));
          int const p = winner.loc;
          T const root = Kokkos::sqrt(d(item, p));
          team.team_barrier();
          team_for(team, n, [&](int i) {
            T x = T(m(item, p, i)) * r.factor;
            for (int j = 0; j < rank; ++j) x -= w(item, j, p) * w(item, j, i);
            x = i == p ? root : taken(item, i) ? T(0) : x / root;
            w(item, rank, i) = x;
            d(item, i) = i == p || taken(item, i) ? T(0) : d(item, i) - x * x;
            if (i == p) taken(item, i) = 1;
          });
          team.team_barrier();
          T const square =
              team_sum(team, n, [&](int i) { return w(item, rank, i) * w(item, rank, i); });
          if (square > r.norm) r.norm = square;
          ++r.rank;
          ++r.columns;
        }
        if (!r.finite || !r.semidefinite()) r.rank = 0;
        team_for(team, (rows - r.rank) * n, [&](int t) { w(item, r.rank + t / n, t % n) = T(0); });
        Kokkos::single(Kokkos::PerTeam(team), [&] { factors(item) = r; });
      });
}

/// x -> L L^T x for the rows w of L^T.
template <std::floating_point T, ExecutionSpace E>
struct FactorOperator {
  using scalar_type = T;
  Blocks<T, E> w;

  int batch_size() const { return int(w.extent(0)); }
  int dim() const { return int(w.extent(2)); }
  std::size_t product_bytes(E const&, int columns) const {
    return array_bytes<T>(w.extent(0) * columns * w.extent(1));
  }
  template <class X, class Y>
  void apply(E const& space, X const& x, Y const& y) const {
    auto const c = make_blocks<T>(space, "minfold::range_finder::coefficients", int(x.extent(0)),
                                  int(x.extent(1)), int(w.extent(1)));
    batched_gemm(space, Transpose::no, Transpose::yes, T(1), x, w, T(0), c);
    batched_gemm(space, Transpose::no, Transpose::no, T(1), c, w, T(0), y);
  }
};

/// Keeps the wanted Ritz pairs of L L^T and writes the records: range_of_item, by a team.
template <std::floating_point T, ExecutionSpace E, class Values, class Records>
void keep_factor_pairs(E const& space, RitzBlock<T, E> const& ritz,
                       Scalars<PivotedRecord<T>, E> const& factors, Scalars<int, E> const& loose,
                       Basis<T, E> const& basis, Values const& values, Records const& records,
                       RangeFinderOptions<T> const& options) {
  int const items = int(ritz.values.extent(0)), n = int(ritz.basis.extent(2)),
            capacity = int(basis.vectors.extent(1));
  for_each_item(
      "minfold::range_finder::keep_pivots", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        auto const& r = factors(item);
        int const rank = ritz.orthonormal(item).rank;
        bool good =
            r.finite && r.semidefinite() && ritz.orthonormal(item).outcome == Outcome::converged;
        for (int j = 0; j < rank; ++j) good = good && Kokkos::isfinite(ritz.values(item, j));
        T const norm = good && rank > 0 ? Kokkos::max(ritz.values(item, rank - 1), T(0)) : T(0);
        T last = 0, next = 0;
        int kept = 0;
        bool full = false;
        for (int j = rank - 1; good && j >= 0; --j) {
          next = Kokkos::max(ritz.values(item, j), T(0));
          bool const wanted = options.rank > 0 ? kept < options.rank && next > rounding<T>(n) * norm
                                               : next > options.tolerance * norm;
          full = wanted && kept == capacity;
          if (!wanted || full) break;
          team_for(team, n, [&](int i) { basis.vectors(item, kept, i) = ritz.basis(item, j, i); });
          T const value = next / r.factor;
          Kokkos::single(Kokkos::PerTeam(team), [&] { values(item, kept) = value; });
          last = next;
          next = 0;
          ++kept;
        }
        team_for(team, (capacity - kept) * n,
                 [&](int t) { basis.vectors(item, kept + t / n, t % n) = T(0); });
        team_for(team, capacity - kept, [&](int j) { values(item, kept + j) = T(0); });
        team.team_barrier();
        RangeRecord<T> record;
        for (int j = 0; j < kept; ++j)
          for (int l = 0; l <= j; ++l) {
            T const dot = team_sum(team, n, [&](int i) {
              return basis.vectors(item, j, i) * basis.vectors(item, l, i);
            });
            T const off = Kokkos::abs(dot - (l == j ? T(1) : T(0)));
            if (!(off <= record.orthogonality)) record.orthogonality = off;
          }
        T const floor = rounding<T>(n) * norm, missed = r.bound();
        T const dropped = Kokkos::max(next + missed, floor);
        bool const beyond = missed > options.tolerance * norm;
        record.rank = kept;
        record.products = r.columns;
        record.norm_estimate = norm / r.factor;
        record.gap = dropped > T(0) ? last / dropped : Kokkos::Experimental::infinity_v<T>;
        record.range_residual = norm > T(0)     ? (next + missed + floor) / norm
                                : missed > T(0) ? T(1)
                                                : T(0);
        record.outcome = !r.finite                               ? Outcome::not_finite
                         : !r.semidefinite()                     ? Outcome::indefinite_operator
                         : !good                                 ? Outcome::iteration_limit
                         : full || (options.rank == 0 && beyond) ? Outcome::rank_limit
                         : options.rank == 0 && kept > 0 && record.gap < options.minimum_gap
                             ? Outcome::ambiguous_rank
                             : Outcome::converged;
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          basis.dimension(item) = kept;
          records(item) = record;
          loose(item) = record.outcome != Outcome::converged || beyond;
        });
      });
}

/// Pivoted Cholesky of every item, a team each, and Rayleigh-Ritz on L L^T by block products.
template <ExecutionSpace E, class A, class Values, class Records>
void factor_by_teams(E const& space, A const& a, Scalars<int, E> const& loose,
                     Basis<typename A::scalar_type, E> const& basis, Values const& values,
                     Records const& records,
                     RangeFinderOptions<typename A::scalar_type> const& options) {
  using T = typename A::scalar_type;
  int const items = a.batch_size(), n = a.dim(), capacity = int(basis.vectors.extent(1));
  int const rows = std::min(
      n, options.rank > 0 ? std::max(options.rank, options.rank + options.oversampling) : capacity);
  auto const w = make_blocks<T>(space, "minfold::range_finder::factor", items, rows, n);
  auto const factors =
      make_scalars<PivotedRecord<T>>(space, "minfold::range_finder::factors", items);
  factor_teams(space, a.matrix, w, factors, options);
  auto const ritz = rayleigh_ritz(space, FactorOperator<T, E>{w}, w);
  keep_factor_pairs(space, ritz, factors, loose, basis, values, records, options);
}

/// Bytes that factor_by_teams allocates at its peak.
template <std::floating_point T, ExecutionSpace E>
std::size_t factor_by_teams_bytes(E const& space, std::size_t items, int n, int capacity,
                                  RangeFinderOptions<T> const& options) {
  std::size_t const rows = std::min(
      n, options.rank > 0 ? std::max(options.rank, options.rank + options.oversampling) : capacity);
  FactorOperator<T, E> const shape{
      Blocks<T, E>(typename Blocks<T, E>::pointer_type(nullptr), items, rows, n)};
  return array_bytes<T>(items * rows * n) + array_bytes<PivotedRecord<T>>(items) +
         std::max(array_bytes<T>(items * n) + array_bytes<int>(items * n),
                  rayleigh_ritz_bytes(space, shape, int(rows)));
}

}  // namespace minfold::impl

#endif
