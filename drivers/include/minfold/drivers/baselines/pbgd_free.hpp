// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_BASELINES_PBGD_FREE_HPP
#define MINFOLD_DRIVERS_BASELINES_PBGD_FREE_HPP

#include <minfold/drivers/baselines/shared.hpp>

namespace minfold {

template <class T>
struct PbgdFreeOptions {
  int inner_steps = 1;  ///< K
  T inner_step = 0;     ///< eta_g; 0: 1 / ||H|| at the start, estimated
  T penalty = T(10);    ///< gamma
  T step = T(0.1);      ///< eta, in x

  static PbgdFreeOptions from(Settings& settings) {
    PbgdFreeOptions o;
    o.inner_steps = baseline::inner_steps_from(settings, o.inner_steps);
    o.inner_step = baseline::inner_step_from(settings, o.inner_step);
    o.penalty = T(settings.number("penalty", double(o.penalty), 1e-300, 1e300, "gamma"));
    o.step = baseline::step_from(settings, o.step);
    return o;
  }
};

/// PBGD-Free (FOUND): no second lower problem,
///     y -= eta_g (grad_y f / gamma + grad_y g), K times;   x -= eta grad_x f(x, y).
/// Selects, but the step in x leaves out how S(x) moves with x: biased wherever G != 0 and grad_y f does
/// not vanish at the solution.
/// Stationarity: ||grad_x f||. penalty: gamma.
template <class T, ExecutionSpace E>
class PbgdFree final : public Method<T, E> {
 public:
  explicit PbgdFree(PbgdFreeOptions<T> const& options) : options_(options) {}

  void begin(Oracle<T, E>& o) override {
    gx_ = o.like_x("upper_x");
    scratch_ = o.like_x("scratch");
    fy_ = o.like_y("upper_y");
    gy_ = o.like_y("lower_y");
    inner_ = baseline::inner_step(o, options_.inner_step);
  }

  MethodStep step(Oracle<T, E>& o, int, int) override {
    for (int i = 0; i < options_.inner_steps; ++i) {
      o.upper_gradient(o.x, o.y, gx_, fy_);
      o.lower_gradient(o.x, o.y, gy_);
      o.axpy(-inner_ / double(options_.penalty), fy_, o.y);
      o.axpy(-inner_, gy_, o.y);
    }
    o.upper_gradient(o.x, o.y, gx_, fy_);
    MethodStep s;
    s.scale = o.norm(gx_);
    s.step = double(options_.step);
    s.stationarity = o.projected_step(s.step, gx_, scratch_);
    s.penalty = double(options_.penalty);
    return s;
  }

  void archive(StateArchive& a, E const&) override { a("inner_step", inner_); }

 private:
  PbgdFreeOptions<T> options_;
  double inner_ = 0;
  Vectors<T, E> gx_, scratch_, fy_, gy_;
};

}  // namespace minfold

#endif
