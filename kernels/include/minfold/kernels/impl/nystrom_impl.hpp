// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_NYSTROM_IMPL_HPP
#define MINFOLD_KERNELS_IMPL_NYSTROM_IMPL_HPP

#include <minfold/kernels/impl/nystrom_vectors.hpp>
#include <minfold/kernels/nystrom.hpp>

namespace minfold::impl {

/// Widest sketch, and the first that is tried.
template <std::floating_point T>
std::pair<int, int> nystrom_widths(NystromOptions<T> const& options, int n) {
  bool const automatic = options.rank == 0;
  int const widest = n == 0      ? 0
                     : automatic ? std::max(1, std::min(options.max_rank, n / 2))
                                 : std::min(options.rank, n);
  return {widest, automatic ? std::min(nystrom_first, widest) : widest};
}

/// Where an item is: its sketch grows; its rule has just stopped, and it waits for its vectors; or it is done.
enum class NystromStage : int { open, fresh, done };

/// The rows of U of items that are done while others grow lie where their A Omega was, which they need no more.
template <std::floating_point T, ExecutionSpace E>
struct NystromRun {
  Scalars<NystromRecord<T>, E> records;
  Scalars<int, E> open, stage, rough;
  Vectors<T, E> values;  ///< of items that are done or fresh
  NystromRule<T> rule;
  bool automatic;

  NystromRun(E const& space, NystromOptions<T> const& options, int items, int widest,
             Scalars<NystromRecord<T>, E> const& to)
      : records(to),
        open(make_scalars<int>(space, "minfold::nystrom::open", items)),
        stage(make_scalars<int>(space, "minfold::nystrom::stage", items)),
        rough(make_scalars<int>(space, "minfold::nystrom::rough", items)),
        values(make_vectors<T>(space, "minfold::nystrom::kept", items, widest)),
        rule{options.columns, options.smallest, options.tolerance},
        automatic(options.rank == 0) {
    Kokkos::deep_copy(space, open, 1);
    Kokkos::deep_copy(space, stage, int(NystromStage::open));
  }

  /// Ends the items whose rule stops at this width, with the values of their sketch. Returns how many go on,
  /// and how many wait for vectors. Waits.
  std::pair<int, int> decide(E const& space, NystromSketch<T, E> const& sketch,
                             NystromFactors<T, E> const& f, bool last) const {
    int const width = sketch.width, items = int(records.extent(0));
    auto const me = *this;
    auto const norms = sketch.norms;
    Kokkos::parallel_for(
        "minfold::nystrom::decide", Kokkos::RangePolicy<E>(space, 0, items),
        KOKKOS_LAMBDA(int item) { me.decide_item(item, width, norms(item), f, last); });
    int growing = 0, fresh = 0;
    auto const at = stage;
    Kokkos::parallel_reduce(
        "minfold::nystrom::growing", Kokkos::RangePolicy<E>(space, 0, items),
        KOKKOS_LAMBDA(int item, int& going, int& waiting) {
          going += at(item) == int(NystromStage::open);
          waiting += at(item) == int(NystromStage::fresh);
        },
        growing, fresh);
    return {growing, fresh};
  }

  KOKKOS_FUNCTION void decide_item(int item, int width, T norm, NystromFactors<T, E> const& f,
                                   bool last) const {
    NystromRecord<T>& r = records(item);
    r.products = width;
    if (stage(item) != int(NystromStage::open)) return;
    auto const v = f.values(item, width);
    bool const finite = Kokkos::isfinite(norm) && f.seen(item) != Outcome::not_finite;
    int rank = 0;
    if (finite && f.seen(item) != Outcome::iteration_limit)
      while (rank < width && v(rank) > T(0)) ++rank;
    // Not the largest value: where A is not semidefinite, and the sketch too narrow to see it, that
    // exceeds ||A||.
    r.norm_estimate = norm;
    if (!finite)
      r.outcome = Outcome::not_finite;
    else if (f.seen(item) == Outcome::indefinite_operator)
      r.outcome = Outcome::indefinite_operator;
    else if (last || rank < width || !rule.wants_more(v, width))
      r.outcome = Outcome::converged;
    else
      return;
    for (int i = 0; i < rank; ++i) values(item, i) = v(i);
    for (int i = rank; i < width; ++i) values(item, i) = T(0);
    keep(item, rank, width);
    open(item) = 0;
    stage(item) = int(r.rank > 0 ? NystromStage::fresh : NystromStage::done);
  }

