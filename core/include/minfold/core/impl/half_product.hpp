// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_IMPL_HALF_PRODUCT_HPP
#define MINFOLD_CORE_IMPL_HALF_PRODUCT_HPP

#include <minfold/core/impl/pack.hpp>

#include <cstring>
#include <utility>

/// Products with a symmetric matrix of which one half is read: each entry below the diagonal serves
/// twice, so that a product that is bound by memory takes half the time. Hosts only.
namespace minfold::impl {

template <class T>
Pack<T> load_pack(T const* from) {
  Pack<T> x;
  std::memcpy(&x, from, sizeof(x));
  return x;
}
template <class T>
void store_pack(T* to, Pack<T> x) {
  std::memcpy(to, &x, sizeof(x));
}
/// The first row of matrix(item, :, :), which may have none.
template <class Matrix>
auto const* matrix_rows(Matrix const& matrix, int item) {
  return matrix.data() + std::size_t(item) * matrix.stride(0);
}
/// The first `count` numbers, zeros behind them.
template <class T>
Pack<T> load_some(T const* from, int count) {
  Pack<T> x{};
  std::memcpy(&x, from, std::size_t(count) * sizeof(T));
  return x;
}

/// Lane l of the result: a_l + a_(l+S) where l is in the lower half of a block of 2 S lanes, the
/// same of b in the upper half.
template <int S, class T>
Pack<T> fold(Pack<T> a, Pack<T> b) {
  constexpr int w = lanes<T>;
#if !defined(__NVCC__)
  return [&]<int... L>(std::integer_sequence<int, L...>) {
    return __builtin_shufflevector(a, b, (L / (2 * S) * 2 * S + L % S + (L / S % 2) * w)...) +
           __builtin_shufflevector(a, b, (L / (2 * S) * 2 * S + L % S + (L / S % 2) * w + S)...);
  }(std::make_integer_sequence<int, w>{});
#else
  // The front end of nvcc has no shuffles.
  Pack<T> sum{};
  for (int l = 0; l < w; ++l) {
    int const at = l / (2 * S) * 2 * S + l % S;
    sum[l] = l / S % 2 ? b[at] + b[at + S] : a[at] + a[at + S];
  }
  return sum;
#endif
}

/// Lane l of the result is the sum of the lanes of a[l]: always in the same order, and with half as
/// many shuffles as one sum after the other. Overwrites a.
template <class T, int S = 1>
Pack<T> sums_of_lanes(Pack<T>* a) {
  if constexpr (S == lanes<T>) {
    return a[0];
  } else {
    for (int k = 0; k < lanes<T> / (2 * S); ++k) a[k] = fold<S, T>(a[2 * k], a[2 * k + 1]);
    return sums_of_lanes<T, 2 * S>(a);
  }
}

template <class T>
T sum_of_lanes(Pack<T> x) {
  T parts[lanes<T>];
  std::memcpy(parts, &x, sizeof(x));
  for (int s = lanes<T> / 2; s > 0; s /= 2)
    for (int l = 0; l < s; ++l) parts[l] += parts[l + s];
  return parts[0];
}

/// Numbers i, i + 1, ... of a vector as a pack: contiguous, or of any V with operator()(i).
template <class T>
struct PacksOfArray {
  T const* data;
  Pack<T> operator()(int i) const { return load_pack(data + i); }
  Pack<T> operator()(int i, int count) const { return load_some(data + i, count); }
};
template <class T, class V>
struct PacksOfVector {
  V const& v;
  Pack<T> operator()(int i) const { return (*this)(i, lanes<T>); }
  Pack<T> operator()(int i, int count) const {
    Pack<T> x{};
    for (int l = 0; l < count; ++l) x[l] = v(i + l);
    return x;
  }
};

/// sum u_i (factor v_i): four chains of packs, for the latency of an addition, in an order that
/// depends on n only.
template <class T, class U, class V>
T packed_dot(int n, U const& u, V const& v, T factor) {
  constexpr int w = lanes<T>;
  Pack<T> const f = broadcast(factor);
  Pack<T> s0{}, s1{}, s2{}, s3{};
  int i = 0;
  for (; i + 4 * w <= n; i += 4 * w) {
    s0 += u(i) * (f * v(i));
    s1 += u(i + w) * (f * v(i + w));
    s2 += u(i + 2 * w) * (f * v(i + 2 * w));
    s3 += u(i + 3 * w) * (f * v(i + 3 * w));
  }
  for (; i + w <= n; i += w) s0 += u(i) * (f * v(i));
  if (i < n) s1 += u(i, n - i) * (f * v(i, n - i));
  return sum_of_lanes<T>((s0 + s1) + (s2 + s3));
}

/// Rows that share the loads of x and y: as many as leave room in the registers.
template <class T>
inline constexpr int rows_at_once =
    lanes<T> < (pack_bytes == 64 ? 8 : 4) ? lanes<T> : (pack_bytes == 64 ? 8 : 4);

/// The part of y = H x of rows [first, last) of the lower half of H: of entry (i, j), j < i, both
/// H_ij x_j into y_i and H_ij x_i into y_j. Blocks on the diagonal are read whole.
///
/// Requires  first and last are multiples of lanes<T>, or last = n; x and y do not overlap.
/// Gives     y_i set for i in [first, last), y_j added to for j < first.
/// With `Far` H comes from memory: it is asked for a kilobyte ahead, into the next rows where these end,
/// which the processor would not guess. Into the second-level cache: in the first, rows that are a power
/// of two apart would share a set and drive each other out. One core of an AMD EPYC with AVX-512, n = 2048:
/// 0.66 ms, into the first level 0.90, not asked for 0.78; n = 1800: 0.56, 0.74, 0.60.
template <class T, bool Far = false>
void half_product_rows(int n, T const* h, long stride, int first, int last, T const* x, T* y) {
  constexpr int w = lanes<T>, rows = rows_at_once<T>;
  for (int i0 = first; i0 < last; i0 += w) {
    int const inside = n - i0 < w ? n - i0 : w;
    Pack<T> sums[w];
    for (int s = 0; s < w; s += rows) {
      // Rows beyond the last are the last again, times 0; their sums are dropped.
      T const* row[rows];
      Pack<T> xi[rows], sum[rows];
#pragma GCC unroll 8
      for (int r = 0; r < rows; ++r) {
        bool const is_row = s + r < inside;
        row[r] = h + (is_row ? i0 + s + r : n - 1) * stride;
        xi[r] = broadcast(is_row ? x[i0 + s + r] : T(0));
        sum[r] = Pack<T>{};
      }
      for (int j = 0; j < i0; j += w) {
        if constexpr (Far) {
          constexpr int ahead = 1024 / int(sizeof(T));
          long const at = j + ahead < i0 + w ? j + ahead : rows * stride + (j + ahead - i0 - w);
#pragma GCC unroll 8
          for (int r = 0; r < rows; ++r) __builtin_prefetch(row[r] + at, 0, 2);
        }
        // Two chains into y_j, for their latency.
        Pack<T> const xj = load_pack(x + j);
        Pack<T> even = load_pack(y + j), odd{};
#pragma GCC unroll 8
        for (int r = 0; r < rows; ++r) {
          Pack<T> const t = load_pack(row[r] + j);
          sum[r] += t * xj;
          (r % 2 ? odd : even) += t * xi[r];
        }
        store_pack<T>(y + j, even + odd);
      }
      // Lengths that are known, where they are: a call of memcpy would empty the registers.
      if (inside == w) {
        Pack<T> const xj = load_pack(x + i0);
#pragma GCC unroll 8
        for (int r = 0; r < rows; ++r) sums[s + r] = sum[r] + load_pack(row[r] + i0) * xj;
      } else {
#pragma GCC unroll 8
        for (int r = 0; r < rows; ++r) sums[s + r] = sum[r];
        Pack<T> const xj = load_some(x + i0, inside);
        for (int r = 0; r < rows; ++r) sums[s + r] += load_some(row[r] + i0, inside) * xj;
      }
    }
    Pack<T> const yi = sums_of_lanes<T>(sums);
    if (inside == w)
      store_pack<T>(y + i0, yi);
    else
      std::memcpy(y + i0, &yi, std::size_t(inside) * sizeof(T));
  }
}

/// y := H x.
template <class T>
void half_product(int n, T const* h, long stride, T const* x, T* y) {
  half_product_rows(n, h, stride, 0, n, x, y);
}

/// As half_product_rows, for lanes<T> vectors at once, a lane each: x and y are (i, lane), and all of
/// y_i, i < last, is added to. One number of H serves all of them, twice. Panels of columns, so that
/// their x and y stay in the first level cache.
template <class T>
void half_block_product_rows(T const* h, long stride, int first, int last, Pack<T> const* x,
                             Pack<T>* y) {
  constexpr int rows = rows_at_once<T>, panel = 16384 / pack_bytes;
  for (int j0 = 0; j0 < last; j0 += panel) {
    int i0 = first > j0 ? first : j0;
    for (; i0 + rows <= last; i0 += rows) {
      T const* row[rows];
      Pack<T> xi[rows], sum[rows];
#pragma GCC unroll 8
      for (int r = 0; r < rows; ++r) {
        row[r] = h + (i0 + r) * stride;
        xi[r] = x[i0 + r];
        sum[r] = Pack<T>{};
      }
      int const end = i0 < j0 + panel ? i0 : j0 + panel;
      for (int j1 = j0; j1 < end; j1 += rows) {
        // The next rows, by the time that this panel is through with these.
#pragma GCC unroll 8
        for (int r = 0; r < rows; ++r) __builtin_prefetch(row[r] + rows * stride + j1, 0, 2);
        for (int j = j1; j < j1 + rows; ++j) {
          Pack<T> const xj = x[j];
          Pack<T> even = y[j], odd{};
#pragma GCC unroll 8
          for (int r = 0; r < rows; ++r) {
            Pack<T> const t = broadcast(row[r][j]);
            sum[r] += t * xj;
            (r % 2 ? odd : even) += t * xi[r];
          }
          y[j] = even + odd;
        }
      }
      if (i0 < j0 + panel) {
#pragma GCC unroll 8
        for (int r = 0; r < rows; ++r)
#pragma GCC unroll 8
          for (int s = 0; s < rows; ++s) sum[r] += broadcast(row[r][i0 + s]) * xi[s];
      }
#pragma GCC unroll 8
      for (int r = 0; r < rows; ++r) y[i0 + r] += sum[r];
    }
    for (; i0 < last; ++i0) {
      T const* const row = h + i0 * stride;
      Pack<T> const xi = x[i0];
      Pack<T> sum{};
      int const end = i0 < j0 + panel ? i0 : j0 + panel;
      for (int j = j0; j < end; ++j) {
        Pack<T> const t = broadcast(row[j]);
        sum += t * x[j];
        y[j] += t * xi;
      }
      if (i0 < j0 + panel) sum += broadcast(row[i0]) * xi;
      y[i0] += sum;
    }
  }
}

}  // namespace minfold::impl

#endif
