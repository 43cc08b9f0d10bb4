// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_BLOCKED_ITEM_HPP
#define MINFOLD_KERNELS_IMPL_BLOCKED_ITEM_HPP

#include <minfold/kernels/impl/factor_start.hpp>
#include <minfold/kernels/impl/host_lapack.hpp>

#include <cmath>
#include <limits>
#include <vector>

namespace minfold::impl {

/// What the kernels that work one item of large order by one thread have in common: the workspace, the
/// norm, the basis Q and its certificate, and what is measured of the solutions. A vector is n contiguous
/// numbers, a block of them column-major.
template <class T, class Algebra>
class BlockedItem {
 public:
  static constexpr int probes = 3;
  /// Columns that are multiplied with A at once to certify the basis.
  static constexpr int chunk = 64;

  /// Numbers of workspace, for `columns` right-hand sides at once.
  static long size(int n, int columns) {
    return aligned(Algebra::size(n)) + aligned(2L * n * n) + aligned(long(n) * chunk) +
           4 * aligned(long(n) * (columns + probes)) + aligned(n);
  }

  /// work: aligned to a pack.
  BlockedItem(int n, int columns, T* work) : n_(n), algebra_(n, work) {
    long const room = columns + probes;
    work += aligned(Algebra::size(n));
    auto const take = [&](long count) {
      T* const first = work;
      work += aligned(count);
      return first;
    };
    q_ = take(2L * n * n);
    image_ = take(long(n) * chunk);
    y_ = take(n * room);
    save_ = take(n * room);
    r_ = take(n * room);
    z_ = take(n * room);
    pivots_ = take(n);
  }

  void load(T const* a) {
    a_ = a;
    findings = {};
    T most = 0;
    for (int i = 0; i < n_; ++i) {
      T const d = a[long(i) * n_ + i];
      if (!(d <= most)) most = d;
    }
    findings.scale = power_of_two_below(most);
    inverse_scale_ = T(1) / findings.scale;
    algebra_.load(a, inverse_scale_);
    estimate_norm();
  }

  bool sound() const { return sound_; }
  T const* basis(int j) const { return q_ + long(j) * n_; }
  T const* solution(int c) const { return z_ + long(probes + c) * n_; }

  FactorFindings<T> findings;

 protected:
  static constexpr T infinity = std::numeric_limits<T>::infinity();

  static long aligned(long count) {
    constexpr long unit = 64 / long(sizeof(T));
    return (count + unit - 1) / unit * unit;
  }

  T dot(T const* x, T const* y) const {
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int i = 0; i < n_; ++i) sum += x[i] * y[i];
    return sum;
  }
  T norm(T const* x) const { return std::sqrt(dot(x, x)); }
  void scale_to_unit(T* x) const {
    T const size = norm(x), inverse = size > T(0) ? T(1) / size : T(0);
    for (int i = 0; i < n_; ++i) x[i] *= inverse;
  }

  void estimate_norm() {
    int pivot = 0;
    for (int i = 1; i < n_; ++i)
      if (a_[long(i) * n_ + i] > a_[long(pivot) * n_ + pivot]) pivot = i;
    for (int i = 0; i < n_; ++i)
      y_[i] = (i <= pivot ? a_[long(pivot) * n_ + i] : a_[long(i) * n_ + pivot]) * inverse_scale_;
    T* x = y_;
    T* y = r_;
    T before = norm(x);
    findings.norm = before;
    for (int step = 0; step < 2; ++step) {
      algebra_.multiply(1, x, y);
      T const size = norm(y);
      if (!(size / before <= findings.norm)) findings.norm = size / before;
      before = size;
      std::swap(x, y);
    }
  }

  /// One pass of CholeskyQR; from the first dependent vector on there are none. They come best first:
  /// an independent one after a dependent one is rare, and shows in the probes.
  void orthonormalize() {
    if (k_ == 0) return;
    T* const gram = gram_room();
    host::syrk(n_, k_, q_, n_, gram, k_);
    int const stride = k_, failed = host::potrf(k_, gram, k_);
    if (failed > 0) k_ = failed - 1;
    for (int c = 0; c < k_; ++c) {
      T const d = gram[long(c) * stride + c];
      if (!(d * d > dependent_pivot<T>)) k_ = c;
    }
    if (k_ > 0) host::trsm_right(n_, k_, gram, stride, q_, n_);
  }

