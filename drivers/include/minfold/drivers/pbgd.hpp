// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_PBGD_HPP
#define MINFOLD_DRIVERS_PBGD_HPP

#include <minfold/drivers/impl/smoothness_estimate.hpp>
#include <minfold/drivers/method.hpp>
#include <minfold/drivers/pl_estimates.hpp>
#include <minfold/drivers/settings.hpp>

#include <cmath>

namespace minfold {

template <class T>
struct PbgdOptions {
  bool gauss_seidel = false;  ///< y first, then x at the new y; else both from the old (x, y)
  T gamma = 10;
  T gamma_start = 10;    ///< where gamma begins when it is ramped
  T ramp = 0;            ///< gamma grows linearly over this share of the iterations; 0: fixed
  int inner_steps = 10;  ///< gradient steps on g from w
  int y_steps = 10;      ///< Gauss-Seidel: steps in y an iteration
  bool warm = true;      ///< w goes on from the last iteration; else from y_0 every time
  T step = 0, y_step = 0, inner_step = 0;  ///< 0: by the rule, see Pbgd
  bool monitor = true;  ///< lower_gap and PL constants: 3 values an iteration (Gauss-Seidel 7)

  static PbgdOptions from(Settings& settings) {
    PbgdOptions o;
    o.gauss_seidel = settings.choice("update", "jacobi", {"jacobi", "gauss-seidel"},
                                     "x and y together, or y first") == "gauss-seidel";
    o.gamma = T(settings.number("gamma", double(o.gamma), 0, 1e300, "weight of g - g*"));
    o.gamma_start = T(settings.number("gamma-start", double(o.gamma), 0, 1e300,
                                      "weight in the first iteration, where it is ramped"));
    o.ramp = T(settings.number("ramp", double(o.ramp), 0, 1,
                               "share of the iterations over which gamma grows; 0: fixed"));
    o.inner_steps = settings.integer("inner-steps", o.inner_steps, 1, 100000000,
                                     "gradient steps on g for w, an iteration");
    o.y_steps = settings.integer("y-steps", o.y_steps, 1, 100000000,
                                 "Gauss-Seidel: steps in y, an iteration");
    o.warm = settings.flag("warm", o.warm, "w goes on from the last iteration");
    o.monitor = settings.flag("monitor", o.monitor, "find lower_gap and the PL constants");
    char const* const rule = "0: half of 1 / L, L known or estimated";
    o.step = T(settings.number("step", 0, 0, 1e300, std::string("step in x; ") + rule));
    o.y_step = T(settings.number(
        "y-step", 0, 0, 1e300, "step in y; 0: that of x where both move together, else the rule"));
    o.inner_step = T(settings.number("inner-step", 0, 0, 1e300, "step on g; 0: 1 / ||H||"));
    return o;
  }
};

/// Penalty-based bilevel gradient descent: descent on
///     L_gamma(x, y) = f(x, y) + gamma (g(x, y) - g*(x)),   grad g*(x) = grad_x g(x, w),  w in S(x).
/// FOUND: the objective, the gradient by Danskin with w from gradient steps on g, Jacobi and Gauss-Seidel
/// updates, the projection of x (arXiv 2408.16087, Algorithms 1 and 2; the first is told to start w afresh
/// in every iteration, the second not). DERIVED: the loops in detail, gamma = O(eps^-1/2), the steps.
///
/// Steps where none is given, recomputed as (x, y, w) move, with Lipschitz constants at (x, y) and (x, w):
///     Jacobi        0.5 / (L_f + gamma (L_g(y) + L_g(w)))        in x and y
///     Gauss-Seidel  the same in x,  0.5 / (L_f + gamma ||H(y)||) in y
///     w             1 / ||H(w)||
/// from problem.smoothness() in every iteration where that is offered (one number for all rows); else from
/// power iterations on differences of gradients, one number a row: 10 products at the start, 2 in every
/// tenth iteration, all counted. They are lower bounds of the constants; the factor 1/2 is the margin.
///
/// **Cold starts need many inner steps** (DERIVED, measured): with w far from S(x) the term -gamma g(x, w)
/// rewards x at which g cannot be made small. f and g may share stationary points: see Example 1 of the
/// paper, where L_gamma has in y the same spurious minimum as F.
///
/// Stationarity: norm of the projected gradient of L_gamma, at the point left (Jacobi) or at (x, y+).
/// lower_gap = g(x, y) - g(x, w), penalty = gamma. PL constants: estimates(), findings(), those of
/// the blocks in Gauss-Seidel only.
/// Costs     inner_steps + 4 gradients, Gauss-Seidel 2 y_steps more; the values for the records are not
///           counted, and not computed without `monitor`.
template <class T, ExecutionSpace E>
class Pbgd final : public Method<T, E> {
 public:
  using PerRow = std::vector<double>;

  explicit Pbgd(PbgdOptions<T> const& options) : options_(options) {}

