// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_HGMS_MINIBATCH_HPP
#define MINFOLD_DRIVERS_HGMS_MINIBATCH_HPP

#include <minfold/drivers/baselines/shared.hpp>
#include <minfold/drivers/impl/pick_candidates.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace minfold {

template <class T>
struct HgmsMinibatchOptions {
  int candidates = 4;         ///< points a target that are tracked all the time
  int batch = 0;              ///< data terms of a sample; 0: a tenth of all
  int inner_steps = 10;       ///< sampled gradient steps on g
  int products = 10;          ///< sampled steps of the adjoint, two products each
  T inner_step = 0;           ///< 0: 1 / the largest ||H_B|| of some samples at the start
  T tangent_step = T(0.1);    ///< along S(x), down f
  T step = T(0.1);            ///< in x
  int warm_up = 30;           ///< rounds of steps 1, 2 and 5 before x moves
  int horizon = 100;          ///< iterations after which the steps begin to fall
  int certificate_batch = 0;  ///< of the estimate at the end; 0: eight batches
  std::uint64_t seed = 1;

  static HgmsMinibatchOptions from(Settings& settings) {
    HgmsMinibatchOptions o;
    o.candidates =
        settings.integer("candidates", o.candidates, 1, 10000, "tracked points a target");
    o.batch = settings.integer("batch", o.batch, 0, 1000000000,
                               "data terms of g in an estimate; 0: a tenth of all");
    o.inner_steps = baseline::inner_steps_from(settings, o.inner_steps);
    o.products = settings.integer("products", o.products, 0, 1000000,
                                  "steps of the adjoint, two products each");
    o.inner_step = T(settings.number("inner-step", double(o.inner_step), 0, 1e300,
                                     "step on g; 0: 1 / ||H|| of samples at the start"));
    o.tangent_step = T(settings.number("tangent-step", double(o.tangent_step), 0, 1e300,
                                       "step along S(x) down f"));
    o.step = baseline::step_from(settings, o.step);
    o.warm_up = settings.integer("warm-up", o.warm_up, 0, 1000000, "rounds before x moves");
    o.horizon = settings.integer("horizon", o.horizon, 1, 2147483647,
                                 "iterations after which the steps begin to fall");
    o.certificate_batch = settings.integer("certificate-batch", o.certificate_batch, 0, 1000000000,
                                           "data terms of the estimate at the end; 0: 8 batches");
    o.seed = baseline::seed_from(settings);
    return o;
  }
};

/// HG-MS for sums over data: select, then differentiate, from samples (DERIVED; no public source has one).
/// An iteration, a for what falls like k^(-0.6) and b for what falls like k^(-0.8) after `horizon`:
///   1 normal      y_c -= a inner grad_y g_B(x, y_c) for all candidates c, a fresh sample B a step
///   2 adjoint     v_c -= a rho H_B (H_B' v_c - grad_y f), B and B' independent, v_c kept
///   3 select      the candidate with the smallest f among those with the smallest g, all on one sample
///   4 x           x -= b step (grad_x f - G_B^T v) at the selected candidate
///   5 tangential  y_c -= a tangent r_c,  r_c = grad_y f - H_B v_c: the part of grad_y f in ker H, estimated
///
/// Why not CG on a sample: ker H_B contains ker H and is larger when B has fewer data terms than H has
/// rank, so that H_B^+ grad_y f is wrong however well it is solved for, and E[H_B^+] is not H^+. Step 2 is
/// unbiased: its mean is gradient descent on 1/2 |H v - grad_y f|^2, whose limit from 0 is H^+ grad_y f also
/// where that part of grad_y f that v cannot reach is not zero yet. Where all data terms of g are convex in
/// y, range H_B is in range H, and v has no part in ker H at all. It pays with the squared condition of H.
/// The steps fall because the noise of step 2 does not vanish at its limit. That of step 1 does where all
/// data terms have a common minimizer, as in over-parameterized models.
///
/// Candidates beyond the first start at random_lower: side by side, problems get other ones than alone.
/// Stationarity: an estimate of ||grad F||, so that a solve may end by luck of a sample. Without an
/// assessment on all data the certificate is an estimate, is labelled as one, and never says certified.
template <class T, ExecutionSpace E>
class HgmsMinibatch final : public Method<T, E> {
 public:
  using V = Vectors<T, E>;
  explicit HgmsMinibatch(HgmsMinibatchOptions<T> const& options)
      : options_(options), batches_(0, options.seed) {}

  void begin(Oracle<T, E>& o) override {
    int const all = o.problem().samples(), copies = options_.candidates, targets = o.targets();
    MINFOLD_REQUIRE(all > 0, "hgms-minibatch: g of this problem is no sum over data");
    batch_ = std::min(all, options_.batch > 0 ? options_.batch : (all + 9) / 10);
    y_ = o.like_y("candidates", copies);
    v_ = o.like_y("adjoints", copies);
    r_ = o.like_y("residuals", copies);
    work_ = o.like_y("work", copies);
    fy_ = o.like_y("upper_y", copies);
    fx_ = make_vectors<T>(o.space(), "minfold::hgms_minibatch::upper_x", copies * targets,
                          o.problem().dim_x());
    best_v_ = o.like_y("adjoint");
    h_ = o.like_x("hypergradient");
    mixed_ = o.like_x("mixed");
    o.set(v_, T(0));
    o.copy(o.y, part(y_, 0, targets));
    if (copies > 1)
      o.problem().random_lower(o.space(),
                               Place{options_.seed, Stream::restart, std::uint32_t(targets), 0, 1},
                               part(y_, targets, copies * targets));
    curvature_ = 0;
    for (int draw = 0; draw < 4; ++draw)
      curvature_ = std::max(curvature_,
                            batches_.draw(o, batch_).oracle.lower_curvature(o.x, o.y, 5, draw + 1));
    inner_ = options_.inner_step > T(0) ? double(options_.inner_step)
             : curvature_ > 0           ? 1 / curvature_
                                        : 1.0;
  }

