// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_BASELINES_AID_CG_HPP
#define MINFOLD_DRIVERS_BASELINES_AID_CG_HPP

#include <minfold/drivers/method.hpp>
#include <minfold/drivers/settings.hpp>

#include <cmath>

namespace minfold {

template <class T>
struct AidCgOptions {
  int inner_steps = 10;  ///< D gradient steps on g from the last y
  int products = 10;     ///< N steps of CG for H v = grad_y f
  T inner_step = 0;      ///< 0: 1 / ||H|| at the start, estimated
  T step = T(0.1);

  static AidCgOptions from(Settings& settings) {
    AidCgOptions o;
    o.inner_steps = settings.integer("inner-steps", o.inner_steps, 0, 1000000,
                                     "gradient steps on g an iteration");
    o.products = settings.integer("products", o.products, 1, 1000000, "CG steps an iteration");
    o.inner_step = T(settings.number("inner-step", double(o.inner_step), 0, 1e300,
                                     "step on g; 0: 1 / ||H||, estimated at the start"));
    o.step = T(settings.number("step", double(o.step), 0, 1e300, "step in x"));
    return o;
  }
};

/// Approximate implicit differentiation: y by D gradient steps on g, v by N steps of CG from 0,
///     x := proj(x - step (grad_x f - G^T v)),   H v = grad_y f.
/// FOUND in the repositories named in Grazzi et al. and used by most papers of the field, D = N = 10.
/// Biased where S(x) is a manifold: y is the point of S(x) that descent happens to reach, and grad_y f has
/// a part in ker H there: CG on such a system comes near for some steps and then diverges. CG starts from 0 (DERIVED: a warm start would
/// keep null components for ever) and ends where the curvature along its direction is not positive.
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
    inner_ = options_.inner_step > T(0) ? double(options_.inner_step)
                                        : 1 / o.lower_curvature(o.x, o.y, 10, 1);
  }

  MethodStep step(Oracle<T, E>& o, int, int) override {
    for (int i = 0; i < options_.inner_steps; ++i) {
      o.lower_gradient(o.x, o.y, gy_);
      o.axpy(-inner_, gy_, o.y);
    }
    o.upper_gradient(o.x, o.y, gx_, gy_);
    solve(o);
    o.mixed_transpose(o.x, o.y, v_, mixed_);
    double const terms = o.norm(gx_) + o.norm(mixed_);
    o.axpy(-1.0, mixed_, gx_);
    MethodStep s;
    s.stationarity = o.norm(gx_);
    s.scale = terms;
    s.step = double(options_.step);
    o.axpy(-s.step, gx_, o.x);
    o.project(o.x);
    return s;
  }

 private:
  /// v := what N steps of CG from 0 make of H v = r, r in gy_.
  void solve(Oracle<T, E>& o) {
    using PerRow = std::vector<double>;
    o.set(v_, T(0));
    o.copy(gy_, p_);
    PerRow square = o.dot(gy_, gy_);
    PerRow const first = square;
    for (int i = 0; i < options_.products; ++i) {
      o.hessian(o.x, o.y, p_, hp_);
      auto const curvature = o.dot(p_, hp_);
      PerRow length(square.size(), 0.0), back(square.size(), 0.0), on(square.size(), 0.0);
      for (std::size_t r = 0; r < square.size(); ++r)
        if (curvature[r] > 0 && square[r] > 1e-30 * first[r]) length[r] = square[r] / curvature[r];
      o.axpy(length, p_, v_);
      for (std::size_t r = 0; r < square.size(); ++r) back[r] = -length[r];
      o.axpy(back, hp_, gy_);
      auto const next = o.dot(gy_, gy_);
      for (std::size_t r = 0; r < square.size(); ++r)
        if (length[r] > 0) on[r] = next[r] / square[r];
      o.axpby(PerRow(square.size(), 1.0), gy_, on, p_);
      square = next;
    }
  }

  AidCgOptions<T> options_;
  double inner_ = 0;
  Vectors<T, E> gx_, mixed_, gy_, v_, p_, hp_;
};

}  // namespace minfold

#endif
