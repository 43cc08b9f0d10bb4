// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_SUB_BATCH_HPP
#define MINFOLD_DRIVERS_IMPL_SUB_BATCH_HPP

#include <minfold/core/status.hpp>
#include <minfold/drivers/problem.hpp>

#include <cstdint>
#include <memory>

namespace minfold::impl {

/// The items of a batch that still work, as a batch of their own: one slow item must not make all
/// others pay for its iterations.
template <class T, ExecutionSpace E>
struct SubBatch {
  Scalars<int, E> items;  ///< row of the part -> row of the whole
  std::unique_ptr<AnyProblem<T, E>> owned;
  AnyProblem<T, E> const* problem = nullptr;  ///< null: the problem does not offer parts

  /// out(row, :) := whole(items(row), :)
  Vectors<T, E> gather(E const& space, Vectors<T, E> const& whole) const {
    int const rows = int(items.extent(0)), n = int(whole.extent(1));
    auto const part = make_vectors<T>(space, "minfold::sub_batch::vectors", rows, n);
    auto const index = items;
    Kokkos::parallel_for(
        "minfold::sub_batch::gather",
        Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0}, {rows, n}),
        KOKKOS_LAMBDA(int row, int i) { part(row, i) = whole(index(row), i); });
    return part;
  }
  void scatter(E const& space, Vectors<T, E> const& part, Vectors<T, E> const& whole) const {
    auto const index = items;
    Kokkos::parallel_for(
        "minfold::sub_batch::scatter",
        Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0},
                                                  {int(part.extent(0)), int(part.extent(1))}),
        KOKKOS_LAMBDA(int row, int i) { whole(index(row), i) = part(row, i); });
  }
  template <class R>
  Scalars<R, E> gather(E const& space, Scalars<R, E> const& whole, int modulus) const {
    int const rows = int(items.extent(0));
    auto const part = make_scalars<R>(space, "minfold::sub_batch::records", rows);
    auto const index = items;
    Kokkos::parallel_for(
        "minfold::sub_batch::gather", Kokkos::RangePolicy<E>(space, 0, rows),
        KOKKOS_LAMBDA(int row) { part(row) = whole(index(row) % modulus); });
    return part;
  }
  template <class R>
  void scatter(E const& space, Scalars<R, E> const& part, Scalars<R, E> const& whole) const {
    auto const index = items;
    Kokkos::parallel_for(
        "minfold::sub_batch::scatter", Kokkos::RangePolicy<E>(space, 0, int(part.extent(0))),
        KOKKOS_LAMBDA(int row) { whole(index(row)) = part(row); });
  }
};

/// Fewer than this are not worth a batch of their own.
inline constexpr int sub_batch_items = 16;

/// The items whose record says not_run, if they are few enough to be worth the copy: `problem` is null
/// where they are not. Waits for the records.
template <class T, ExecutionSpace E, class Records>
SubBatch<T, E> working_items(E const& space, AnyProblem<T, E> const& problem,
                             Records const& records, int working) {
  SubBatch<T, E> part;
  int const items = int(records.extent(0)), targets = problem.batch_size();
  if (items < sub_batch_items || 2 * working > items) return part;
  auto const host = to_host(space, records);
  part.items = make_scalars<int>(space, "minfold::sub_batch::items", working);
  auto const target_of = make_scalars<int>(space, "minfold::sub_batch::target_of", working);
  auto const rows = host_array(space, part.items);
  auto const owners = host_array(space, target_of);
  int row = 0;
  for (int item = 0; item < items && row < working; ++item)
    if (host(item).outcome == Outcome::not_run) {
      rows(row) = item;
      owners(row++) = item % targets;
    }
  Kokkos::deep_copy(space, part.items, rows);
  Kokkos::deep_copy(space, target_of, owners);
  space.fence("minfold::sub_batch");
  if (targets == 1) {
    part.problem = &problem;
  } else {
    part.owned = problem.for_items(space, target_of);
    part.problem = part.owned.get();
  }
  return part;
}

/// How many records say not_run. Waits.
template <ExecutionSpace E, class Records>
int count_working(E const& space, Records const& records) {
  int working = 0;
  Kokkos::parallel_reduce(
      "minfold::sub_batch::working", Kokkos::RangePolicy<E>(space, 0, int(records.extent(0))),
      KOKKOS_LAMBDA(int item, int& count) { count += records(item).outcome == Outcome::not_run; },
      working);
  return working;
}

/// What the host has to know between two steps of a line search over a batch.
struct StillAtWork {
  int searching = 0;  ///< items without an accepted step
  int working = 0;    ///< items whose record says not_run
};

/// Both counts with one wait.
template <ExecutionSpace E, class Searches, class Records>
StillAtWork count_both(E const& space, Searches const& searches, Records const& records) {
  constexpr int half = 32;
  std::int64_t both = 0;
  Kokkos::parallel_reduce(
      "minfold::sub_batch::at_work", Kokkos::RangePolicy<E>(space, 0, int(records.extent(0))),
      KOKKOS_LAMBDA(int item, std::int64_t& sum) {
        sum += (std::int64_t(searches(item).searching) << half) +
               (records(item).outcome == Outcome::not_run);
      },
      both);
  return {int(both >> half), int(both & ((std::int64_t(1) << half) - 1))};
}

}  // namespace minfold::impl

#endif
