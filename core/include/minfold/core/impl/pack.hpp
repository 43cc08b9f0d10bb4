// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_IMPL_PACK_HPP
#define MINFOLD_CORE_IMPL_PACK_HPP

#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

/// A register of numbers, one for each of several items of a batch: on a host the small kernels work
/// that many items at once, every lane doing exactly what it would do alone. Written with the vector
/// extension of GCC and Clang: + - * / act on lanes, a comparison gives a mask, `mask ? a : b` picks.
namespace minfold::impl {

#if defined(__AVX512F__)
inline constexpr int pack_bytes = 64;
#elif defined(__AVX__)
inline constexpr int pack_bytes = 32;
#else
inline constexpr int pack_bytes = 16;
#endif

template <class T>
struct PackOf;
template <>
struct PackOf<double> {
  typedef double type __attribute__((vector_size(pack_bytes)));
  typedef std::int64_t mask __attribute__((vector_size(pack_bytes)));
};
template <>
struct PackOf<float> {
  typedef float type __attribute__((vector_size(pack_bytes)));
  typedef std::int32_t mask __attribute__((vector_size(pack_bytes)));
};

template <class T>
using Pack = typename PackOf<T>::type;
template <class T>
using PackMask = typename PackOf<T>::mask;
/// Items of a pack.
template <class T>
inline constexpr int lanes = pack_bytes / int(sizeof(T));

template <class T>
Pack<T> broadcast(T x) {
  return Pack<T>{} + x;
}

/// x, y in lanes where the mask is set, else y.
template <class T>
Pack<T> select(PackMask<T> mask, Pack<T> x, Pack<T> y) {
  return mask ? x : y;
}

template <class T>
bool any(PackMask<T> mask) {
  for (int l = 0; l < lanes<T>; ++l)
    if (mask[l]) return true;
  return false;
}

inline Pack<double> square_root(Pack<double> x) {
#if defined(__AVX512F__)
  return (Pack<double>)_mm512_sqrt_pd((__m512d)x);
#else
  for (int l = 0; l < lanes<double>; ++l) x[l] = std::sqrt(x[l]);
  return x;
#endif
}
inline Pack<float> square_root(Pack<float> x) {
#if defined(__AVX512F__)
  return (Pack<float>)_mm512_sqrt_ps((__m512)x);
#else
  for (int l = 0; l < lanes<float>; ++l) x[l] = std::sqrt(x[l]);
  return x;
#endif
}

template <class T>
Pack<T> magnitude(Pack<T> x) {
  return x < Pack<T>{} ? -x : x;
}
/// The larger of each lane; a NaN in either is not kept: test for it where it matters.
template <class T>
Pack<T> larger(Pack<T> x, Pack<T> y) {
  return x > y ? x : y;
}

/// x[0 ... lanes - 1] at any address.
template <class T>
Pack<T> load_unaligned(T const* x) {
  Pack<T> p;
  std::memcpy(&p, x, sizeof p);
  return p;
}

#if !defined(__NVCC__)
template <int Distance, class P, std::size_t... L>
void exchange(P& a, P& b, std::index_sequence<L...>) {
  constexpr int n = sizeof...(L);
  P const first =
      __builtin_shufflevector(a, b, ((L & Distance) ? n + int(L) - Distance : int(L))...);
  b = __builtin_shufflevector(a, b, ((L & Distance) ? n + int(L) : int(L) + Distance)...);
  a = first;
}
template <int Distance, int N, class P>
void transpose_step(P (&v)[N]) {
  if constexpr (Distance < N) {
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i)
      if (!(i & Distance)) exchange<Distance>(v[i], v[i + Distance], std::make_index_sequence<N>());
    transpose_step<2 * Distance>(v);
  }
}
#endif

/// v[i][l] and v[l][i] change places.
template <class T>
void transpose(Pack<T> (&v)[lanes<T>]) {
#if !defined(__NVCC__)
  transpose_step<1>(v);
#else
  // The front end of nvcc has no shuffles.
  for (int i = 0; i < lanes<T>; ++i)
    for (int l = 0; l < i; ++l) {
      T const keep = v[i][l];
      v[i][l] = v[l][i];
      v[l][i] = keep;
    }
#endif
}

}  // namespace minfold::impl

#endif
