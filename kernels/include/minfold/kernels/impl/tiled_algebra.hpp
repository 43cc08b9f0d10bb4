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

/// Tiles for the factor and narrow blocks; BLAS on a copy of the factor for wide ones.
template <class T>
class TiledAlgebra {
 public:
  static long size(int n) {
    int const tiles = SquareTiles<T>::tiles_of(n);
    return 2 * SquareTiles<T>::room(tiles) + 2L * tiles * SquareTiles<T>::order * lanes<T> +
           tiles * SquareTiles<T>::order + long(n) * n;
  }

  TiledAlgebra(int n, T* work) : n_(n) {
    int const tiles = SquareTiles<T>::tiles_of(n);
    padded_ = tiles * SquareTiles<T>::order;
    a_ = {work, tiles};
    l_ = {work + SquareTiles<T>::room(tiles), tiles};
    x_ = reinterpret_cast<Pack<T>*>(l_.data + SquareTiles<T>::room(tiles));
    y_ = x_ + padded_;
    pivots_ = reinterpret_cast<T*>(y_ + padded_);
    u_ = pivots_ + padded_;
  }

  void load(T const* a, T scale) {
    matrix_ = a;
    scale_ = scale;
    unpacked_ = false;
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
    if (columns == 1 || columns > tiled_product_columns) {
      host::symm(n_, columns, scale_, matrix_, n_, x, n_, y, n_);
      return;
    }
    for (int c = 0; c < columns; c += lanes<T>) {
      int const count = std::min(columns - c, lanes<T>);
      columns_to_panel(n_, count, x + long(c) * n_, x_, padded_);
      impl::multiply(a_, x_, y_);
      panel_to_columns(n_, count, y_, y + long(c) * n_);
    }
  }

 private:
  void solve(bool lower, int columns, T* x) {
    if (columns > tiled_solve_columns) {
      unpack();
      host::trsm_left(lower, n_, columns, u_, n_, x, n_);
      return;
    }
    for (int c = 0; c < columns; c += lanes<T>) {
      int const count = std::min(columns - c, lanes<T>);
      columns_to_panel(n_, count, x + long(c) * n_, x_, padded_);
      if (lower)
        impl::solve_lower(l_, x_);
      else
        impl::solve_upper(l_, x_);
      panel_to_columns(n_, count, x_, x + long(c) * n_);
    }
  }

  /// u := L^T, column-major.
  void unpack() {
    if (unpacked_) return;
    unpacked_ = true;
    constexpr int order = SquareTiles<T>::order, width = lanes<T>;
    for (int i = 0; i < l_.tiles; ++i)
      for (int r = 0; r < order; r += width)
        for (int first = 0; first < (i + 1) * order && first < n_; first += width) {
          Pack<T> v[width];
          T const* const from = l_(i, first / order) + first % order * order + r;
          for (int c = 0; c < width; ++c)
            v[c] = *reinterpret_cast<Pack<T> const*>(from + c * order);
          transpose<T>(v);
          int const columns = std::min(width, n_ - first);
          for (int l = 0; l < width && i * order + r + l < n_; ++l)
            std::memcpy(u_ + (long(i) * order + r + l) * n_ + first, &v[l], columns * sizeof(T));
        }
    for (int j = 0; j < n_; ++j) u_[long(j) * n_ + j] = T(1) / u_[long(j) * n_ + j];
  }

  int n_, padded_;
  bool unpacked_ = false;
  SquareTiles<T> a_, l_;
  Pack<T>*x_, *y_;
  T *pivots_, *u_;
  T const* matrix_ = nullptr;
  T scale_ = 1;
};

/// Tiles where registers are wide: without, BLAS, which finds out at run time what the processor has,
/// is faster.
template <class T>
using FactorAlgebra = std::conditional_t<(pack_bytes >= 32), TiledAlgebra<T>, BlasAlgebra<T>>;

}  // namespace minfold::impl

#endif
