// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_MIXED_KERNEL_HPP
#define MINFOLD_KERNELS_IMPL_MIXED_KERNEL_HPP

#include <minfold/kernels/impl/blocked_item.hpp>
#include <minfold/kernels/impl/mixed_algebra.hpp>
#include <minfold/kernels/impl/refine_by_cg.hpp>

#include <algorithm>

namespace minfold::impl {

/// kernel_and_pinv for one item of large order, by one thread, in two precisions: the factor of A + mu I is in
/// float, mu at the level of its rounding, and preconditions CG with products in double, which gives the basis
/// X - A^+ A X from an approximate one and the solutions. Half of the lanes of a product would be idle with the few
/// columns of either, so both travel together.
///
/// What a factor in double shows of A and this one does not, an eigenvalue below 0 or a missed kernel vector up to
/// the size of mu, the probes do: random right-hand sides that are solved to all digits have no component along
/// a direction that A takes to 0, and whatever is small and not 0 grows by its inverse.
class MixedKernel : public BlockedItem<double, MixedAlgebra> {
  using T = double;

 public:
  using BlockedItem::BlockedItem;

  /// Of one refinement by CG: with more, a factor in double is cheaper.
  static constexpr int most_products = 20;

  /// Whether the order leaves room for the refinement behind the basis.
  static bool fits(int n, int columns) { return 4 * (chunk + probes + columns) + chunk <= n; }

  /// X, orthonormal, and A X; the basis comes with the solutions.
  void find_kernel(T kernel_tolerance) {
    T const shift = MixedAlgebra::shift(n_) * findings.norm;
    sound_ = std::isfinite(findings.norm) && algebra_.factor(shift, T(0.125) * shift, pivots_);
    if (!sound_) return;
    findings.smallest_pivot = *std::min_element(pivots_, pivots_ + n_);
    // A pivot tells nothing of the kernel: that of a vector which is spread over all components is some n
    // times the shift, which is not small. A pack of columns costs what one does, and Ritz values tell.
    for (int const width : {lanes<float>, chunk}) {
      choose_smallest(n_, order_, std::size_t(width), [&](int i) { return pivots_[i]; });
      start();
      orthonormalize();
      sound_ = keep_small(kernel_tolerance * findings.norm);
      if (!sound_ || k_ < width) return;
    }
    sound_ = false;
  }

  /// Three probes, then b(0 ... columns - 1); solves has an entry a right-hand side.
  void probe_and_solve(FactorSketch<T> const& sketch, T const* b, int columns,
                       SolveFindings<T>* solves) {
    if (!sound_) return;
    int const width = probes + columns;
    long const sides = long(width) * n_;
    copy_sides(sketch, b, columns, solves);
    for (int c = 0; c < probes; ++c) scale_to_unit(y_ + long(c) * n_);
    std::copy(y_, y_ + sides, save_);
    project_out(save_, width, nullptr);
    T *const z = solution_room(), *const residual = z + long(k_ + width) * n_;
    int const together = refine_basis(width, z, residual);
    if (together < 0) return;
    std::copy(z + long(k_) * n_, z + long(k_) * n_ + sides, z_);
    orthonormalize();
    orthonormalize();
    findings.dimension = k_;
    if (k_ > 0) certify();
    // The sides lost their part in span X, and should have lost that in ker A.
    for (long t = 0; t < sides; ++t) residual[t] += y_[t] - save_[t];
    project_out(y_, width, solves);
    std::copy(y_, y_ + sides, save_);
    project_out(residual, width, nullptr);
    project_out(z_, width, nullptr);
    int const alone = refine_sides(width, residual, solves);
    if (alone < 0) return;
    for (int c = 0; c < columns; ++c) solves[c].products = together + alone + 1;
    iterate_probes();
    measure(width, solves);
  }

 private:
  /// Behind Q, which has at most `chunk` vectors: room for n - chunk columns.
  T* image_room() const { return q_ + long(chunk) * n_; }
  /// Behind the Gram matrices.
  T* solution_room() const { return gram_room() + long(chunk) * chunk; }

