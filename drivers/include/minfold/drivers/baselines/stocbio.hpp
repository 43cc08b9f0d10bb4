// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_BASELINES_STOCBIO_HPP
#define MINFOLD_DRIVERS_BASELINES_STOCBIO_HPP

#include <minfold/drivers/baselines/shared.hpp>

namespace minfold {

template <class T>
struct StocbioOptions {
  int inner_steps = 10;  ///< (stochastic) gradient steps on g
  int products = 10;     ///< Q of the Neumann series; FOUND: 3 to 10
  T inner_step = 0;      ///< eta, of both; 0: 1 / ||H|| at the start, estimated
  T step = T(0.1);
  int batch = 0;  ///< data terms of a sample; 0: all, deterministic
  std::uint64_t seed = 1;

  static StocbioOptions from(Settings& settings) {
    StocbioOptions o;
    o.inner_steps = baseline::inner_steps_from(settings, o.inner_steps);
    o.products =
        settings.integer("products", o.products, 0, 1000000, "factors of the Neumann series");
    o.inner_step = baseline::inner_step_from(settings, o.inner_step);
    o.step = baseline::step_from(settings, o.step);
    o.batch = baseline::batch_from(settings, o.batch);
    o.seed = baseline::seed_from(settings);
    return o;
  }
};

/// stocBiO (FOUND): y by gradient steps on g, v by a truncated Neumann series,
///     v = eta sum_{q=0}^{Q} (I - eta H)^q grad_y f,   x -= step (grad_x f - G^T v).
/// With `batch`, every gradient, every factor and G use a sample of their own: v is an unbiased estimate
/// of the truncated series. A step fitted to ||H|| may be too long for the Hessian of a small sample.
/// Biased where S(x) is a manifold, like every method that does not select; the part of grad_y f in ker H
/// grows like (Q + 1) eta in v, and is seen by G^T as far as y is off S(x).
/// Stationarity: ||grad_x f - G^T v||, an estimate with `batch`.
template <class T, ExecutionSpace E>
class Stocbio final : public Method<T, E> {
 public:
  explicit Stocbio(StocbioOptions<T> const& options)
      : options_(options), batches_(options.batch, options.seed) {}

  void begin(Oracle<T, E>& o) override {
    gx_ = o.like_x("upper_x");
    mixed_ = o.like_x("mixed");
    p_ = o.like_y("factor");
    hp_ = o.like_y("product");
    v_ = o.like_y("adjoint");
    inner_ = baseline::inner_step(o, options_.inner_step);
  }

  MethodStep step(Oracle<T, E>& o, int, int) override {
    for (int i = 0; i < options_.inner_steps; ++i)
      baseline::descend<T, E>(batches_.draw(o).oracle, o.x, o.y, p_, inner_, 1);
    o.upper_gradient(o.x, o.y, gx_, p_);
    o.copy(p_, v_);
    for (int q = 0; q < options_.products; ++q) {
      auto const drawn = batches_.draw(o);
      drawn.oracle.hessian(o.x, o.y, p_, hp_);
      o.axpy(-inner_, hp_, p_);
      o.axpy(1.0, p_, v_);
    }
    auto const drawn = batches_.draw(o);
    drawn.oracle.mixed_transpose(o.x, o.y, v_, mixed_);
    MethodStep s;
    s.scale = o.norm(gx_) + inner_ * o.norm(mixed_);
    o.axpy(-inner_, mixed_, gx_);
    s.step = double(options_.step);
    s.stationarity = o.projected_step(s.step, gx_, mixed_);
    return s;
  }

  void archive(StateArchive& a, E const&) override {
    a("inner_step", inner_);
    batches_.archive(a);
  }

 private:
  StocbioOptions<T> options_;
  baseline::Batches<T, E> batches_;
  double inner_ = 0;
  Vectors<T, E> gx_, mixed_, p_, hp_, v_;
};

}  // namespace minfold

#endif
