// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_BASELINES_BOME_HPP
#define MINFOLD_DRIVERS_BASELINES_BOME_HPP

#include <minfold/drivers/baselines/shared.hpp>

namespace minfold {

template <class T>
struct BomeOptions {
  int inner_steps = 10;   ///< T gradient steps on g from y
  T inner_step = 0;       ///< 0: 1 / ||H|| at the start, estimated
  T eta = T(0.5);         ///< FOUND: 0.5 for toys, 0.1 for hyper-cleaning
  bool by_value = false;  ///< control phi = eta q instead of eta ||grad q||^2
  T step = T(0.1);        ///< xi, in x and y

  static BomeOptions from(Settings& settings) {
    BomeOptions o;
    o.inner_steps = baseline::inner_steps_from(settings, o.inner_steps);
    o.inner_step = baseline::inner_step_from(settings, o.inner_step);
    o.eta = T(settings.number("eta", double(o.eta), 0, 1e300, "how fast q has to fall"));
    o.by_value = settings.choice("control", "gradient", {"gradient", "value"},
                                 "q falls by eta |grad q|^2 or by eta q") == "value";
    o.step = baseline::step_from(settings, o.step);
    return o;
  }
};

/// BOME (FOUND: two repositories of its authors). With y_T = T gradient steps on g from y, held fixed,
///     q = g(x, y) - g(x, y_T),  grad q = (grad_x g(x, y) - grad_x g(x, y_T), grad_y g(x, y)),
///     lambda = [phi - <grad f, grad q>]_+ / (|grad q|^2 + 1e-8),  phi = eta |grad q|^2 or eta q,
///     (x, y) := (x, y) - xi (grad f + lambda grad q).
/// It moves y along S(x) down f, so that it selects, locally: of several basins of f on S(x) it stays in
/// the one it starts in. Since grad q vanishes on S(x), a solution with grad_y f != 0 is no KKT point of
/// q <= 0: lambda grows without bound, and the iteration ends up near S(x) at a distance of order xi.
/// lower_gap: q. kkt_residual and stationarity: ||grad f + lambda grad q||. penalty: the largest lambda.
template <class T, ExecutionSpace E>
class Bome final : public Method<T, E> {
 public:
  explicit Bome(BomeOptions<T> const& options) : options_(options) {}

  void begin(Oracle<T, E>& o) override {
    fx_ = o.like_x("upper_x");
    qx_ = o.like_x("gap_x");
    scratch_ = o.like_x("scratch");
    fy_ = o.like_y("upper_y");
    qy_ = o.like_y("gap_y");
    yt_ = o.like_y("inner");
    inner_ = baseline::inner_step(o, options_.inner_step);
  }

  MethodStep step(Oracle<T, E>& o, int, int) override {
    o.copy(o.y, yt_);
    baseline::descend<T, E>(o, o.x, yt_, qy_, inner_, options_.inner_steps);
    o.lower_gradient_x(o.x, o.y, qx_);
    o.lower_gradient_x(o.x, yt_, scratch_);
    o.axpy(-1.0, scratch_, qx_);
    o.lower_gradient(o.x, o.y, qy_);
    o.upper_gradient(o.x, o.y, fx_, fy_);
    auto const [along_x, along_y] = o.two_dots(fx_, qx_, fy_, qy_);
    auto const [square_x, square_y] = o.two_dots(qx_, qx_, qy_, qy_);
    auto gap = o.lower(o.x, o.y);
    auto const reached = o.lower(o.x, yt_);
    std::vector<double> lambda(gap.size());
    MethodStep s;
    s.scale = o.sum_of_norms(fx_, fy_);
    s.lower_gap = s.penalty = 0;
    for (std::size_t r = 0; r < gap.size(); ++r) {
      gap[r] -= reached[r];
      double const square = square_x[r] + square_y[r];
      double const control = double(options_.eta) * (options_.by_value ? gap[r] : square);
      lambda[r] = std::max(0.0, control - along_x[r] - along_y[r]) / (square + 1e-8);
      s.lower_gap += gap[r];
      s.penalty = std::max(s.penalty, lambda[r]);
    }
    o.axpy(lambda, qx_, fx_);
    o.axpy(lambda, qy_, fy_);
    s.step = double(options_.step);
    double const in_y = o.norm(fy_);
    s.stationarity = std::hypot(o.projected_step(s.step, fx_, scratch_), in_y);
    o.axpy(-s.step, fy_, o.y);
    s.kkt_residual = s.stationarity;
    return s;
  }

  void archive(StateArchive& a, E const&) override { a("inner_step", inner_); }

 private:
  BomeOptions<T> options_;
  double inner_ = 0;
  Vectors<T, E> fx_, qx_, scratch_, fy_, qy_, yt_;
};

}  // namespace minfold

#endif
