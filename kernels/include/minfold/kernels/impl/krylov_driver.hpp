// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_KRYLOV_DRIVER_HPP
#define MINFOLD_KERNELS_IMPL_KRYLOV_DRIVER_HPP

#include <minfold/core/lifted_operator.hpp>
#include <minfold/kernels/basis.hpp>

namespace minfold::impl {

/// Columns of a right-hand side: (item, n) counts as one.
template <class V>
int columns_of(V const& v) {
  if constexpr (V::rank() == 2)
    return 1;
  else
    return int(v.extent(1));
}

/// The vector of system (item, c) in a rank-2 or rank-3 view.
template <class V>
KOKKOS_INLINE_FUNCTION auto system_vector(V const& v, int item, int c) {
  if constexpr (V::rank() == 2)
    return Kokkos::subview(v, item, Kokkos::ALL);
  else
    return Kokkos::subview(v, item, c, Kokkos::ALL);
}

/// v -= K K^T v, twice: the second pass removes what rounding left of the first. Returns the norm
/// of what the first pass removed.
template <class Team, class K, class V>
KOKKOS_INLINE_FUNCTION auto remove_kernel(Team const& team, int n, K const& kernel, int dimension,
                                          V const& v) {
  using T = typename V::value_type;
  T removed = 0;
  for (int pass = 0; pass < 2; ++pass)
    for (int j = 0; j < dimension; ++j) {
      T const overlap = team_sum(team, n, [&](int i) { return kernel(j, i) * v(i); });
      if (pass == 0) removed += overlap * overlap;
      team_for(team, n, [&](int i) { v(i) -= overlap * kernel(j, i); });
      team.team_barrier();
    }
  return Kokkos::sqrt(removed);
}

/// The kernel basis of one item; an empty basis has dimension 0.
template <class T, ExecutionSpace E>
KOKKOS_INLINE_FUNCTION int kernel_dimension(Basis<T, E> const& kernel, int item) {
  return kernel.vectors.data() ? kernel.dimension(item) : 0;
}

/// Below this order a host works a whole solve in one launch; above, products of blocks win.
inline constexpr int fused_order = 512;

template <class A, class E>
bool wants_fused(Path path, int columns, int n) {
  if constexpr (!TeamOperator<A, E>) {
    MINFOLD_REQUIRE(path != Path::fused, "Path::fused needs an operator with a team product");
    return false;
  } else if constexpr (!BulkOperator<A, E>) {
    return path != Path::bulk;
  } else {
    return path == Path::fused || (path == Path::automatic && n <= fused_order && columns < 4);
  }
}

/// Runs a Krylov iteration written as a state machine. A `Step` has
///   operand, product                    Blocks (item, column, n)
///   begin(team, item, c)                first operand
///   step(team, item, c)                 consumes product = A operand, writes the next operand
///   running(item, c) -> bool            the same for all threads of the team
/// so that the numerics stand once, for one launch a solve and for one launch a step.
template <ExecutionSpace E, class A, class Step>
void run_krylov(E const& space, A const& a, Step const& s, int items, int columns, int n,
                Path path) {
  int const systems = items * columns;
  if (systems == 0) return;
  [[maybe_unused]] bool const fused = wants_fused<A, E>(path, columns, n);
  if constexpr (TeamOperator<A, E>) {
    if (fused) {
      for_each_item(
          "minfold::krylov::fused", space, systems, n,
          KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
            int const item = system / columns, c = system % columns;
            s.begin(team, item, c);
            team.team_barrier();
            while (s.running(item, c)) {
              a.apply(team, item, Kokkos::subview(s.operand, item, c, Kokkos::ALL),
                      Kokkos::subview(s.product, item, c, Kokkos::ALL));
              team.team_barrier();
              s.step(team, item, c);
              team.team_barrier();
            }
          });
      return;
    }
  }
  for_each_item(
      "minfold::krylov::begin", space, systems, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
        s.begin(team, system / columns, system % columns);
      });
  for (;;) {
    int active = 0;
    Kokkos::parallel_reduce(
        "minfold::krylov::count", Kokkos::RangePolicy<E>(space, 0, systems),
        KOKKOS_LAMBDA(int system, int& count) {
          count += s.running(system / columns, system % columns);
        },
        active);
    if (active == 0) return;
    apply_block(space, a, Blocks<typename A::scalar_type const, E>(s.operand), s.product);
    for_each_item(
        "minfold::krylov::step", space, systems, n,
        KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
          int const item = system / columns, c = system % columns;
          if (s.running(item, c)) s.step(team, item, c);
        });
  }
}

}  // namespace minfold::impl

#endif
