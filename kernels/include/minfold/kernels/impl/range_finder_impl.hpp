// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_RANGE_FINDER_IMPL_HPP
#define MINFOLD_KERNELS_IMPL_RANGE_FINDER_IMPL_HPP

#include <minfold/kernels/impl/kernel_basis_impl.hpp>
#include <minfold/kernels/impl/range_by_pivots.hpp>
#include <minfold/kernels/range_finder.hpp>

#include <cmath>

namespace minfold::impl {

/// to(:, 0.., :) := q, then products of random vectors divided by the norm of A, so that what is
/// new among them is judged relative to ||A|| against the orthonormal vectors before.
template <ExecutionSpace E, std::floating_point T>
void append_products(E const& space, Blocks<T, E> const& q, Blocks<T, E> const& y,
                     Blocks<T, E> const& to, int width, Scalars<FilterState<T>, E> const& states) {
  Kokkos::parallel_for(
      "minfold::range_finder::append",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(
          space, {0, 0, 0}, {int(to.extent(0)), int(to.extent(1)), int(to.extent(2))}),
      KOKKOS_LAMBDA(int item, int c, int i) {
        to(item, c, i) = c < width ? q(item, c, i)
                                   : y(item, c - width, i) / power_of_two_below(states(item).norm);
      });
}

/// bound(item) := 10 sqrt(2/pi) max_c ||(I - Q Q^T) y_c|| for fresh y_c = A omega_c; exceeds
/// ||(I - Q Q^T) A|| except with probability 10^-columns.
template <ExecutionSpace E, class Q, class Y, std::floating_point T>
void probe_range(E const& space, Q const& q, Y const& y, Scalars<T, E> const& bound) {
  int const items = int(y.extent(0)), columns = int(y.extent(1)), n = int(y.extent(2));
  int const width = q.data() ? int(q.extent(1)) : 0;
  auto const rest = make_blocks<T>(space, "minfold::range_finder::rest", items, columns, n);
  Kokkos::deep_copy(space, rest, y);
  for_each_item(
      "minfold::range_finder::probe", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        T worst = 0;
        bool finite = true;
        for (int c = 0; c < columns; ++c) {
          auto const v = Kokkos::subview(rest, item, c, Kokkos::ALL);
          if (width > 0)
            remove_kernel(team, n, Kokkos::subview(q, item, Kokkos::ALL, Kokkos::ALL), width, v);
          T const norm = team_norm(team, n, v);
          finite = finite && Kokkos::isfinite(norm);
          if (norm > worst) worst = norm;
        }
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          bound(item) =
              finite ? T(7.978845608028654) * worst : Kokkos::Experimental::quiet_NaN_v<T>;
        });
      });
}

