// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_NYSTROM_IMPL_HPP
#define MINFOLD_KERNELS_IMPL_NYSTROM_IMPL_HPP

#include <minfold/kernels/impl/nystrom_items.hpp>
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
    std::size_t const factors = impl::nystrom_by_items<E>(a.dim())
                                    ? std::max(vectors(width), impl::nystrom_scratch_bytes<T>(
                                                                   space.concurrency(), width, n))
                                    : impl::nystrom_factor_bytes<T>(space, items, width, a.dim());
    most = std::max({most, grow, vectors(width) + square(width) + factors});
    if (width >= last) break;
    before = width;
  }
  return held + most;
}

namespace impl {

/// `by_items`: the factors of an item are the work of one thread.
template <ExecutionSpace E, Operator<E> A>
Nystrom<typename A::scalar_type, E> nystrom_by(
    E const& space, A const& a, NystromOptions<typename A::scalar_type> const& options,
    bool by_items) {
  using T = typename A::scalar_type;
  int const items = a.batch_size(), n = a.dim();
  MINFOLD_REQUIRE(options.rank >= 0 && options.max_rank > 0, "nystrom: rank is ", options.rank,
                  " and max_rank ", options.max_rank, ", must not be negative and positive");
  MINFOLD_REQUIRE(options.columns > 0, "nystrom: columns is ", options.columns,
                  ", must be positive");
  MINFOLD_REQUIRE(options.item_ids.extent(0) == 0 || int(options.item_ids.extent(0)) == items,
                  "nystrom: ", options.item_ids.extent(0), " item_ids for ", items, " items");
  auto const [widest, narrowest] = nystrom_widths(options, n);
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
  NystromRun<T, E> const run(space, {options.columns, options.smallest, options.tolerance},
                             options.rank == 0, items, widest, out.records);
  NystromSketch<T, E> sketch;
  sketch.norms = make_scalars<T>(space, "minfold::nystrom::norms", items);
  for (int width = narrowest;; width = std::min(2 * width, widest)) {
    sketch.grow(space, a, width, options.seed, options.item_ids);
    if (nystrom_step(space, sketch, run, n, width >= widest, by_items, out.basis.vectors)) continue;
    out.values = make_vectors<T>(space, "minfold::nystrom::values", items, width);
    auto const values = out.values, kept = run.values;
    auto const records = out.records;
    auto const dimension = out.basis.dimension;
    Kokkos::parallel_for(
        "minfold::nystrom::values", Kokkos::RangePolicy<E>(space, 0, items),
        KOKKOS_LAMBDA(int item) {
          dimension(item) = records(item).rank;
          for (int i = 0; i < width; ++i)
            values(item, i) = i < records(item).rank ? kept(item, i) : T(0);
        });
    return out;
  }
}

}  // namespace impl

template <ExecutionSpace E, Operator<E> A>
Nystrom<typename A::scalar_type, E> nystrom(
    E const& space, A const& a, NystromOptions<typename A::scalar_type> const& options) {
  return impl::nystrom_by(space, a, options, impl::nystrom_by_items<E>(a.dim()));
}

}  // namespace minfold

#endif
