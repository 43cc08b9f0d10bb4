// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_NYSTROM_RUN_HPP
#define MINFOLD_KERNELS_IMPL_NYSTROM_RUN_HPP

#include <minfold/kernels/impl/nystrom_vectors.hpp>

namespace minfold {
template <std::floating_point T>
struct NystromRecord;
}

namespace minfold::impl {

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

  NystromRun(E const& space, NystromRule<T> const& stop, bool tries, int items, int widest,
             Scalars<NystromRecord<T>, E> const& to)
      : records(to),
        open(make_scalars<int>(space, "minfold::nystrom::open", items)),
        stage(make_scalars<int>(space, "minfold::nystrom::stage", items)),
        rough(make_scalars<int>(space, "minfold::nystrom::rough", items)),
        values(make_vectors<T>(space, "minfold::nystrom::kept", items, widest)),
        rule(stop),
        automatic(tries) {
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
        KOKKOS_LAMBDA(int item) {
          me.decide_item(item, width, norms(item), f.seen(item), f.values(item, width), last);
        });
    return count(space);
  }

  /// How many items go on, and how many wait for vectors. Waits.
  std::pair<int, int> count(E const& space) const {
    int growing = 0, fresh = 0, items = int(records.extent(0));
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

  template <class V>
  KOKKOS_FUNCTION void decide_item(int item, int width, T norm, Outcome seen, V const& v,
                                   bool last) const {
    NystromRecord<T>& r = records(item);
    r.products = width;
    if (stage(item) != int(NystromStage::open)) return;
    bool const finite = Kokkos::isfinite(norm) && seen != Outcome::not_finite;
    int rank = 0;
    if (finite && seen != Outcome::iteration_limit)
      while (rank < width && v(rank) > T(0)) ++rank;
    // Not the largest value: where A is not semidefinite, and the sketch too narrow to see it, that
    // exceeds ||A||.
    r.norm_estimate = norm;
    if (!finite)
      r.outcome = Outcome::not_finite;
    else if (seen == Outcome::indefinite_operator)
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

  /// Settles the rank of an item that waits for vectors by the values that are left.
  KOKKOS_FUNCTION void settle_item(int item, int width) const {
    if (stage(item) != int(NystromStage::fresh)) return;
    int rank = 0;
    while (rank < width && values(item, rank) > T(0)) ++rank;
    if (rank < records(item).rank) keep(item, rank, width);
  }
  void settle(E const& space, int width) const {
    auto const me = *this;
    Kokkos::parallel_for(
        "minfold::nystrom::settle", Kokkos::RangePolicy<E>(space, 0, int(records.extent(0))),
        KOKKOS_LAMBDA(int item) { me.settle_item(item, width); });
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

#endif