/// Keeps the wanted Ritz pairs, largest magnitude first, and writes the record.
template <std::floating_point T, ExecutionSpace E, class Values, class Records>
void keep_largest(E const& space, RitzBlock<T, E> const& ritz, Scalars<T, E> const& bound,
                  Scalars<FilterState<T>, E> const& states, Basis<T, E> const& basis,
                  Values const& values, Records const& records,
                  RangeFinderOptions<T> const& options) {
  int const items = int(ritz.values.extent(0)), n = int(ritz.basis.extent(2)),
            capacity = int(basis.vectors.extent(1));
  for_each_item(
      "minfold::range_finder::keep", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        auto const w = Kokkos::subview(ritz.values, item, Kokkos::ALL);
        int const rank = ritz.orthonormal(item).rank;
        RangeRecord<T> record;
        bool finite =
            Kokkos::isfinite(bound(item)) && ritz.orthonormal(item).outcome == Outcome::converged;
        for (int i = 0; i < rank; ++i) finite = finite && Kokkos::isfinite(w(i));
        // Values ascend: the two ends hold the largest magnitudes, so a merge sorts them.
        int low = 0, high = rank - 1, kept = 0;
        T norm = 0, last = 0, next = 0;
        if (finite && rank > 0)
          norm = Kokkos::abs(w(0)) > Kokkos::abs(w(rank - 1)) ? Kokkos::abs(w(0))
                                                              : Kokkos::abs(w(rank - 1));
        bool full = false;
        while (finite && low <= high) {
          int const j = Kokkos::abs(w(low)) > Kokkos::abs(w(high)) ? low : high;
          T const magnitude = Kokkos::abs(w(j));
          next = magnitude;
          bool const wanted = options.rank > 0
                                  ? kept < options.rank && magnitude > rounding<T>(n) * norm
                                  : magnitude > options.tolerance * norm;
          if (!wanted) break;
          if (kept == capacity) {
            full = true;
            break;
          }
          (j == low ? ++low : --high);
          team_for(team, n, [&](int i) { basis.vectors(item, kept, i) = ritz.basis(item, j, i); });
          Kokkos::single(Kokkos::PerTeam(team), [&] { values(item, kept) = w(j); });
          last = magnitude;
          next = 0;
          ++kept;
        }
        team_for(team, (capacity - kept) * n,
                 [&](int t) { basis.vectors(item, kept + t / n, t % n) = T(0); });
        team_for(team, capacity - kept, [&](int j) { values(item, kept + j) = T(0); });
        team.team_barrier();
        T orthogonality = 0;
        for (int j = 0; j < kept; ++j)
          for (int l = 0; l <= j; ++l) {
            T const dot = team_sum(team, n, [&](int i) {
              return basis.vectors(item, j, i) * basis.vectors(item, l, i);
            });
            T const off = Kokkos::abs(dot - (l == j ? T(1) : T(0)));
            if (!(off <= orthogonality)) orthogonality = off;
          }
        T const scale = states(item).norm > norm ? states(item).norm : norm;
        record.rank = kept;
        record.products = states(item).products;
        record.norm_estimate = scale;
        T const floor = rounding<T>(n) * norm, dropped = Kokkos::max(next, floor);
        record.gap = dropped > T(0) ? last / dropped : Kokkos::Experimental::infinity_v<T>;
        // With W the block and S the Ritz vectors cut off it: (I - Q Q^T) A = (I - W W^T) A + S S^T A
        // has orthogonal ranges, and S^T A = S^T A W W^T + S^T A (I - W W^T). The probes bound the
        // first part and the last, the middle one is known. Below the floor nothing is.
        T const missed = bound(item),
                residual = Kokkos::hypot(Kokkos::hypot(next, missed), Kokkos::hypot(missed, floor));
        record.range_residual = scale > T(0) ? residual / scale : T(0);
        record.orthogonality = orthogonality;
        record.outcome = !finite ? Outcome::not_finite
                         : full  ? Outcome::rank_limit
                                 : Outcome::converged;
        if (record.outcome == Outcome::converged && options.rank == 0) {
          if (bound(item) > options.tolerance * scale)
            record.outcome = Outcome::rank_limit;
          else if (kept > 0 && record.gap < options.minimum_gap)
            record.outcome = Outcome::ambiguous_rank;
        }
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          basis.dimension(item) = kept;
          records(item) = record;
        });
      });
}

template <ExecutionSpace E, class T>
int count_above(E const& space, Scalars<T, E> const& bound,
                Scalars<FilterState<T>, E> const& states, T tolerance) {
  int above = 0;
  Kokkos::parallel_reduce(
      "minfold::range_finder::count", Kokkos::RangePolicy<E>(space, 0, int(bound.extent(0))),
      KOKKOS_LAMBDA(int item, int& count) {
        // A NaN needs no further columns: it compares false.
        count += bound(item) > tolerance * states(item).norm;
      },
      above);
  return above;
}

