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

/// Rows in blocks of `rows`, the last of `narrow` where that is enough; of a block first the columns left
/// of its diagonal, entries of one column together, then its lower triangle, row by row. Padded with zeros
/// to whole blocks.
template <class T>
struct LaneMatrix {
  static constexpr int narrow = 4;
  /// As many as the registers hold twice, with their sums: a sum is added to once a column, and the more
  /// of them there are, the less one waits for the one before.
  static constexpr int rows = pack_bytes == 64 ? 8 : narrow;

  Pack<T>* data;
  int n;

  static int padded(int n) { return (n + narrow - 1) / narrow * narrow; }
  static long size(int n) {
    int const whole = padded(n) / rows * rows, rest = padded(n) - whole;
    return before(whole) + long(rest) * whole + rest * (rest + 1) / 2;
  }
  /// Packs of the rows above `row`, the first of a block.
  static long before(int row) {
    long const b = row / rows;
    return b * (b - 1) / 2 * (rows * rows) + b * (rows * (rows + 1) / 2);
  }

  /// `from[l]` is the matrix of lane l, row by row.
  void fill(T const* const* from, long stride) const {
    constexpr int w = lanes<T>;
    for (int i = 0; i < padded(n); ++i) {
      int const left = i / rows * rows, r = i - left;
      int const height = padded(n) - left < rows ? padded(n) - left : rows;
      Pack<T>* const columns = data + before(left);
      Pack<T>* const triangle = columns + left * height + r * (r + 1) / 2;
      if (i >= n) {
        for (int j = 0; j < left; ++j) columns[j * height + r] = Pack<T>{};
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
          (j < left ? columns[j * height + r] : triangle[j - left]) = a[t];
        }
      }
    }
  }

  /// y := H x, both of padded length, the padding of x zero. Each y_i is a sum in the order of the columns.
  void multiply(Pack<T> const* __restrict x, Pack<T>* __restrict y) const {
    int const end = padded(n);
    int left = 0;
    for (; left + rows <= end; left += rows) block<rows>(left, x, y);
    if constexpr (rows > narrow)
      if (left < end) block<narrow>(left, x, y);
  }

 private:
  template <int Rows>
  void block(int left, Pack<T> const* __restrict x, Pack<T>* __restrict y) const {
    Pack<T> const* h = data + before(left);
    Pack<T> xi[Rows], sum[Rows];
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
      xi[r] = x[left + r];
      sum[r] = Pack<T>{};
    }
    for (int j = 0; j < left; ++j, h += Rows) {
      Pack<T> const xj = x[j];
      Pack<T> yj = y[j];
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r) {
        sum[r] += h[r] * xj;
        yj += h[r] * xi[r];
      }
      y[j] = yj;
    }
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 8
      for (int s = 0; s < Rows; ++s) {
        if (s >= r) continue;
        Pack<T> const t = h[r * (r + 1) / 2 + s];
        sum[r] += t * xi[s];
        sum[s] += t * xi[r];
      }
      sum[r] += h[r * (r + 1) / 2 + r] * xi[r];
    }
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) y[left + r] = sum[r];
  }
};

}  // namespace minfold::impl

#endif