  /// X := L^-T e_j for the pivots j that were chosen, two steps of inverse iteration, unit vectors.
  void start() {
    k_ = int(order_.size());
    std::fill(q_, q_ + long(k_) * n_, T(0));
    for (int c = 0; c < k_; ++c) q_[long(c) * n_ + order_[c]] = T(1);
    algebra_.solve_upper(k_, q_);
    for (int step = 0; step < iteration_steps<float>; ++step) algebra_.precondition(k_, q_);
    for (int c = 0; c < k_; ++c) scale_to_unit(q_ + long(c) * n_);
  }

  /// X := its Ritz vectors with values up to the threshold, A X with them. False: one is clearly below 0.
  bool keep_small(T threshold) {
    T *const ax = image_room(), *const rotated = ax + long(k_) * n_;
    algebra_.multiply(k_, q_, ax);
    T *const small = gram_room(), *const values = solution_room(), *const work = values + k_;
    host::gemm(true, k_, k_, n_, T(1), q_, n_, ax, n_, T(0), small, k_);
    if (host::syev(k_, small, k_, values, work) != 0 || !(values[0] >= -threshold)) return false;
    int const kept = int(std::upper_bound(values, values + k_, threshold) - values);
    for (T* const block : {q_, ax}) {
      host::gemm(false, n_, kept, k_, T(1), block, n_, small, k_, T(0), rotated, n_);
      std::copy(rotated, rotated + long(kept) * n_, block);
    }
    k_ = kept;
    return true;
  }

  /// X := X - A^+ A X, and the sides save_ on their way as far as that goes: z holds both solutions,
  /// residual what is left of the sides. Products, or -1.
  int refine_basis(int width, T* z, T* residual) {
    int const both = k_ + width;
    long const basis = long(k_) * n_, sides = long(width) * n_;
    T *const r = image_room(), *const s = r + basis + sides;
    std::copy(save_, save_ + sides, r + basis);
    int products = 0;
    if (k_ == 0)
      std::fill(z, z + sides, T(0));
    else
      products = refine_by_cg(
          algebra_, n_, both, most_products, r, z, s, s + basis + sides,
          [&](T* x) { project_out(x, both, nullptr); },
          [&](int c, T) { return c < k_ ? 2 * epsilon<T> * findings.norm : infinity; });
    sound_ = products >= 0;
    if (!sound_) return -1;
    for (long t = 0; t < basis; ++t) q_[t] -= z[t];
    std::copy(r + basis, r + basis + sides, residual);
    return products;
  }

  /// z_ := z_ + A^+ residual. Products, or -1.
  int refine_sides(int width, T* residual, SolveFindings<T> const* solves) {
    long const sides = long(width) * n_;
    T *const z = image_room(), *const s = z + sides;
    std::vector<T> before(width);
    for (int c = 0; c < width; ++c) before[c] = norm(z_ + long(c) * n_);
    int const products = refine_by_cg(
        algebra_, n_, width, most_products, residual, z, s, s + sides,
        [&](T* x) { project_out(x, width, nullptr); },
        [&](int c, T length) {
          T const rhs = c < probes ? T(1) : solves[c - probes].rhs;
          return epsilon<T> * (findings.norm * std::max(length, before[c]) + rhs);
        });
    sound_ = products >= 0;
    if (!sound_) return -1;
    for (long t = 0; t < sides; ++t) z_[t] += z[t];
    project_out(z_, width, nullptr);
    return products;
  }

  /// The solved probes are one step of inverse iteration, without a shift; here is another, so that their
  /// Rayleigh quotients tell the smallest eigenvalue.
  void iterate_probes() {
    for (int c = 0; c < probes; ++c) scale_to_unit(z_ + long(c) * n_);
    algebra_.precondition(probes, z_);
    project_out(z_, probes, nullptr);
  }
};

}  // namespace minfold::impl

#endif
