// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_KERNEL_BASIS_IMPL_HPP
#define MINFOLD_KERNELS_IMPL_KERNEL_BASIS_IMPL_HPP

#include <minfold/kernels/impl/filtered_basis.hpp>
#include <minfold/kernels/impl/polish_kernel.hpp>
#include <minfold/kernels/impl/project_sketch.hpp>
#include <minfold/kernels/kernel_basis.hpp>

namespace minfold::impl {

/// Bytes that kernel_basis_randomized allocates at its peak where the kernel has `dimension` vectors, and
/// bounds that are given hold or, `refuted`, do not.
template <ExecutionSpace E, class A>
std::size_t kernel_basis_randomized_bytes(
    E const& space, A const& a, int capacity,
    KernelBasisOptions<typename A::scalar_type> const& options, int dimension, bool refuted) {
  using T = typename A::scalar_type;
  std::size_t const items = a.batch_size(), n = a.dim();
  auto const vectors = [&](int count) { return array_bytes<T>(items * count * n); };
  int const probes = std::max(options.probes, 0);
  int const begin = options.start.extent(1) > 0 ? dimension + std::max(probes, 1)
                                                : std::max(options.block, probes + 1);
  int const widest = std::min(int(n), capacity + std::max(options.probes, options.block));
  std::size_t most = 0, sketch = 0;
  if (filters_by_chebyshev(options, int(n))) {
    most = filtered_basis_bytes(space, a, capacity, std::min(begin, widest), widest, options,
                                dimension);
    if (!refuted) return array_bytes<FilterState<T>>(items) + most;
    sketch = vectors(std::min(begin, widest));
  }
  int done = 0, width = std::min(begin, widest);
  for (;;) {
    int const fresh = width - done;
    // The columns of a filter are there until the first projection has ended.
    std::size_t const kept = done == 0 ? sketch : 0;
    most =
        std::max({most, vectors(width) + vectors(done),
                  kept + vectors(width) + 3 * vectors(fresh) +
                      array_bytes<ProjectionState<T>>(items * fresh) +
                      std::max(projection_bytes(space, a, fresh), product_bytes(space, a, fresh)),
                  vectors(width) + rayleigh_ritz_bytes(space, a, width)});
    if (dimension <= width - probes || width >= widest) break;
    done = width;
    width = std::min(2 * width, widest);
  }
  most = std::max(most, vectors(width) + ritz_block_bytes<T>(items, width, n) +
                            polish_bytes(space, a, std::min({dimension, capacity, width})));
  return array_bytes<FilterState<T>>(items) + most;
}

/// Whether kernel_basis takes the direct method.
template <class A>
bool kernel_basis_is_direct(KernelBasisOptions<typename A::scalar_type> const& options, int n) {
  return options.method == KernelMethod::direct || n <= options.block ||
         (options.method == KernelMethod::automatic && is_dense<A>);
}

template <ExecutionSpace E, class A, class Records>
void kernel_basis_randomized(E const& space, A const& a,
                             Basis<typename A::scalar_type, E> const& basis, Records const& records,
                             KernelBasisOptions<typename A::scalar_type> const& options) {
  using T = typename A::scalar_type;
  int const items = a.batch_size(), n = a.dim();
  auto const states =
      make_scalars<impl::FilterState<T>>(space, "minfold::kernel_basis::states", items);
  Kokkos::deep_copy(space, states, impl::FilterState<T>{});
  int const probes = std::max(options.probes, 0);
  // A basis to start from needs no more beside it than what shows that it is all of the kernel.
  int begin = std::max(options.block, probes + 1);
  if (options.start.extent(1) > 0) {
    Kokkos::View<int const*, typename E::memory_space> const dimension = options.start_dimension;
    int most = 0;
    Kokkos::parallel_reduce(
        "minfold::kernel_basis::start_dimension", Kokkos::RangePolicy<E>(space, 0, items),
        KOKKOS_LAMBDA(int item, int& largest) {
          if (dimension(item) > largest) largest = dimension(item);
        },
        Kokkos::Max<int>(most));
    most = std::min(most, int(options.start.extent(1)));
    if (most > 0) begin = most + std::max(probes, 1);
  }
  int const widest =
      std::min(n, int(basis.vectors.extent(1)) + std::max(options.probes, options.block));
  int done = 0, width = std::min(begin, widest);
  Blocks<T, E> filtered, sketch;
  if (filters_by_chebyshev(options, n)) {
    sketch = filtered_basis(space, a, basis, records, states, options, width, widest);
    if (sketch.extent(1) == 0) return;
    width = int(sketch.extent(1));
  }
  RitzBlock<T, E> ritz;
  for (;;) {
    auto const wider = make_blocks<T>(space, "minfold::kernel_basis::filtered", items, width, n);
    if (done > 0) {
      auto const old = filtered;
      Kokkos::parallel_for(
          "minfold::kernel_basis::grow",
          Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {items, done, n}),
          KOKKOS_LAMBDA(int item, int c, int i) { wider(item, c, i) = old(item, c, i); });
    }
    filtered = wider;
    project_sketch(space, a, filtered, done, width - done, states, options, sketch);
    sketch = {};
    ritz = rayleigh_ritz(space, a, filtered);
    raise_norms(space, ritz.basis, ritz.product, states);  // counts the products of Rayleigh-Ritz
    int const needs_more = judge_ritz(space, ritz, states, records, basis, options);
    if (needs_more == 0 || width >= widest) break;
    ritz = {};
    done = width;
    width = std::min(2 * width, widest);
  }
  polish_kernel(space, a, ritz, states, basis, records, options.basis_tolerance,
                options.max_iterations);
}

}  // namespace minfold::impl

