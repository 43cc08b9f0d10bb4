// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_PACKED_TILES_HPP
#define MINFOLD_KERNELS_IMPL_PACKED_TILES_HPP

#include <minfold/core/impl/pack.hpp>
#include <minfold/core/impl/tuning.hpp>

#include <algorithm>

/// Linear algebra on a pack of small matrices: hosts only.
///
/// A matrix is cut into tiles of 4 x 4 packs (row by row, 16 packs, contiguous), so that a product of two
/// tiles is 64 multiply-adds on 16 accumulators that stay in registers for 32 loads. Only the lower half
/// of a symmetric matrix is kept. Orders are multiples of 4: who fills the tiles pads.
namespace minfold::impl {

inline constexpr int tile_order = 4, tile_size = 16;

/// Lower triangular or symmetric: tile (i, j), j <= i.
template <class T>
struct HalfTiles {
  Pack<T>* data;
  int tiles;  ///< tiles in a row of the whole matrix

  Pack<T>* operator()(int i, int j) const { return data + (long(i) * (i + 1) / 2 + j) * tile_size; }
  static long size(int tiles) { return long(tiles) * (tiles + 1) / 2 * tile_size; }
};

/// n x (4 groups): tile (i, c).
template <class T>
struct PanelTiles {
  Pack<T>* data;
  int tiles, groups;

  Pack<T>* operator()(int i, int c) const { return data + (long(i) * groups + c) * tile_size; }
  Pack<T>& entry(int row, int column) const {
    return (*this)(row / tile_order,
                   column / tile_order)[row % tile_order * tile_order + column % tile_order];
  }
  static long size(int tiles, int groups) { return long(tiles) * groups * tile_size; }
};

template <class T>
struct Accumulator {
  Pack<T> c[tile_size];

  explicit Accumulator(Pack<T> const* tile) {
    for (int t = 0; t < tile_size; ++t) c[t] = tile[t];
  }
  Accumulator() : c{} {}

  void store(Pack<T>* tile) const {
    for (int t = 0; t < tile_size; ++t) tile[t] = c[t];
  }

  // c -= a b^T, a b, a^T b; c += a b, a^T b.
  void subtract_nt(Pack<T> const* a, Pack<T> const* b) {
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k)
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r)
#pragma GCC unroll 4
        for (int s = 0; s < 4; ++s) c[4 * r + s] -= a[4 * r + k] * b[4 * s + k];
  }
  void subtract_nn(Pack<T> const* a, Pack<T> const* b) {
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k)
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r)
#pragma GCC unroll 4
        for (int s = 0; s < 4; ++s) c[4 * r + s] -= a[4 * r + k] * b[4 * k + s];
  }
  void subtract_tn(Pack<T> const* a, Pack<T> const* b) {
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k)
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r)
#pragma GCC unroll 4
        for (int s = 0; s < 4; ++s) c[4 * r + s] -= a[4 * k + r] * b[4 * k + s];
  }
  void add_nn(Pack<T> const* a, Pack<T> const* b) {
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k)
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r)
#pragma GCC unroll 4
        for (int s = 0; s < 4; ++s) c[4 * r + s] += a[4 * r + k] * b[4 * k + s];
  }
  void add_tn(Pack<T> const* a, Pack<T> const* b) {
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k)
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r)
#pragma GCC unroll 4
        for (int s = 0; s < 4; ++s) c[4 * r + s] += a[4 * k + r] * b[4 * k + s];
  }

  /// Cholesky of the tile (its lower half), the diagonal inverted: what a solve multiplies with.
  /// pivots[j] := the pivot, before the square root. One that is not above `least` counts as infinite:
  /// its column becomes zero, and a solve gives zero there.
  void factor(Pack<T> least, Pack<T>* pivots) {
    for (int j = 0; j < 4; ++j) {
      Pack<T> d = c[4 * j + j];
      for (int k = 0; k < j; ++k) d -= c[4 * j + k] * c[4 * j + k];
      pivots[j] = d;
      Pack<T> const inverse = d > least ? T(1) / square_root(d) : Pack<T>{};
      c[4 * j + j] = inverse;
      for (int i = j + 1; i < 4; ++i) {
        Pack<T> s = c[4 * i + j];
        for (int k = 0; k < j; ++k) s -= c[4 * i + k] * c[4 * j + k];
        c[4 * i + j] = s * inverse;
      }
    }
  }
  /// c := c l^-T
  void solve_right(Pack<T> const* l) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j)
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r) {
        for (int k = 0; k < j; ++k) c[4 * r + j] -= c[4 * r + k] * l[4 * j + k];
        c[4 * r + j] *= l[4 * j + j];
      }
  }
  /// c := l^-1 c
  void solve_left(Pack<T> const* l) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i)