  void begin(Oracle<T, E>& o) override {
    f_ = o.like_both("upper_gradient");
    g_ = o.like_both("lower_gradient");
    gw_ = o.like_x("value_gradient");
    scratch_ = o.like_x("scratch");
    w_ = o.like_y("solution");
    first_w_ = o.like_y("start");
    o.copy(o.y, w_);
    o.copy(o.y, first_w_);
    records_.assign(o.rows(), {});
    last_gamma_ = -1;
    bool const all_given = options_.step > T(0) && options_.inner_step > T(0) &&
                           (options_.y_step > T(0) || !options_.gauss_seidel);
    estimates_lengths_ = !all_given && !o.problem().smoothness(o.space(), o.x, o.y);
    if (!estimates_lengths_) return;
    upper_y_.begin(o, true, 0);
    lower_y_.begin(o, false, 1);
    lower_w_.begin(o, false, 2);
    hessian_y_.begin(o, 3);
    hessian_w_.begin(o, 4);
  }

  MethodStep step(Oracle<T, E>& o, int k, int total) override {
    gamma_ = gamma_at(k, total);
    if (gamma_ != last_gamma_)
      for (auto& record : records_) record.clear();  // another objective
    last_gamma_ = gamma_;
    find_lengths(o, k);
    if (!options_.warm) o.copy(first_w_, w_);
    for (int i = 0; i < options_.inner_steps; ++i) {
      o.lower_gradient(o.x, w_, g_.y);
      o.axpy(inner_, g_.y, w_);
    }
    if (options_.gauss_seidel) move_y(o);

    o.upper_gradient(o.x, o.y, f_.x, f_.y);
    o.lower_gradient(o.x, o.y, g_.y);
    o.lower_gradient_x(o.x, o.y, g_.x);
    o.lower_gradient_x(o.x, w_, gw_);
    o.axpy(-1.0, gw_, g_.x);
    MethodStep s;
    s.scale = joint_norm(o, f_) + gamma_ * joint_norm(o, g_);
    s.step = step_[0];
    s.penalty = gamma_;
    o.axpy(gamma_, g_, f_);
    auto const y_square = o.dot(f_.y, f_.y);
    if (options_.monitor) watch(o);  // before anything moves: w and y belong to this x
    if (!options_.gauss_seidel) o.axpy(negated(y_step_), f_.y, o.y);
    PerRow length = step_;
    o.projected_step(length, f_.x, scratch_);
    auto const x_square = o.dot(f_.x, f_.x);
    double square = 0;
    if (options_.monitor) s.lower_gap = 0;
    for (int r = 0; r < o.rows(); ++r) {
      square += x_square[r] + y_square[r];
      if (!options_.monitor) continue;
      s.lower_gap += gap_[r];
      // Both blocks move at once in Jacobi: the gradient in x may vanish far from the minimum.
      double const of_x = options_.gauss_seidel ? x_square[r] : std::nan("");
      records_[r].add(value_[r], unit_[r], x_square[r] + y_square[r], of_x);
    }
    s.stationarity = std::sqrt(square);
    return s;
  }

  /// PL constants of L_gamma with the last gamma, of one row; `known_best` is its minimum where known.
  PlEstimates estimates(int row, std::optional<double> known_best = {}) const {
    return records_.at(row).estimate(64 * double(epsilon<T>), known_best);
  }
  /// L_gamma at the point left last, of each row.
  PerRow const& values() const { return value_; }
  PerRow const& steps() const { return step_; }
  /// The smallest estimates of all rows.
  std::vector<Finding> findings() const override {
    PlEstimates least;
    auto const take = [](double& all, double one) {
      if (!(one >= all) && !std::isnan(one)) all = one;
    };
    for (int r = 0; r < int(records_.size()); ++r) {
      auto const found = estimates(r);
      take(least.joint, found.joint);
      take(least.upper_block, found.upper_block);
      take(least.lower_block, found.lower_block);
    }
    return {{"pl_joint", least.joint},
            {"pl_upper_block", least.upper_block},
            {"pl_lower_block", least.lower_block}};
  }

  void archive(StateArchive& a, E const& space) override {
    a.view(space, "w", w_);
    a.view(space, "first_w", first_w_);
    a("last_gamma", last_gamma_);
    a("steps", step_);
    a("values", value_);
    for (std::size_t r = 0; r < records_.size(); ++r) {
      auto const row = a.group("row_" + std::to_string(r));
      records_[r].archive(a);
    }
    a("estimates_lengths", estimates_lengths_);
    if (!estimates_lengths_) return;
    auto const part = [&](char const* name, auto& probe) {
      auto const in = a.group(name);
      probe.archive(a, space);
    };
    part("upper_y", upper_y_);
    part("lower_y", lower_y_);
    part("lower_w", lower_w_);
    part("hessian_y", hessian_y_);
    part("hessian_w", hessian_w_);
  }

