// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_PACKED_KERNEL_HPP
#define MINFOLD_KERNELS_IMPL_PACKED_KERNEL_HPP

#include <minfold/kernels/impl/factor_start.hpp>
#include <minfold/kernels/impl/packed_load.hpp>

#include <algorithm>
#include <limits>
#include <vector>

namespace minfold::impl {

/// kernel_and_pinv for one pack of items of small order, by one thread, in one workspace.
///
/// L L^T = A + mu I; X = (L L^T)^-1 L^-T E, E the unit vectors of the smallest pivots: inverse iteration, after which what X holds of range A
/// is (mu / lambda)^1.5 of what it holds of ker A, so that it has numerically the rank of the kernel;
/// Q = orth X by CholeskyQR2 that drops dependent columns. Three deflated random
/// vectors and one right-hand side then share two solves and two products: inverse iteration for the
/// smallest kept eigenvalue, and a solve with one step of refinement.
template <class T>
class PackedKernel {
 public:
  static constexpr int width = lanes<T>;
  using P = Pack<T>;

  /// Packs of workspace.
  static long size(int n) {
    int const tiles = tiles_of(n);
    return 4 * HalfTiles<T>::size(tiles) + PanelTiles<T>::size(tiles, tiles) +
           4 * PanelTiles<T>::size(tiles, 1) + 3L * tiles * tile_order + tiles * tile_size;
  }
  static int tiles_of(int n) { return (n + tile_order - 1) / tile_order; }

  PackedKernel(int n, P* work) : n_(n), tiles_(tiles_of(n)) {
    auto const take = [&](long count) {
      P* const first = work;
      work += count;
      return first;
    };
    long const half = HalfTiles<T>::size(tiles_);
    a_ = {take(half), tiles_};
    l_ = {take(half), tiles_};
    gram_ = take(half);
    gram_check_ = take(half);
    q_data_ = take(PanelTiles<T>::size(tiles_, tiles_));
    for (auto* panel : {&y_, &save_, &r_, &z_})
      *panel = {take(PanelTiles<T>::size(tiles_, 1)), tiles_, 1};
    pivots_ = take(tiles_ * tile_order);
    x0_ = take(tiles_ * tile_order);
    x1_ = take(tiles_ * tile_order);
    overlaps_ = take(tiles_ * tile_size);
  }

  /// The matrices that come next: they are fetched while this pack is worked.
  void announce(T const* const (&items)[width]) { next_ = NextPack<T>(items, n_); }

  /// items[l]: the matrix of lane l, rows of length n; only lower halves are read.
  void load(T const* const (&items)[width]) {
    for (int i = 0; i < tiles_ * tile_order; ++i) load_row(items, n_, i, a_);
    P most{}, sum{};
    for (int i = 0; i < n_; ++i) {
      P const d = a_(i / tile_order, i / tile_order)[i % tile_order * (tile_order + 1)];
      most = larger<T>(most, d);
      sum += d;
    }
    // Comparisons drop a NaN: bring it back.
    most += T(0) * sum;
    P inverse;
    for (int l = 0; l < width; ++l) {
      findings[l] = FactorFindings<T>{};
      findings[l].scale = power_of_two_below(most[l]);
      inverse[l] = T(1) / findings[l].scale;
    }
    P* const last = a_.data + HalfTiles<T>::size(tiles_);
    for (P* entry = a_.data; entry != last; ++entry) *entry *= inverse;
    // A diagonal tile is kept in full: products take it as it is.
    for (int i = 0; i < tiles_; ++i)
      for (int r = 0; r < tile_order; ++r)
        for (int c = r + 1; c < tile_order; ++c)
          a_(i, i)[r * tile_order + c] = a_(i, i)[c * tile_order + r];
    estimate_norm();
  }

