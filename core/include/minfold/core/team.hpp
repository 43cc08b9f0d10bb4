// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_TEAM_HPP
#define MINFOLD_CORE_TEAM_HPP

#include <minfold/core/concepts.hpp>
#include <minfold/core/dual.hpp>
#include <minfold/core/impl/tuning.hpp>

#include <string>

/// Collectives that every kernel is written with. "Team" functions are called by all threads of a
/// team; none ends with a barrier except where it says so, and reductions give every thread the
/// same result.
namespace minfold {

/// One team an item, `body(team, item)`; `length` is the vector length that sizes the team.
template <ExecutionSpace E, class Body>
void for_each_item(std::string const& label, E const& space, int items, int length,
                   Body const& body) {
  if (items == 0) return;
  Kokkos::TeamPolicy<E> const policy(space, items, impl::team_size<E>(length),
                                     impl::vector_length<E>());
  Kokkos::parallel_for(
      label, policy, KOKKOS_LAMBDA(TeamMember<E> const& team) { body(team, team.league_rank()); });
}

/// for_each_item where items differ in what they take: threads of a host fetch them as they become free.
template <ExecutionSpace E, class Body>
void for_each_uneven_item(std::string const& label, E const& space, int items, int length,
                          Body const& body) {
  if (items == 0) return;
  // Bodies of this kind are large. HIP would pass them by its constant memory, for which a launch waits.
  auto const policy = Kokkos::Experimental::require(
      Kokkos::TeamPolicy<E, Kokkos::Schedule<Kokkos::Dynamic>>(
          space, items, impl::team_size<E>(length), impl::vector_length<E>()),
      Kokkos::Experimental::WorkItemProperty::HintLightWeight);
  Kokkos::parallel_for(
      label, policy, KOKKOS_LAMBDA(TeamMember<E> const& team) { body(team, team.league_rank()); });
}

template <class Team, class Body>
KOKKOS_INLINE_FUNCTION void team_for(Team const& team, int n, Body const& body) {
  Kokkos::parallel_for(Kokkos::TeamVectorRange(team, n), body);
}

/// sum_i term(i). The type is the term's: duals add up too.
template <class Team, class Term>
KOKKOS_INLINE_FUNCTION auto team_sum(Team const& team, int n, Term const& term) {
  using S = std::remove_cvref_t<decltype(term(0))>;
  S total = S();
  Kokkos::parallel_reduce(
      Kokkos::TeamVectorRange(team, n), [&](int i, S& part) { part += term(i); },
      Kokkos::Sum<S>(total));
  return total;
}

/// max_i term(i), at least 0. A NaN makes the result NaN: it must not hide in a comparison.
template <class Team, class Term>
KOKKOS_INLINE_FUNCTION auto team_max(Team const& team, int n, Term const& term) {
  using S = std::remove_cvref_t<decltype(term(0))>;
  S largest = S(0);
  int bad = 0;
  Kokkos::parallel_reduce(
      Kokkos::TeamVectorRange(team, n),
      [&](int i, S& part) {
        S const t = term(i);
        if (t > part) part = t;
      },
      Kokkos::Max<S>(largest));
  Kokkos::parallel_reduce(
      Kokkos::TeamVectorRange(team, n), [&](int i, int& part) { part += term(i) != term(i); },
      Kokkos::Sum<int>(bad));
  // The reducer starts from the lowest number, which is what an empty range gives.
  if (largest < S(0)) largest = S(0);
  return bad ? Kokkos::Experimental::quiet_NaN_v<S> : largest;
}

template <class Team, class U, class V>
KOKKOS_INLINE_FUNCTION auto team_dot(Team const& team, int n, U const& u, V const& v) {
  return team_sum(team, n, [&](int i) { return u(i) * v(i); });
}

/// Euclidean norm without overflow or underflow of the squares: the vector is scaled by its
/// largest entry where the plain sum leaves the safe range.
template <class Team, class V>
KOKKOS_INLINE_FUNCTION auto team_norm(Team const& team, int n, V const& v) {
  using T = std::remove_cvref_t<decltype(v(0))>;
  constexpr T tiny = Kokkos::Experimental::norm_min_v<T> / Kokkos::Experimental::epsilon_v<T>;
  constexpr T huge = Kokkos::Experimental::finite_max_v<T> * Kokkos::Experimental::epsilon_v<T>;
  T const square = team_dot(team, n, v, v);
  if (square > tiny && square < huge) return Kokkos::sqrt(square);
  T const largest = team_max(team, n, [&](int i) { return Kokkos::abs(T(v(i))); });
  if (!(largest > T(0)) || !Kokkos::isfinite(largest)) return largest;
  T const scaled = team_sum(team, n, [&](int i) {
    T const s = v(i) / largest;
    return s * s;
  });
  return largest * Kokkos::sqrt(scaled);
}

/// Power of two at or below |x|; 1 for 0 and for non-finite x. Scaling by it commits no rounding.
template <std::floating_point T>
KOKKOS_INLINE_FUNCTION T power_of_two_below(T x) {
  x = Kokkos::abs(x);
  if (!(x > T(0)) || !Kokkos::isfinite(x)) return T(1);
  T const p = Kokkos::exp2(Kokkos::floor(Kokkos::log2(x)));
  // log2 of a subnormal or of the largest numbers may round out of range.
  return (p > T(0) && Kokkos::isfinite(T(1) / p) && Kokkos::isfinite(p)) ? p : x;
}

}  // namespace minfold

#endif
