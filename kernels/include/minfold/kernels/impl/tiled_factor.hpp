// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_TILED_FACTOR_HPP
#define MINFOLD_KERNELS_IMPL_TILED_FACTOR_HPP

#include <minfold/core/impl/pack.hpp>
#include <minfold/core/impl/tuning.hpp>

#include <algorithm>
#include <cmath>

/// Linear algebra on one matrix of large order by one thread, SIMD within the item: hosts only.
///
/// The lower half of a symmetric matrix is kept in square tiles, tile rows one after the other, a tile
/// column-major: a tile row is then a contiguous panel that a product streams through. A block of
/// right-hand sides is a panel of packs, the columns in the lanes: a solve or a product then needs
/// neither reductions over lanes nor a transpose of the tile, whichever side the tile comes from.
/// Orders are multiples of the tile order: who fills the tiles pads with zeros.
namespace minfold::impl {

template <class T>
struct SquareTiles {
  /// One pack of accumulators for every row of a tile: half of the registers.
  static constexpr int order = pack_bytes / 4, size = order * order;

  T* data;
  int tiles;  ///< tiles in a row of the whole matrix

  T* operator()(int i, int j) const { return data + (long(i) * (i + 1) / 2 + j) * size; }
  static long room(int tiles) { return long(tiles) * (tiles + 1) / 2 * size; }
  static int tiles_of(int n) { return (n + order - 1) / order; }
};

template <class T>
struct TileKernels {
  using P = Pack<T>;
  static constexpr int order = SquareTiles<T>::order, width = lanes<T>, packs = order / width;
  /// Solves and products ask for what comes so many numbers later.
  static constexpr int ahead = tiled_ahead / int(sizeof(T));

  /// c := from - a b^T for panels a, b of `count` columns. By blocks of one pack of columns, whose
  /// accumulators stay in registers.
  static void subtract_nt(T const* from, T const* a, T const* b, int count, T* c) {
    for (int first = 0; first < order; first += width) {
      P sum[width][packs];
#pragma GCC unroll 16
      for (int s = 0; s < width; ++s)
#pragma GCC unroll 2
        for (int p = 0; p < packs; ++p) sum[s][p] = pack(from, first + s)[p];
      for (int k = 0; k < count; ++k) {
        P const* const column = pack(a, k);
        T const* const row = b + long(k) * order + first;
#pragma GCC unroll 16
        for (int s = 0; s < width; ++s)
#pragma GCC unroll 2
          for (int p = 0; p < packs; ++p) sum[s][p] -= column[p] * row[s];
      }
#pragma GCC unroll 16
      for (int s = 0; s < width; ++s)
#pragma GCC unroll 2
        for (int p = 0; p < packs; ++p) pack(c, first + s)[p] = sum[s][p];
    }
  }

  /// c := c l^-T, l with inverted diagonal.
  static void solve_right(T const* l, T* c) {
#pragma GCC unroll 16
    for (int j = 0; j < order; ++j) {
      P done[packs];
#pragma GCC unroll 2
      for (int p = 0; p < packs; ++p) {
        done[p] = pack(c, j)[p] * l[j * order + j];
        pack(c, j)[p] = done[p];
      }
#pragma GCC unroll 16
      for (int s = j + 1; s < order; ++s)
#pragma GCC unroll 2
        for (int p = 0; p < packs; ++p) pack(c, s)[p] -= done[p] * l[j * order + s];
    }
  }

  /// c := its Cholesky factor, the diagonal inverted, zeros above; pivots before the square root. One
  /// that is not above `least` counts as infinite: its column becomes zero.
  static void factor(T least, T* c, T* pivots) {
    for (int j = 0; j < order; ++j) {
      T const d = c[j * order + j];
      pivots[j] = d;
      T const inverse = d > least ? T(1) / std::sqrt(d) : T(0);
      for (int i = j + 1; i < order; ++i) c[j * order + i] *= inverse;
      for (int s = j + 1; s < order; ++s)
        for (int i = s; i < order; ++i) c[s * order + i] -= c[j * order + i] * c[j * order + s];
      for (int i = 0; i < j; ++i) c[j * order + i] = T(0);
      c[j * order + j] = inverse;
    }
  }

  /// Asks for a tile, or for a column of one, that is used soon: the processor's own prefetching stops
  /// at every page, that is every second tile.
  static void fetch(T const* from, int columns) {
    for (int at = 0; at < columns * order; at += 64 / int(sizeof(T)))
      __builtin_prefetch(from + at, 0, 2);
  }

  struct Sums {
    P y[order];

