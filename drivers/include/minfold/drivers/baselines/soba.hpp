// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_BASELINES_SOBA_HPP
#define MINFOLD_DRIVERS_BASELINES_SOBA_HPP

#include <minfold/drivers/baselines/shared.hpp>

namespace minfold {

template <class T>
struct SobaOptions {
  T inner_step = 0;  ///< a, of y and v; 0: 1 / ||H|| at the start, estimated
  T step = T(0.1);   ///< b, of x
  int batch = 0;     ///< data terms of a sample; 0: all, deterministic
  std::uint64_t seed = 1;

  static SobaOptions from(Settings& settings) {
    SobaOptions o;
    o.inner_step = baseline::inner_step_from(settings, o.inner_step);
    o.step = baseline::step_from(settings, o.step);
    o.batch = baseline::batch_from(settings, o.batch);
    o.seed = baseline::seed_from(settings);
    return o;
  }
};

/// SOBA (FOUND): one step of y, v and x at once, all from the same point,
///     y -= a grad_y g,   v -= a (H v - grad_y f),   x -= b (grad_x f - G^T v)
/// (the source has the opposite sign of v). With `batch`, all three use one sample a step.
/// Biased where S(x) is a manifold: y is where descent on g leads, and the part of grad_y f in ker H adds
/// a times itself to v in every step, without end; G^T sees it as far as y is off S(x).
/// Stationarity: ||grad_x f - G^T v||, an estimate with `batch`.
template <class T, ExecutionSpace E>
class Soba final : public Method<T, E> {
 public:
  explicit Soba(SobaOptions<T> const& options)
      : options_(options), batches_(options.batch, options.seed) {}

  void begin(Oracle<T, E>& o) override {
    gx_ = o.like_x("upper_x");
    mixed_ = o.like_x("mixed");
    fy_ = o.like_y("upper_y");
    gy_ = o.like_y("lower_y");
    hv_ = o.like_y("product");
    v_ = o.like_y("adjoint");
    o.set(v_, T(0));
    inner_ = baseline::inner_step(o, options_.inner_step);
  }

  MethodStep step(Oracle<T, E>& o, int, int) override {
    auto const drawn = batches_.draw(o);
    auto const& part = drawn.oracle;
    o.upper_gradient(o.x, o.y, gx_, fy_);
    part.lower_gradient(o.x, o.y, gy_);
    part.hessian(o.x, o.y, v_, hv_);
    part.mixed_transpose(o.x, o.y, v_, mixed_);
    MethodStep s;
    s.scale = o.sum_of_norms(gx_, mixed_);
    o.axpy(-1.0, mixed_, gx_);
    o.axpy(-inner_, gy_, o.y);
    o.axpy(-inner_, hv_, v_);
    o.axpy(inner_, fy_, v_);
    s.step = double(options_.step);
    s.stationarity = o.projected_step(s.step, gx_, mixed_);
    return s;
  }

  void archive(StateArchive& a, E const& space) override {
    a("inner_step", inner_);
    a.view(space, "adjoint", v_);
    batches_.archive(a);
  }

 private:
  SobaOptions<T> options_;
  baseline::Batches<T, E> batches_;
  double inner_ = 0;
  Vectors<T, E> gx_, mixed_, fy_, gy_, hv_, v_;
};

}  // namespace minfold

#endif