  MethodStep step(Oracle<T, E>& o, int k, int) override {
    double const late = 1 + double(k) / options_.horizon;
    double const fast = std::pow(late, -0.6), slow = std::pow(late, -0.8);
    // What x moves along first must be selected, or x leaves the basin of x_0 before a candidate is ready.
    for (int round = 0; k == 0 && round < options_.warm_up; ++round) {
      approach(o, 1);
      slide(o, 1);
    }
    approach(o, fast);
    select(o);
    MethodStep s;
    auto const drawn = batches_.draw(o, batch_);
    o.upper_gradient(o.x, o.y, h_, part(work_, 0, o.targets()));
    drawn.oracle.mixed_transpose(o.x, o.y, best_v_, mixed_);
    s.scale = o.sum_of_norms(h_, mixed_);
    o.axpy(-1.0, mixed_, h_);
    slide(o, fast);
    s.step = double(options_.step) * slow;
    s.stationarity = o.projected_step(s.step, h_, mixed_);
    return s;
  }

  /// Squares of norms from two independent samples each, <u_B, u_B'>: unbiased, where |u_B|^2 is too large
  /// by the variance.
  std::optional<Certificate> estimate(Oracle<T, E>& o) override {
    int const all = o.problem().samples(), targets = o.targets();
    int const count =
        std::min(all, options_.certificate_batch > 0 ? options_.certificate_batch : 8 * batch_);
    auto const first = part(r_, 0, targets), second = part(work_, 0, targets);
    auto const fy = part(fy_, 0, targets);
    auto const size = [&] {
      double sum = 0;
      for (double const square : o.dot(first, second)) sum += square;
      return std::sqrt(std::max(sum, 0.0));
    };
    o.upper_gradient(o.x, o.y, h_, fy);
    batches_.draw(o, count).oracle.lower_gradient(o.x, o.y, first);
    batches_.draw(o, count).oracle.lower_gradient(o.x, o.y, second);
    Certificate c;
    c.lower_residual = size() / (curvature_ * double(o.problem().length_scale()));
    residual(o, count, o.y, best_v_, fy, first);
    residual(o, count, o.y, best_v_, fy, second);
    c.tangential_residual = size() / o.norm(fy);
    c.distance_bound = c.gap = c.solve_residual = std::numeric_limits<double>::quiet_NaN();
    c.verdict = Verdict::uncertain;
    c.uncertain = targets;
    c.candidates = options_.candidates;
    c.reasons = {"an estimate from samples of " + std::to_string(count) + " of " +
                 std::to_string(all) + " data terms, not assessed on all of them"};
    return c;
  }

  void archive(StateArchive& a, E const& space) override {
    batches_.archive(a);
    a("inner_step", inner_);
    a("curvature", curvature_);
    a.view(space, "candidates", y_);
    a.view(space, "adjoints", v_);
    a.view(space, "adjoint", best_v_);
  }

 private:
  static V part(V const& v, int from, int to) {
    return Kokkos::subview(v, std::pair(from, to), Kokkos::ALL);
  }
  /// Steps 1 and 2 of all candidates.
  void approach(Oracle<T, E>& o, double fast) {
    for (int i = 0; i < options_.inner_steps; ++i)
      baseline::descend<T, E>(batches_.draw(o, batch_).oracle, o.x, y_, work_, inner_ * fast, 1);
    o.problem().upper_gradient(o.space(), o.x, y_, fx_, fy_);
    for (int i = 0; i < options_.products; ++i) {
      residual(o, batch_, y_, v_, fy_, r_);
      batches_.draw(o, batch_).oracle.hessian(o.x, y_, r_, work_);
      o.axpy(inner_ * inner_ * fast, work_, v_);
    }
  }
  /// Step 5.
  void slide(Oracle<T, E>& o, double fast) {
    residual(o, batch_, y_, v_, fy_, r_);
    o.axpy(-double(options_.tangent_step) * fast, r_, y_);
  }
  /// r := b - H_B v
  void residual(Oracle<T, E> const& o, int count, V y, V v, V b, V r) {
    batches_.draw(o, count).oracle.hessian(o.x, y, v, r);
    o.axpby(1.0, b, -1.0, r);
  }
  /// o.y and best_v_ := the candidate of each target with the smallest f among those whose g is the
  /// smallest, up to 1e-2 ||H|| length^2.
  void select(Oracle<T, E>& o) {
    auto const& space = o.space();
    int const items = options_.candidates * o.targets();
    auto const f = make_scalars<T>(space, "minfold::hgms_minibatch::upper", items);
    auto const g = make_scalars<T>(space, "minfold::hgms_minibatch::lower", items);
    o.problem().upper_value(space, o.x, y_, f);
    batches_.draw(o, batch_).oracle.problem().lower_value(space, o.x, y_, g);
    double const length = double(o.problem().length_scale());
    impl::pick_candidates<T, E>(space, f, g, T(1e-2 * curvature_ * length * length), y_, v_, o.y,
                                best_v_);
  }

  HgmsMinibatchOptions<T> options_;
  baseline::Batches<T, E> batches_;
  int batch_ = 1;
  double inner_ = 0, curvature_ = 0;
  V y_, v_, r_, work_, fy_, fx_, best_v_, h_, mixed_;
};

}  // namespace minfold

#endif
