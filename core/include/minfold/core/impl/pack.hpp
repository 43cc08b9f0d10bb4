// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_IMPL_PACK_HPP
#define MINFOLD_CORE_IMPL_PACK_HPP

#include <cmath>
#include <cstdint>

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

}  // namespace minfold::impl

#endif