  /// What the record says of the first `rank` values.
  KOKKOS_FUNCTION void keep(int item, int rank, int width) const {
    NystromRecord<T>& r = records(item);
    r.rank = rank;
    r.largest = rank > 0 ? values(item, 0) : T(0);
    r.smallest = rank > 0 ? values(item, rank - 1) : T(0);
    if (!automatic || rank == 0) return;
    r.predicted_plain = rule.iterations(r.largest);
    r.predicted = rule.iterations(r.smallest);
    if (rule.pays(r.largest, r.smallest, width)) return;
    r.rank = 0;
    r.predicted = r.predicted_plain;
  }

  /// Marks the items that wait for vectors.
  Scalars<int, E> waiting(E const& space) const {
    auto const at = stage;
    auto const mark = rough;
    Kokkos::parallel_for(
        "minfold::nystrom::waiting", Kokkos::RangePolicy<E>(space, 0, int(records.extent(0))),
        KOKKOS_LAMBDA(int item) { mark(item) = at(item) == int(NystromStage::fresh); });
    return mark;
  }

  /// Settles the rank of the items that wait for vectors by the values that are left; those beyond := 0.
  void count(E const& space, int width) const {
    auto const me = *this;
    Kokkos::parallel_for(
        "minfold::nystrom::rank", Kokkos::RangePolicy<E>(space, 0, int(records.extent(0))),
        KOKKOS_LAMBDA(int item) {
          if (me.stage(item) != int(NystromStage::fresh)) return;
          int rank = 0;
          while (rank < width && me.values(item, rank) > T(0)) ++rank;
          if (rank < me.records(item).rank) me.keep(item, rank, width);
        });
  }

  /// Items that have just got their vectors: stores them, and is done with them.
  void store(E const& space, NystromSketch<T, E> const& sketch, Blocks<T, E> const& u) const {
    int const items = int(u.extent(0)), n = int(u.extent(2));
    auto const at = stage;
    for (auto const& piece : sketch.pieces) {
      int const columns = piece.columns(), first = piece.first;
      auto const room = piece.image;
      for_each_item(
          "minfold::nystrom::store", space, items * columns, n,
          KOKKOS_LAMBDA(TeamMember<E> const& member, int vector) {
            int const item = vector / columns, c = vector % columns;
            if (at(item) != int(NystromStage::fresh)) return;
            team_for(vector_team<E>(member), n,
                     [&](int i) { room(item, c, i) = u(item, first + c, i); });
          });
    }
    Kokkos::parallel_for(
        "minfold::nystrom::done", Kokkos::RangePolicy<E>(space, 0, items), KOKKOS_LAMBDA(int item) {
          if (at(item) == int(NystromStage::fresh)) at(item) = int(NystromStage::done);
        });
  }

  /// u has the vectors of the items that have just got them: brings those of the others, and zeros beyond.
  void gather(E const& space, NystromSketch<T, E> const& sketch, Blocks<T, E> const& u) const {
    int const items = int(u.extent(0)), n = int(u.extent(2));
    auto const me = *this;
    for (auto const& piece : sketch.pieces) {
      int const columns = piece.columns(), first = piece.first;
      auto const room = piece.image;
      for_each_item(
          "minfold::nystrom::gather", space, items * columns, n,
          KOKKOS_LAMBDA(TeamMember<E> const& member, int vector) {
            int const item = vector / columns, c = vector % columns;
            bool const kept = first + c < me.records(item).rank;
            if (kept && me.stage(item) == int(NystromStage::fresh)) return;
            team_for(vector_team<E>(member), n,
                     [&](int i) { u(item, first + c, i) = kept ? room(item, c, i) : T(0); });
          });
    }
  }
};

}  // namespace minfold::impl

