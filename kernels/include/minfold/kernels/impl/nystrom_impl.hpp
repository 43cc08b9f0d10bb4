// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_NYSTROM_IMPL_HPP
#define MINFOLD_KERNELS_IMPL_NYSTROM_IMPL_HPP

#include <minfold/core/wide_blas.hpp>
#include <minfold/kernels/impl/host_team.hpp>
#include <minfold/kernels/impl/sketch.hpp>
#include <minfold/kernels/nystrom.hpp>
#include <minfold/kernels/symmetric_eigen.hpp>

#include <algorithm>
#include <utility>

namespace minfold::impl {

/// Eigenvalues of the sketch below this share of the largest are the rounding of the others: 64 times
/// the rounding level of its sums.
template <std::floating_point T>
KOKKOS_INLINE_FUNCTION T nystrom_cut(int n) {
  return T(64) * rounding<T>(n);
}

/// Where the rule works: see nystrom.hpp.
template <std::floating_point T>
struct NystromRule {
  int columns;
  T smallest, tolerance;

  KOKKOS_FUNCTION T iterations_from(T value, T mu) const {
    T const ratio = value > mu ? value / mu : T(1);
    return T(0.5) * Kokkos::sqrt(ratio) * Kokkos::log(T(2) / tolerance);
  }
  KOKKOS_FUNCTION T iterations(T value) const {
    return smallest > T(0) ? iterations_from(value, smallest) : T(0);
  }
  /// Values v(0) >= ... >= v(width - 1) of a sketch that has not found the whole range.
  template <class V>
  KOKKOS_FUNCTION bool wants_more(V const& v, int width) const {
    if (width < 2) return true;
    T const fall = v(width - 1) / v(width / 2 - 1);
    if (!(fall <= (smallest > T(0) ? T(0.5) : T(1) / T(3)))) return false;
    // What counts as nonzero in this library is above the kernel tolerance.
    T const mu = smallest > T(0) ? smallest : default_kernel_tolerance<T> * v(0);
    T const saved = T(columns) * iterations_from(v(width - 1), mu) * (T(1) - Kokkos::sqrt(fall));
    return saved > T(nystrom_block_cost) * T(width);
  }
  KOKKOS_FUNCTION bool pays(T first, T last, int products) const {
    if (!(smallest > T(0))) return last <= T(0.01) * first;
    return last <= T(0.1) * first && T(columns) * (iterations(first) - iterations(last)) >=
                                         T(nystrom_block_cost) * T(products);
  }
};

/// c(item, i, :) := w_j^power v_j for the kept eigenpairs j of an ascending decomposition, largest
/// first, zero for the others.
template <ExecutionSpace E, std::floating_point T>
void inverse_roots(E const& space, Blocks<T, E> const& vectors, Vectors<T, E> const& values,
                   Scalars<EigenRecord<T>, E> const& eigen, T cut, Blocks<T, E> const& c) {
  int const width = int(vectors.extent(1));
  Kokkos::parallel_for(
      "minfold::nystrom::inverse_roots",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0},
                                                {int(vectors.extent(0)), width, width}),
      KOKKOS_LAMBDA(int item, int i, int l) {
        int const j = width - 1 - i;
        T const w = values(item, j);
        bool const kept = eigen(item).outcome == Outcome::converged && w > T(0) &&
                          w > cut * values(item, width - 1);
        c(item, i, l) = kept ? vectors(item, j, l) / Kokkos::sqrt(w) : T(0);
      });
}

/// The arrays of a sketch of one width.
template <std::floating_point T, ExecutionSpace E>
struct NystromSketch {
  Blocks<T, E> omega, image;  ///< Omega and A Omega
  Scalars<T, E> norms;        ///< max_c ||A omega_c|| / ||omega_c||
  int done = 0;

