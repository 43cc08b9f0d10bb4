// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_DUAL_HPP
#define MINFOLD_CORE_DUAL_HPP

#include <Kokkos_Core.hpp>

#include <concepts>
#include <type_traits>

/// Dual numbers: a value and Width directional derivatives, eps_i eps_j = 0. Evaluating an
/// objective on them gives exact derivatives (chain rule, no differencing error). They nest:
/// Dual<Dual<double>> carries second derivatives.
///
/// Kinks and poles follow the formula that was executed: abs(x) has derivative 0 at x = 0 (a
/// subgradient) and is NaN at a NaN; sqrt(x) at 0 has an infinite one, and NaN in the directions in
/// which x does not change (0 * infinity); max and min take the branch that was taken and the first
/// argument on a tie.
namespace minfold {

template <class T, int Width = 1>
struct Dual;

namespace impl {
template <class T>
struct PlainOf {
  using type = T;
};
template <class T, int W>
struct PlainOf<Dual<T, W>> : PlainOf<T> {};
}  // namespace impl

/// The floating-point type at the bottom of a nest of duals.
template <class T>
using plain_t = typename impl::PlainOf<std::remove_cvref_t<T>>::type;

/// The number without its derivatives.
template <std::floating_point T>
KOKKOS_INLINE_FUNCTION T plain_value(T x) {
  return x;
}
template <class T, int W>
KOKKOS_INLINE_FUNCTION plain_t<T> plain_value(Dual<T, W> const& x) {
  return plain_value(x.value);
}

template <class T, int Width>
struct Dual {
  T value{};
  T eps[Width]{};

  Dual() = default;
  /// A constant: plain numbers and inner duals convert, so that 0.5 * s needs no cast.
  template <class U>
    requires std::convertible_to<U, T>
  KOKKOS_INLINE_FUNCTION Dual(U const& constant) : value(static_cast<T>(constant)) {}

  friend KOKKOS_INLINE_FUNCTION Dual operator-(Dual const& a) { return chain(a, -a.value, T(-1)); }
  friend KOKKOS_INLINE_FUNCTION Dual operator+(Dual const& a) { return a; }

  friend KOKKOS_INLINE_FUNCTION Dual operator+(Dual const& a, Dual const& b) {
    Dual r;
    r.value = a.value + b.value;
    for (int j = 0; j < Width; ++j) r.eps[j] = a.eps[j] + b.eps[j];
    return r;
  }
  friend KOKKOS_INLINE_FUNCTION Dual operator-(Dual const& a, Dual const& b) {
    Dual r;
    r.value = a.value - b.value;
    for (int j = 0; j < Width; ++j) r.eps[j] = a.eps[j] - b.eps[j];
    return r;
  }
  friend KOKKOS_INLINE_FUNCTION Dual operator*(Dual const& a, Dual const& b) {
    Dual r;
    r.value = a.value * b.value;
    for (int j = 0; j < Width; ++j) r.eps[j] = a.eps[j] * b.value + a.value * b.eps[j];
    return r;
  }
  friend KOKKOS_INLINE_FUNCTION Dual operator/(Dual const& a, Dual const& b) {
    Dual r;
    T const inverse = T(1) / b.value;
    r.value = a.value * inverse;
    for (int j = 0; j < Width; ++j) r.eps[j] = (a.eps[j] - r.value * b.eps[j]) * inverse;
    return r;
  }
  KOKKOS_INLINE_FUNCTION Dual& operator+=(Dual const& b) { return *this = *this + b; }
  KOKKOS_INLINE_FUNCTION Dual& operator-=(Dual const& b) { return *this = *this - b; }
  KOKKOS_INLINE_FUNCTION Dual& operator*=(Dual const& b) { return *this = *this * b; }
  KOKKOS_INLINE_FUNCTION Dual& operator/=(Dual const& b) { return *this = *this / b; }

  // Comparisons look at the value only: they choose a branch, and derivatives follow it.
  friend KOKKOS_INLINE_FUNCTION bool operator<(Dual const& a, Dual const& b) {
    return plain_value(a) < plain_value(b);
  }
  friend KOKKOS_INLINE_FUNCTION bool operator>(Dual const& a, Dual const& b) { return b < a; }
  friend KOKKOS_INLINE_FUNCTION bool operator<=(Dual const& a, Dual const& b) {
    return plain_value(a) <= plain_value(b);
  }
  friend KOKKOS_INLINE_FUNCTION bool operator>=(Dual const& a, Dual const& b) { return b <= a; }

