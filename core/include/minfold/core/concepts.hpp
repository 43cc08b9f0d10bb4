// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_CONCEPTS_HPP
#define MINFOLD_CORE_CONCEPTS_HPP

#include <Kokkos_Core.hpp>

#include <concepts>

/// Vocabulary of the library. An *item* is one problem of a batch; a *block* is a set of vectors of
/// one item, stored as (item, column, component) so that each vector is contiguous.
namespace minfold {

template <class E>
concept ExecutionSpace = Kokkos::is_execution_space_v<E>;

template <class V, class E>
concept AccessibleFrom = Kokkos::is_view_v<V> &&
                         bool(Kokkos::SpaceAccessibility<E, typename V::memory_space>::accessible);

/// (item): one entry an item.
template <class V, class E>
concept BatchScalar = AccessibleFrom<V, E> && V::rank() == 1;
/// (item, i)
template <class V, class E>
concept BatchVector = AccessibleFrom<V, E> && V::rank() == 2;
/// (item, column, i)
template <class V, class E>
concept BatchBlock = AccessibleFrom<V, E> && V::rank() == 3;

template <ExecutionSpace E>
using TeamMember = typename Kokkos::TeamPolicy<E>::member_type;

/// What every operator says of itself: `batch_size()` symmetric matrices of order `dim()`.
template <class A>
concept BatchShape = requires(A const& a) {
  typename A::scalar_type;
  { a.batch_size() } -> std::convertible_to<int>;
  { a.dim() } -> std::convertible_to<int>;
};

/// y := A_item x by all threads of a team, inside a kernel. x and y are indexed with (i).
/// `apply` needs no barrier of its own at the end; the caller places it.
template <class A, class E>
concept TeamOperator = BatchShape<A> && ExecutionSpace<E> &&
                       requires(A const& a, TeamMember<E> const& team, int item,
                                Kokkos::View<typename A::scalar_type const*, E> x,
                                Kokkos::View<typename A::scalar_type*, E> y) {
                         { a.apply(team, item, x, y) } -> std::same_as<void>;
                       };

/// Y := A X for all items at once, called from the host. X and Y are (item, column, i); a product
/// of a block is what lets many matrix-vector products become one matrix-matrix product.
template <class A, class E>
concept BulkOperator =
    BatchShape<A> && ExecutionSpace<E> &&
    requires(A const& a, E const& space,
             Kokkos::View<typename A::scalar_type const***, Kokkos::LayoutRight, E> x,
             Kokkos::View<typename A::scalar_type***, Kokkos::LayoutRight, E> y) {
      { a.apply(space, x, y) } -> std::same_as<void>;
    };

template <class A, class E>
concept Operator = TeamOperator<A, E> || BulkOperator<A, E>;

}  // namespace minfold

#endif