 private:
  static PerRow negated(PerRow v) {
    for (double& e : v) e = -e;
    return v;
  }
  double joint_norm(Oracle<T, E>& o, typename Oracle<T, E>::Joint const& v) const {
    auto const [of_x, of_y] = o.two_norms(v.x, v.y);
    return std::hypot(of_x, of_y);
  }
  double gamma_at(int k, int total) const {
    double const last = double(options_.gamma), first = double(options_.gamma_start);
    double const steps = double(options_.ramp) * total;
    return k >= steps ? last : first + (last - first) * (k / steps);
  }

  void find_lengths(Oracle<T, E>& o, int k) {
    int const rows = o.rows();
    PerRow upper(rows, 0.0), lower(rows, 0.0), own(rows, 0.0), inner(rows, 0.0);
    if (estimates_lengths_) {
      if (k % 10 == 0) {
        int const products = k == 0 ? 10 : 2;
        upper_y_.refresh(o, o.y, products);
        lower_y_.refresh(o, o.y, products);
        lower_w_.refresh(o, w_, products);
        if (options_.gauss_seidel) hessian_y_.refresh(o, o.y, products);
        hessian_w_.refresh(o, w_, products);
      }
      upper = upper_y_.norms;
      own = hessian_y_.norms;
      inner = hessian_w_.norms;
      for (int r = 0; r < rows; ++r) lower[r] = lower_y_.norms[r] + lower_w_.norms[r];
    } else if (auto const at_y = o.problem().smoothness(o.space(), o.x, o.y)) {
      auto const at_w = o.problem().smoothness(o.space(), o.x, w_);
      upper = PerRow(rows, at_y->upper);
      own = PerRow(rows, at_y->lower_y);
      lower = PerRow(rows, at_y->lower + (at_w ? at_w->lower : at_y->lower));
      inner = PerRow(rows, at_w ? at_w->lower_y : at_y->lower_y);
    }
    auto const choose = [](T given, double share, double constant) {
      if (given > T(0)) return double(given);
      return constant > 0 ? share / constant : 0.0;  // no curvature anywhere: no scale to move by
    };
    step_ = y_step_ = inner_ = PerRow(rows, 0.0);
    for (int r = 0; r < rows; ++r) {
      step_[r] = choose(options_.step, 0.5, upper[r] + gamma_ * lower[r]);
      y_step_[r] = options_.gauss_seidel
                       ? choose(options_.y_step, 0.5, upper[r] + gamma_ * own[r])
                       : (options_.y_step > T(0) ? double(options_.y_step) : step_[r]);
      inner_[r] = -choose(options_.inner_step, 1.0, inner[r]);
    }
  }

  /// Steps on f + gamma g in y.
  void move_y(Oracle<T, E>& o) {
    PerRow first(o.rows(), 0.0), square(o.rows(), 0.0);
    for (int i = 0; i < options_.y_steps; ++i) {
      o.upper_gradient(o.x, o.y, f_.x, f_.y);
      o.lower_gradient(o.x, o.y, g_.y);
      o.axpy(gamma_, g_.y, f_.y);
      if (i == 0) {
        square = o.dot(f_.y, f_.y);
        if (options_.monitor) first = penalized(o, o.y).value;
      }
      o.axpy(negated(y_step_), f_.y, o.y);
    }
    if (!options_.monitor) return;
    auto const last = penalized(o, o.y);
    for (int r = 0; r < o.rows(); ++r)
      records_[r].add_loop(first[r], square[r], last.value[r], last.unit[r]);
  }

  struct Penalized {
    PerRow value, unit, lower;
  };
  /// f + gamma g
  Penalized penalized(Oracle<T, E>& o, Vectors<T, E> y) const {
    typename CountedProblem<T, E>::Aside const aside(o.problem());
    Penalized p{o.upper(o.x, y), PerRow(o.rows(), 0.0), o.lower(o.x, y)};
    for (int r = 0; r < o.rows(); ++r) {
      p.unit[r] = std::abs(p.value[r]) + gamma_ * std::abs(p.lower[r]);
      p.value[r] += gamma_ * p.lower[r];
    }
    return p;
  }
  void watch(Oracle<T, E>& o) {
    typename CountedProblem<T, E>::Aside const aside(o.problem());
    auto const at = penalized(o, o.y);
    auto const least = o.lower(o.x, w_);
    value_ = at.value;
    unit_ = at.unit;
    gap_ = at.lower;
    for (int r = 0; r < o.rows(); ++r) {
      gap_[r] -= least[r];
      value_[r] -= gamma_ * least[r];
      unit_[r] += gamma_ * std::abs(least[r]);
    }
  }

  PbgdOptions<T> options_;
  typename Oracle<T, E>::Joint f_, g_;
  Vectors<T, E> gw_, scratch_, w_, first_w_;
  double gamma_ = 0, last_gamma_ = -1;
  bool estimates_lengths_ = false;
  PerRow step_, y_step_, inner_, value_, unit_, gap_;
  std::vector<PlRecord> records_;
  impl::CurvatureProbe<T, E> upper_y_, lower_y_, lower_w_;
  impl::HessianProbe<T, E> hessian_y_, hessian_w_;
};

}  // namespace minfold

#endif
