// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_PINV_PCG_IMPL_HPP
#define MINFOLD_KERNELS_IMPL_PINV_PCG_IMPL_HPP

#include <minfold/core/wide_blas.hpp>
#include <minfold/kernels/impl/fused_pcg.hpp>
#include <minfold/kernels/pinv_pcg.hpp>

namespace minfold::impl {

/// y := M r = r - U (I - v_l / V) U^T r for all systems at once.
template <std::floating_point T, ExecutionSpace E>
struct NystromProduct {
  Nystrom<T, E> approximation;
  Blocks<T, E> coefficients;
  Kokkos::View<T**, Kokkos::LayoutRight, typename E::memory_space> partial;

  NystromProduct(E const& space, Nystrom<T, E> const& u, int columns)
      : approximation(u),
        coefficients(make_blocks<T>(space, "minfold::pinv_pcg::coefficients",
                                    int(u.basis.vectors.extent(0)), columns,
                                    int(u.basis.vectors.extent(1)))),
        partial(make_array<decltype(partial)>(space, "minfold::pinv_pcg::partial",
                                              u.basis.vectors.extent(0),
                                              wide_partial(columns, int(u.basis.vectors.extent(1)),
                                                           int(u.basis.vectors.extent(2))))) {}

  void apply(E const& space, Blocks<T, E> const& r, Blocks<T, E> const& y) const {
    int const items = int(r.extent(0)), columns = int(r.extent(1)),
              width = int(coefficients.extent(2));
    auto const u = Leading(approximation.basis.vectors);
    Kokkos::deep_copy(space, y, r);
    wide_gram(space, Leading(r), u, coefficients, partial);
    auto const c = coefficients;
    auto const values = approximation.values;
    auto const records = approximation.records;
    Kokkos::parallel_for(
        "minfold::pinv_pcg::shrink",
        Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0}, {items, columns, width}),
        KOKKOS_LAMBDA(int item, int column, int j) {
          auto const& record = records(item);
          c(item, column, j) *= j < record.rank ? record.smallest / values(item, j) - T(1) : T(0);
        });
    wide_combine(space, Transpose::no, T(1), c, u, T(1), Leading(y));
  }
};

/// norms(item) := ||A u_1||, near to and never above ||A||, also where the approximation is of another
/// operator; 0 where there is no u_1.
template <ExecutionSpace E, class A, std::floating_point T>
void norms_of(E const& space, A const& a, Nystrom<T, E> const& u, Scalars<T, E> const& norms) {
  int const items = a.batch_size(), n = a.dim();
  auto const x = make_blocks<T>(space, "minfold::pinv_pcg::first", items, 1, n);
  auto const y = make_blocks<T>(space, "minfold::pinv_pcg::first_image", items, 1, n);
  auto const v = u.basis.vectors;
  Kokkos::parallel_for(
      "minfold::pinv_pcg::first",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0}, {items, n}),
      KOKKOS_LAMBDA(int item, int i) { x(item, 0, i) = v(item, 0, i); });
  apply_block(space, a, Blocks<T const, E>(x), y);
  for_each_item(
      "minfold::pinv_pcg::norms", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        T const length = team_norm(team, n, Kokkos::subview(x, item, 0, Kokkos::ALL));
        T const image = team_norm(team, n, Kokkos::subview(y, item, 0, Kokkos::ALL));
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          // A zero vector has a finite image unless A is not finite: then NaN, which is kept.
          norms(item) = length > T(0) ? image / length : image;
        });
      });
}

/// One launch a step: preconditioner, direction, product, vectors.
template <ExecutionSpace E, std::floating_point T, class Step, class Product>
void pcg_in_bulk(E const& space, NystromProduct<T, E> const& preconditioner, Step const& s,
                 int systems, Product const& multiply) {
  int const columns = s.columns, n = s.n;
  for_each_item(
      "minfold::pinv_pcg::begin", space, systems, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
        s.begin(vector_team<E>(team), system / columns, system % columns);
      });
  for (;;) {
    preconditioner.apply(space, s.residual, s.preconditioned);
    for_each_item(
        "minfold::pinv_pcg::direct", space, systems, n,
        KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
          s.direct(vector_team<E>(team), system / columns, system % columns);
        });
    int active = 0;
    Kokkos::parallel_reduce(
        "minfold::pinv_pcg::count", Kokkos::RangePolicy<E>(space, 0, systems),
        KOKKOS_LAMBDA(int system, int& count) {
          count += s.running(system / columns, system % columns);
        },
        active);
    if (active == 0) return;
    multiply();
    for_each_item(
        "minfold::pinv_pcg::step", space, systems, n,
        KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
          int const item = system / columns, c = system % columns;
          if (s.running(item, c)) s.step(vector_team<E>(team), item, c);
        });
  }
}

}  // namespace minfold::impl

