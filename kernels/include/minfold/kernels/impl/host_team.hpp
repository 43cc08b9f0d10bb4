// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_HOST_TEAM_HPP
#define MINFOLD_KERNELS_IMPL_HOST_TEAM_HPP

#include <minfold/core/impl/half_product.hpp>
#include <minfold/core/team.hpp>

/// The team that works the vectors of an iteration on a host: one thread and its registers. Kernels
/// that are written with the collectives of core/team.hpp find these by the type of their team.
/// Sums run in several chains of packs, in an order that depends on the length only.
namespace minfold::impl::host {

struct Team {
  KOKKOS_FUNCTION void team_barrier() const {}
};

template <class V>
inline constexpr bool contiguous = false;
template <class V>
  requires(Kokkos::is_view_v<V> && !std::is_same_v<typename V::array_layout, Kokkos::LayoutStride>)
inline constexpr bool contiguous<V> = V::rank() == 1;

template <class Body>
KOKKOS_INLINE_FUNCTION void team_for(Team const&, int n, Body const& body) {
  // Bodies of a team loop run in any order, so that no two of them meet in memory.
#if defined(__GNUC__) && !defined(__clang__) && !defined(__CUDA_ARCH__)
#pragma GCC ivdep
#endif
  for (int i = 0; i < n; ++i) body(i);
}

template <class Term>
KOKKOS_INLINE_FUNCTION auto team_sum(Team const&, int n, Term const& term) {
  using S = std::remove_cvref_t<decltype(term(0))>;
  S s0 = S(), s1 = S(), s2 = S(), s3 = S();
  int i = 0;
  for (; i + 4 <= n; i += 4) {
    s0 += term(i);
    s1 += term(i + 1);
    s2 += term(i + 2);
    s3 += term(i + 3);
  }
  for (; i < n; ++i) s0 += term(i);
  return S((s0 + s1) + (s2 + s3));
}

template <class Term>
KOKKOS_INLINE_FUNCTION auto team_max(Team const&, int n, Term const& term) {
  using S = std::remove_cvref_t<decltype(term(0))>;
  S largest = S(0);
  for (int i = 0; i < n; ++i) {
    S const t = term(i);
    if (!(t <= largest)) largest = t;
    if (t != t) return t;
  }
  return largest;
}

template <class T, class V>
auto packs_of(V const& v) {
  if constexpr (contiguous<V>)
    return PacksOfArray<T>{v.data()};
  else
    return PacksOfVector<T, V>{v};
}

/// sum u_i (factor v_i), to the same bits whatever the strides are.
template <class T, class U, class V>
KOKKOS_INLINE_FUNCTION T team_scaled_dot(Team const&, int n, U const& u, T factor, V const& v) {
  KOKKOS_IF_ON_HOST((return packed_dot<T>(n, packs_of<T>(u), packs_of<T>(v), factor);))
  KOKKOS_IF_ON_DEVICE((return T(0);))
}

template <class U, class V>
KOKKOS_INLINE_FUNCTION auto team_dot(Team const& team, int n, U const& u, V const& v) {
  return team_scaled_dot(team, n, u, std::remove_cvref_t<decltype(u(0))>(1), v);
}

template <class Body>
KOKKOS_INLINE_FUNCTION void team_single(Team const&, Body const& body) {
  body();
}

}  // namespace minfold::impl::host

namespace minfold::impl {

/// The general ones of the two that core/team.hpp has not.
template <class T, class Team, class U, class V>
KOKKOS_INLINE_FUNCTION T team_scaled_dot(Team const& team, int n, U const& u, T factor,
                                         V const& v) {
  return team_sum(team, n, [&](int i) { return u(i) * (factor * v(i)); });
}
template <class Team, class Body>
KOKKOS_INLINE_FUNCTION void team_single(Team const& team, Body const& body) {
  Kokkos::single(Kokkos::PerTeam(team), body);
}

/// The team for the vectors of a kernel that was launched with `team`.
template <ExecutionSpace E>
KOKKOS_INLINE_FUNCTION auto vector_team([[maybe_unused]] TeamMember<E> const& team) {
  if constexpr (runs_on_host<E>)
    return host::Team{};
  else
    return team;
}

}  // namespace minfold::impl

#endif
