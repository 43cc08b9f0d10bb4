// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_TILED_ALGEBRA_HPP
#define MINFOLD_KERNELS_IMPL_TILED_ALGEBRA_HPP

#include <minfold/kernels/impl/host_lapack.hpp>
#include <minfold/kernels/impl/tiled_factor.hpp>

#include <type_traits>

/// The linear algebra of BlockedKernel: factor A + shift I, solve and multiply with blocks of columns.
/// Columns are n contiguous numbers each, the matrix row by row, its lower half read; results are
/// those of scale * matrix.
namespace minfold::impl {

/// BLAS and LAPACK.
template <class T>
class BlasAlgebra {
 public:
  static long size(int n) { return long(n) * n; }

  BlasAlgebra(int n, T* work) : n_(n), u_(work) {}

  void load(T const* a, T scale) {
    a_ = a;
    scale_ = scale;
  }

  /// pivots before the square root; false: one is not above `least`.
  bool factor(T shift, T least, T* pivots) {
    for (int j = 0; j < n_; ++j) {
      for (int i = 0; i <= j; ++i) u_[long(j) * n_ + i] = a_[long(j) * n_ + i] * scale_;
      u_[long(j) * n_ + j] += shift;
    }
    if (host::potrf(n_, u_, n_) != 0) return false;
    bool sound = true;
    for (int j = 0; j < n_; ++j) {
      T const d = u_[long(j) * n_ + j];
      pivots[j] = d * d;
      sound &= pivots[j] > least;
    }
    return sound;
  }

  /// x := L^-1 x
  void solve_lower(int columns, T* x) const { host::trsm_left(true, n_, columns, u_, n_, x, n_); }
  /// x := L^-T x
  void solve_upper(int columns, T* x) const { host::trsm_left(false, n_, columns, u_, n_, x, n_); }
  /// y := A x
  void multiply(int columns, T const* x, T* y) const {
    host::symm(n_, columns, scale_, a_, n_, x, n_, y, n_);
  }

 private:
  int n_;
  T* u_;
  T const* a_ = nullptr;
  T scale_ = 1;
};

/// Columns that are worked together.
inline constexpr int panel_columns = 64;

template <class T>
Panels<T> to_panels(int n, int padded, int columns, T const* x, Pack<T>* room) {
  Panels<T> const panels{room, padded, (columns + lanes<T> - 1) / lanes<T>};
  for (int g = 0; g < panels.groups; ++g)
    columns_to_panel(n, std::min(columns - g * lanes<T>, lanes<T>), x + long(g) * lanes<T> * n,
                     panels(g, 0), padded);
  return panels;
}
template <class T>
void to_columns(int n, int columns, Panels<T> const& panels, T* x) {
  for (int g = 0; g < panels.groups; ++g)
    panel_to_columns(n, std::min(columns - g * lanes<T>, lanes<T>), panels(g, 0),
                     x + long(g) * lanes<T> * n);
}

/// y := scale * matrix x, columns; a holds its tiles, x_room and y_room are panels.
template <class T>
void multiply_tiles(int n, T const* matrix, T scale, SquareTiles<T> const& a, Pack<T>* x_room,
                    Pack<T>* y_room, int columns, T const* x, T* y) {
  constexpr int most = panel_columns;
  if (columns == 1) {
    host::symm(n, columns, scale, matrix, n, x, n, y, n);
    return;
  }
  int const padded = a.tiles * SquareTiles<T>::order;
  for (int c = 0; c < columns; c += most) {
    int const count = std::min(columns - c, most);
    auto const from = to_panels(n, padded, count, x + long(c) * n, x_room);
    Panels<T> const to{y_room, from.rows, from.groups};
    multiply(a, from, to);
    to_columns(n, count, to, y + long(c) * n);
  }
}

/// Tiles, and BLAS for products of one column. ms on one core, tiles and BLAS, for 4, 64 and 256
/// columns: n = 512 a solve 0.04 and 0.11, 0.30 and 0.69, 1.2 and 2.5; a product 0.07 and 0.12, 0.56 and
/// 0.68, 2.3 and 2.2; n = 2048 0.8 and 2.0, 5.9 and 7.3, 23 and 33; 1.6 and 5.8, 9.8 and 19, 39 and 52.
template <class T>
class TiledAlgebra {
 public:
  static long size(int n) {
    int const tiles = SquareTiles<T>::tiles_of(n);
    return 2 * SquareTiles<T>::room(tiles) + 2L * tiles * SquareTiles<T>::order * panel_columns +
           tiles * SquareTiles<T>::order;
  }

  TiledAlgebra(int n, T* work) : n_(n) {
    int const tiles = SquareTiles<T>::tiles_of(n);
    padded_ = tiles * SquareTiles<T>::order;
    a_ = {work, tiles};
    l_ = {work + SquareTiles<T>::room(tiles), tiles};
    x_ = reinterpret_cast<Pack<T>*>(l_.data + SquareTiles<T>::room(tiles));
    y_ = x_ + panel_columns / lanes<T> * long(padded_);
    pivots_ = reinterpret_cast<T*>(y_ + panel_columns / lanes<T> * long(padded_));
  }

  void load(T const* a, T scale) {
    matrix_ = a;
    scale_ = scale;
    fill_tiles(n_, a, scale, a_);
  }

  bool factor(T shift, T least, T* pivots) {
    factor_tiles(n_, a_, shift, least, l_, pivots_);
    std::copy(pivots_, pivots_ + n_, pivots);
    for (int i = 0; i < n_; ++i)
      if (!(pivots[i] > least)) return false;
    return true;
  }

  void solve_lower(int columns, T* x) { solve(true, columns, x); }
  void solve_upper(int columns, T* x) { solve(false, columns, x); }

  void multiply(int columns, T const* x, T* y) {
    multiply_tiles(n_, matrix_, scale_, a_, x_, y_, columns, x, y);
  }

 private:
  void solve(bool lower, int columns, T* x) {
    for (int c = 0; c < columns; c += panel_columns) {
      int const count = std::min(columns - c, panel_columns);
      auto const panels = to_panels(n_, padded_, count, x + long(c) * n_, x_);
      if (lower)
        impl::solve_lower(l_, panels);
      else
        impl::solve_upper(l_, panels);
      to_columns(n_, count, panels, x + long(c) * n_);
    }
  }

  int n_, padded_;
  SquareTiles<T> a_, l_;
  Pack<T>*x_, *y_;
  T* pivots_;
  T const* matrix_ = nullptr;
  T scale_ = 1;
};

/// Tiles where registers are wide: without, BLAS, which finds out at run time what the processor has,
/// is faster.
template <class T>
using FactorAlgebra = std::conditional_t<(pack_bytes >= 32), TiledAlgebra<T>, BlasAlgebra<T>>;

}  // namespace minfold::impl

#endif