/// Bytes that range_by_sketch allocates at its peak where A has `rank` eigenvalues above the tolerance. A
/// range that fills the last block to the brim takes one block more where its square sketch leaves more
/// rounding than the tolerance allows: the condition of a square of normal numbers is about 5 rank (Edelman
/// 1988), and probes, sqrt(n) long, multiply by 8.
template <ExecutionSpace E, class A>
std::size_t range_by_sketch_bytes(E const& space, A const& a, int capacity,
                                  RangeFinderOptions<typename A::scalar_type> const& options,
                                  int rank) {
  using T = typename A::scalar_type;
  std::size_t const items = a.batch_size();
  int const n = a.dim();
  auto const vectors = [&](int count) { return array_bytes<T>(items * count * n); };
  bool const fixed = options.rank > 0;
  int const widest =
      std::min(n, fixed ? options.rank + options.oversampling : capacity + options.block);
  bool const brimful = T(40) * std::sqrt(T(n)) * T(rank) * epsilon<T> > options.tolerance;
  std::size_t most = 0;
  int width = 0, probe = 0;
  for (;;) {
    int const count = fixed && width == 0 ? widest : options.block;
    most = std::max(most, vectors(width) + vectors(probe) + 2 * vectors(count) +
                              std::max(product_bytes(space, a, count), vectors(count)));
    probe = count;
    if (width > 0 && (fixed || width >= widest || width >= rank + brimful)) break;
    int const wider = std::min(widest, width + count);
    std::size_t const powers =
        fixed && options.power_iterations > 0 ? vectors(wider) + product_bytes(space, a, wider) : 0;
    most = std::max(most, vectors(width) + 2 * vectors(count) + vectors(wider) +
                              array_bytes<OrthonormalizeRecord<T>>(items) + powers);
    width = wider;
  }
  most = std::max(most, vectors(width) + vectors(probe) + rayleigh_ritz_bytes(space, a, width));
  return array_bytes<FilterState<T>>(items) + array_bytes<T>(items) + most;
}

template <std::floating_point T, ExecutionSpace E>
std::size_t sketch_some_bytes(E const& space, int some, int n, int capacity,
                              RangeFinderOptions<T> const& options, int rank) {
  DenseOperator<Blocks<T, E>> const shape(
      Blocks<T, E>(typename Blocks<T, E>::pointer_type(nullptr), some, n, n));
  std::size_t const items = some;
  return 3 * array_bytes<int>(items) + array_bytes<T>(items * n * n) +
         array_bytes<T>(items * capacity * n) + array_bytes<T>(items * capacity) +
         array_bytes<RangeRecord<T>>(items) +
         range_by_sketch_bytes(space, shape, capacity, options, rank);
}

/// The method of range_finder for any operator.
template <ExecutionSpace E, class A, class Values, class Records>
void range_by_sketch(E const& space, A const& a, Basis<typename A::scalar_type, E> const& basis,
                     Values const& values, Records const& records,
                     RangeFinderOptions<typename A::scalar_type> const& options) {
  using T = typename A::scalar_type;
  int const items = a.batch_size(), n = a.dim(), capacity = int(basis.vectors.extent(1));
  auto const states = make_scalars<FilterState<T>>(space, "minfold::range_finder::states", items);
  auto const bound = make_scalars<T>(space, "minfold::range_finder::bound", items);
  Kokkos::deep_copy(space, states, FilterState<T>{});
  int const widest = options.rank > 0 ? std::min(n, options.rank + options.oversampling)
                                      : std::min(n, capacity + options.block);
  int const step = options.rank > 0 ? widest : options.block;
  Blocks<T, E> q, probe;
  int width = 0, drawn = 0;
  for (;;) {
    // Fresh products: the probe of the basis so far, and then part of the next one.
    int const count = options.rank > 0 && width > 0 ? options.block : step;
    auto const omega = make_blocks<T>(space, "minfold::range_finder::sketch", items, count, n);
    auto const y = make_blocks<T>(space, "minfold::range_finder::product", items, count, n);
    fill_sketch(space, omega, options.seed, Stream::sketch, drawn, options.item_ids);
    drawn += count;
    apply_block(space, a, Blocks<T const, E>(omega), y);
    raise_norms(space, omega, y, states);
    probe_range(space, q, y, bound);
    probe = y;
    if (width > 0 && (options.rank > 0 || width >= widest ||
                      count_above(space, bound, states, options.tolerance) == 0))
      break;
    int const wider = std::min(widest, width + count);
    auto const grown = make_blocks<T>(space, "minfold::range_finder::basis", items, wider, n);
    append_products(space, q, y, grown, width, states);
    auto const orthonormal =
        make_scalars<OrthonormalizeRecord<T>>(space, "minfold::range_finder::records", items);
    int const rounds = options.rank > 0 ? options.power_iterations : 0;
    for (int power = 0;; ++power) {
      orthonormalize(space, grown, orthonormal);
      if (power == rounds) break;
      auto const image = make_blocks<T>(space, "minfold::range_finder::image", items, wider, n);
      apply_block(space, a, Blocks<T const, E>(grown), image);
      raise_norms(space, grown, image, states);
      Kokkos::deep_copy(space, grown, image);
    }
    q = grown;
    width = wider;
  }
  auto ritz = rayleigh_ritz(space, a, q);
  raise_norms(space, ritz.basis, ritz.product, states);
  // What a sketch of low rank plus noise misses of the noise, nu, is in A z with a factor of the
  // condition. One power of A, whose products are there, leaves nu^2 / smallest kept. The probes
  // know nothing of the basis, so they serve again.
  if (options.rank == 0 && count_above(space, bound, states, rounding<T>(n)) > 0 &&
      count_above(space, bound, states, options.tolerance) == 0) {
    auto const image = ritz.product;
    q = {};
    ritz = {};
    ritz = rayleigh_ritz(space, a, image);
    raise_norms(space, ritz.basis, ritz.product, states);
    probe_range(space, ritz.basis, probe, bound);
  }
  keep_largest(space, ritz, bound, states, basis, values, records, options);
}

}  // namespace minfold::impl

