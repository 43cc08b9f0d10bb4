// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_PIVOTED_SMALL_HPP
#define MINFOLD_KERNELS_IMPL_PIVOTED_SMALL_HPP

#include <minfold/core/status.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

/// Dense pieces for a few long rows, r <= 32, on hosts, where a BLAS call costs more than its work. Rows
/// are contiguous with leading dimension. The vectors are written out: left to the compiler, sums that
/// should stay in registers went through memory, and took ten times as long.
namespace minfold::impl::slim {

inline constexpr int widest = 32;  ///< rows

#if defined(__AVX512F__)
inline constexpr int pack_bytes = 64;
#elif defined(__AVX__)
inline constexpr int pack_bytes = 32;
#else
inline constexpr int pack_bytes = 16;
#endif
/// Numbers in a vector register.
template <class T>
inline constexpr int lanes = pack_bytes / int(sizeof(T));

#if defined(__GNUC__) && !defined(__CUDACC__)
template <class T>
struct PackOf {
  typedef T type __attribute__((vector_size(pack_bytes)));
};
#else
/// What the vectors of GCC and Clang do, for compilers without them.
template <class T>
struct PlainPack {
  T at[lanes<T>];
  T& operator[](int l) { return at[l]; }
  T operator[](int l) const { return at[l]; }
  PlainPack& operator+=(PlainPack const& b) {
    for (int l = 0; l < lanes<T>; ++l) at[l] += b.at[l];
    return *this;
  }
  PlainPack& operator-=(PlainPack const& b) {
    for (int l = 0; l < lanes<T>; ++l) at[l] -= b.at[l];
    return *this;
  }
  friend PlainPack operator+(PlainPack a, PlainPack const& b) { return a += b; }
  friend PlainPack operator-(PlainPack a, PlainPack const& b) { return a -= b; }
  friend PlainPack operator*(PlainPack a, PlainPack const& b) {
    for (int l = 0; l < lanes<T>; ++l) a.at[l] *= b.at[l];
    return a;
  }
  friend PlainPack operator/(PlainPack a, PlainPack const& b) {
    for (int l = 0; l < lanes<T>; ++l) a.at[l] /= b.at[l];
    return a;
  }
};
template <class T>
struct PackOf {
  using type = PlainPack<T>;
};
#endif
template <class T>
using Pack = typename PackOf<T>::type;

// By reference: how wide vectors are passed by value depends on compiler options.
template <class T>
inline void load(T const* from, Pack<T>& to) {
  std::memcpy(&to, from, sizeof(to));
}
template <class T>
inline void store(Pack<T> const& from, T* to) {
  std::memcpy(to, &from, sizeof(from));
}
template <class T>
inline void fill(T x, Pack<T>& to) {
#if defined(__GNUC__) && !defined(__CUDACC__)
  to = x - Pack<T>{};  // one instruction; number by number it is as many as there are lanes
#else
  for (int l = 0; l < lanes<T>; ++l) to[l] = x;
#endif
}
template <class T>
inline T sum_of(Pack<T> const& x) {
  T part[lanes<T>];
  std::memcpy(part, &x, sizeof(x));
  for (int half = lanes<T> / 2; half > 0; half /= 2)
    for (int l = 0; l < half; ++l) part[l] += part[l + half];
  return part[0];
}
/// y := y - factor x over `width` numbers, a multiple of the lanes.
template <class T>
inline void subtract(int width, T factor, T const* x, T* y) {
  Pack<T> f, u, v;
  fill(factor, f);
  for (int l = 0; l < width; l += lanes<T>) {
    load(x + l, u);
    load(y + l, v);
    v -= f * u;
    store<T>(v, y + l);
  }
}
/// ||x||^2
template <class T>
inline T square_of(T const* x, int n) {
  Pack<T> sum = {}, u;
  int i = 0;
  for (; i + lanes<T> <= n; i += lanes<T>) {
    load(x + i, u);
    sum += u * u;
  }
  T rest = 0;
  for (; i < n; ++i) rest += x[i] * x[i];
  return rest + sum_of<T>(sum);
}
/// x^(-1/2) for 1 <= x <= 2, to rounding: a parabola and Newton's method. The library's square root
/// sets errno, which keeps compilers from vectorizing it.
template <class T>
inline void inverse_root(Pack<T> const& x, Pack<T>& y) {
  Pack<T> one, a, b, c, half;
  fill(T(1), one);
  fill(T(-0.36701), a);
  fill(T(0.14823), b);
  fill(T(1.5), c);
  fill(T(0.5), half);
  y = one + (x - one) * (a + (x - c) * b);
  for (int step = 0; step < 3; ++step) y = y * (c - half * x * y * y);
}

/// A few rows of `widest` numbers.
template <class T>
struct Square {
  alignas(64) T at[widest][widest];
};

/// g(i, j) := x_i . x_j; both triangles, in blocks of 4 x 4 that live in registers, over panels that are
/// copied: rows a power of two apart would fall on the same places of the cache.
template <std::floating_point T>
void gram(int r, int n, T const* x, long ldx, Square<T>& g) {
  constexpr int step = lanes<T>, width = 1024 / int(sizeof(T)), tiles = widest / 4;
  int const tall = (r + 3) / 4 * 4;
  alignas(64) T panel[widest][width];
  // Sums across registers are dear: one at the end, not one a panel.
  Pack<T> totals[tiles * (tiles + 1) / 2][4][4];
  for (int t = 0; t < n; t += width) {
    int const count = std::min(width, n - t), full = (count + step - 1) / step * step;
    for (int i = 0; i < tall; ++i) {
      if (count < full || i >= r) std::fill(panel[i], panel[i] + full, T(0));
      if (i < r) std::memcpy(panel[i], x + i * ldx + t, count * sizeof(T));
    }
    int tile = 0;
    for (int i = 0; i < tall; i += 4)
      for (int j = 0; j <= i; j += 4, ++tile) {
        Pack<T> sum[4][4] = {}, u, v[4];
        if (t > 0)
          for (int e = 0; e < 4; ++e)
            for (int f = 0; f < 4; ++f) sum[e][f] = totals[tile][e][f];
        for (int l = 0; l < full; l += step) {
          for (int f = 0; f < 4; ++f) load(panel[j + f] + l, v[f]);
          for (int e = 0; e < 4; ++e) {
            load(panel[i + e] + l, u);
            for (int f = 0; f < 4; ++f) sum[e][f] += u * v[f];
          }
        }
        for (int e = 0; e < 4; ++e)
          for (int f = 0; f < 4; ++f) totals[tile][e][f] = sum[e][f];
      }
  }
  int tile = 0;
  for (int i = 0; i < tall; i += 4)
    for (int j = 0; j <= i; j += 4, ++tile)
      for (int e = 0; e < 4; ++e)
        for (int f = 0; f < 4; ++f)
          g.at[i + e][j + f] = g.at[j + f][i + e] = n > 0 ? sum_of<T>(totals[tile][e][f]) : T(0);
}

/// x_i := sum_j m(j, i) x_j for i < kept, in place: column panels of two registers.
template <std::floating_point T>
void combine(int kept, int r, Square<T> const& m, int n, T* x, long ldx) {
  constexpr int half = lanes<T>, width = 2 * half;
  alignas(64) T panel[widest][width];
  for (int t = 0; t < n; t += width) {
    int const count = std::min(width, n - t);
    for (int j = 0; j < r; ++j) {
      if (count < width) std::fill(panel[j], panel[j] + width, T(0));
      std::memcpy(panel[j], x + j * ldx + t, count * sizeof(T));
    }
    for (int i0 = 0; i0 < kept; i0 += 4) {
      Pack<T> sum[4][2] = {}, u, v, f;
      for (int j = 0; j < r; ++j) {
        load(panel[j], u);
        load(panel[j] + half, v);
        for (int e = 0; e < 4; ++e) {
          fill(m.at[j][i0 + e], f);
          sum[e][0] += f * u;
          sum[e][1] += f * v;
        }
      }
      for (int e = 0; e < 4 && i0 + e < kept; ++e)
        std::memcpy(x + (i0 + e) * ldx + t, &sum[e][0], count * sizeof(T));
    }
  }
}

inline constexpr int narrow = 16;
/// to(i, t) := sum_c x(i, c) m(c, t) for t < count <= narrow; rows of m are `narrow` numbers, or zeros,
/// long. A tenth of a microsecond a row of four, where dgemm takes two microseconds to start.
template <std::floating_point T>
void times_narrow(int rows, int count, T const* x, int ldx, T const* m, int ldm, T* to, int ldt) {
  constexpr int step = lanes<T>, packs = (narrow + step - 1) / step, tall = 8;
  for (int i0 = 0; i0 < rows; i0 += tall) {
    T const* from[tall];
    for (int e = 0; e < tall; ++e) from[e] = x + long(std::min(i0 + e, rows - 1)) * ldx;
    Pack<T> sum[tall][packs] = {}, f, u[packs];
    for (int c = 0; c < count; ++c) {
      for (int b = 0; b < packs; ++b) load(m + c * ldm + b * step, u[b]);
      for (int e = 0; e < tall; ++e) {
        fill(from[e][c], f);
        for (int b = 0; b < packs; ++b) sum[e][b] += f * u[b];
      }
    }
    // By way of an array: an address of the sums would keep them out of registers.
    alignas(64) T out[tall][narrow + step];
    for (int e = 0; e < tall; ++e)
      for (int b = 0; b < packs; ++b) store<T>(sum[e][b], out[e] + b * step);
    for (int e = 0; e < tall && i0 + e < rows; ++e)
      std::copy_n(out[e], count, to + long(i0 + e) * ldt);
  }
}

/// Rows >= r and columns >= r of m := 0, so that loops of constant length read zeros.
template <std::floating_point T>
void pad(int r, Square<T>& m) {
  for (int i = 0; i < widest; ++i)
    for (int j = i < r ? r : 0; j < widest; ++j) m.at[i][j] = T(0);
}

inline int padded(int r) {
  return (r + 15) / 16 * 16;
}

/// Upper u, in place, with U^T U = G; false where G is not positive definite.
template <std::floating_point T>
bool upper_cholesky(int r, Square<T>& g) {
  int const width = padded(r);
  for (int k = 0; k < r; ++k) {
    T* const row = g.at[k];
    T const pivot = row[k];
    if (!(pivot > T(0)) || !std::isfinite(pivot)) return false;
    T const inverse = T(1) / std::sqrt(pivot);
    for (int j = 0; j < width; ++j) row[j] *= inverse;
    for (int j = 0; j < k; ++j) row[j] = T(0);
    for (int i = k + 1; i < r; ++i) subtract<T>(width, row[i], row, g.at[i]);
  }
  return true;
}

/// m := U^-1 m for upper U: columns of m are right-hand sides.
template <std::floating_point T>
void solve_upper(int r, Square<T> const& u, Square<T>& m) {
  int const width = padded(r);
  for (int j = r - 1; j >= 0; --j) {
    for (int l = j + 1; l < r; ++l) subtract<T>(width, u.at[j][l], m.at[l], m.at[j]);
    T const inverse = T(1) / u.at[j][j];
    for (int i = 0; i < width; ++i) m.at[j][i] *= inverse;
  }
}

}  // namespace minfold::impl::slim

#endif
