// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_BASELINES_PZOBO_HPP
#define MINFOLD_DRIVERS_BASELINES_PZOBO_HPP

#include <minfold/drivers/baselines/shared.hpp>

namespace minfold {

template <class T>
struct PzoboOptions {
  int inner_steps = 10;
  T inner_step = 0;    ///< 0: 1 / ||H|| at the start, estimated
  int directions = 1;  ///< Q
  T radius = T(0.01);  ///< mu
  T step = T(0.1);
  std::uint64_t seed = 1;

  static PzoboOptions from(Settings& settings) {
    PzoboOptions o;
    o.inner_steps = baseline::inner_steps_from(settings, o.inner_steps);
    o.inner_step = baseline::inner_step_from(settings, o.inner_step);
    o.directions = settings.integer("directions", o.directions, 1, 1000000,
                                    "runs of the lower level beside x");
    o.radius = T(settings.number("radius", double(o.radius), 1e-300, 1e300, "how far beside x"));
    o.step = baseline::step_from(settings, o.step);
    o.seed = baseline::seed_from(settings);
    return o;
  }
};

/// PZOBO (FOUND: its idea; DERIVED: the details): no second derivatives. The response of the inner
/// gradient descent to x is estimated by running it again, from the same start, beside x,
///     delta_q = (y_T(x + mu u_q) - y_T(x)) / mu,  u_q standard normal,
///     x -= step (grad_x f + 1/Q sum_q <delta_q, grad_y f> u_q).
/// Estimates the implicit gradient at the y that descent reaches: biased where S(x) is a manifold, and
/// noisy, with a standard deviation of about sqrt(dim_x / Q) times the implicit term.
/// Stationarity: norm of that estimate.
template <class T, ExecutionSpace E>
class Pzobo final : public Method<T, E> {
 public:
  explicit Pzobo(PzoboOptions<T> const& options) : options_(options) {}

  void begin(Oracle<T, E>& o) override {
    gx_ = o.like_x("gradient_x");
    u_ = o.like_x("direction");
    beside_ = o.like_x("beside");
    start_ = o.like_y("start");
    moved_ = o.like_y("moved");
    fy_ = o.like_y("upper_y");
    work_ = o.like_y("work");
    inner_ = baseline::inner_step(o, options_.inner_step);
  }

  MethodStep step(Oracle<T, E>& o, int k, int) override {
    double const mu = double(options_.radius);
    o.copy(o.y, start_);
    baseline::descend<T, E>(o, o.x, o.y, work_, inner_, options_.inner_steps);
    o.upper_gradient(o.x, o.y, gx_, fy_);
    MethodStep s;
    s.scale = o.norm(gx_);
    for (int q = 0; q < options_.directions; ++q) {
      auto const draw = std::uint32_t(k) * std::uint32_t(options_.directions) + std::uint32_t(q);
      baseline::draw_normals<T, E>(o.space(), u_, options_.seed, draw);
      o.copy(o.x, beside_);
      o.axpy(mu, u_, beside_);
      o.copy(start_, moved_);
      baseline::descend<T, E>(o, beside_, moved_, work_, inner_, options_.inner_steps);
      o.axpy(-1.0, o.y, moved_);
      auto slope = o.dot(moved_, fy_);
      for (double& along : slope) along /= mu * options_.directions;
      o.axpy(slope, u_, gx_);
    }
    s.step = double(options_.step);
    s.stationarity = o.projected_step(s.step, gx_, beside_);
    s.scale += s.stationarity;
    return s;
  }

  void archive(StateArchive& a, E const&) override { a("inner_step", inner_); }

 private:
  PzoboOptions<T> options_;
  double inner_ = 0;
  Vectors<T, E> gx_, u_, beside_, start_, moved_, fy_, work_;
};

}  // namespace minfold

#endif
