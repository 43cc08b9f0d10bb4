// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_SEEDED_HPP
#define MINFOLD_CORE_SEEDED_HPP

#include <minfold/core/dual.hpp>

/// Vectors of dual numbers that are computed when read and stored nowhere. A "vector" is anything
/// callable with an index: a rank-1 View, another lazy vector, a lambda.
namespace minfold {

template <class V>
using element_t = std::remove_cvref_t<decltype(std::declval<V const&>()(0))>;

/// i -> y_i + eps v_i : one directional derivative.
template <class Y, class V>
struct Seeded {
  Y y;
  V v;
  KOKKOS_INLINE_FUNCTION auto operator()(int i) const {
    Dual<element_t<Y>, 1> r;
    r.value = y(i);
    r.eps[0] = v(i);
    return r;
  }
};
template <class Y, class V>
KOKKOS_INLINE_FUNCTION Seeded<Y, V> seeded(Y const& y, V const& v) {
  return {y, v};
}

/// i -> y_i + sum_j eps_j [i == first + j] : Width components of a gradient at once.
template <int Width, class Y>
struct OneHot {
  Y y;
  int first;
  KOKKOS_INLINE_FUNCTION auto operator()(int i) const {
    Dual<element_t<Y>, Width> r;
    r.value = y(i);
    for (int j = 0; j < Width; ++j)
      if (i == first + j) r.eps[j] = element_t<Y>(1);
    return r;
  }
};
template <int Width, class Y>
KOKKOS_INLINE_FUNCTION OneHot<Width, Y> one_hot(Y const& y, int first) {
  return {y, first};
}

/// i -> D(x_i) : constant in the directions of D.
template <class D, class X>
struct Lifted {
  X x;
  KOKKOS_INLINE_FUNCTION D operator()(int i) const { return D(x(i)); }
};
template <class D, class X>
KOKKOS_INLINE_FUNCTION Lifted<D, X> lifted(X const& x) {
  return {x};
}

}  // namespace minfold

#endif
