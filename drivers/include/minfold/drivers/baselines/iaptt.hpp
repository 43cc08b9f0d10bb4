// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_BASELINES_IAPTT_HPP
#define MINFOLD_DRIVERS_BASELINES_IAPTT_HPP

#include <minfold/drivers/baselines/shared.hpp>

#include <utility>

namespace minfold {

template <class T>
struct IapttOptions {
  int inner_steps = 10;   ///< K gradient steps on g
  T inner_step = 0;       ///< s; 0: 1 / ||H|| at the start, estimated
  T start_step = T(0.1);  ///< in z
  T step = T(0.1);        ///< in x

  static IapttOptions from(Settings& settings) {
    IapttOptions o;
    o.inner_steps =
        settings.integer("inner-steps", o.inner_steps, 1, 100000, "gradient steps on g, all kept");
    o.inner_step = baseline::inner_step_from(settings, o.inner_step);
    o.start_step = T(settings.number("start-step", double(o.start_step), 0, 1e300,
                                     "step in where the gradient steps on g start"));
    o.step = baseline::step_from(settings, o.step);
    return o;
  }
};

/// IAPTT-GM (FOUND: its two ideas; DERIVED: the details): the start z of the gradient steps on g is a
/// variable too, and the trajectory is cut where f is worst,
///     y_0 = z,  y_{k+1} = y_k - s grad_y g(x, y_k),  kbar = argmax_{1 <= k <= K} f(x, y_k),
///     phi(x, z) = f(x, y_kbar), a step of gradient descent on phi in (x, z), by
///     a := grad_y f(x, y_kbar); for k = kbar-1 ... 0: phi_x -= s G_k^T a, a -= s H_k a; phi_z = a.
/// z selects, locally. y is y_kbar. Its error is that of K gradient steps: kbar is often 1, where y is not
/// on S(x) unless z is close to it, and f has a normal slope there.
/// Keeps K + 1 points a target and costs K Hessian products whatever kbar is.
/// Stationarity: ||grad phi||.
template <class T, ExecutionSpace E>
class Iaptt final : public Method<T, E> {
 public:
  using V = Vectors<T, E>;
  explicit Iaptt(IapttOptions<T> const& options) : options_(options) {}

  void begin(Oracle<T, E>& o) override {
    path_ = o.like_y("trajectory", options_.inner_steps + 1);
    gx_ = o.like_x("gradient_x");
    mixed_ = o.like_x("mixed");
    a_ = o.like_y("adjoint");
    work_ = o.like_y("work");
    o.copy(o.y, point(o, 0));
    inner_ = baseline::inner_step(o, options_.inner_step);
  }

  MethodStep step(Oracle<T, E>& o, int, int) override {
    int const last = options_.inner_steps;
    std::vector<int> cut(o.rows(), 1);
    std::vector<double> worst;
    for (int k = 1; k <= last; ++k) {
      o.copy(point(o, k - 1), point(o, k));
      baseline::descend<T, E>(o, o.x, point(o, k), work_, inner_, 1);
      auto const value = o.upper(o.x, point(o, k));
      if (k == 1) worst = value;
      for (int r = 0; r < o.rows(); ++r)
        if (value[r] > worst[r]) {
          worst[r] = value[r];
          cut[r] = k;
        }
    }
    // One coefficient a row: 0 where the row is cut before k.
    auto const where = [&](auto holds, double value) {
      std::vector<double> c(o.rows(), 0.0);
      for (int r = 0; r < o.rows(); ++r)
        if (holds(cut[r])) c[r] = value;
      return c;
    };
    o.set(o.y, T(0));
    for (int k = 1; k <= last; ++k)
      o.axpy(where([k](int at) { return at == k; }, 1.0), point(o, k), o.y);
    o.upper_gradient(o.x, o.y, gx_, a_);
    MethodStep s;
    s.scale = o.sum_of_norms(gx_, a_);
    for (int k = last - 1; k >= 0; --k) {
      auto const back = where([k](int at) { return at > k; }, -inner_);
      o.mixed_transpose(o.x, point(o, k), a_, mixed_);
      o.axpy(back, mixed_, gx_);
      o.hessian(o.x, point(o, k), a_, work_);
      o.axpy(back, work_, a_);
    }
    o.axpy(-double(options_.start_step), a_, point(o, 0));
    s.step = double(options_.step);
    double const in_z = o.norm(a_);
    s.stationarity = std::hypot(o.projected_step(s.step, gx_, mixed_), in_z);
    return s;
  }

  void archive(StateArchive& a, E const& space) override {
    a("inner_step", inner_);
    // The rest of the trajectory begins there.
    auto const rows = path_.extent(0) / std::size_t(options_.inner_steps + 1);
    a.view(space, "start", Kokkos::subview(path_, std::pair(std::size_t(0), rows), Kokkos::ALL));
  }

 private:
  V point(Oracle<T, E> const& o, int k) const {
    return Kokkos::subview(path_, std::pair(k * o.targets(), (k + 1) * o.targets()), Kokkos::ALL);
  }

  IapttOptions<T> options_;
  double inner_ = 0;
  V path_, gx_, mixed_, a_, work_;
};

}  // namespace minfold

#endif
