// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_HYPER_CLEANING_MLP_KERNELS_HPP
#define MINFOLD_PROBLEMS_HYPER_CLEANING_MLP_KERNELS_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/random.hpp>
#include <minfold/core/team.hpp>

namespace minfold {

enum class Activation : bool { relu = false, sigmoid = true };

}  // namespace minfold

/// What a hidden layer does between matrix products, number by number. Derivatives of the activation
/// come from its value h: sigmoid' = h (1 - h), sigmoid'' = sigmoid' (1 - 2 h); relu' = [h > 0], 0.
namespace minfold::impl {

template <class T>
KOKKOS_INLINE_FUNCTION T activation_slope(Activation kind, T h) {
  return kind == Activation::sigmoid ? h * (T(1) - h) : T(h > T(0));
}

/// s := activation(s)
template <class T, ExecutionSpace E>
struct Activate {
  Activation kind;
  Vectors<T, E> s;
  KOKKOS_INLINE_FUNCTION void operator()(long t) const {
    T const v = s.data()[t];
    s.data()[t] =
        kind == Activation::sigmoid ? T(1) / (T(1) + Kokkos::exp(-v)) : (v > T(0) ? v : T(0));
  }
};

/// d := activation'(s) d
template <class T, ExecutionSpace E>
struct TimesSlope {
  Activation kind;
  Vectors<T const, E> h;
  Vectors<T, E> d;
  KOKKOS_INLINE_FUNCTION void operator()(long t) const {
    d.data()[t] *= activation_slope(kind, h.data()[t]);
  }
};

/// Derivative of activation'(s) d along: activation' d' + activation'' s' d, where h' = activation' s'.
template <class T, ExecutionSpace E>
struct SlopeAlongBoth {
  Activation kind;
  Vectors<T const, E> h, h_along, d;
  Vectors<T, E> d_along;
  KOKKOS_INLINE_FUNCTION void operator()(long t) const {
    T const at = h.data()[t];
    T r = activation_slope(kind, at) * d_along.data()[t];
    if (kind == Activation::sigmoid) r += (T(1) - T(2) * at) * h_along.data()[t] * d.data()[t];
    d_along.data()[t] = r;
  }
};

/// z(c, i) += b_c
template <class T, ExecutionSpace E>
struct AddToRows {
  T const* b;
  Vectors<T, E> z;
  KOKKOS_INLINE_FUNCTION void operator()(long t) const { z.data()[t] += b[t / long(z.extent(1))]; }
};

/// b_c = sum_i z(c, i)
template <class T, ExecutionSpace E>
struct SumOfRows {
  Vectors<T const, E> z;
  T* b;
  template <class Team>
  KOKKOS_INLINE_FUNCTION void operator()(Team const& team, int c) const {
    T const sum = team_sum(team, int(z.extent(1)), [&](int i) { return z(c, i); });
    Kokkos::single(Kokkos::PerTeam(team), [&] { b[c] = sum; });
  }
};

/// Normal numbers, scaled by 1 / sqrt(inputs) of their layer; offsets of the second layer are 0.
template <class T, ExecutionSpace E>
struct RandomNetwork {
  Place place;
  int first, second;  ///< numbers of the two layers
  T first_scale, second_scale;
  Vectors<T, E> y;
  KOKKOS_INLINE_FUNCTION void operator()(int t) const {
    int const n = int(y.extent(1)), i = t % n;
    Place here = place;
    here.item += std::uint32_t(t / n);
    here.row = std::uint32_t(i);
    T const scale = i < first ? first_scale : (i < first + second ? second_scale : T(0));
    y(t / n, i) = scale * T(normal(here));
  }
};

}  // namespace minfold::impl

#endif
