// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_FLOW_METHOD_HPP
#define MINFOLD_DRIVERS_IMPL_FLOW_METHOD_HPP

#include <minfold/drivers/impl/runge_kutta.hpp>
#include <minfold/drivers/impl/stationarity_constraint.hpp>
#include <minfold/drivers/method.hpp>
#include <minfold/drivers/settings.hpp>

#include <cmath>

namespace minfold {

/// What the continuous flows share.
template <class T>
struct FlowOptions {
  T alpha = T(0.1);
  T time =
      10;  ///< the flow is followed over [0, time]; an iteration is time / max_iterations of it
  T tolerance = std::is_same_v<T, float> ? T(1e-4) : T(1e-6);  ///< local error, relative to 1 + |z|
  T first_step = T(1e-2);

  void read(Settings& settings) {
    alpha = T(settings.number("alpha", double(alpha), 0, 1e300,
                              "rate at which the lower residual falls"));
    time = T(settings.number("time", double(time), 1e-300, 1e300, "length of the flow"));
    tolerance = T(settings.number("flow-tolerance", double(tolerance), 0, 1,
                                  "local error of the integrator; 0: one step an iteration"));
    first_step =
        T(settings.number("first-step", double(first_step), 1e-300, 1e300, "first trial step"));
  }
};

namespace impl {

/// A method that follows z' = v(z) by the Runge-Kutta method of order 4 with step control. x is projected
/// onto its feasible set at the end of every iteration (DERIVED: the flows know no such set).
template <class T, ExecutionSpace E>
class FlowMethod : public Method<T, E> {
 public:
  using PerRow = std::vector<double>;
  using Joint = typename Oracle<T, E>::Joint;

  explicit FlowMethod(FlowOptions<T> const& options) : flow_(options) {}
  bool starts_on_lower_solution() const override { return true; }

  void begin(Oracle<T, E>& o) override {
    at_.begin(o);
    velocity_ = o.like_both("velocity");
    integrator_.begin(o);
    h_ = PerRow(o.rows(), double(flow_.first_step));
    multiplier_ = residual_square_ = PerRow(o.rows(), 0.0);
    reserve(o);
  }

  MethodStep step(Oracle<T, E>& o, int, int total) override {
    velocity(o, o.iterate(), velocity_);
    MethodStep s;
    double moved = 0, upper = 0;
    for (double const square : o.dot(velocity_, velocity_)) moved += square;
    for (double const square : at_.upper_square) upper += square;
    s.stationarity = std::sqrt(moved);
    s.scale = 2 * std::sqrt(upper) + s.stationarity;  // at least |grad f| + |correction|
    s.kkt_residual = 0;
    for (double const square : residual_square_) s.kkt_residual += square;
    s.penalty = *std::max_element(multiplier_.begin(), multiplier_.end());
    s.step = double(flow_.time) / total;
    integrator_.advance(
        o, [&](Joint const& at, Joint const& out) { velocity(o, at, out); }, o.iterate(), s.step,
        double(flow_.tolerance), h_);
    o.project(o.x);
    return s;
  }

  std::vector<Finding> findings() const override {
    return {{"flow_steps", double(integrator_.steps)},
            {"flow_steps_rejected", double(integrator_.rejected)},
            {"flow_steps_forced", double(integrator_.forced)}};
  }
  RungeKutta<T, E> const& integrator() const { return integrator_; }

  /// out := v(at); sets at_, multiplier_ and residual_square_ for `at`.
  virtual void velocity(Oracle<T, E>& o, Joint const& at, Joint const& out) = 0;

  void archive(StateArchive& a, E const&) override {
    a("trial_steps", h_);
    integrator_.archive(a);
  }

 protected:
  virtual void reserve(Oracle<T, E>&) {}

  FlowOptions<T> flow_;
  StationarityConstraint<T, E> at_;
  PerRow multiplier_;
  PerRow residual_square_;  ///< of the KKT conditions, squared

 private:
  Joint velocity_;
  RungeKutta<T, E> integrator_;
  PerRow h_;
};

}  // namespace impl
}  // namespace minfold

#endif
