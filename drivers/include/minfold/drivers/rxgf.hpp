// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_RXGF_HPP
#define MINFOLD_DRIVERS_RXGF_HPP

#include <minfold/drivers/impl/flow_method.hpp>

namespace minfold {

template <class T>
struct RxgfOptions : FlowOptions<T> {
  T eps = T(0.1);

  static RxgfOptions from(Settings& settings) {
    RxgfOptions o;
    o.read(settings);
    o.eps = T(settings.number("eps", 0.1, 0, 1e300, "||grad_y g|| that is allowed"));
    return o;
  }
};

/// Relaxed gradient flow: z' is the vector nearest to -grad f under
///     <grad h, z'> + alpha (h - eps^2) <= 0,   h = ||grad_y g||^2:
///     z' = -grad f - lambda grad h,  lambda = [alpha (h - eps^2) - <grad h, grad f>]_+ / |grad h|^2.
/// h cannot leave [0, eps^2] and falls to it as exp(-alpha t) from above.
/// FOUND in the code for arXiv 2501.16520: the flow, RK4 in time, alpha in {0.01, 0.05, 0.1, 0.5, 1}, eps in
/// {0.05, 0.1, 0.2, 0.5}, t in [0, 10]. DERIVED: the step control, the guard on |grad h|.
/// Stationarity: |z'|; kkt_residual = |z'|^2, penalty = lambda.
/// Costs     11 velocities a trial step, each 2 gradients, 1 Hessian and 1 mixed product.
template <class T, ExecutionSpace E>
class Rxgf final : public impl::FlowMethod<T, E> {
 public:
  using typename impl::FlowMethod<T, E>::Joint;

  explicit Rxgf(RxgfOptions<T> const& options)
      : impl::FlowMethod<T, E>(options), eps_(double(options.eps)) {}

  void velocity(Oracle<T, E>& o, Joint const& at, Joint const& out) override {
    auto& c = this->at_;
    c.evaluate(o, at.x, at.y);
    for (int r = 0; r < o.rows(); ++r)
      this->multiplier_[r] = impl::qp_multiplier(
          c.slope[r], double(this->flow_.alpha) * (c.value[r] - eps_ * eps_), c.square[r]);
    std::vector<double> const minus(o.rows(), -1.0), none(o.rows(), 0.0);
    auto back = this->multiplier_;
    for (double& b : back) b = -b;
    o.axpby(minus, c.upper, none, out);
    o.axpy(back, c.gradient, out);
    this->residual_square_ = o.dot(out, out);
  }

 private:
  double eps_;
};

}  // namespace minfold

#endif