  /// Widens the sketch: old columns and their products stay.
  template <class A>
  void grow(E const& space, A const& a, int width, NystromOptions<T> const& options) {
    int const items = a.batch_size(), n = a.dim(), fresh = width - done, before = done;
    auto const w = make_blocks<T>(space, "minfold::nystrom::fresh", items, fresh, n);
    auto const y = make_blocks<T>(space, "minfold::nystrom::fresh_image", items, fresh, n);
    fill_sketch(space, w, options.seed, Stream::sketch, done, options.item_ids);
    apply_block(space, a, Blocks<T const, E>(w), y);
    auto const largest = norms;
    for_each_item(
        "minfold::nystrom::norms", space, items, n,
        KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
          T most = before > 0 ? largest(item) : T(0);
          for (int c = 0; c < fresh; ++c) {
            T const after = team_norm(team, n, Kokkos::subview(y, item, c, Kokkos::ALL));
            T const ratio = after / team_norm(team, n, Kokkos::subview(w, item, c, Kokkos::ALL));
            // A NaN stays.
            if (!(ratio <= most)) most = ratio;
          }
          team.team_barrier();
          Kokkos::single(Kokkos::PerTeam(team), [&] { largest(item) = most; });
        });
    if (done == 0) {
      omega = w;
      image = y;
    } else {
      auto const old_omega = omega, old_image = image;
      auto const new_omega = make_blocks<T>(space, "minfold::nystrom::sketch", items, width, n);
      auto const new_image = make_blocks<T>(space, "minfold::nystrom::image", items, width, n);
      for_each_item(
          "minfold::nystrom::grow", space, items * width, n,
          KOKKOS_LAMBDA(TeamMember<E> const& member, int vector) {
            auto const team = vector_team<E>(member);
            int const item = vector / width, c = vector % width;
            team_for(team, n, [&](int i) {
              new_omega(item, c, i) = c < before ? old_omega(item, c, i) : w(item, c - before, i);
              new_image(item, c, i) = c < before ? old_image(item, c, i) : y(item, c - before, i);
            });
          });
      omega = new_omega;
      image = new_image;
    }
    done = width;
  }
};

/// U and the values of the sketch as it is; zero where it shows nothing.
template <std::floating_point T, ExecutionSpace E>
struct NystromFactors {
  Blocks<T, E> vectors;
  Vectors<T, E> values, sketched;  ///< descending; ascending eigenvalues of Omega^T A Omega
  Scalars<EigenRecord<T>, E> eigen;
};

/// roots(item) := 3/2 I - 1/2 G of the items that are rough, I of the others, so that an item does not depend on
/// those beside it; in the first round all are. values of what was not kept := 0. Returns the number of items
/// that will still be rough. Waits.
template <ExecutionSpace E, std::floating_point T>
int right_angles(E const& space, Blocks<T, E> const& gram, Blocks<T, E> const& roots,
                 Vectors<T, E> const& values, Scalars<int, E> const& rough, bool first) {
  int const items = int(gram.extent(0)), width = int(gram.extent(1));
  for_each_item(
      "minfold::nystrom::right_angles", space, items, width * width,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        bool const works = first || rough(item) != 0;
        T const error = team_max(team, width * width, [&](int t) {
          int const i = t / width, j = t % width;
          bool const kept = gram(item, i, i) > T(0.5) && gram(item, j, j) > T(0.5);
          return kept ? Kokkos::abs(gram(item, i, j) - (i == j ? T(1) : T(0))) : T(0);
        });
        team_for(team, width * width, [&](int t) {
          int const i = t / width, j = t % width;
          T const one = i == j ? T(1) : T(0);
          roots(item, i, j) = works ? T(1.5) * one - T(0.5) * gram(item, i, j) : one;
          if (i == j && !(gram(item, i, i) > T(0.5))) values(item, i) = T(0);
        });
        team.team_barrier();
        // A NaN will not get better.
        Kokkos::single(Kokkos::PerTeam(team),
                       [&] { rough(item) = works && error * error > T(64) * epsilon<T>; });
      });
  int left = 0;
  Kokkos::parallel_reduce(
      "minfold::nystrom::rough", Kokkos::RangePolicy<E>(space, 0, items),
      KOKKOS_LAMBDA(int item, int& count) { count += rough(item); }, left);
  return left;
}

