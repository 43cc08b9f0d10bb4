// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_SGF_HPP
#define MINFOLD_DRIVERS_SGF_HPP

#include <minfold/drivers/impl/flow_method.hpp>

namespace minfold {

template <class T>
struct SgfOptions : FlowOptions<T> {
  int products = 100;  ///< steps of CG for lambda
  T cg_tolerance = std::is_same_v<T, float> ? T(1e-5) : T(1e-10);

  static SgfOptions from(Settings& settings) {
    SgfOptions o;
    o.read(settings);
    o.products = settings.integer("products", o.products, 1, 1000000, "CG steps a velocity");
    o.cg_tolerance = T(settings.number("cg-tolerance", double(o.cg_tolerance), 0, 1,
                                       "relative residual at which CG ends"));
    return o;
  }
};

/// Safe gradient flow: z' is the vector nearest to -grad f with d/dt s + alpha s = 0, s = grad_y g:
///     z' = -grad f - J^T lambda,   J J^T lambda = alpha s - J grad f,   J = [G H].
/// So s(t) = exp(-alpha t) s(0). FOUND in the code for arXiv 2501.16520, with dense solves. DERIVED: CG on
/// J J^T from 0, from Hessian and mixed products; it ends at the relative residual cg-tolerance, or where the
/// curvature along its direction is not positive. Several targets of one x are one system.
/// Where S(x) is a manifold (DERIVED): on S J J^T is singular, the right-hand side is in its range, and what
/// CG adds along the kernel of J^T moves nothing. At a distance delta from a curved S, J has full rank with
/// singular values O(delta), and the exact flow keeps the direction of s, so that y hardly moves along S and
/// ends at points that are not selected. cg-tolerance above delta leaves those values out where grad_y f has
/// a normal part; the default does not.
/// Stationarity: |z'|; kkt_residual = |z'|^2 = |grad f + J^T lambda|^2, penalty = |lambda|.
/// Costs     a velocity: 2 gradients, 2 Hessian and 2 mixed products, and 2 of both a step of CG (one less
///           of each at the last).
template <class T, ExecutionSpace E>
class Sgf final : public impl::FlowMethod<T, E> {
 public:
  using typename impl::FlowMethod<T, E>::Joint;
  using PerRow = std::vector<double>;

  explicit Sgf(SgfOptions<T> const& options) : impl::FlowMethod<T, E>(options), options_(options) {}

  void velocity(Oracle<T, E>& o, Joint const& at, Joint const& out) override {
    auto& c = this->at_;
    o.upper_gradient(at.x, at.y, c.upper.x, c.upper.y);
    o.lower_gradient(at.x, at.y, c.residual);
    c.upper_square = o.dot(c.upper, c.upper);
    // r := alpha s - J grad f
    along(o, at, c.upper, residual_);
    o.axpby(double(options_.alpha), c.residual, -1.0, residual_);
    solve(o, at);
    auto const square = o.dot(lambda_, lambda_);
    for (int r = 0; r < o.rows(); ++r) this->multiplier_[r] = std::sqrt(square[r]);
    back(o, at, lambda_, out);
    PerRow const minus(o.rows(), -1.0);
    o.axpby(minus, c.upper, minus, out);
    this->residual_square_ = o.dot(out, out);
  }

 private:
  using V = Vectors<T, E>;

  void reserve(Oracle<T, E>& o) override {
    residual_ = o.like_y("cg_residual");
    lambda_ = o.like_y("multiplier");
    p_ = o.like_y("cg_direction");
    image_ = o.like_y("cg_product");
    part_ = o.like_y("mixed_part");
    joint_ = o.like_both("cg_joint");
  }
  /// out := J v
  void along(Oracle<T, E>& o, Joint const& at, Joint const& v, V out) {
    o.mixed_product(at.x, at.y, v.x, out);
    o.hessian(at.x, at.y, v.y, part_);
    o.axpy(1.0, part_, out);
  }
  /// out := J^T z
  void back(Oracle<T, E>& o, Joint const& at, V z, Joint const& out) {
    o.mixed_transpose(at.x, at.y, z, out.x);
    o.hessian(at.x, at.y, z, out.y);
  }
  /// lambda := what CG makes of J J^T lambda = r
  void solve(Oracle<T, E>& o, Joint const& at) {
    int const rows = o.rows();
    o.set(lambda_, T(0));
    o.copy(residual_, p_);
    PerRow square = o.dot(residual_, residual_);
    PerRow target = square;
    for (double& t : target) t *= double(options_.cg_tolerance) * double(options_.cg_tolerance);
    std::vector<bool> ended(rows, false);
    for (int i = 0; i < options_.products; ++i) {
      bool working = false;
      for (int r = 0; r < rows; ++r) {
        ended[r] = ended[r] || !(square[r] > target[r]);
        working = working || !ended[r];
      }
      if (!working) return;
      back(o, at, p_, joint_);
      auto const curvature = o.dot(joint_, joint_);  // <p, J J^T p>
      along(o, at, joint_, image_);
      PerRow length(rows, 0.0), opposite(rows, 0.0), on(rows, 0.0);
      for (int r = 0; r < rows; ++r) {
        ended[r] = ended[r] || !(curvature[r] > 0);
        if (!ended[r]) length[r] = square[r] / curvature[r];
        opposite[r] = -length[r];
      }
      o.axpy(length, p_, lambda_);
      o.axpy(opposite, image_, residual_);
      auto const next = o.dot(residual_, residual_);
      for (int r = 0; r < rows; ++r)
        if (!ended[r]) on[r] = next[r] / square[r];
      o.axpby(PerRow(rows, 1.0), residual_, on, p_);
      square = next;
    }
  }

  SgfOptions<T> options_;
  V residual_, lambda_, p_, image_, part_;
  Joint joint_;
};

}  // namespace minfold

#endif
