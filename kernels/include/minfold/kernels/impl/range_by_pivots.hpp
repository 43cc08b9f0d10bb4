// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_RANGE_BY_PIVOTS_HPP
#define MINFOLD_KERNELS_IMPL_RANGE_BY_PIVOTS_HPP

#include <minfold/kernels/impl/kernel_basis_impl.hpp>
#include <minfold/kernels/impl/pivoted_range.hpp>
#include <minfold/kernels/impl/range_by_teams.hpp>

namespace minfold::impl {

template <ExecutionSpace E, class A, class Values, class Records>
void range_by_sketch(E const& space, A const& a, Basis<typename A::scalar_type, E> const& basis,
                     Values const& values, Records const& records,
                     RangeFinderOptions<typename A::scalar_type> const& options);

/// Sketches the items listed in `which`, and no others.
template <ExecutionSpace E, class A, class Values, class Records>
void sketch_some(E const& space, A const& a, std::vector<int> const& which,
                 Basis<typename A::scalar_type, E> const& basis, Values const& values,
                 Records const& records,
                 RangeFinderOptions<typename A::scalar_type> const& options) {
  using T = typename A::scalar_type;
  int const some = int(which.size()), n = a.dim(), capacity = int(basis.vectors.extent(1));
  auto const list = make_scalars<int>(space, "minfold::range_finder::some", some);
  auto const ids = make_scalars<int>(space, "minfold::range_finder::ids", some);
  Kokkos::View<int const*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged> const places(which.data(),
                                                                                    some);
  Kokkos::deep_copy(space, list, places);
  Kokkos::View<int const*, typename E::memory_space> const all_ids = options.item_ids;
  bool const has_ids = all_ids.extent(0) > 0;
  Kokkos::parallel_for(
      "minfold::range_finder::gather_ids", Kokkos::RangePolicy<E>(space, 0, some),
      KOKKOS_LAMBDA(int i) { ids(i) = has_ids ? all_ids(list(i)) : list(i); });
  // In the house layout, so that an item gives the same bits in whatever layout it came.
  auto const matrix = make_blocks<T>(space, "minfold::range_finder::gathered", some, n, n);
  auto const m = a.matrix;
  Kokkos::parallel_for(
      "minfold::range_finder::gather",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {some, n, n}),
      KOKKOS_LAMBDA(int i, int j, int l) { matrix(i, j, l) = m(list(i), j, l); });
  Basis<T, E> const part{make_blocks<T>(space, "minfold::range_finder::part", some, capacity, n),
                         make_scalars<int>(space, "minfold::range_finder::dimension", some)};
  auto const part_values =
      make_vectors<T>(space, "minfold::range_finder::part_values", some, capacity);
  auto const part_records =
      make_scalars<RangeRecord<T>>(space, "minfold::range_finder::part_records", some);
  auto part_options = options;
  part_options.item_ids = ids;
  range_by_sketch(space, DenseOperator<Blocks<T, E>>(matrix), part, part_values, part_records,
                  part_options);
  Kokkos::parallel_for(
      "minfold::range_finder::scatter",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {some, capacity, n}),
      KOKKOS_LAMBDA(int i, int j, int l) {
        basis.vectors(list(i), j, l) = part.vectors(i, j, l);
        if (l == 0) values(list(i), j) = part_values(i, j);
      });
  Kokkos::parallel_for(
      "minfold::range_finder::scatter_records", Kokkos::RangePolicy<E>(space, 0, some),
      KOKKOS_LAMBDA(int i) {
        auto record = part_records(i);
        record.products += records(list(i)).products;
        records(list(i)) = record;
        basis.dimension(list(i)) = part.dimension(i);
      });
}

/// Sketches the items that are `loose`, unless pivoted Cholesky was insisted on. Waits.
template <ExecutionSpace E, class A, class Values, class Records>
void sketch_loose(E const& space, A const& a, Scalars<int, E> const& loose,
                  Basis<typename A::scalar_type, E> const& basis, Values const& values,
                  Records const& records,
                  RangeFinderOptions<typename A::scalar_type> const& options) {
  if (options.method == RangeMethod::pivoted_cholesky) return;
  auto const host = to_host(space, loose);
  std::vector<int> which;
  for (int item = 0; item < int(host.extent(0)); ++item)
    if (host(item)) which.push_back(item);
  if (!which.empty()) sketch_some(space, a, which, basis, values, records, options);
}

