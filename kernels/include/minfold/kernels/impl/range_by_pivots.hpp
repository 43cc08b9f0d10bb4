// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_RANGE_BY_PIVOTS_HPP
#define MINFOLD_KERNELS_IMPL_RANGE_BY_PIVOTS_HPP

#include <minfold/kernels/impl/kernel_basis_impl.hpp>
#include <minfold/kernels/impl/pivoted_range.hpp>

namespace minfold::impl {

template <ExecutionSpace E, class A>
inline constexpr bool pivots_possible = runs_on_host<E> && is_dense<A>;

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
  Kokkos::View<int const*, typename E::memory_space> const all_ids = options.item_ids;
  for (int i = 0; i < some; ++i) {
    list(i) = which[i];
    ids(i) = all_ids.extent(0) > 0 ? all_ids(which[i]) : which[i];
  }
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

/// Items a task takes: enough work to be worth being handed out.
inline int range_chunk(int n) {
  return n >= 256 ? 1 : n >= 64 ? 4 : 16;
}

/// Pivoted Cholesky of every item, one a task; what it cannot answer for goes to the sketch.
template <ExecutionSpace E, class A, class Values, class Records>
void range_by_pivots(E const& space, A const& a, Basis<typename A::scalar_type, E> const& basis,
                     Values const& values, Records const& records,
                     RangeFinderOptions<typename A::scalar_type> const& options) {
  using T = typename A::scalar_type;
  int const items = a.batch_size(), n = a.dim(), capacity = int(basis.vectors.extent(1));
  Kokkos::View<int const*, typename E::memory_space> const ids = options.item_ids;
  auto const loose = make_scalars<int>(space, "minfold::range_finder::loose", items);
  auto const m = a.matrix;
  int loose_items = 0;
  Kokkos::parallel_reduce(
      "minfold::range_finder::pivots",
      Kokkos::RangePolicy<E, Kokkos::Schedule<Kokkos::Dynamic>>(space, 0, items)
          .set_chunk_size(range_chunk(n)),
      [=](int item, int& sum) {
        SequentialBlas const sequential;
        std::vector<T> found(capacity);
        ExplicitMatrix<T> const matrix{m.data() + item * long(m.stride(0)), long(m.stride(1)),
                                       long(m.stride(2)), n};
        auto const range =
            range_of_item(matrix, options, std::uint32_t(ids.extent(0) > 0 ? ids(item) : item),
                          basis.vectors.data() + long(item) * capacity * n, capacity, found.data());
        for (int j = 0; j < capacity; ++j) values(item, j) = found[j];
        records(item) = range.record;
        basis.dimension(item) = range.record.rank;
        loose(item) = !range.tight;
        sum += loose(item);
      },
      loose_items);
  if (loose_items == 0 || options.method == RangeMethod::pivoted_cholesky) return;
  std::vector<int> which;
  for (int item = 0; item < items; ++item)
    if (loose(item)) which.push_back(item);
  sketch_some(space, a, which, basis, values, records, options);
}

}  // namespace minfold::impl

#endif
