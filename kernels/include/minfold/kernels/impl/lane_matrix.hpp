// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_LANE_MATRIX_HPP
#define MINFOLD_KERNELS_IMPL_LANE_MATRIX_HPP

#include <minfold/core/impl/half_product.hpp>

/// Lower halves of symmetric matrices, one in each lane of packs. Hosts only.
namespace minfold::impl {

/// to[i] := lane l is from[l][i].
template <class T>
void gather_lanes(int n, T const* const* from, Pack<T>* to) {
  constexpr int w = lanes<T>;
  for (int i = 0; i < n; i += w) {
    int const inside = n - i < w ? n - i : w;
    Pack<T> a[w];
    for (int l = 0; l < w; ++l)
      a[l] = inside == w ? load_pack(from[l] + i) : load_some(from[l] + i, inside);
    transpose<T>(a);
    for (int l = 0; l < inside; ++l) to[i + l] = a[l];
  }
}

/// Rows in blocks of `rows`; of a block first the columns left of its diagonal, entries of one column
/// together, then its lower triangle, row by row. Padded with zeros to whole blocks.
template <class T>
struct LaneMatrix {
  static constexpr int rows = 4;

  Pack<T>* data;
  int n;

  static int padded(int n) { return (n + rows - 1) / rows * rows; }
  static long size(int n) {
    long const blocks = padded(n) / rows;
    return blocks * (blocks - 1) / 2 * (rows * rows) + blocks * (rows * (rows + 1) / 2);
  }
  Pack<T>* block(int b) const {
    return data + long(b) * (b - 1) / 2 * (rows * rows) + long(b) * (rows * (rows + 1) / 2);
  }

  /// `from[l]` is the matrix of lane l, row by row.
  void fill(T const* const* from, long stride) const {
    constexpr int w = lanes<T>;
    for (int i = 0; i < padded(n); ++i) {
      int const b = i / rows, r = i % rows, left = b * rows;
      Pack<T>* const columns = block(b);
      Pack<T>* const triangle = columns + left * rows + r * (r + 1) / 2;
      if (i >= n) {
        for (int j = 0; j < left; ++j) columns[j * rows + r] = Pack<T>{};
        for (int j = 0; j <= r; ++j) triangle[j] = Pack<T>{};
        continue;
      }
      for (int j0 = 0; j0 <= i; j0 += w) {
        Pack<T> a[w];
        int const inside = n - j0 < w ? n - j0 : w;
        for (int l = 0; l < w; ++l) {
          T const* const row = from[l] + i * stride + j0;
          a[l] = inside == w ? load_pack(row) : load_some(row, inside);
        }
        transpose<T>(a);
        for (int t = 0; t < w && j0 + t <= i; ++t) {
          int const j = j0 + t;
          (j < left ? columns[j * rows + r] : triangle[j - left]) = a[t];
        }
      }
    }
  }

  /// y := H x, both of padded length, the padding of x zero.
  void multiply(Pack<T> const* __restrict x, Pack<T>* __restrict y) const {
    for (int b = 0; b < padded(n) / rows; ++b) {
      int const left = b * rows;
      Pack<T> const* h = block(b);
      Pack<T> xi[rows], sum[rows];
#pragma GCC unroll 4
      for (int r = 0; r < rows; ++r) {
        xi[r] = x[left + r];
        sum[r] = Pack<T>{};
      }
      for (int j = 0; j < left; ++j, h += rows) {
        Pack<T> const xj = x[j];
        Pack<T> yj = y[j];
#pragma GCC unroll 4
        for (int r = 0; r < rows; ++r) {
          sum[r] += h[r] * xj;
          yj += h[r] * xi[r];
        }
        y[j] = yj;
      }
#pragma GCC unroll 4
      for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 4
        for (int s = 0; s < rows; ++s) {
          if (s >= r) continue;
          Pack<T> const t = h[r * (r + 1) / 2 + s];
          sum[r] += t * xi[s];
          sum[s] += t * xi[r];
        }
        sum[r] += h[r * (r + 1) / 2 + r] * xi[r];
      }
#pragma GCC unroll 4
      for (int r = 0; r < rows; ++r) y[left + r] = sum[r];
    }
  }
};

}  // namespace minfold::impl

#endif
