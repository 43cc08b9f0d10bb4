// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_LIFTED_OPERATOR_HPP
#define MINFOLD_CORE_LIFTED_OPERATOR_HPP

#include <minfold/core/require.hpp>
#include <minfold/core/team.hpp>

#include <algorithm>

namespace minfold {

/// Y := A X for a block of vectors an item, whichever way the operator offers it: its own bulk
/// product where it has one, else one team a (item, column).
template <ExecutionSpace E, Operator<E> A, BatchBlock<E> X, BatchBlock<E> Y>
void apply_block(E const& space, A const& a, X const& x, Y const& y) {
  if (x.extent(0) == 0 || x.extent(1) == 0) return;
  if constexpr (BulkOperator<A, E>) {
    a.apply(space, x, y);
  } else {
    int const columns = int(x.extent(1)),
              systems =
                  impl::int_product("apply_block", x.extent(0), "items", x.extent(1), "columns");
    for_each_item(
        "minfold::apply_block", space, systems, a.dim(),
        KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
          int const item = system / columns, c = system % columns;
          a.apply(team, item, Kokkos::subview(x, item, c, Kokkos::ALL),
                  Kokkos::subview(y, item, c, Kokkos::ALL));
        });
  }
}

/// Bytes that apply_block allocates for a block of `columns` vectors an item: what the operator says by
/// its product_bytes(space, columns), 0 for one that says nothing.
template <ExecutionSpace E, class A>
std::size_t product_bytes(E const& space, A const& a, int columns) {
  if constexpr (requires { a.product_bytes(space, columns); })
    return columns > 0 ? a.product_bytes(space, columns) : 0;
  else
    return 0;
}

namespace impl {
/// The same at its largest, for blocks of up to so many vectors.
template <ExecutionSpace E, class A>
std::size_t most_product_bytes(E const& space, A const& a, int columns) {
  std::size_t most = 0;
  for (int c = 1; c <= columns; ++c) most = std::max(most, product_bytes(space, a, c));
  return most;
}
}  // namespace impl

}  // namespace minfold

#endif
