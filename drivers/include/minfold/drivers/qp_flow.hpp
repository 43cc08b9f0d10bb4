// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_QP_FLOW_HPP
#define MINFOLD_DRIVERS_QP_FLOW_HPP

#include <minfold/drivers/impl/stationarity_constraint.hpp>
#include <minfold/drivers/method.hpp>
#include <minfold/drivers/settings.hpp>

#include <cmath>

namespace minfold {

template <class T>
struct QpFlowOptions {
  bool second = false;  ///< QP2
  T c1 = T(1.5), c2 = T(1.5);

  static QpFlowOptions from(Settings& settings) {
    QpFlowOptions o;
    o.second = settings.choice("mode", "qp1", {"qp1", "qp2"}, "how fast h must fall") == "qp2";
    double const constant = o.second ? 10 : 1.5;
    o.c1 = T(settings.number("c1", constant, 0, 1e300, "alpha = c1 K^(-1/3), K iterations"));
    o.c2 = T(settings.number("c2", constant, 0, 1e300,
                             "step = c2 K^(-1/3) for qp1, c2 K^(-2/3) for qp2"));
    return o;
  }
};

/// Perturbed gradient descent by convex quadratic approximation: the lower level becomes the constraint
/// h(x, y) = ||grad_y g||^2 = 0, and the step d = z' at z = (x, y) solves
///     min_d 1/2 |d + grad f|^2   s.t.   <grad h, d> + alpha rho <= 0:
///     d = -grad f - lambda grad h,  lambda = [alpha rho - <grad h, grad f>]_+ / |grad h|^2,  z += step d.
///     QP1  rho = |grad h|^2,         alpha = c1 K^{-1/3},  step = c2 K^{-1/3}
///     QP2  rho = |grad h| sqrt(h),   alpha = c1 K^{-1/3},  step = c2 K^{-2/3}
/// K is the number of iterations of the run. FOUND: all of it, with the constants, in the code and the
/// reviews of arXiv 2504.17215: (c1, c2) = QP1 toy (1.5, 1.5), nonconvex toy (1.5, 2), coreset (0.1, 0.1),
/// hyper-cleaning (0.01, 1); QP2 toy (10, 10), nonconvex toy (10, 0.5), others (10, 10). The defaults are
/// those of the toy; other scales of f and g ask for others. y starts on the lower solution. DERIVED: the
/// guard on |grad h| and the projection of x onto its feasible set, which the source does not have.
///
/// Rates of the averages over the run (abstract: O(eps^-1.5) and O(eps^-3) for the squared residual; the
/// exponents in K are DERIVED): QP1 |d|^2, |grad h|^2 and h as K^{-2/3}, if h_0 = O(K^{-1/3}); QP2 |d|^2 as
/// K^{-1/3}.
/// Stationarity: |d|. kkt_residual = |d|^2 = |grad f + lambda grad h|^2, the squared one; penalty = lambda,
/// the largest of the rows. h is the square of the recorded lower_gradient_norm.
/// findings(): averages over the iterations of |d|^2, |grad h|^2, h and lambda alpha rho, summed over the
/// rows. With step <= 1 / L, L that of grad f, the descent inequality
/// f(z + step d) <= f(z) - step (1 - L step / 2) |d|^2 + step lambda alpha rho bounds the first by
///     2 (f(z_0) - inf f) / (step K) + 2 mean(lambda alpha rho).
/// Costs     2 gradients, 1 Hessian and 1 mixed product.
template <class T, ExecutionSpace E>
class QpFlow final : public Method<T, E> {
 public:
  using PerRow = std::vector<double>;
  struct Averages {
    double direction = 0, constraint_gradient = 0, constraint = 0;  ///< |d|^2, |grad h|^2, h
    double multiplier = 0;  ///< lambda alpha rho, what keeping h small costs f
  };

  explicit QpFlow(QpFlowOptions<T> const& options) : options_(options) {}
  bool starts_on_lower_solution() const override { return true; }

  void begin(Oracle<T, E>& o) override {
    at_.begin(o);
    scratch_ = o.like_x("scratch");
    sums_ = {};
    steps_ = 0;
  }

  MethodStep step(Oracle<T, E>& o, int, int total) override {
    at_.evaluate(o, o.x, o.y);
    double const root = std::cbrt(double(total));
    double const alpha = double(options_.c1) / root;
    double const length = double(options_.c2) / (options_.second ? root * root : root);
    multipliers_ = PerRow(o.rows(), 0.0);
    MethodStep s;
    s.step = length;
    s.penalty = 0;
    double terms = 0;
    for (int r = 0; r < o.rows(); ++r) {
      double const rho = options_.second ? std::sqrt(at_.square[r] * at_.value[r]) : at_.square[r];
      double const lambda = impl::qp_multiplier(at_.slope[r], alpha * rho, at_.square[r]);
      multipliers_[r] = lambda;
      s.penalty = std::max(s.penalty, lambda);
      terms += at_.upper_square[r] + lambda * lambda * at_.square[r];
      sums_.constraint_gradient += at_.square[r];
      sums_.constraint += at_.value[r];
      sums_.multiplier += lambda * alpha * rho;
    }
    o.axpy(multipliers_, at_.gradient, at_.upper);  // -d
    o.axpy(-length, at_.upper.y, o.y);
    o.projected_step(length, at_.upper.x, scratch_);
    s.kkt_residual = 0;
    for (double const square : o.dot(at_.upper, at_.upper)) s.kkt_residual += square;
    sums_.direction += s.kkt_residual;
    ++steps_;
    s.stationarity = std::sqrt(s.kkt_residual);
    s.scale = std::sqrt(terms);
    return s;
  }

  PerRow const& multipliers() const { return multipliers_; }
  Averages averages() const {
    double const n = std::max(steps_, 1);
    return {sums_.direction / n, sums_.constraint_gradient / n, sums_.constraint / n,
            sums_.multiplier / n};
  }
  std::vector<Finding> findings() const override {
    auto const mean = averages();
    return {{"mean_kkt_residual", mean.direction},
            {"mean_constraint_gradient", mean.constraint_gradient},
            {"mean_constraint", mean.constraint},
            {"mean_multiplier", mean.multiplier}};
  }

  void archive(StateArchive& a, E const&) override {
    a("multipliers", multipliers_);
    a("sum_direction", sums_.direction);
    a("sum_constraint_gradient", sums_.constraint_gradient);
    a("sum_constraint", sums_.constraint);
    a("sum_multiplier", sums_.multiplier);
    a("steps", steps_);
  }

 private:
  QpFlowOptions<T> options_;
  impl::StationarityConstraint<T, E> at_;
  Vectors<T, E> scratch_;
  PerRow multipliers_;
  Averages sums_;
  int steps_ = 0;
};

}  // namespace minfold

#endif