#pragma GCC unroll 4
      for (int s = 0; s < 4; ++s) {
        for (int k = 0; k < i; ++k) c[4 * i + s] -= l[4 * i + k] * c[4 * k + s];
        c[4 * i + s] *= l[4 * i + i];
      }
  }
  /// c := l^-T c
  void solve_left_transposed(Pack<T> const* l) {
#pragma GCC unroll 4
    for (int i = 3; i >= 0; --i)
#pragma GCC unroll 4
      for (int s = 0; s < 4; ++s) {
        for (int k = i + 1; k < 4; ++k) c[4 * i + s] -= l[4 * k + i] * c[4 * k + s];
        c[4 * i + s] *= l[4 * i + i];
      }
  }
};

/// row(first ... last-1) := those tiles of row l^-T, a row of tiles against a factor; the ones before are
/// done.
template <class T>
void solve_row(HalfTiles<T> const& l, Pack<T>* row, int first, int last) {
  for (int j = first; j < last; ++j) {
    Accumulator<T> c(row + j * tile_size);
    for (int k = 0; k < j; ++k) c.subtract_nt(row + k * tile_size, l(j, k));
    c.solve_right(l(j, j));
    c.store(row + j * tile_size);
  }
}

/// a := its Cholesky factor, diagonals inverted; pivots[i] before the square root. Rows are worked in
/// blocks that stay in cache, so that the factor above a block is read once for all of its rows.
template <class T>
void factor_tiles(HalfTiles<T> const& a, Pack<T> least, Pack<T>* pivots) {
  int const row_bytes = a.tiles * tile_size * pack_bytes;
  int const block = std::max(1, factor_block_bytes / std::max(1, row_bytes));
  for (int first = 0; first < a.tiles; first += block) {
    int const last = std::min(first + block, a.tiles);
    for (int j = 0; j < first; ++j)
      for (int i = first; i < last; ++i) solve_row(a, a(i, 0), j, j + 1);
    for (int i = first; i < last; ++i) {
      solve_row(a, a(i, 0), first, i);
      Accumulator<T> c(a(i, i));
      for (int k = 0; k < i; ++k) c.subtract_nt(a(i, k), a(i, k));
      c.factor(least, pivots + i * tile_order);
      c.store(a(i, i));
    }
  }
}

/// x := l^-1 x
template <class T>
void solve_lower(HalfTiles<T> const& l, PanelTiles<T> const& x) {
  for (int i = 0; i < l.tiles; ++i)
    for (int g = 0; g < x.groups; ++g) {
      Accumulator<T> c(x(i, g));
      for (int k = 0; k < i; ++k) c.subtract_nn(l(i, k), x(k, g));
      c.solve_left(l(i, i));
      c.store(x(i, g));
    }
}

/// x := l^-T x
template <class T>
void solve_upper(HalfTiles<T> const& l, PanelTiles<T> const& x) {
  for (int i = l.tiles - 1; i >= 0; --i)
    for (int g = 0; g < x.groups; ++g) {
      Accumulator<T> c(x(i, g));
      for (int k = i + 1; k < l.tiles; ++k) c.subtract_tn(l(k, i), x(k, g));
      c.solve_left_transposed(l(i, i));
      c.store(x(i, g));
    }
}