  /// phi(a) given phi(a.value) and phi'(a.value).
  static KOKKOS_INLINE_FUNCTION Dual chain(Dual const& a, T const& value, T const& slope) {
    Dual r;
    r.value = value;
    for (int j = 0; j < Width; ++j) r.eps[j] = slope * a.eps[j];
    return r;
  }
};

// Found by argument-dependent lookup; for plain numbers `using` the Kokkos functions, as below, or
// call minfold::sqrt and so on, which take both.
#define MINFOLD_IMPL_PLAIN_MATH(name)  \
  template <std::floating_point T>     \
  KOKKOS_INLINE_FUNCTION T name(T x) { \
    return Kokkos::name(x);            \
  }
MINFOLD_IMPL_PLAIN_MATH(sqrt)
MINFOLD_IMPL_PLAIN_MATH(exp)
MINFOLD_IMPL_PLAIN_MATH(log)
MINFOLD_IMPL_PLAIN_MATH(sin)
MINFOLD_IMPL_PLAIN_MATH(cos)
MINFOLD_IMPL_PLAIN_MATH(tanh)
MINFOLD_IMPL_PLAIN_MATH(abs)
#undef MINFOLD_IMPL_PLAIN_MATH

template <class T, int W>
KOKKOS_INLINE_FUNCTION Dual<T, W> sqrt(Dual<T, W> const& a) {
  T const root = sqrt(a.value);
  return Dual<T, W>::chain(a, root, T(0.5) / root);
}
template <class T, int W>
KOKKOS_INLINE_FUNCTION Dual<T, W> exp(Dual<T, W> const& a) {
  T const e = exp(a.value);
  return Dual<T, W>::chain(a, e, e);
}
template <class T, int W>
KOKKOS_INLINE_FUNCTION Dual<T, W> log(Dual<T, W> const& a) {
  return Dual<T, W>::chain(a, log(a.value), T(1) / a.value);
}
template <class T, int W>
KOKKOS_INLINE_FUNCTION Dual<T, W> sin(Dual<T, W> const& a) {
  return Dual<T, W>::chain(a, sin(a.value), cos(a.value));
}
template <class T, int W>
KOKKOS_INLINE_FUNCTION Dual<T, W> cos(Dual<T, W> const& a) {
  return Dual<T, W>::chain(a, cos(a.value), -sin(a.value));
}
template <class T, int W>
KOKKOS_INLINE_FUNCTION Dual<T, W> tanh(Dual<T, W> const& a) {
  T const t = tanh(a.value);
  return Dual<T, W>::chain(a, t, T(1) - t * t);
}
template <class T, int W>
KOKKOS_INLINE_FUNCTION Dual<T, W> abs(Dual<T, W> const& a) {
  auto const v = plain_value(a);
  return v < 0 ? -a : (v == 0 ? Dual<T, W>() : a);
}

/// Integer power by repeated multiplication: exact derivatives everywhere, 0 included, where
/// pow(x, p) through logarithms has none. n >= 0.
template <class S>
KOKKOS_INLINE_FUNCTION S power(S const& x, int n) {
  S r = S(1);
  for (int i = 0; i < n; ++i) r = r * x;
  return r;
}

/// Branches on values; on a tie the first argument. A NaN in either one is the result: it must not
/// hide in a comparison.
template <class S>
KOKKOS_INLINE_FUNCTION S max(S const& a, S const& b) {
  auto const x = plain_value(a), y = plain_value(b);
  return x >= y || x != x ? a : b;
}
template <class S>
KOKKOS_INLINE_FUNCTION S min(S const& a, S const& b) {
  auto const x = plain_value(a), y = plain_value(b);
  return x <= y || x != x ? a : b;
}

}  // namespace minfold

/// Lets Kokkos::Sum reduce duals across the threads of a team.
template <class T, int W>
struct Kokkos::reduction_identity<minfold::Dual<T, W>> {
  KOKKOS_FORCEINLINE_FUNCTION static minfold::Dual<T, W> sum() { return minfold::Dual<T, W>(); }
};

#endif