  void certify() {
    T* const gram = gram_room();
    host::syrk(n_, k_, q_, n_, gram, k_);
    for (int c = 0; c < k_; ++c)
      for (int d = 0; d <= c; ++d) {
        T const off = std::abs(gram[long(c) * k_ + d] - (c == d ? T(1) : T(0)));
        if (!(off <= findings.orthogonality)) findings.orthogonality = off;
      }
    T worst = 0, all = 0, lowest = 0;
    for (int first = 0; first < k_; first += chunk) {
      int const width = std::min(chunk, k_ - first);
      algebra_.multiply(width, q_ + long(first) * n_, image_);
      for (int c = 0; c < width; ++c) {
        T const square = dot(image_ + long(c) * n_, image_ + long(c) * n_);
        all += square;
        if (!(square <= worst)) worst = square;
        T const quotient = dot(image_ + long(c) * n_, q_ + long(first + c) * n_);
        if (!(quotient >= lowest)) lowest = quotient;
      }
    }
    findings.residual = std::sqrt(worst);
    findings.dropped = std::sqrt(all);
    findings.most_negative = lowest;
  }

  /// y := y - Q (Q^T y); solves[c].outside := what was removed from right-hand side c.
  void project_out(T* y, int width, SolveFindings<T>* solves) {
    if (k_ == 0) return;
    T* const overlap = r_;  // k x width, k < n
    host::gemm(true, k_, width, n_, T(1), q_, n_, y, n_, T(0), overlap, k_);
    if (solves)
      for (int c = probes; c < width; ++c) {
        T sum = 0;
        for (int j = 0; j < k_; ++j) sum += overlap[long(c) * k_ + j] * overlap[long(c) * k_ + j];
        solves[c - probes].outside = std::sqrt(sum);
      }
    host::gemm(false, n_, width, k_, T(-1), q_, n_, overlap, k_, T(1), y, n_);
  }

  /// y_ := three probes, then b(0 ... columns - 1), scaled to the order of 1.
  void copy_sides(FactorSketch<T> const& sketch, T const* b, int columns,
                  SolveFindings<T>* solves) {
    for (int c = 0; c < probes; ++c)
      std::copy(sketch.probe + long(c) * sketch.stride, sketch.probe + long(c) * sketch.stride + n_,
                y_ + long(c) * n_);
    for (int c = 0; c < columns; ++c) {
      T const* const from = b + long(c) * n_;
      T most = 0;
      for (int i = 0; i < n_; ++i)
        if (!(std::abs(from[i]) <= most)) most = std::abs(from[i]);
      auto& s = solves[c];
      s = {};
      s.rhs_scale = power_of_two_below(most);
      T const inverse = T(1) / s.rhs_scale;
      T* const to = y_ + long(probes + c) * n_;
      for (int i = 0; i < n_; ++i) to[i] = from[i] * inverse;
      s.rhs = norm(to);
    }
  }

  /// Findings on the solutions z_ of the right-hand sides save_; the probes are in z_ too.
  void measure(int width, SolveFindings<T>* solves) {
    algebra_.multiply(width, z_, r_);
    findings.smallest_kept = infinity;
    for (int c = 0; c < width; ++c) {
      T *const z = z_ + long(c) * n_, *const r = r_ + long(c) * n_,
               *const b0 = save_ + long(c) * n_;
      if (c < probes) {
        T const quotient = dot(z, r) / dot(z, z);
        if (!(quotient >= findings.smallest_kept)) findings.smallest_kept = quotient;
        continue;
      }
      auto& s = solves[c - probes];
      s.inside = norm(b0);
      s.solution = norm(z);
      for (int i = 0; i < n_; ++i) r[i] -= b0[i];
      s.error = norm(r);
    }
  }

  /// Behind Q, in room for 2 n vectors.
  T* gram_room() const { return q_ + long(n_) * n_; }

  int n_, k_ = 0;
  bool sound_ = false;
  T const* a_ = nullptr;
  T inverse_scale_ = 1;
  std::vector<int> order_;
  Algebra algebra_;
  T *q_, *image_, *y_, *save_, *r_, *z_, *pivots_;
};

}  // namespace minfold::impl

#endif
