// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_BLOCKED_KERNEL_HPP
#define MINFOLD_KERNELS_IMPL_BLOCKED_KERNEL_HPP

#include <minfold/kernels/impl/blocked_item.hpp>
#include <minfold/kernels/impl/tiled_algebra.hpp>

namespace minfold::impl {

/// kernel_and_pinv for one item of large order, by one thread: the method of PackedKernel on
/// an Algebra that factors, solves and multiplies.
template <class T, class Algebra = FactorAlgebra<T>>
class BlockedKernel : public BlockedItem<T, Algebra> {
  using Item = BlockedItem<T, Algebra>;
  using Item::algebra_, Item::k_, Item::n_, Item::order_, Item::pivots_, Item::q_, Item::r_,
      Item::save_, Item::sound_, Item::y_, Item::z_;

 public:
  using Item::findings, Item::Item, Item::probes;

  void find_kernel(T kernel_tolerance) {
    T const shift = factor_shift<T>(n_) * findings.norm;
    sound_ = std::isfinite(findings.norm) && algebra_.factor(shift, T(0.125) * shift, pivots_);
    if (!sound_) return;
    findings.smallest_pivot = smallest_pivots(n_, order_, kernel_tolerance * findings.norm,
                                              [&](int i) { return pivots_[i]; });
    int const width = int(order_.size());
    std::fill(q_, q_ + long(width) * n_, T(0));
    for (int c = 0; c < width; ++c) q_[long(c) * n_ + order_[c]] = T(1);
    algebra_.solve_upper(width, q_);
    for (int step = 0; step < iteration_steps<T>; ++step) {
      algebra_.solve_lower(width, q_);
      algebra_.solve_upper(width, q_);
    }
    for (int c = 0; c < width; ++c) this->scale_to_unit(q_ + long(c) * n_);
    k_ = width;
    // Twice, for orthogonality to the last digit, and because a small pivot of the first pass leaves
    // errors in those after it.
    this->orthonormalize();
    this->orthonormalize();
    findings.dimension = k_;
    if (k_ > 0) this->certify();
  }

  /// Three probes, then b(0 ... columns - 1); solves has an entry a right-hand side.
  void probe_and_solve(FactorSketch<T> const& sketch, T const* b, int columns,
                       SolveFindings<T>* solves) {
    if (!sound_) return;
    int const width = probes + columns;
    this->copy_sides(sketch, b, columns, solves);
    this->project_out(y_, width, solves);
    std::copy(y_, y_ + long(width) * n_, save_);
    solve_projected(width);
    std::copy(y_, y_ + long(width) * n_, z_);
    algebra_.multiply(width, y_, r_);
    for (int c = 0; c < width; ++c) {
      T *const y = y_ + long(c) * n_, *const r = r_ + long(c) * n_,
               *const b0 = save_ + long(c) * n_;
      if (c < probes)
        this->scale_to_unit(y);
      else
        for (int i = 0; i < n_; ++i) y[i] = b0[i] - r[i];
    }
    this->project_out(y_, width, nullptr);
    solve_projected(width);
    for (int c = 0; c < width; ++c) {
      T *const y = y_ + long(c) * n_, *const z = z_ + long(c) * n_;
      for (int i = 0; i < n_; ++i) z[i] = c < probes ? y[i] : z[i] + y[i];
    }
    this->measure(width, solves);
  }

 private:
  void solve_projected(int width) {
    algebra_.solve_lower(width, y_);
    algebra_.solve_upper(width, y_);
    this->project_out(y_, width, nullptr);
  }
};

}  // namespace minfold::impl

#endif
