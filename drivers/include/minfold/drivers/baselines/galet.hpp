// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_BASELINES_GALET_HPP
#define MINFOLD_DRIVERS_BASELINES_GALET_HPP

#include <minfold/drivers/baselines/shared.hpp>

namespace minfold {

template <class T>
struct GaletOptions {
  int inner_steps = 10;  ///< N gradient steps on g
  int products = 10;     ///< T steps of w, two Hessian products each
  T inner_step = 0;      ///< 0: 1 / ||H|| at the start, estimated
  T adjoint_step = 0;    ///< rho; 0: the square of the inner step
  T step = T(0.1);

  static GaletOptions from(Settings& settings) {
    GaletOptions o;
    o.inner_steps = baseline::inner_steps_from(settings, o.inner_steps);
    o.products = settings.integer("products", o.products, 0, 1000000,
                                  "steps of the adjoint, two products each");
    o.inner_step = baseline::inner_step_from(settings, o.inner_step);
    o.adjoint_step = T(settings.number("adjoint-step", double(o.adjoint_step), 0, 1e300,
                                       "step of the adjoint; 0: inner-step squared"));
    o.step = baseline::step_from(settings, o.step);
    return o;
  }
};

/// GALET (FOUND: its three loops, for lower levels that are PL; DERIVED: the steps and the warm start of
/// w): y by N gradient steps on g; w by T steps on 1/2 |H w + grad_y f|^2 from the last w,
///     w -= rho H (H w + grad_y f),   x -= step (grad_x f + G^T w).
/// w starts at 0 and stays in range H, up to how H turns with y: -w tends to H^+ grad_y f also where H is
/// singular. y is not selected: biased where S(x) is a manifold.
/// Stationarity: ||grad_x f + G^T w||.
template <class T, ExecutionSpace E>
class Galet final : public Method<T, E> {
 public:
  explicit Galet(GaletOptions<T> const& options) : options_(options) {}

  void begin(Oracle<T, E>& o) override {
    gx_ = o.like_x("upper_x");
    mixed_ = o.like_x("mixed");
    fy_ = o.like_y("upper_y");
    r_ = o.like_y("residual");
    hr_ = o.like_y("product");
    w_ = o.like_y("adjoint");
    o.set(w_, T(0));
    inner_ = baseline::inner_step(o, options_.inner_step);
    adjoint_ = options_.adjoint_step > T(0) ? double(options_.adjoint_step) : inner_ * inner_;
  }

  MethodStep step(Oracle<T, E>& o, int, int) override {
    baseline::descend<T, E>(o, o.x, o.y, r_, inner_, options_.inner_steps);
    o.upper_gradient(o.x, o.y, gx_, fy_);
    for (int i = 0; i < options_.products; ++i) {
      o.hessian(o.x, o.y, w_, r_);
      o.axpy(1.0, fy_, r_);
      o.hessian(o.x, o.y, r_, hr_);
      o.axpy(-adjoint_, hr_, w_);
    }
    o.mixed_transpose(o.x, o.y, w_, mixed_);
    MethodStep s;
    s.scale = o.sum_of_norms(gx_, mixed_);
    o.axpy(1.0, mixed_, gx_);
    s.step = double(options_.step);
    s.stationarity = o.projected_step(s.step, gx_, mixed_);
    return s;
  }

  void archive(StateArchive& a, E const& space) override {
    a("inner_step", inner_);
    a("adjoint_step", adjoint_);
    a.view(space, "w", w_);
  }

 private:
  GaletOptions<T> options_;
  double inner_ = 0, adjoint_ = 0;
  Vectors<T, E> gx_, mixed_, fy_, r_, hr_, w_;
};

}  // namespace minfold

#endif