namespace minfold {

template <ExecutionSpace E, Operator<E> A>
std::size_t nystrom_bytes(E const& space, A const& a,
                          NystromOptions<typename A::scalar_type> const& options, int reached) {
  using T = typename A::scalar_type;
  std::size_t const items = a.batch_size(), n = a.dim();
  auto const vectors = [&](int count) { return array_bytes<T>(items * count * n); };
  auto const square = [&](int width) { return array_bytes<T>(items * width * width); };
  auto const [widest, first] = impl::nystrom_widths(options, a.dim());
  std::size_t const held = array_bytes<NystromRecord<T>>(items) + 4 * array_bytes<int>(items) +
                           array_bytes<T>(items) + 2 * array_bytes<T>(items * widest);
  if (items * n == 0) return held;
  int const last = reached > 0 ? std::min(reached, widest) : widest;
  std::size_t most = 0;
  for (int width = first, before = 0;; width = std::min(2 * width, widest)) {
    int const fresh = width - before;
    std::size_t const gram =
        square(before) + square(width) +
        array_bytes<T>(items * impl::NystromSketch<T, E>::partial(before, fresh, a.dim()));
    std::size_t const grow = vectors(width) + vectors(fresh) +
                             std::max(square(before) + product_bytes(space, a, fresh), gram);
    most = std::max({most, grow,
                     vectors(width) + square(width) +
                         impl::nystrom_factor_bytes<T>(space, items, width, a.dim())});
    if (width >= last) break;
    before = width;
  }
  return held + most;
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
  auto const [widest, narrowest] = impl::nystrom_widths(options, n);
  Nystrom<T, E> out;
  out.records = make_scalars<NystromRecord<T>>(space, "minfold::nystrom::records", items);
  out.basis.dimension = make_scalars<int>(space, "minfold::nystrom::dimension", items);
  Kokkos::deep_copy(space, out.basis.dimension, 0);
  NystromRecord<T> nothing;
  if (n == 0) nothing.outcome = Outcome::converged;
  Kokkos::deep_copy(space, out.records, nothing);
  if (items == 0 || n == 0) {
    out.basis.vectors = make_blocks<T>(space, "minfold::nystrom::basis", items, narrowest, n);
    out.values = make_vectors<T>(space, "minfold::nystrom::values", items, narrowest);
    return out;
  }
  impl::NystromRun<T, E> const run(space, options, items, widest, out.records);
  impl::NystromSketch<T, E> sketch;
  sketch.norms = make_scalars<T>(space, "minfold::nystrom::norms", items);
  for (int width = narrowest;; width = std::min(2 * width, widest)) {
    sketch.grow(space, a, width, options.seed, options.item_ids);
    impl::NystromFactors<T, E> f(space, sketch, run.open, n);
    auto const [growing, fresh] = run.decide(space, sketch, f, width >= widest);
    auto u = f.factor;
    if (fresh > 0) {
      u = f.vectors(space, run.values, run.waiting(space));
      run.count(space, width);
    }
    if (growing > 0) {
      if (fresh > 0) run.store(space, sketch, u);
      continue;
    }
    run.gather(space, sketch, u);
    out.basis.vectors = u;
    out.values = make_vectors<T>(space, "minfold::nystrom::values", items, width);
    auto const values = out.values;
    auto const records = out.records;
    auto const dimension = out.basis.dimension;
    Kokkos::parallel_for(
        "minfold::nystrom::values", Kokkos::RangePolicy<E>(space, 0, items),
        KOKKOS_LAMBDA(int item) {
          dimension(item) = records(item).rank;
          for (int i = 0; i < width; ++i)
            values(item, i) = i < records(item).rank ? run.values(item, i) : T(0);
        });
    return out;
  }
}

}  // namespace minfold

#endif