  /// Factor, kernel vectors and their certificate.
  void find_kernel(T kernel_tolerance) {
    P const shift = factor_shift<T>(n_) * norm_;
    std::copy(a_.data, a_.data + HalfTiles<T>::size(tiles_), l_.data);
    for (int i = 0; i < tiles_ * tile_order; ++i)
      l_(i / tile_order, i / tile_order)[i % tile_order * (tile_order + 1)] +=
          i < n_ ? shift : broadcast(T(1));
    factor_tiles(l_, T(0.125) * shift, pivots_);
    next_.fetch_some();
    int const widest = choose_start(kernel_tolerance);
    q_ = {q_data_, tiles_, widest / tile_order};
    std::fill(q_.data, q_.data + PanelTiles<T>::size(tiles_, q_.groups), P{});
    for (int l = 0; l < width; ++l)
      for (int c = 0; c < int(chosen_[l].size()); ++c) q_.entry(chosen_[l][c], c)[l] = T(1);
    solve_upper(l_, q_);
    for (int step = 0; step < iteration_steps<T>; ++step) {
      solve_lower(l_, q_);
      next_.fetch_some();
      solve_upper(l_, q_);
    }
    normalize();
    next_.fetch_some();
    orthonormalize();
    // Twice: a small pivot of the first pass leaves errors in those after it, so the second one decides
    // which vectors there are. Were one too many kept, || A Q || would show it.
    orthonormalize();
    for (int l = 0; l < width; ++l) {
      chosen_[l].clear();
      for (int c = 0; c < widest; ++c)
        if (pivots_[c][l] > dependent_pivot<T>) chosen_[l].push_back(c);
      findings[l].dimension = int(chosen_[l].size());
    }
    certify();
    next_.fetch_some();
  }

  /// Probes in columns 0 to 2, right-hand side in column 3 (nullptr: none).
  void probe_and_solve(FactorSketch<T> const& sketch, T const* const* b, SolveFindings<T>* solves) {
    for (int i = 0; i < tiles_ * tile_order; ++i)
      for (int c = 0; c < 3; ++c)
        y_.entry(i, c) = i < n_ ? broadcast(sketch.probe[c * sketch.stride + i]) : P{};
    solve_group(b, 3, 1, solves);
  }
  /// Up to four right-hand sides b[column * width + lane].
  void solve(T const* const* b, int count, SolveFindings<T>* solves) {
    solve_group(b, 0, count, solves);
  }

  T basis(int lane, int j, int i) const { return q_.entry(i, chosen_[lane][j])[lane]; }
  /// Of the last solve, column as given there; in units of b / rhs_scale and A / scale.
  T solution(int lane, int column, int i) const { return z_.entry(i, column)[lane]; }

  FactorFindings<T> findings[width];

 private:
  P norm_of(P const* x) const {
    P sum{};
    for (int i = 0; i < tiles_ * tile_order; ++i) sum += x[i] * x[i];
    return square_root(sum);
  }

  /// Lower bound of ||A|| by three steps of the power method from the unit vector of the largest
  /// diagonal entry, whose image is a column that lies there.
  void estimate_norm() {
    for (int l = 0; l < width; ++l) {
      int pivot = 0;
      T most = 0;
      for (int i = 0; i < n_; ++i) {
        T const d = a_(i / tile_order, i / tile_order)[i % tile_order * (tile_order + 1)][l];
        if (d > most) {
          most = d;
          pivot = i;
        }
      }
      int const tile = pivot / tile_order, within = pivot % tile_order;
      for (int i = 0; i < tiles_ * tile_order; ++i) {
        int const row = i / tile_order, r = i % tile_order;
        x0_[i][l] = row >= tile ? a_(row, tile)[r * tile_order + within][l]
                                : a_(tile, row)[within * tile_order + r][l];
      }
    }
    P const first = norm_of(x0_);
    multiply(a_, x0_, x1_);
    next_.fetch_some();
    P const second = norm_of(x1_);
    multiply(a_, x1_, x0_);
    next_.fetch_some();
    P const third = norm_of(x0_);
    norm_ = larger<T>(first, second / first);
    norm_ = larger<T>(norm_, third / second);
    // Comparisons drop a NaN: bring it back.
    norm_ += T(0) * (first + second + third);
    for (int l = 0; l < width; ++l) findings[l].norm = norm_[l];
  }

