// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_QCQP_HPP
#define MINFOLD_DRIVERS_QCQP_HPP

#include <minfold/drivers/impl/stationarity_constraint.hpp>
#include <minfold/drivers/method.hpp>
#include <minfold/drivers/settings.hpp>

#include <cmath>

namespace minfold {

template <class T>
struct QcqpOptions {
  T alpha = T(0.1), eps = T(0.1), weight = T(0.01), step = T(0.1);

  static QcqpOptions from(Settings& settings) {
    QcqpOptions o;
    o.alpha = T(settings.number("alpha", 0.1, 0, 1e300, "rate at which h falls to eps^2"));
    o.eps = T(settings.number("eps", 0.1, 0, 1e300, "||grad_y g|| that is allowed"));
    o.weight = T(settings.number("weight", 0.01, 1e-300, 1e300, "w of the term w |d|^2"));
    o.step = T(settings.number("step", 0.1, 0, 1e300, "step outside h < eps^2"));
    return o;
  }
};

/// Sequential quadratically constrained quadratic programs: z += t d with
///     min_d 1/2 |d + grad f|^2   s.t.   <grad h, d> + w |d|^2 <= c,  c = -alpha (h - eps^2),
/// h = ||grad_y g||^2. The feasible set is the ball about -grad h / (2 w) of squared radius
/// |grad h|^2 / (4 w^2) + c / w, on which -grad f is projected.
/// Strictly inside (h - eps^2 < -1e-5), t starts at 1 and is halved until
/// h(z + t d) - eps^2 <= 0.9 (h - eps^2), then until f(z + t d) <= f + 0.1 t <grad f, d>: the points stay
/// strictly feasible. Elsewhere, and where the ball is empty, t = step.
/// FOUND in the code for arXiv 2505.14647: all of it, step = 0.1, w in {1e-3, 1e-2, 1e-1}. DERIVED: where
/// the ball is empty d is its centre, the point where the constraint is violated least (the source takes
/// the root of a negative number there); the projection of x onto its feasible set.
/// Stationarity: |grad f + lambda (grad h + 2 w d)| = |d|. kkt_residual = |grad f + lambda grad h|^2,
/// penalty = lambda, the largest of the rows.
/// Costs     2 gradients, 1 Hessian and 1 mixed product, a gradient a trial for h, a value for f.
template <class T, ExecutionSpace E>
class Qcqp final : public Method<T, E> {
 public:
  using PerRow = std::vector<double>;

  explicit Qcqp(QcqpOptions<T> const& options) : options_(options) {}
  bool starts_on_lower_solution() const override { return true; }

  void begin(Oracle<T, E>& o) override {
    at_.begin(o);
    d_ = o.like_both("direction");
    trial_ = o.like_both("trial");
    residual_ = o.like_y("trial_residual");
    scratch_ = o.like_x("scratch");
  }

  MethodStep step(Oracle<T, E>& o, int, int) override {
    at_.evaluate(o, o.x, o.y);
    int const rows = o.rows();
    double const w = double(options_.weight), bound = double(options_.eps) * double(options_.eps);
    // d = a grad f + b grad h
    PerRow a(rows, 0.0), b(rows, 0.0), lambda(rows, 0.0), length(rows, double(options_.step));
    std::vector<bool> searches(rows, false);
    for (int r = 0; r < rows; ++r) {
      double const excess = at_.value[r] - bound;
      double const radius_square =
          at_.square[r] / (4 * w * w) - double(options_.alpha) * excess / w;
      // v = -grad f - centre
      double const v_square = at_.upper_square[r] - at_.slope[r] / w + at_.square[r] / (4 * w * w);
      if (!(radius_square > 0)) {
        b[r] = -1 / (2 * w);
      } else if (v_square <= radius_square) {
        a[r] = -1;
      } else {
        double const share = std::sqrt(radius_square / v_square);
        a[r] = -share;
        b[r] = (share - 1) / (2 * w);
        lambda[r] = (1 / share - 1) / (2 * w);
      }
      searches[r] = excess < -1e-5 && radius_square > 0;
    }
    o.axpby(a, at_.upper, PerRow(rows, 0.0), d_);
    o.axpy(b, at_.gradient, d_);
    backtrack(o, searches, bound, length);

    MethodStep s;
    s.step = length[0];
    s.penalty = s.kkt_residual = 0;
    double terms = 0;
    for (int r = 0; r < rows; ++r) {
      s.penalty = std::max(s.penalty, lambda[r]);
      s.kkt_residual += at_.upper_square[r] + 2 * lambda[r] * at_.slope[r] +
                        lambda[r] * lambda[r] * at_.square[r];
      terms += at_.upper_square[r] + lambda[r] * lambda[r] * at_.square[r];
    }
    s.scale = std::sqrt(terms);
    o.axpy(length, d_.y, o.y);
    o.axpby(-1.0, d_.x, 0.0, d_.x);
    o.projected_step(length, d_.x, scratch_);
    double square = 0;
    for (double const one : o.dot(d_, d_)) square += one;
    s.stationarity = std::sqrt(square);
    return s;
  }

  /// All of the state is x and y.
  void archive(StateArchive&, E const&) override {}

 private:
  void try_lengths(Oracle<T, E>& o, PerRow const& length) {
    o.copy(o.iterate(), trial_);
    o.axpy(length, d_, trial_);
  }
  void backtrack(Oracle<T, E>& o, std::vector<bool> const& searches, double bound, PerRow& length) {
    if (std::none_of(searches.begin(), searches.end(), [](bool b) { return b; })) return;
    for (std::size_t r = 0; r < searches.size(); ++r)
      if (searches[r]) length[r] = 1;
    auto const slope = o.dot(at_.upper, d_);
    auto const value = o.upper(o.x, o.y);
    for (int part = 0; part < 2; ++part) {  // feasibility, then descent
      auto unsettled = searches;
      for (int halving = 0; halving < 60; ++halving) {
        try_lengths(o, length);
        PerRow now;
        if (part == 0) {
          o.lower_gradient(trial_.x, trial_.y, residual_);
          now = o.dot(residual_, residual_);
        } else {
          now = o.upper(trial_.x, trial_.y);
        }
        bool more = false;
        for (std::size_t r = 0; r < searches.size(); ++r) {
          if (!unsettled[r]) continue;
          double const allowed = part == 0 ? bound + 0.9 * (at_.value[r] - bound)
                                           : value[r] + 0.1 * length[r] * slope[r];
          unsettled[r] = !(now[r] <= allowed);
          if (unsettled[r]) length[r] *= 0.5;
          more = more || unsettled[r];
        }
        if (!more) break;
      }
    }
  }

  QcqpOptions<T> options_;
  impl::StationarityConstraint<T, E> at_;
  typename Oracle<T, E>::Joint d_, trial_;
  Vectors<T, E> residual_, scratch_;
};

}  // namespace minfold

#endif
