// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_BASELINES_G_PBGD_HPP
#define MINFOLD_DRIVERS_BASELINES_G_PBGD_HPP

#include <minfold/drivers/baselines/shared.hpp>

namespace minfold {

template <class T>
struct GPbgdOptions {
  T penalty = T(37);  ///< gamma at the end; FOUND: 37 for a network on hyper-cleaning
  T ramp = 0;         ///< part of the iterations in which gamma grows to it
  T step = T(0.5);    ///< in x and y, times min(1 / gamma, 1); FOUND: 0.5 there

  static GPbgdOptions from(Settings& settings) {
    GPbgdOptions o;
    o.penalty = baseline::penalty_from(settings, o.penalty);
    o.ramp = baseline::ramp_from(settings, o.ramp);
    o.step = baseline::step_from(settings, o.step);
    return o;
  }
};

/// G-PBGD (FOUND: repository of Shen and Chen): the penalty is the squared gradient,
///     (x, y) := (x, y) - step min(1 / gamma, 1) grad[ f + gamma/2 |grad_y g|^2 ],
///     grad of the penalty = gamma (G^T grad_y g, H grad_y g).
/// DERIVED: the factor min(1 / gamma, 1) and the ramp, which V-PBGD of the same code has. Selects, locally,
/// up to O(1 / gamma). Stationary points of g that are no minimizers cost nothing: it may end in one.
/// Stationarity and kkt_residual: norm of that gradient. penalty: gamma.
template <class T, ExecutionSpace E>
class GPbgd final : public Method<T, E> {
 public:
  explicit GPbgd(GPbgdOptions<T> const& options) : options_(options) {}

  void begin(Oracle<T, E>& o) override {
    fx_ = o.like_x("upper_x");
    px_ = o.like_x("penalty_x");
    fy_ = o.like_y("upper_y");
    gy_ = o.like_y("lower_y");
    py_ = o.like_y("penalty_y");
  }

  MethodStep step(Oracle<T, E>& o, int k, int total) override {
    double const gamma =
        baseline::ramped(double(options_.penalty), double(options_.ramp), k, total);
    o.upper_gradient(o.x, o.y, fx_, fy_);
    o.lower_gradient(o.x, o.y, gy_);
    o.mixed_transpose(o.x, o.y, gy_, px_);
    o.hessian(o.x, o.y, gy_, py_);
    MethodStep s;
    s.scale = o.sum_of_norms(fx_, fy_) + gamma * o.sum_of_norms(px_, py_);
    o.axpy(gamma, px_, fx_);
    o.axpy(gamma, py_, fy_);
    s.step = double(options_.step) * std::min(1 / gamma, 1.0);
    double const in_y = o.norm(fy_);
    s.stationarity = std::hypot(o.projected_step(s.step, fx_, px_), in_y);
    o.axpy(-s.step, fy_, o.y);
    s.kkt_residual = s.stationarity;
    s.penalty = gamma;
    return s;
  }

  /// All of the state is x and y.
  void archive(StateArchive&, E const&) override {}

 private:
  GPbgdOptions<T> options_;
  Vectors<T, E> fx_, px_, fy_, gy_, py_;
};

}  // namespace minfold

#endif