  /// chosen_[l]: the unit vectors that lane l starts with, those of its smallest pivots, in order.
  /// Returns their largest number, in whole tiles.
  int choose_start(T kernel_tolerance) {
    P const threshold = kernel_tolerance * norm_;
    P small{}, smallest = pivots_[0], sum{};
    for (int i = 0; i < n_; ++i) {
      small += pivots_[i] <= threshold ? broadcast(T(1)) : P{};
      smallest = pivots_[i] < smallest ? pivots_[i] : smallest;
      sum += pivots_[i];
    }
    smallest += T(0) * sum;  // a NaN stays
    int wanted[width], widest = 0;
    for (int l = 0; l < width; ++l) {
      findings[l].smallest_pivot = smallest[l];
      wanted[l] = smallest[l] == smallest[l] ? start_width<T>(int(small[l]), n_) : 0;
      widest = std::max(widest, wanted[l]);
      chosen_[l].clear();
    }
    P const infinity = broadcast(std::numeric_limits<T>::infinity());
    P last = -infinity, last_index = broadcast(T(-1));
    for (int c = 0; c < widest; ++c) {
      P best = infinity, index{};
      for (int i = 0; i < n_; ++i) {
        P const p = pivots_[i];
        // Of equal ones the first first.
        auto const next =
            (p < best) & ((p > last) | ((p == last) & (broadcast(T(i)) > last_index)));
        best = next ? p : best;
        index = next ? broadcast(T(i)) : index;
      }
      last = best;
      last_index = index;
      for (int l = 0; l < width; ++l)
        if (c < wanted[l]) chosen_[l].push_back(int(index[l]));
    }
    return (widest + tile_order - 1) / tile_order * tile_order;
  }

  void normalize() {
    for (int g = 0; g < q_.groups; ++g) {
      P sum[tile_order] = {};
      for (int i = 0; i < tiles_; ++i)
        for (int t = 0; t < tile_size; ++t) sum[t % tile_order] += q_(i, g)[t] * q_(i, g)[t];
      for (int c = 0; c < tile_order; ++c)
        sum[c] = select<T>(sum[c] > P{}, T(1) / square_root(sum[c]), P{});
      for (int i = 0; i < tiles_; ++i)
        for (int t = 0; t < tile_size; ++t) q_(i, g)[t] *= sum[t % tile_order];
    }
  }

  HalfTiles<T> overlap(P* data) const {
    HalfTiles<T> const gram{data, q_.groups};
    for (int g = 0; g < q_.groups; ++g)
      for (int h = 0; h <= g; ++h) overlap_tile(q_, q_, g, h).store(gram(g, h));
    return gram;
  }

  /// One pass of CholeskyQR. Dependent columns become zero and stay so.
  void orthonormalize() {
    auto const gram = overlap(gram_);
    factor_tiles(gram, broadcast(dependent_pivot<T>), pivots_);
    for (int i = 0; i < tiles_; ++i) solve_row(gram, q_(i, 0), 0, q_.groups);
  }

  void certify() {
    auto const gram = overlap(gram_check_);
    P off{};
    for (int c = 0; c < q_.groups * tile_order; ++c)
      for (int d = 0; d <= c; ++d) {
        P const g =
            gram(c / tile_order, d / tile_order)[c % tile_order * tile_order + d % tile_order];
        P const e = c == d ? select<T>(pivots_[c] > dependent_pivot<T>, g - T(1), g) : g;
        off = larger<T>(off, magnitude<T>(e)) + T(0) * e;
      }
    P worst{}, all{}, lowest{};
    for (int g = 0; g < q_.groups; ++g) {
      P squares[tile_order] = {}, quotients[tile_order] = {};
      for (int i = 0; i < tiles_; ++i) {
        auto const image = product_tile(a_, q_, i, g);
        for (int t = 0; t < tile_size; ++t) {
          squares[t % tile_order] += image.c[t] * image.c[t];
          quotients[t % tile_order] += image.c[t] * q_(i, g)[t];
        }
      }
      for (int c = 0; c < tile_order; ++c) {
        all += squares[c];
        worst = larger<T>(worst, squares[c]);
        lowest = quotients[c] < lowest ? quotients[c] : lowest;
      }
    }
    for (int l = 0; l < width; ++l) {
      auto& f = findings[l];
      f.orthogonality = off[l];
      f.residual = std::sqrt(worst[l]);
      f.dropped = std::sqrt(all[l]);
      f.most_negative = lowest[l];
    }
  }