template <ExecutionSpace E, std::floating_point T>
NystromFactors<T, E> nystrom_factors(E const& space, NystromSketch<T, E> const& sketch) {
  int const items = int(sketch.omega.extent(0)), width = sketch.done,
            n = int(sketch.omega.extent(2));
  T const cut = nystrom_cut<T>(n);
  NystromFactors<T, E> f{make_blocks<T>(space, "minfold::nystrom::vectors", items, width, n),
                         make_vectors<T>(space, "minfold::nystrom::values", items, width),
                         make_vectors<T>(space, "minfold::nystrom::sketched", items, width),
                         make_scalars<EigenRecord<T>>(space, "minfold::nystrom::eigen", items)};
  auto const gram = make_blocks<T>(space, "minfold::nystrom::gram", items, width, width);
  auto const roots = make_blocks<T>(space, "minfold::nystrom::roots", items, width, width);
  auto const squares = make_vectors<T>(space, "minfold::nystrom::squares", items, width);
  auto const factor = make_blocks<T>(space, "minfold::nystrom::factor", items, width, n);
  auto const second = make_scalars<EigenRecord<T>>(space, "minfold::nystrom::eigen2", items);
  Kokkos::View<T**, Kokkos::LayoutRight, typename E::memory_space> const partial(
      Kokkos::view_alloc(space, Kokkos::WithoutInitializing, "minfold::nystrom::partial"), items,
      wide_partial(width, width, n));
  // F F^T = A_nys with F = (Omega^T A Omega)^(-1/2) Omega^T A, up to a rotation.
  wide_gram(space, Leading(sketch.omega), Leading(sketch.image), gram, partial);
  symmetric_eigen(space, gram, f.sketched, f.eigen, {.verify = false});
  inverse_roots(space, gram, f.sketched, f.eigen, cut, roots);
  wide_combine(space, Transpose::no, T(1), roots, Leading(sketch.image), T(0), Leading(factor));
  wide_gram(space, Leading(factor), Leading(factor), gram, partial);
  symmetric_eigen(space, gram, squares, second, {.verify = false});
  inverse_roots(space, gram, squares, second, cut, roots);
  wide_combine(space, Transpose::no, T(1), roots, Leading(factor), T(0), Leading(f.vectors));
  auto const values = f.values;
  Kokkos::parallel_for(
      "minfold::nystrom::values",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0}, {items, width}),
      KOKKOS_LAMBDA(int item, int i) { values(item, i) = squares(item, width - 1 - i); });
  // The Gram matrix knows small values to eps v_1 only, and so do the vectors their right angles: an
  // error e of eps v_1 / v_l. U := (3/2 I - 1/2 U U^T) U leaves e^2, and again where that is too much.
  auto const rough = make_scalars<int>(space, "minfold::nystrom::rough", items);
  auto to = factor;
  for (int round = 0;; ++round) {
    wide_gram(space, Leading(f.vectors), Leading(f.vectors), gram, partial);
    int const left = right_angles(space, gram, roots, values, rough, round == 0);
    wide_combine(space, Transpose::no, T(1), roots, Leading(f.vectors), T(0), Leading(to));
    std::swap(f.vectors, to);
    if (left == 0 || round == 2) return f;
  }
}

/// Bytes that nystrom_factors allocates at its peak, its result included.
template <std::floating_point T, ExecutionSpace E>
std::size_t nystrom_factor_bytes(E const& space, std::size_t items, std::size_t width, int n) {
  return 2 * array_bytes<T>(items * width * n) + 3 * array_bytes<T>(items * width) +
         2 * array_bytes<EigenRecord<T>>(items) + array_bytes<int>(items) +
         2 * array_bytes<T>(items * width * width) +
         array_bytes<T>(items * wide_partial(int(width), int(width), n)) +
         symmetric_eigen_bytes<T, E>(int(items), int(width), {.verify = false}, space);
}

/// Widest sketch, and the first that is tried.
template <std::floating_point T>
std::pair<int, int> nystrom_widths(NystromOptions<T> const& options, int n) {
  bool const automatic = options.rank == 0;
  int const widest = n == 0      ? 0
                     : automatic ? std::max(1, std::min(options.max_rank, n / 2))
                                 : std::min(options.rank, n);
  return {widest, automatic ? std::min(nystrom_first, widest) : widest};
}

}  // namespace minfold::impl

