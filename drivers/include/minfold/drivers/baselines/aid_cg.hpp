// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_BASELINES_AID_CG_HPP
#define MINFOLD_DRIVERS_BASELINES_AID_CG_HPP

#include <minfold/drivers/baselines/shared.hpp>

namespace minfold {

template <class T>
struct AidCgOptions {
  int inner_steps = 10;  ///< D gradient steps on g from the last y
  int products = 10;     ///< N steps of CG for H v = grad_y f
  T inner_step = 0;      ///< 0: 1 / ||H|| at the start, estimated
  T step = T(0.1);

  static AidCgOptions from(Settings& settings) {
    AidCgOptions o;
    o.inner_steps = baseline::inner_steps_from(settings, o.inner_steps);
    o.products = settings.integer("products", o.products, 1, 1000000, "CG steps an iteration");
    o.inner_step = baseline::inner_step_from(settings, o.inner_step);
    o.step = baseline::step_from(settings, o.step);
    return o;
  }
};

/// Approximate implicit differentiation: y by D gradient steps on g, v by N steps of CG from 0,
///     x := proj(x - step (grad_x f - G^T v)),   H v = grad_y f.
/// FOUND in the repositories named in Grazzi et al. and used by most papers of the field, D = N = 10.
/// Biased where S(x) is a manifold: y is the point of S(x) that descent happens to reach, and grad_y f has
/// a part in ker H there, on which CG does not converge: few products give a poor v, and with many, once
/// the part in range H is resolved, the next direction is in ker H, its curvature is rounding, and v
/// explodes. CG starts from 0 (DERIVED: a warm start would keep null components for ever) and ends where
/// the curvature along its direction is not positive.
/// Stationarity: ||grad_x f - G^T v||.
template <class T, ExecutionSpace E>
class AidCg final : public Method<T, E> {
 public:
  explicit AidCg(AidCgOptions<T> const& options) : options_(options) {}

  void begin(Oracle<T, E>& o) override {
    gx_ = o.like_x("upper_x");
    mixed_ = o.like_x("mixed");
    gy_ = o.like_y("residual");
    v_ = o.like_y("adjoint");
    p_ = o.like_y("direction");
    hp_ = o.like_y("product");
    inner_ = baseline::inner_step(o, options_.inner_step);
  }

  MethodStep step(Oracle<T, E>& o, int, int) override {
    baseline::descend<T, E>(o, o.x, o.y, gy_, inner_, options_.inner_steps);
    o.upper_gradient(o.x, o.y, gx_, gy_);
    baseline::conjugate_gradients(o, v_, gy_, p_, hp_, options_.products);
    o.mixed_transpose(o.x, o.y, v_, mixed_);
    MethodStep s;
    s.scale = o.sum_of_norms(gx_, mixed_);
    o.axpy(-1.0, mixed_, gx_);
    s.step = double(options_.step);
    s.stationarity = o.projected_step(s.step, gx_, mixed_);
    return s;
  }

  void archive(StateArchive& a, E const&) override { a("inner_step", inner_); }

 private:
  AidCgOptions<T> options_;
  double inner_ = 0;
  Vectors<T, E> gx_, mixed_, gy_, v_, p_, hp_;
};

}  // namespace minfold

#endif