namespace minfold {

template <ExecutionSpace E, Operator<E> A>
std::size_t range_finder_bytes(E const& space, A const& a, int capacity,
                               RangeFinderOptions<typename A::scalar_type> const& options, int rank,
                               int loose) {
  using T = typename A::scalar_type;
  int const items = a.batch_size(), n = a.dim();
  if (items == 0) return 0;
  if (rank < 0) rank = n;
  if constexpr (impl::is_dense<A>) {
    if (options.semidefinite && options.method != RangeMethod::sketch)
      return impl::range_by_pivots_bytes<T>(
          space, items, n, capacity, options, rank,
          options.method == RangeMethod::pivoted_cholesky ? 0 : loose);
  }
  return impl::range_by_sketch_bytes(space, a, capacity, options, rank);
}

template <ExecutionSpace E, Operator<E> A, class Values, class Records>
void range_finder(E const& space, A const& a, Basis<typename A::scalar_type, E> const& basis,
                  Values const& values, Records const& records,
                  RangeFinderOptions<typename A::scalar_type> const& options) {
  int const items = a.batch_size(), n = a.dim(), capacity = int(basis.vectors.extent(1));
  MINFOLD_REQUIRE(int(basis.vectors.extent(0)) == items && int(basis.vectors.extent(2)) == n,
                  "range_finder: basis is for ", basis.vectors.extent(0), " items of ",
                  basis.vectors.extent(2), " components, expected ", items, " of ", n);
  MINFOLD_REQUIRE(int(values.extent(0)) == items && int(values.extent(1)) == capacity &&
                      int(records.extent(0)) == items && int(basis.dimension.extent(0)) == items,
                  "range_finder: values, dimension and records must fit ", items, " items of ",
                  capacity, " vectors");
  impl::int_product("range_finder", basis.vectors.extent(1), "vectors", n, "components");
  MINFOLD_REQUIRE(options.rank >= 0 && options.rank <= capacity, "range_finder: rank is ",
                  options.rank, ", must be 0 ... ", capacity);
  MINFOLD_REQUIRE(options.block > 0, "range_finder: block is ", options.block,
                  ", must be positive");
  MINFOLD_REQUIRE(options.power_iterations >= 0, "range_finder: power_iterations is ",
                  options.power_iterations, ", must not be negative");
  MINFOLD_REQUIRE(options.item_ids.extent(0) == 0 || int(options.item_ids.extent(0)) == items,
                  "range_finder: ", options.item_ids.extent(0), " item_ids for ", items, " items");
  bool const pivoted = options.method == RangeMethod::pivoted_cholesky;
  MINFOLD_REQUIRE(
      !pivoted || (impl::is_dense<A> && options.semidefinite),
      "range_finder: pivoted_cholesky is for explicit matrices that are said to be semidefinite");
  MINFOLD_REQUIRE(!impl::overlaps_matrices(a, basis.vectors) &&
                      !impl::overlaps_matrices(a, values) && !impl::overlap(basis.vectors, values),
                  "range_finder: matrices, basis and values must not alias");
  if (items == 0) return;
  if constexpr (impl::is_dense<A>) {
    if (options.semidefinite && options.method != RangeMethod::sketch) {
      impl::range_by_pivots(space, a, basis, values, records, options);
      return;
    }
  }
  impl::range_by_sketch(space, a, basis, values, records, options);
}

}  // namespace minfold

#endif