namespace minfold {

template <ExecutionSpace E, Operator<E> A>
std::size_t pinv_pcg_bytes(E const& space, A const& a, int width, int columns) {
  using T = typename A::scalar_type;
  std::size_t const items = a.batch_size(), n = a.dim(), systems = items * columns;
  if (systems * n == 0) return 0;
  std::size_t const start = 2 * array_bytes<T>(items * n) + product_bytes(space, a, 1);
  std::size_t const held = 4 * array_bytes<T>(systems * n) +
                           array_bytes<impl::PcgState<T>>(systems) + array_bytes<T>(items);
  std::size_t multiply = product_bytes(space, a, columns);
  if constexpr (impl::has_halves<A, E>) {
    if (impl::chosen_path<A, E>(Path::automatic, columns, int(n)) != Path::bulk)
      return held + start;
    if (columns <= impl::columns_by_halves)
      multiply = impl::SplitProduct<E, T>::bytes(int(items), columns, int(n));
  }
  return held + std::max(start, array_bytes<T>(systems * width) +
                                    array_bytes<T>(items * wide_partial(columns, width, a.dim())) +
                                    multiply);
}

template <ExecutionSpace E, Operator<E> A, class B, class Z, class Records>
void pinv_pcg(E const& space, A const& a, Nystrom<typename A::scalar_type, E> const& approximation,
              B const& b, Z const& z, Records const& records,
              PinvPcgOptions<typename A::scalar_type> const& options,
              Basis<typename A::scalar_type, E> const& kernel) {
  using T = typename A::scalar_type;
  static_assert(AccessibleFrom<B, E> && AccessibleFrom<Z, E> && AccessibleFrom<Records, E>,
                "minfold::pinv_pcg: b, z and records must be accessible from the execution space");
  static_assert(B::rank() == Z::rank() && (B::rank() == 2 || B::rank() == 3),
                "minfold::pinv_pcg: b and z are (items, n) or (items, columns, n)");
  int const items = a.batch_size(), n = a.dim(), columns = impl::columns_of(b),
            systems = impl::systems_of("pinv_pcg", items, b);
  MINFOLD_REQUIRE(int(b.extent(0)) == items && int(b.extent(B::rank() - 1)) == n,
                  "pinv_pcg: b has ", b.extent(0), " items of ", b.extent(B::rank() - 1),
                  " components, expected ", items, " of ", n);
  MINFOLD_REQUIRE(z.extent(0) == b.extent(0) && impl::columns_of(z) == columns &&
                      z.extent(B::rank() - 1) == b.extent(B::rank() - 1),
                  "pinv_pcg: z is not of the shape of b");
  MINFOLD_REQUIRE(int(records.extent(0)) == systems, "pinv_pcg: ", systems, " systems but ",
                  records.extent(0), " records");
  MINFOLD_REQUIRE(!impl::overlap(b, z), "pinv_pcg: z must not alias b");
  MINFOLD_REQUIRE(!impl::overlaps_matrices(a, z), "pinv_pcg: z must not alias the matrices");
  MINFOLD_REQUIRE(!kernel.vectors.data() || (int(kernel.vectors.extent(0)) == items &&
                                             int(kernel.vectors.extent(2)) == n &&
                                             int(kernel.dimension.extent(0)) == items),
                  "pinv_pcg: the kernel basis is for ", kernel.vectors.extent(0), " items of ",
                  kernel.vectors.extent(2), " components, expected ", items, " of ", n);
  MINFOLD_REQUIRE(kernel.vectors.data() || !options.warm_start,
                  "pinv_pcg: warm_start needs a kernel basis, which takes the part of the guess in "
                  "the kernel out of it");
  MINFOLD_REQUIRE(int(approximation.records.extent(0)) == items &&
                      (n == 0 || int(approximation.basis.vectors.extent(2)) == n),
                  "pinv_pcg: the approximation is for ", approximation.records.extent(0),
                  " items of ", approximation.basis.vectors.extent(2), " components, expected ",
                  items, " of ", n);
  if (systems == 0) return;
  if (n == 0) {
    SolveRecord<T> nothing;
    nothing.outcome = Outcome::converged;
    Kokkos::deep_copy(space, records, nothing);
    return;
  }
  using Step = impl::PcgStep<T, E, B, Z, Records, PinvPcgOptions<T>>;
  Step const s{b,
               z,
               records,
               make_blocks<T>(space, "minfold::pinv_pcg::search_direction", items, columns, n),
               make_blocks<T>(space, "minfold::pinv_pcg::product", items, columns, n),
               make_blocks<T>(space, "minfold::pinv_pcg::residual", items, columns, n),
               make_blocks<T>(space, "minfold::pinv_pcg::preconditioned", items, columns, n),
               make_scalars<impl::PcgState<T>>(space, "minfold::pinv_pcg::state", systems),
               approximation,
               make_scalars<T>(space, "minfold::pinv_pcg::norms", items),
               kernel,
               options,
               n,
               columns,
               options.max_iterations > 0 ? options.max_iterations : 10 * n + 100};
  impl::norms_of(space, a, approximation, s.norms);
  if constexpr (impl::has_halves<A, E>) {
    if (impl::chosen_path<A, E>(Path::automatic, columns, n) != Path::bulk)
      return impl::run_fused(space, a, impl::FusedPcg<T, Step>{s}, s.operand, s.product, true);
  }
  impl::NystromProduct<T, E> const preconditioner(space, approximation, columns);
  using Operand = Blocks<T, E>;
  if constexpr (impl::has_halves<A, E>) {
    if (columns <= impl::columns_by_halves) {
      impl::SplitProduct<E, T> const split(space, items, columns, n);
      return impl::pcg_in_bulk(space, preconditioner, s, systems,
                               impl::RunningProduct<E, A, Step, Operand>{
                                   space, a, s, split, s.operand, s.product, {0, items}});
    }
  }
  impl::pcg_in_bulk(space, preconditioner, s, systems,
                    impl::WholeProduct<E, A, Operand>{space, a, s.operand, s.product});
}

}  // namespace minfold

#endif
