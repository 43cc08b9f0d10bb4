// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_MIXED_ALGEBRA_HPP
#define MINFOLD_KERNELS_IMPL_MIXED_ALGEBRA_HPP

#include <minfold/core/status.hpp>
#include <minfold/kernels/impl/tiled_algebra.hpp>

namespace minfold::impl {

/// The linear algebra of MixedKernel in two precisions: products in double, the factor of A + shift I
/// in float, whose solves are a preconditioner and no inverse. Half of the time of a factor, and half
/// of the memory that solves read.
class MixedAlgebra {
 public:
  /// Relative to ||A||: what rounding to float and the factor perturb A by grows like sqrt(n). Planted
  /// spectra, n = 512 to 2048, k = 4 to 100, condition 1e2 and 1e4: a quarter of it was always enough.
  static double shift(int n) { return double(epsilon<float>) * std::sqrt(double(n)) / 16; }

  /// Numbers of workspace.
  static long size(int n) {
    int const tiles = SquareTiles<double>::tiles_of(n);
    long const padded = long(tiles) * SquareTiles<double>::order;
    // Two triangles in float take the room of one.
    return 2 * SquareTiles<double>::room(tiles) + 2 * padded * panel_columns + padded;
  }

  MixedAlgebra(int n, double* work) : n_(n) {
    // Tiles of both precisions have the same order: one is the other, number by number.
    static_assert(SquareTiles<double>::order == SquareTiles<float>::order);
    int const tiles = SquareTiles<double>::tiles_of(n);
    padded_ = tiles * SquareTiles<double>::order;
    long const room = SquareTiles<double>::room(tiles);
    a_ = {work, tiles};
    work += room;
    low_ = {reinterpret_cast<float*>(work), tiles};
    l_ = {low_.data + room, tiles};
    work += room;
    x_ = reinterpret_cast<Pack<double>*>(work);
    work += long(padded_) * panel_columns;
    y_ = reinterpret_cast<Pack<double>*>(work);
    work += long(padded_) * panel_columns;
    pivots_ = reinterpret_cast<float*>(work);
  }

  void load(double const* a, double scale) {
    matrix_ = a;
    scale_ = scale;
    fill_tiles(n_, a, scale, a_);
    long const count = SquareTiles<double>::room(a_.tiles);
    for (long t = 0; t < count; ++t) low_.data[t] = float(a_.data[t]);
  }

  /// pivots before the square root; false: one is not above `least`.
  bool factor(double shift, double least, double* pivots) {
    factor_tiles(n_, low_, float(shift), float(least), l_, pivots_);
    bool sound = true;
    for (int i = 0; i < n_; ++i) {
      pivots[i] = pivots_[i];
      sound &= pivots_[i] > float(least);
    }
    return sound;
  }

  void solve_lower(int columns, double* x) { solve<true, false>(columns, x); }
  void solve_upper(int columns, double* x) { solve<false, true>(columns, x); }
  /// x := (L L^T)^-1 x
  void precondition(int columns, double* x) { solve<true, true>(columns, x); }

  void multiply(int columns, double const* x, double* y) {
    multiply_tiles(n_, matrix_, scale_, a_, x_, y_, columns, x, y);
  }

 private:
  template <bool Lower, bool Upper>
  void solve(int columns, double* x) {
    for (int c = 0; c < columns; c += panel_columns) {
      int const count = std::min(columns - c, panel_columns);
      double* const from = x + long(c) * n_;
      Panels<float> const panels{reinterpret_cast<Pack<float>*>(x_), padded_,
                                 (count + lanes<float> - 1) / lanes<float>};
      for (int g = 0; g < panels.groups; ++g) {
        int const first = g * lanes<float>, wide = std::min(count - first, lanes<float>);
        for (int i = 0; i < padded_; ++i) {
          Pack<float> p{};
          for (int l = 0; i < n_ && l < wide; ++l) p[l] = float(from[long(first + l) * n_ + i]);
          panels(g, 0)[i] = p;
        }
      }
      if constexpr (Lower) impl::solve_lower(l_, panels);
      if constexpr (Upper) impl::solve_upper(l_, panels);
      for (int g = 0; g < panels.groups; ++g) {
        int const first = g * lanes<float>, wide = std::min(count - first, lanes<float>);
        for (int l = 0; l < wide; ++l)
          for (int i = 0; i < n_; ++i) from[long(first + l) * n_ + i] = double(panels(g, 0)[i][l]);
      }
    }
  }

  int n_, padded_;
  SquareTiles<double> a_;
  SquareTiles<float> low_, l_;
  Pack<double>*x_, *y_;
  float* pivots_;
  double const* matrix_ = nullptr;
  double scale_ = 1;
};

}  // namespace minfold::impl

#endif
