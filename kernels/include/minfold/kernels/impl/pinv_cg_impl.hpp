// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_PINV_CG_IMPL_HPP
#define MINFOLD_KERNELS_IMPL_PINV_CG_IMPL_HPP

#include <minfold/kernels/impl/cg_step.hpp>
#include <minfold/kernels/impl/packed_cg.hpp>

namespace minfold {

template <ExecutionSpace E, Operator<E> A>
std::size_t pinv_cg_bytes(E const& space, A const& a, int columns,
                          PinvCgOptions<typename A::scalar_type> const& options,
                          int kernel_capacity) {
  using T = typename A::scalar_type;
  int const items = a.batch_size(), n = a.dim(),
            systems = impl::int_product("pinv_cg_bytes", items, "items", columns, "columns");
  if (systems == 0) return 0;
  Path const path = impl::chosen_path<A, E>(options.path, columns, n);
  std::size_t const states = array_bytes<impl::CgState<T>>(systems);
  if constexpr (impl::has_halves<A, E>) {
    int const room = options.reprojection == Reprojection::never ? 0 : kernel_capacity;
    if (path == Path::packed) return states + impl::packed_cg_bytes<T>(space, systems, n, room);
  }
  return states + 3 * array_bytes<T>(std::size_t(systems) * n) +
         impl::krylov_bytes(space, a, columns, path);
}

template <ExecutionSpace E, Operator<E> A, class B, class Z, class Records>
void pinv_cg(E const& space, A const& a, B const& b, Z const& z, Records const& records,
             PinvCgOptions<typename A::scalar_type> const& options,
             Basis<typename A::scalar_type, E> const& kernel) {
  using T = typename A::scalar_type;
  static_assert(AccessibleFrom<B, E> && AccessibleFrom<Z, E> && AccessibleFrom<Records, E>,
                "minfold::pinv_cg: b, z and records must be accessible from the execution space");
  static_assert(B::rank() == Z::rank() && (B::rank() == 2 || B::rank() == 3),
                "minfold::pinv_cg: b and z are (items, n) or (items, columns, n)");
  int const items = a.batch_size(), n = a.dim(), columns = impl::columns_of(b),
            systems = impl::systems_of("pinv_cg", items, b);
  MINFOLD_REQUIRE(int(b.extent(0)) == items && int(b.extent(B::rank() - 1)) == n, "pinv_cg: b has ",
                  b.extent(0), " items of ", b.extent(B::rank() - 1), " components, expected ",
                  items, " of ", n);
  MINFOLD_REQUIRE(z.extent(0) == b.extent(0) && impl::columns_of(z) == columns &&
                      z.extent(B::rank() - 1) == b.extent(B::rank() - 1),
                  "pinv_cg: z is not of the shape of b");
  MINFOLD_REQUIRE(int(records.extent(0)) == systems, "pinv_cg: ", systems, " systems but ",
                  records.extent(0), " records");
  MINFOLD_REQUIRE(!impl::overlap(b, z), "pinv_cg: z must not alias b");
  MINFOLD_REQUIRE(!impl::overlaps_matrices(a, z), "pinv_cg: z must not alias the matrices");
  MINFOLD_REQUIRE(!kernel.vectors.data() || (int(kernel.vectors.extent(0)) == items &&
                                             int(kernel.vectors.extent(2)) == n &&
                                             int(kernel.dimension.extent(0)) == items),
                  "pinv_cg: the kernel basis is for ", kernel.vectors.extent(0), " items of ",
                  kernel.vectors.extent(2), " components, expected ", items, " of ", n);
  if (systems == 0) return;
  Path const path = impl::chosen_path<A, E>(options.path, columns, n);
  auto const states = make_scalars<impl::CgState<T>>(space, "minfold::pinv_cg::state", systems);
  int const limit = options.max_iterations > 0 ? options.max_iterations : 10 * n + 100;
  if constexpr (impl::has_halves<A, E>) {
    if (path == Path::packed)
      return impl::packed_cg(space, a.matrix, b, z, records, states, kernel, options, columns,
                             limit);
  }
  impl::CgBlocks<T, E, Z> const work{
      z, make_blocks<T>(space, "minfold::pinv_cg::search_direction", items, columns, n),
      make_blocks<T>(space, "minfold::pinv_cg::product", items, columns, n),
      make_blocks<T>(space, "minfold::pinv_cg::residual", items, columns, n)};
  impl::CgStep<T, E, B, impl::CgBlocks<T, E, Z>, Records> const step{
      b, work, records, states, kernel, options, n, columns, limit};
  Kokkos::deep_copy(space, work.operands, T(0));
  impl::run_krylov(space, a, step, work.operands, work.products, path);
}

}  // namespace minfold

#endif
