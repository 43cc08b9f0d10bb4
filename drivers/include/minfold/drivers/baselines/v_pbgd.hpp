// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_BASELINES_V_PBGD_HPP
#define MINFOLD_DRIVERS_BASELINES_V_PBGD_HPP

#include <minfold/drivers/baselines/shared.hpp>

namespace minfold {

template <class T>
struct VPbgdOptions {
  int inner_steps = 1;  ///< T gradient steps of w on g, from the last w
  T inner_step = 0;     ///< 0: 1 / ||H|| at the start, estimated; FOUND: 0.01
  T penalty = T(10);    ///< gamma at the end; FOUND: 10 for the toy, 0.2 for hyper-cleaning
  T ramp = 0;           ///< part of the iterations in which gamma grows to it; FOUND: 0.75
  T step = T(0.1);      ///< in x and y, times min(1 / gamma, 1)

  static VPbgdOptions from(Settings& settings) {
    VPbgdOptions o;
    o.inner_steps = baseline::inner_steps_from(settings, o.inner_steps);
    o.inner_step = baseline::inner_step_from(settings, o.inner_step);
    o.penalty = baseline::penalty_from(settings, o.penalty);
    o.ramp = baseline::ramp_from(settings, o.ramp);
    o.step = baseline::step_from(settings, o.step);
    return o;
  }
};

/// V-PBGD (FOUND: repository of Shen and Chen): with w tracking argmin g(x, .) by T gradient steps,
///     (x, y) := (x, y) - step min(1 / gamma, 1) grad[ f + gamma (g(x, y) - g(x, w)) ],
/// gamma growing linearly in the first `ramp` of the iterations. Selects, locally; its solutions are those
/// of the penalized problem, which differ from those of F by O(1 / gamma).
/// Stationarity and kkt_residual: norm of that gradient. penalty: gamma.
template <class T, ExecutionSpace E>
class VPbgd final : public Method<T, E> {
 public:
  explicit VPbgd(VPbgdOptions<T> const& options) : options_(options) {}

  void begin(Oracle<T, E>& o) override {
    fx_ = o.like_x("upper_x");
    gx_ = o.like_x("lower_x");
    fy_ = o.like_y("upper_y");
    gy_ = o.like_y("lower_y");
    w_ = o.like_y("inner");
    o.copy(o.y, w_);
    inner_ = baseline::inner_step(o, options_.inner_step);
  }

  MethodStep step(Oracle<T, E>& o, int k, int total) override {
    double const gamma =
        baseline::ramped(double(options_.penalty), double(options_.ramp), k, total);
    baseline::descend<T, E>(o, o.x, w_, gy_, inner_, options_.inner_steps);
    o.upper_gradient(o.x, o.y, fx_, fy_);
    MethodStep s;
    s.scale = o.sum_of_norms(fx_, fy_);
    o.lower_gradient(o.x, o.y, gy_);
    o.axpy(gamma, gy_, fy_);
    o.lower_gradient_x(o.x, o.y, gx_);
    o.axpy(gamma, gx_, fx_);
    s.scale += gamma * o.sum_of_norms(gx_, gy_);
    o.lower_gradient_x(o.x, w_, gx_);
    o.axpy(-gamma, gx_, fx_);
    s.scale += gamma * o.norm(gx_);
    s.step = double(options_.step) * std::min(1 / gamma, 1.0);
    double const in_y = o.norm(fy_);
    s.stationarity = std::hypot(o.projected_step(s.step, fx_, gx_), in_y);
    o.axpy(-s.step, fy_, o.y);
    s.kkt_residual = s.stationarity;
    s.penalty = gamma;
    return s;
  }

  void archive(StateArchive& a, E const& space) override {
    a("inner_step", inner_);
    a.view(space, "w", w_);
  }

 private:
  VPbgdOptions<T> options_;
  double inner_ = 0;
  Vectors<T, E> fx_, gx_, fy_, gy_, w_;
};

}  // namespace minfold

#endif