namespace minfold {

template <ExecutionSpace E, Operator<E> A>
std::size_t nystrom_bytes(E const& space, A const& a,
                          NystromOptions<typename A::scalar_type> const& options, int reached) {
  using T = typename A::scalar_type;
  std::size_t const items = a.batch_size(), n = a.dim();
  auto const vectors = [&](int count) { return array_bytes<T>(items * count * n); };
  auto const [widest, first] = impl::nystrom_widths(options, a.dim());
  int const last = reached > 0 ? std::min(reached, widest) : widest;
  std::size_t most = 0;
  for (int width = first, before = 0;; width = std::min(2 * width, widest)) {
    // What is given, which is as wide as the last sketch was; then a sketch grows, and is factored.
    int const given = before > 0 ? before : width, fresh = width - before;
    std::size_t const held = vectors(given) + array_bytes<T>(items * given);
    most = std::max(
        {most,
         held + 2 * vectors(before) + 2 * vectors(fresh) +
             std::max(product_bytes(space, a, fresh),
                      before > 0 ? 2 * vectors(width) : std::size_t(0)),
         held + 2 * vectors(width) + impl::nystrom_factor_bytes<T>(space, items, width, int(n))});
    if (width >= last || items * n == 0) break;
    before = width;
  }
  return most + array_bytes<NystromRecord<T>>(items) + array_bytes<int>(items) +
         array_bytes<T>(items);
}

template <ExecutionSpace E, Operator<E> A>
Nystrom<typename A::scalar_type, E> nystrom(
    E const& space, A const& a, NystromOptions<typename A::scalar_type> const& options) {
  using T = typename A::scalar_type;
  int const items = a.batch_size(), n = a.dim();
  MINFOLD_REQUIRE(options.rank >= 0 && options.max_rank > 0, "nystrom: rank is ", options.rank,
                  " and max_rank ", options.max_rank, ", must not be negative and positive");
  MINFOLD_REQUIRE(options.columns > 0, "nystrom: columns is ", options.columns,
                  ", must be positive");
  MINFOLD_REQUIRE(options.item_ids.extent(0) == 0 || int(options.item_ids.extent(0)) == items,
                  "nystrom: ", options.item_ids.extent(0), " item_ids for ", items, " items");
  bool const automatic = options.rank == 0;
  auto const [widest, narrowest] = impl::nystrom_widths(options, n);
  Nystrom<T, E> out;
  out.records = make_scalars<NystromRecord<T>>(space, "minfold::nystrom::records", items);
  out.basis.dimension = make_scalars<int>(space, "minfold::nystrom::dimension", items);
  Kokkos::deep_copy(space, out.basis.dimension, 0);
  NystromRecord<T> nothing;
  if (n == 0) nothing.outcome = Outcome::converged;
  Kokkos::deep_copy(space, out.records, nothing);
  impl::NystromSketch<T, E> sketch;
  sketch.norms = make_scalars<T>(space, "minfold::nystrom::norms", items);
  impl::NystromRule<T> const rule{options.columns, options.smallest, options.tolerance};
  int width = narrowest;
  out.basis.vectors = make_blocks<T>(space, "minfold::nystrom::basis", items, width, n);
  out.values = make_vectors<T>(space, "minfold::nystrom::kept", items, width);
  if (items == 0 || n == 0) return out;
  for (;;) {
    int const before = sketch.done;
    sketch.grow(space, a, width, options);
    auto const f = impl::nystrom_factors(space, sketch);
    auto const old = out;
    if (before > 0) {
      out.basis.vectors = make_blocks<T>(space, "minfold::nystrom::basis", items, width, n);
      out.values = make_vectors<T>(space, "minfold::nystrom::kept", items, width);
    }
    auto const now = out;
    auto const norms = sketch.norms;
    bool const last = !automatic || width >= widest;
    // An item whose rule has stopped keeps what it had: it does not depend on the others.
    for_each_item(
        "minfold::nystrom::keep", space, items, n,
        KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
          NystromRecord<T> r = now.records(item);
          bool const settled = r.outcome != Outcome::not_run;
          team.team_barrier();
          int rank = 0;
          if (!settled) {
            auto const v = Kokkos::subview(f.values, item, Kokkos::ALL);
            while (rank < width && v(rank) > T(0)) ++rank;
            if (!Kokkos::isfinite(norms(item)) || f.eigen(item).outcome != Outcome::converged)
              rank = 0;
            r.rank = rank;
            r.largest = rank > 0 ? v(0) : T(0);
            r.smallest = rank > 0 ? v(rank - 1) : T(0);
            T const lowest = f.sketched(item, 0), highest = f.sketched(item, width - 1);
            // Not the largest value: where A is not semidefinite, and the sketch too narrow to see it, that
            // exceeds ||A||.
            r.norm_estimate = norms(item);
            if (!Kokkos::isfinite(norms(item)) || f.eigen(item).outcome == Outcome::not_finite)
              r.outcome = Outcome::not_finite;
            else if (lowest < -default_kernel_tolerance<T> * Kokkos::max(highest, -lowest))
              r.outcome = Outcome::indefinite_operator;
            else if (last || rank < width || !rule.wants_more(v, width))
              r.outcome = Outcome::converged;
            if (automatic && r.outcome != Outcome::not_run && rank > 0) {
              r.predicted_plain = rule.iterations(r.largest);
              r.predicted = rule.iterations(r.smallest);
              if (!rule.pays(r.largest, r.smallest, width)) r.rank = rank = 0;
              if (rank == 0) r.predicted = r.predicted_plain;
            }
          }
          r.products = width;
          int const had = settled ? r.rank : 0;
          auto const workers = impl::vector_team<E>(team);
          for (int j = 0; j < width; ++j)
            team_for(workers, n, [&](int i) {
              now.basis.vectors(item, j, i) = settled
                                                  ? (j < had ? old.basis.vectors(item, j, i) : T(0))
                                              : j < rank ? f.vectors(item, j, i)
                                                         : T(0);
            });
          team_for(team, width, [&](int j) {
            now.values(item, j) = settled    ? (j < had ? old.values(item, j) : T(0))
                                  : j < rank ? f.values(item, j)
                                             : T(0);
          });
          team.team_barrier();
          Kokkos::single(Kokkos::PerTeam(team), [&] {
            now.records(item) = r;
            now.basis.dimension(item) = r.rank;
          });
        });
    if (last) return out;
    int growing = 0;
    auto const records = out.records;
    Kokkos::parallel_reduce(
        "minfold::nystrom::growing", Kokkos::RangePolicy<E>(space, 0, items),
        KOKKOS_LAMBDA(int item, int& count) { count += records(item).outcome == Outcome::not_run; },
        growing);
    if (growing == 0) return out;
    width = std::min(2 * width, widest);
  }
}

}  // namespace minfold

#endif