namespace minfold {

template <ExecutionSpace E, Operator<E> A>
std::size_t kernel_basis_bytes(E const& space, A const& a, int capacity,
                               KernelBasisOptions<typename A::scalar_type> const& options,
                               int dimension) {
  using T = typename A::scalar_type;
  int const n = a.dim();
  if (a.batch_size() == 0) return 0;
  if (!impl::kernel_basis_is_direct<A>(options, n))
    return impl::kernel_basis_randomized_bytes(space, a, capacity, options,
                                               dimension < 0 ? n : dimension, dimension < 0);
  return impl::decompose_bytes<T, E>(
      a.batch_size(), n, impl::is_dense<A>, space,
      impl::most_product_bytes(space, a, std::min(n, impl::assembly_block)));
}

template <ExecutionSpace E, Operator<E> A, class Records>
void kernel_basis(E const& space, A const& a, Basis<typename A::scalar_type, E> const& basis,
                  Records const& records,
                  KernelBasisOptions<typename A::scalar_type> const& options) {
  int const items = a.batch_size(), n = a.dim();
  MINFOLD_REQUIRE(int(basis.vectors.extent(0)) == items && int(basis.vectors.extent(2)) == n,
                  "kernel_basis: basis is for ", basis.vectors.extent(0), " items of ",
                  basis.vectors.extent(2), " components, expected ", items, " of ", n);
  MINFOLD_REQUIRE(int(basis.dimension.extent(0)) == items && int(records.extent(0)) == items,
                  "kernel_basis: dimension and records must have ", items, " entries");
  MINFOLD_REQUIRE(options.item_ids.extent(0) == 0 || int(options.item_ids.extent(0)) == items,
                  "kernel_basis: ", options.item_ids.extent(0), " item_ids for ", items, " items");
  using T = typename A::scalar_type;
  MINFOLD_REQUIRE((options.smallest_nonzero == T(0) && options.largest == T(0)) ||
                      (options.smallest_nonzero > T(0) && std::isfinite(options.largest) &&
                       options.smallest_nonzero <= options.largest),
                  "kernel_basis: bounds of the nonzero eigenvalues from ", options.smallest_nonzero,
                  " to ", options.largest, ", expected 0 < smallest_nonzero <= largest or neither");
  MINFOLD_REQUIRE(options.filter != KernelFilter::chebyshev || options.largest > T(0),
                  "kernel_basis: a Chebyshev filter needs smallest_nonzero and largest");
  MINFOLD_REQUIRE(options.start.extent(1) == 0 ||
                      (int(options.start.extent(0)) == items && int(options.start.extent(2)) == n &&
                       int(options.start_dimension.extent(0)) == items),
                  "kernel_basis: the basis to start from is for ", options.start.extent(0),
                  " items of ", options.start.extent(2), " components, expected ", items, " of ",
                  n);
  MINFOLD_REQUIRE(!impl::overlaps_matrices(a, basis.vectors),
                  "kernel_basis: the basis must not alias the matrices");
  impl::int_product("kernel_basis", basis.vectors.extent(1), "vectors", n, "components");
  if (items == 0) return;
  if (impl::kernel_basis_is_direct<A>(options, n))
    impl::copy_kernel(space,
                      impl::decompose(space, a, options.kernel_tolerance, options.minimum_gap),
                      basis, records);
  else
    impl::kernel_basis_randomized(space, a, basis, records, options);
}

}  // namespace minfold

#endif