/// Pivoted Cholesky of every item on a host, one a task.
template <ExecutionSpace E, class A, class Values, class Records>
void factor_by_tasks(E const& space, A const& a, Scalars<int, E> const& loose,
                     Basis<typename A::scalar_type, E> const& basis, Values const& values,
                     Records const& records,
                     RangeFinderOptions<typename A::scalar_type> const& options) {
  using T = typename A::scalar_type;
  int const items = a.batch_size(), n = a.dim(), capacity = int(basis.vectors.extent(1));
  Kokkos::View<int const*, typename E::memory_space> const ids = options.item_ids;
  auto const m = a.matrix;
  Kokkos::Experimental::UniqueToken<E> const token(space);
  long const words = range_words(n, capacity, options),
             integers = range_integers(n, capacity, options);
  auto const numbers = make_array<Scalars<T, E>>(space, "minfold::range_finder::work",
                                                 token.size() * (capacity + words));
  auto const indices = make_array<Scalars<int, E>>(space, "minfold::range_finder::integers",
                                                   token.size() * integers);
  Kokkos::parallel_for("minfold::range_finder::pivots",
                       Kokkos::RangePolicy<E, Kokkos::Schedule<Kokkos::Dynamic>>(space, 0, items)
                           .set_chunk_size(range_chunk(n)),
                       [=](int item) {
                         SequentialBlas const sequential;
                         int const worker = token.acquire();
                         T* const found = numbers.data() + worker * (capacity + words);
                         ExplicitMatrix<T> const matrix{m.data() + item * long(m.stride(0)),
                                                        long(m.stride(1)), long(m.stride(2)), n};
                         auto const range = range_of_item(
                             matrix, options, std::uint32_t(ids.extent(0) > 0 ? ids(item) : item),
                             basis.vectors.data() + long(item) * capacity * n, capacity, found,
                             found + capacity, indices.data() + worker * integers);
                         for (int j = 0; j < capacity; ++j) values(item, j) = found[j];
                         records(item) = range.record;
                         basis.dimension(item) = range.record.rank;
                         loose(item) = !range.tight;
                         token.release(worker);
                       });
}

/// Bytes that sketch_some allocates at its peak.
template <std::floating_point T, ExecutionSpace E>
std::size_t sketch_some_bytes(E const& space, int some, int n, int capacity,
                              RangeFinderOptions<T> const& options, int rank);

/// Bytes that range_by_pivots allocates at its peak where it sketches `loose` items.
template <std::floating_point T, ExecutionSpace E>
std::size_t range_by_pivots_bytes(E const& space, std::size_t items, int n, int capacity,
                                  RangeFinderOptions<T> const& options, int rank, int loose) {
  std::size_t first = 0;
  if constexpr (runs_on_host<E>) {
    std::size_t const threads = space.concurrency();
    first = array_bytes<T>(threads * (capacity + range_words(n, capacity, options))) +
            array_bytes<int>(threads * range_integers(n, capacity, options));
  } else {
    first = factor_by_teams_bytes<T>(space, items, n, capacity, options);
  }
  if (loose > 0)
    first = std::max(first, sketch_some_bytes<T>(space, loose, n, capacity, options, rank));
  return array_bytes<int>(items) + first;
}

/// The method of range_finder for explicit A >= 0; what it cannot answer for goes to the sketch.
template <ExecutionSpace E, class A, class Values, class Records>
void range_by_pivots(E const& space, A const& a, Basis<typename A::scalar_type, E> const& basis,
                     Values const& values, Records const& records,
                     RangeFinderOptions<typename A::scalar_type> const& options) {
  auto const loose = make_scalars<int>(space, "minfold::range_finder::loose", a.batch_size());
  if constexpr (runs_on_host<E>)
    factor_by_tasks(space, a, loose, basis, values, records, options);
  else
    factor_by_teams(space, a, loose, basis, values, records, options);
  sketch_loose(space, a, loose, basis, values, records, options);
}

}  // namespace minfold::impl

#endif