    explicit Sums(P const* from) {
#pragma GCC unroll 16
      for (int i = 0; i < order; ++i) y[i] = from[i];
    }
    void store(P* to) const {
#pragma GCC unroll 16
      for (int i = 0; i < order; ++i) to[i] = y[i];
    }
    /// y -= a x for a panel a of `count` columns.
    void subtract_n(T const* a, P const* x, int count) {
      for (int k = 0; k < count; ++k) {
        fetch(a + long(k) * order + ahead, 1);
#pragma GCC unroll 16
        for (int i = 0; i < order; ++i) y[i] -= x[k] * a[long(k) * order + i];
      }
    }
    /// y += a x, y -= a^T x, y += a^T x for one tile.
    void add_n(T const* a, P const* x) {
      for (int k = 0; k < order; ++k) {
        fetch(a + k * order + ahead, 1);
#pragma GCC unroll 16
        for (int i = 0; i < order; ++i) y[i] += x[k] * a[k * order + i];
      }
    }
    void subtract_t(T const* a, P const* x) {
      for (int i = 0; i < order; ++i) {
        fetch(a + i * order + ahead, 1);
#pragma GCC unroll 16
        for (int k = 0; k < order; ++k) y[k] -= x[i] * a[k * order + i];
      }
    }
    void add_t(T const* a, P const* x) {
      for (int i = 0; i < order; ++i)
#pragma GCC unroll 16
        for (int k = 0; k < order; ++k) y[k] += x[i] * a[k * order + i];
    }
    /// y := l^-1 y, y := l^-T y
    void solve_n(T const* l) {
#pragma GCC unroll 16
      for (int j = 0; j < order; ++j) {
        y[j] *= l[j * order + j];
#pragma GCC unroll 16
        for (int i = j + 1; i < order; ++i) y[i] -= y[j] * l[j * order + i];
      }
    }
    void solve_t(T const* l) {
#pragma GCC unroll 16
      for (int j = order - 1; j >= 0; --j) {
        y[j] *= l[j * order + j];
#pragma GCC unroll 16
        for (int i = 0; i < j; ++i) y[i] -= y[j] * l[i * order + j];
      }
    }
  };

 private:
  static P const* pack(T const* tile, int column) {
    return reinterpret_cast<P const*>(tile + long(column) * order);
  }
  static P* pack(T* tile, int column) { return reinterpret_cast<P*>(tile + long(column) * order); }
};

/// a := the lower half of scale * matrix, rows of length n, in tiles; diagonal tiles in full.
template <class T>
void fill_tiles(int n, T const* matrix, T scale, SquareTiles<T> const& a) {
  constexpr int order = SquareTiles<T>::order, width = lanes<T>;
  for (int i = 0; i < a.tiles; ++i)
    for (int r = 0; r < order; r += width)
      for (int first = 0; first < (i + 1) * order; first += width) {
        int const row = i * order + r;
        Pack<T> v[width];
        int const columns = std::min(n - first, width);
        for (int l = 0; l < width; ++l) {
          T const* const from = matrix + long(row + l) * n + first;
          if (row + l < n && columns == width) {
            v[l] = load_unaligned<T>(from);
          } else {
            v[l] = Pack<T>{};
            for (int c = 0; row + l < n && c < columns; ++c) v[l][c] = from[c];
          }
        }
        transpose<T>(v);
        T* const to = a(i, first / order) + first % order * order + r;
        for (int c = 0; c < width; ++c) *reinterpret_cast<Pack<T>*>(to + c * order) = v[c] * scale;
      }
  for (int i = 0; i < a.tiles; ++i) {
    T* const tile = a(i, i);
    for (int c = 0; c < order; ++c)
      for (int r = 0; r < c; ++r) tile[c * order + r] = tile[r * order + c];
  }
}

/// l := Cholesky factor of a + shift I, diagonals inverted; pivots before the square root. Square block
/// by square block, left-looking: a block stays in the second-level cache while what is left of its
/// rows and of those of its columns streams by, a panel of few columns at a time, so that of both what
/// one tile needs stays in the first.
template <class T>
void factor_tiles(int n, SquareTiles<T> const& a, T shift, T least, SquareTiles<T> const& l,
                  T* pivots) {
  using Kernels = TileKernels<T>;
  constexpr int order = SquareTiles<T>::order;
  constexpr int block = tiled_block / order, panel = tiled_panel / order;
  static_assert(block % panel == 0);
  for (int first = 0; first < l.tiles; first += block)
    for (int top = first; top < l.tiles; top += block) {
      int const last = std::min(first + block, l.tiles), bottom = std::min(top + block, l.tiles);
      for (int k = 0; k < first; k += panel)
        for (int i = top; i < bottom; ++i)
          for (int j = first; j < last && j <= i; ++j) {
            if (i + 1 < bottom) {
              if (j - first < panel) Kernels::fetch(l(i + 1, k + j - first), order);
              Kernels::fetch(k == 0 ? a(i + 1, j) : l(i + 1, j), order);
            }
            Kernels::subtract_nt(k == 0 ? a(i, j) : l(i, j), l(i, k), l(j, k), panel * order,
                                 l(i, j));
          }
      auto const& from = first == 0 ? a : l;
      for (int i = top; i < bottom; ++i) {
        for (int j = first; j < last && j < i; ++j) {
          Kernels::subtract_nt(from(i, j), l(i, first), l(j, first), (j - first) * order, l(i, j));
          Kernels::solve_right(l(j, j), l(i, j));
        }
        if (i >= last) continue;
        T* const tile = l(i, i);
        Kernels::subtract_nt(from(i, i), l(i, first), l(i, first), (i - first) * order, tile);
        for (int r = 0; r < order; ++r) tile[r * order + r] += i * order + r < n ? shift : T(1);
        Kernels::factor(least, tile, pivots + i * order);
      }
    }
}

/// Right-hand sides: groups of one pack of columns, each a panel of its own. All of them take what they
/// need from a tile row while it lies in the second-level cache.
template <class T>
struct Panels {
  Pack<T>* data;
  int rows, groups;