/// Tile (i, g) of a x for symmetric a, diagonal tiles in full.
template <class T>
Accumulator<T> product_tile(HalfTiles<T> const& a, PanelTiles<T> const& x, int i, int g) {
  Accumulator<T> c;
  for (int k = 0; k <= i; ++k) c.add_nn(a(i, k), x(k, g));
  for (int k = i + 1; k < a.tiles; ++k) c.add_tn(a(k, i), x(k, g));
  return c;
}

/// y := a x, one vector; tiles are read once here too.
template <class T>
void multiply(HalfTiles<T> const& a, Pack<T> const* x, Pack<T>* y) {
  std::fill(y, y + a.tiles * tile_order, Pack<T>{});
  for (int i = 0; i < a.tiles; ++i) {
    Pack<T> sum[tile_order] = {};
    Pack<T> const* const xi = x + i * tile_order;
    for (int j = 0; j < i; ++j) {
      Pack<T> const* const tile = a(i, j);
      Pack<T>* const yj = y + j * tile_order;
      Pack<T> const* const xj = x + j * tile_order;
      for (int r = 0; r < tile_order; ++r)
        for (int c = 0; c < tile_order; ++c) {
          sum[r] += tile[r * tile_order + c] * xj[c];
          yj[c] += tile[r * tile_order + c] * xi[r];
        }
    }
    Pack<T> const* const tile = a(i, i);
    for (int r = 0; r < tile_order; ++r) {
      for (int c = 0; c < tile_order; ++c) sum[r] += tile[r * tile_order + c] * xi[c];
      y[i * tile_order + r] += sum[r];
    }
  }
}

/// y := a x for one group of columns. Every tile of the half is read once and used for both of its
/// places.
template <class T>
void multiply(HalfTiles<T> const& a, PanelTiles<T> const& x, PanelTiles<T> const& y) {
  for (int i = 0; i < a.tiles; ++i) {
    Accumulator<T> c;
    for (int k = 0; k < i; ++k) {
      c.add_nn(a(i, k), x(k, 0));
      Accumulator<T> d(y(k, 0));
      d.add_tn(a(i, k), x(i, 0));
      d.store(y(k, 0));
    }
    c.add_nn(a(i, i), x(i, 0));
    c.store(y(i, 0));
  }
}

/// Tile (g, h) of q^T y.
template <class T>
Accumulator<T> overlap_tile(PanelTiles<T> const& q, PanelTiles<T> const& y, int g, int h) {
  Accumulator<T> c;
  for (int i = 0; i < q.tiles; ++i) c.add_tn(q(i, g), y(i, h));
  return c;
}

/// y := y - q (q^T y); work: q.groups tiles.
template <class T>
void project_out(PanelTiles<T> const& q, PanelTiles<T> const& y, Pack<T>* work) {
  for (int h = 0; h < y.groups; ++h) {
    for (int g = 0; g < q.groups; ++g) overlap_tile(q, y, g, h).store(work + g * tile_size);
    for (int i = 0; i < y.tiles; ++i) {
      Accumulator<T> c(y(i, h));
      for (int g = 0; g < q.groups; ++g) c.subtract_nn(q(i, g), work + g * tile_size);
      c.store(y(i, h));
    }
  }
}

/// sum_i x(i, c) y(i, c) of columns c = 0 ... 4 groups - 1.
template <class T>
void column_dots(PanelTiles<T> const& x, PanelTiles<T> const& y, Pack<T>* dots) {
  for (int g = 0; g < x.groups; ++g) {
    Pack<T> sum[tile_order] = {};
    for (int i = 0; i < x.tiles; ++i)
      for (int t = 0; t < tile_size; ++t) sum[t % tile_order] += x(i, g)[t] * y(i, g)[t];
    for (int c = 0; c < tile_order; ++c) dots[g * tile_order + c] = sum[c];
  }
}

}  // namespace minfold::impl

#endif
