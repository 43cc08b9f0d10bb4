// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_BASELINES_F2SA_HPP
#define MINFOLD_DRIVERS_BASELINES_F2SA_HPP

#include <minfold/drivers/baselines/shared.hpp>

namespace minfold {

template <class T>
struct F2saOptions {
  int inner_steps = 10;  ///< of y and of z
  T inner_step = 0;      ///< b, and a; 0: 1 / ||H|| at the start, estimated
  T multiplier = T(1);   ///< lambda at the start (NOT FOUND, ours)
  T increment = T(0.1);  ///< delta, of lambda an iteration
  bool decay = true;     ///< a ~ k^(-5/7), b, c ~ k^(-4/7)
  T step = T(0.1);       ///< c, in x

  static F2saOptions from(Settings& settings) {
    F2saOptions o;
    o.inner_steps = baseline::inner_steps_from(settings, o.inner_steps);
    o.inner_step = baseline::inner_step_from(settings, o.inner_step);
    o.multiplier = T(
        settings.number("multiplier", double(o.multiplier), 1e-300, 1e300, "lambda at the start"));
    o.increment =
        T(settings.number("increment", double(o.increment), 0, 1e300, "of lambda an iteration"));
    o.decay = settings.flag("step-decay", o.decay, "steps fall like k^(-5/7) and k^(-4/7)");
    o.step = baseline::step_from(settings, o.step);
    return o;
  }
};

/// F2SA (FOUND: a public benchmark of bilevel methods), first order only: y follows argmin f + lambda g,
/// z follows argmin g, by `inner_steps` gradient steps each,
///     y -= a (grad_y f + lambda grad_y g(x, y)),  z -= b grad_y g(x, z),
///     x -= c (grad_x f + lambda (grad_x g(x, y) - grad_x g(x, z))),  lambda += delta,
/// a ~ k^(-5/7), b, c ~ k^(-4/7). DERIVED: a is at most b / (1 + lambda). With delta constant, a lambda
/// would grow like k^(2/7) and the steps of y diverge; f is taken to be as smooth as g.
/// Selects, locally, with an error of O(1 / lambda).
/// Stationarity: norm of what x moves along. penalty: lambda.
template <class T, ExecutionSpace E>
class F2sa final : public Method<T, E> {
 public:
  explicit F2sa(F2saOptions<T> const& options) : options_(options) {}

  void begin(Oracle<T, E>& o) override {
    fx_ = o.like_x("upper_x");
    gx_ = o.like_x("lower_x");
    fy_ = o.like_y("upper_y");
    gy_ = o.like_y("lower_y");
    z_ = o.like_y("inner");
    o.copy(o.y, z_);
    inner_ = baseline::inner_step(o, options_.inner_step);
    lambda_ = double(options_.multiplier);
  }

  MethodStep step(Oracle<T, E>& o, int k, int) override {
    double const slow = options_.decay ? std::pow(k + 1.0, -4.0 / 7) : 1.0;
    double const fast = options_.decay ? std::pow(k + 1.0, -5.0 / 7) : 1.0;
    double const a = std::min(inner_ * fast, inner_ / (1 + lambda_));
    for (int i = 0; i < options_.inner_steps; ++i) {
      o.upper_gradient(o.x, o.y, fx_, fy_);
      o.lower_gradient(o.x, o.y, gy_);
      o.axpy(-a, fy_, o.y);
      o.axpy(-a * lambda_, gy_, o.y);
    }
    baseline::descend<T, E>(o, o.x, z_, gy_, inner_ * slow, options_.inner_steps);
    o.upper_gradient(o.x, o.y, fx_, fy_);
    MethodStep s;
    s.scale = o.norm(fx_);
    o.lower_gradient_x(o.x, o.y, gx_);
    o.axpy(lambda_, gx_, fx_);
    s.scale += lambda_ * o.norm(gx_);
    o.lower_gradient_x(o.x, z_, gx_);
    o.axpy(-lambda_, gx_, fx_);
    s.scale += lambda_ * o.norm(gx_);
    s.step = double(options_.step) * slow;
    s.stationarity = o.projected_step(s.step, fx_, gx_);
    s.penalty = lambda_;
    lambda_ += double(options_.increment);
    return s;
  }

  void archive(StateArchive& a, E const& space) override {
    a("inner_step", inner_);
    a("lambda", lambda_);
    a.view(space, "z", z_);
  }

 private:
  F2saOptions<T> options_;
  double inner_ = 0, lambda_ = 1;
  Vectors<T, E> fx_, gx_, fy_, gy_, z_;
};

}  // namespace minfold

#endif