  /// y_ holds the probes in columns 0 ... first - 1; right-hand sides follow.
  void solve_group(T const* const* b, int first, int count, SolveFindings<T>* solves) {
    P scales[tile_order], inverse[tile_order] = {};
    for (int c = 0; c < count; ++c)
      for (int l = 0; l < width; ++l) {
        T most = 0;
        T const* const from = b ? b[c * width + l] : nullptr;
        if (from)
          for (int i = 0; i < n_; ++i) {
            T const m = std::abs(from[i]);
            if (!(m <= most)) most = m;
          }
        scales[first + c][l] = power_of_two_below(most);
        inverse[first + c][l] = T(1) / scales[first + c][l];
      }
    P rhs[tile_order] = {};
    for (int i = 0; i < tiles_ * tile_order; ++i)
      for (int c = first; c < tile_order; ++c) {
        P value{};
        if (b && c < first + count && i < n_)
          for (int l = 0; l < width; ++l) value[l] = b[(c - first) * width + l][i];
        value *= inverse[c];
        rhs[c] += value * value;
        y_.entry(i, c) = value;
      }
    P inside[tile_order], outside[tile_order] = {};
    overlap_norms(outside);
    project_out(q_, y_, overlaps_);
    copy(y_, save_);
    column_dots(y_, y_, inside);
    solve_projected();
    copy(y_, z_);
    // Probes go on from A^-1 p, right-hand sides from what is left of them.
    multiply(a_, y_, r_);
    next_.fetch_some();
    P size[tile_order];
    column_dots(y_, y_, size);
    for (int c = 0; c < tile_order; ++c)
      size[c] = select<T>(size[c] > P{}, T(1) / square_root(size[c]), P{});
    for (int i = 0; i < tiles_; ++i)
      for (int t = 0; t < tile_size; ++t) {
        int const c = t % tile_order;
        y_(i, 0)[t] = c < first ? y_(i, 0)[t] * size[c] : save_(i, 0)[t] - r_(i, 0)[t];
      }
    project_out(q_, y_, overlaps_);
    solve_projected();
    for (int i = 0; i < tiles_; ++i)
      for (int t = 0; t < tile_size; ++t) {
        if (t % tile_order >= first) y_(i, 0)[t] += z_(i, 0)[t];
        z_(i, 0)[t] = y_(i, 0)[t];
      }
    multiply(a_, z_, r_);
    next_.fetch_some();
    P solution[tile_order], quotient[tile_order], error[tile_order];
    column_dots(z_, z_, solution);
    column_dots(z_, r_, quotient);
    for (int i = 0; i < tiles_; ++i)
      for (int t = 0; t < tile_size; ++t) r_(i, 0)[t] -= save_(i, 0)[t];
    column_dots(r_, r_, error);
    for (int l = 0; l < width; ++l) {
      if (first > 0) {
        T kept = quotient[0][l] / solution[0][l];
        for (int c = 1; c < first; ++c) {
          T const other = quotient[c][l] / solution[c][l];
          if (!(other >= kept)) kept = other;
        }
        findings[l].smallest_kept = kept;
      }
      for (int c = 0; c < count; ++c) {
        auto& s = solves[c * width + l];
        s.rhs_scale = scales[first + c][l];
        s.rhs = std::sqrt(rhs[first + c][l]);
        s.inside = std::sqrt(inside[first + c][l]);
        s.outside = std::sqrt(outside[first + c][l]);
        s.solution = std::sqrt(solution[first + c][l]);
        s.error = std::sqrt(error[first + c][l]);
      }
    }
  }

  /// squares[c] := ||Q^T y_c||^2
  void overlap_norms(P* squares) {
    for (int g = 0; g < q_.groups; ++g) {
      auto const tile = overlap_tile(q_, y_, g, 0);
      for (int t = 0; t < tile_size; ++t) squares[t % tile_order] += tile.c[t] * tile.c[t];
    }
  }

  void solve_projected() {
    solve_lower(l_, y_);
    solve_upper(l_, y_);
    next_.fetch_some();
    project_out(q_, y_, overlaps_);
  }

  void copy(PanelTiles<T> const& from, PanelTiles<T> const& to) const {
    std::copy(from.data, from.data + PanelTiles<T>::size(tiles_, 1), to.data);
  }

  int n_, tiles_;
  NextPack<T> next_;
  std::vector<int> chosen_[width];  ///< columns of q_ that are the basis of a lane
  HalfTiles<T> a_, l_;
  PanelTiles<T> q_{nullptr, 0, 0}, y_, save_, r_, z_;
  P *gram_, *gram_check_, *q_data_, *pivots_, *x0_, *x1_, *overlaps_;
  P norm_;
};

}  // namespace minfold::impl

#endif