  Pack<T>* operator()(int group, int tile) const {
    return data + long(group) * rows + tile * SquareTiles<T>::order;
  }
};

/// x := l^-1 x
template <class T>
void solve_lower(SquareTiles<T> const& l, Panels<T> const& x) {
  for (int i = 0; i < l.tiles; ++i)
    for (int g = 0; g < x.groups; ++g) {
      typename TileKernels<T>::Sums y(x(g, i));
      y.subtract_n(l(i, 0), x(g, 0), i * SquareTiles<T>::order);
      y.solve_n(l(i, i));
      y.store(x(g, i));
    }
}

/// x := l^-T x. By tile rows, which are contiguous.
template <class T>
void solve_upper(SquareTiles<T> const& l, Panels<T> const& x) {
  for (int i = l.tiles - 1; i >= 0; --i)
    for (int g = 0; g < x.groups; ++g) {
      typename TileKernels<T>::Sums done(x(g, i));
      done.solve_t(l(i, i));
      done.store(x(g, i));
      for (int k = 0; k < i; ++k) {
        typename TileKernels<T>::Sums y(x(g, k));
        y.subtract_t(l(i, k), x(g, i));
        y.store(x(g, k));
      }
    }
}

/// y := a x; every tile of the half is used for both of its places.
template <class T>
void multiply(SquareTiles<T> const& a, Panels<T> const& x, Panels<T> const& y) {
  std::fill(y.data, y.data + long(y.groups) * y.rows, Pack<T>{});
  for (int i = 0; i < a.tiles; ++i)
    for (int g = 0; g < x.groups; ++g) {
      for (int k = 0; k < i; ++k) {
        typename TileKernels<T>::Sums sum(y(g, i));
        sum.add_n(a(i, k), x(g, k));
        sum.store(y(g, i));
        typename TileKernels<T>::Sums other(y(g, k));
        other.add_t(a(i, k), x(g, i));
        other.store(y(g, k));
      }
      typename TileKernels<T>::Sums sum(y(g, i));
      sum.add_n(a(i, i), x(g, i));
      sum.store(y(g, i));
    }
}

/// Columns of length n, at most `lanes` of them, to the lanes of a panel and back.
template <class T>
void columns_to_panel(int n, int columns, T const* x, Pack<T>* panel, int padded) {
  constexpr int width = lanes<T>;
  for (int first = 0; first < padded; first += width) {
    Pack<T> v[width];
    int const rows = std::clamp(n - first, 0, width);
    for (int c = 0; c < width; ++c) {
      v[c] = Pack<T>{};
      if (c >= columns) continue;
      T const* const from = x + long(c) * n + first;
      if (rows == width)
        v[c] = load_unaligned<T>(from);
      else
        for (int r = 0; r < rows; ++r) v[c][r] = from[r];
    }
    transpose<T>(v);
    for (int r = 0; r < width; ++r) panel[first + r] = v[r];
  }
}
template <class T>
void panel_to_columns(int n, int columns, Pack<T> const* panel, T* x) {
  constexpr int width = lanes<T>;
  for (int first = 0; first < n; first += width) {
    Pack<T> v[width];
    for (int r = 0; r < width; ++r) v[r] = panel[first + r];
    transpose<T>(v);
    int const rows = std::min(n - first, width);
    for (int c = 0; c < columns; ++c) std::memcpy(x + long(c) * n + first, &v[c], rows * sizeof(T));
  }
}

}  // namespace minfold::impl

#endif
