// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_HGMS_IMPL_HPP
#define MINFOLD_DRIVERS_IMPL_HGMS_IMPL_HPP

#include <minfold/core/workspace.hpp>
#include <minfold/drivers/hgms.hpp>
#include <minfold/drivers/impl/certify.hpp>
#include <minfold/drivers/impl/checkpoint_keeper.hpp>
#include <minfold/drivers/impl/host_vectors.hpp>
#include <minfold/drivers/impl/resolve_ties.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace minfold::impl {

/// The yardstick halves every iteration: what f was like at the start, or where a restart landed, must
/// not excuse residuals for ever.
template <class T, ExecutionSpace E>
void forget(E const& space, Scalars<TargetScale<T>, E> const& scales) {
  Kokkos::parallel_for(
      "minfold::hgms::forget", Kokkos::RangePolicy<E>(space, 0, int(scales.extent(0))),
      KOKKOS_LAMBDA(int target) {
        scales(target).gradient *= T(0.5);
        scales(target).upper_x *= T(0.5);
        scales(target).curvature *= T(0.5);
      });
}

/// A wrong direction is not mended by shorter steps: six are 1/1024 of the first trial.
inline constexpr int backtracks_of_guesses = 6;

/// One solve of minimize_hgms: the stages in order, and what they hand to one another.
template <class T, ExecutionSpace E>
class HgmsSolve {
 public:
  HgmsSolve(E const& space, AnyProblem<T, E> const& problem, BilevelState<T, E>& state,
            HgmsOptions<T> const& options, Checkpoints const& checkpoints)
      : space_(space),
        workspace_(space),
        in_use_(workspace_),
        problem_(problem),
        state_(state),
        options_(options),
        thresholds_(resolved(options.certificate, std::is_same_v<T, float>)),
        targets_(problem.batch_size()),
        rows_(problem.upper_rows()),
        m_(problem.dim_x()),
        n_(problem.dim_y()),
        scales_(make_scalars<TargetScale<T>>(space, "minfold::hgms::scales", targets_)),
        outer_(rows_, m_),
        keeper_(checkpoints, run_identity(problem, options.seed), space.concurrency()) {
    Kokkos::deep_copy(space_, scales_, TargetScale<T>{});
  }

  SolveResult run(Observer const& observer) {
    return keeper_.guard([&] { return iterate(observer); });
  }

 private:
  SolveResult iterate(Observer const& observer) {
    SolveResult result;
    int iteration = 0;
    double step = 0;
    if (keeper_.resumes()) {
      iteration = result.iterations =
          keeper_.load([&](StateArchive& a) { archive(a, result.last); });
      measure_norms();
      if (auto const outcome = end_or_advance(result.last, step)) return finish(result, *outcome);
      ++iteration;
    } else {
      problem_.project_upper(space_, state_.x);
      x_ = to_doubles(space_, state_.x);
    }
    for (;; ++iteration) {
      bool explore = iteration % std::max(options_.candidates.every, 1) == 0 ||
                     iteration >= options_.max_iterations;
      bool complete = evaluate(iteration, explore);
      // Nothing is the end that was not compared with fresh candidates at the same x.
      if (complete && !explore && stationary()) complete = evaluate(iteration, explore = true);
      auto const line = describe(iteration, step);
      result.iterations = iteration;
      result.last = line;
      store();
      bool const stopped = observer && !observer(line);
      bool const well =
          complete && std::isfinite(line.upper) && std::isfinite(line.hypergradient_norm);
      if (well) keeper_.completed(iteration, [&](StateArchive& a) { archive(a, result.last); });
      if (stopped) return finish(result, SolveOutcome::stopped);
      if (!well) return finish(result, SolveOutcome::failed);
      if (auto const outcome = end_or_advance(line, step)) return finish(result, *outcome);
    }
  }

  /// How the run ends after this iteration; if it does not, the step to the next one.
  std::optional<SolveOutcome> end_or_advance(Iteration const& line, double& step) {
    if (stationary()) return SolveOutcome::converged;
    if (line.iteration >= options_.max_iterations) return SolveOutcome::iteration_limit;
    if (guess_ && !(line.upper < upper_before_ - sum(noise()))) return SolveOutcome::stalled;
    upper_before_ = line.upper;
    step = advance();
    if (step == 0) return SolveOutcome::stalled;
    return std::nullopt;
  }

  /// The state at the end of an iteration, before the step to the next one.
  void archive(StateArchive& a, Iteration& last) {
    auto const in = a.group("hgms");
    a.view(space_, "x", state_.x);
    a.view(space_, "y", state_.y);
    a.view(space_, "hypergradient", state_.hypergradient);
    a.rows("certificates", state_.certificates);
    a.row("last", last);
    a("x_in_double", x_);
    a("h", h_);
    a("descent", descent_);
    a("reference", reference_);
    a("accuracy", accuracy_);
    a("upper_before", upper_before_);
    a("guess", guess_);
    a("value_noise", certified_.value_noise);
    a.view(space_, "scales", scales_);
    problem_.archive(a);
    {
      auto const part = a.group("selection");
      selection_.archive(a, space_);
    }
    {
      auto const part = a.group("outer_step");
      outer_.archive(a);
    }
    {
      auto const part = a.group("tangent_memory");
      memory_.archive(a, space_);
    }
    if (a.loads()) seconds_before_ = last.seconds;
  }

  /// Selection, hypergradient and certificate at x_. False when some target has no point on S.
  bool evaluate(int iteration, bool explore) {
    select_all(iteration, explore);
    differentiate(iteration == 0);
    return selection_.complete;
  }

  double target() const { return std::max(double(options_.tolerance) * reference_, accuracy_); }
  bool stationary() const { return h_norm_ <= target() && descent_norm_ <= target(); }

  Iteration describe(int iteration, double step) {
    Iteration line;
    line.iteration = iteration;
    line.upper = sum(values());
    line.hypergradient_norm = h_norm_;
    line.target = target();
    line.step = step;
    line.tied = tied_;
    line.directional_derivative = slope_;
    line.certificate = aggregate(state_.certificates);
    line.counters = problem_.counters();
    line.seconds = seconds_before_ + timer_.seconds();
    return line;
  }

  /// Candidates, lower solve, refinement, selection at x_.
  void select_all(int iteration, bool explore) {
    bool const tracking = iteration > 0 || state_.warm;
    int const tracked = !tracking ? 0 : (iteration > 0 && selection_.any_rival ? 2 : 1);
    int count = std::max(tracked, 1);
    // Room for at least one fresh point, or nothing would be compared.
    if (explore && options_.candidates.count > 1)
      count = std::max(options_.candidates.count, tracked + 1);
    auto const y = make_vectors<T>(space_, "minfold::hgms::candidates", count * targets_, n_);
    {
      typename CountedProblem<T, E>::Scope const scope(problem_, space_, Stage::candidates);
      if (tracked > 0) {
        Vectors<T, E> const from = iteration > 0 ? selection_.y : state_.y;
        Kokkos::deep_copy(space_, rows_of(y, 0, tracked * targets_),
                          rows_of(from, 0, tracked * targets_));
      }
      make_candidates<T, E>(space_, problem_, state_.x, y, tracked, options_.seed, iteration,
                            options_.candidates);
    }
    forget(space_, scales_);
    selection_ = select_at(state_.x, y, tracked);
  }

  Selection<T, E> select_at(Vectors<T const, E> x, Vectors<T, E> y, int tracked) {
    SelectOptions<T> const select{.finished = T(thresholds_.tangential_residual),
                                  .tracked = tracked};
    return impl::select_at<T, E>(space_, problem_, x, y, scales_, options_.lower, options_.refine,
                                 select, memory_);
  }

  /// Hypergradients at the selected points, the certificate, and the direction of descent.
  void differentiate(bool first) {
    auto const best = rows_of(selection_.y, 0, targets_);
    auto const at_best = hypergradients<T, E>(space_, problem_, state_.x, best, options_.refine,
                                              memory_, true, first);
    std::vector<double> x_norms(targets_);
    for (int t = 0; t < targets_; ++t) {
      auto const row = x_.begin() + (rows_ > 1 ? t : 0) * m_;
      x_norms[t] = norm({row, row + m_});
    }
    certified_ = certify(space_, problem_, selection_, scales_, at_best, x_norms,
                         options_.candidates.count > 1, thresholds_);
    guess_ = std::any_of(certified_.evidence.begin(), certified_.evidence.end(),
                         [](Evidence const& e) { return e.dimension_ambiguous; });
    if (first) set_reference(at_best);
    auto const per_target = to_doubles(space_, at_best.h);
    h_ = reduce(per_target);
    descent_ = h_;
    tied_ = 0;
    slope_ = -norm(h_);
    follow_ties(per_target);
    measure_norms();
    state_.certificates = certified_.certificates;
  }

  /// Where a rival ties F has a kink, or none if its hypergradient is the same.
  void follow_ties(std::vector<double> const& at_best) {
    std::vector<int> tied;
    for (int t = 0; t < targets_; ++t)
      if (selection_.chosen[t].rival >= 0 &&
          !(certified_.certificates[t].uniqueness_margin > thresholds_.uniqueness_margin))
        tied.push_back(t);
    if (tied.empty()) return;
    auto const rivals = rows_of(selection_.y, targets_, targets_);
    auto const at_rival = to_doubles(
        space_,
        hypergradients<T, E>(space_, problem_, state_.x, rivals, options_.refine, memory_, false)
            .h);
    auto const step = resolve_ties(rows_, m_, h_, tied, at_best, at_rival);
    for (int t : step.agreeing) {
      certified_.evidence[t].danskin_agrees = true;
      judge(certified_.certificates[t], certified_.evidence[t], thresholds_);
    }
    h_ = step.h;
    descent_ = step.descent;
    tied_ = step.tied;
    slope_ = step.slope;
  }

  /// What the tolerance is relative to, and what rounding alone may leave of a hypergradient.
  ///
  /// grad_x f counts with its largest value on S(x_0): its terms cancel at an optimum that is the start.
  /// The accuracy looks at any direction of grad_y f, since v vanishes there too; it is no reference,
  /// because a single target near a singular point would make it huge.
  void set_reference(Hypergradients<T, E> const& at) {
    auto const [implicit, sensitivity, scales] =
        to_host_together(space_, at.implicit_norm, at.sensitivity, scales_);
    std::vector<double> terms(rows_, 0.0), errors(rows_, 0.0);
    for (int t = 0; t < targets_; ++t) {
      int const row = rows_ > 1 ? t : 0;
      double const upper_x = double(scales(t).upper_x);
      terms[row] += upper_x + double(implicit(t));
      errors[row] += 100 * double(epsilon<T>) *
                     (upper_x + double(scales(t).gradient) * double(sensitivity(t)));
    }
    reference_ = norm(terms);
    accuracy_ = norm(errors);
  }

  /// One outer step. Returns the step length, 0 when no step decreases F.
  double advance() {
    auto const project = [&](std::vector<double>& x) { x = projected(x); };
    int const tracked = selection_.any_rival ? 2 : 1;
    Selection<T, E> trial;
    auto const evaluate = [&](std::vector<double> const& x) {
      auto const view = make_vectors<T>(space_, "minfold::hgms::trial_x", rows_, m_);
      auto const y = make_vectors<T>(space_, "minfold::hgms::trial_y", tracked * targets_, n_);
      from_doubles<T, E>(space_, x, view);
      Kokkos::deep_copy(space_, y, rows_of(selection_.y, 0, tracked * targets_));
      trial = select_at(view, y, tracked);
      return values_of(trial);
    };
    auto outer = options_.outer;
    if (guess_) outer.max_backtracks = std::min(outer.max_backtracks, backtracks_of_guesses);
    auto const result = outer_.advance(x_, descent_, values(), noise(), outer, evaluate, project);
    if (!result.moved) return 0;
    x_ = result.x;
    from_doubles<T, E>(space_, x_, state_.x);
    // The trial tracked its points from here to x: the next selection goes on from them.
    if (trial.complete) selection_ = trial;
    return result.step;
  }

  std::vector<double> projected(std::vector<double> const& x) {
    return changed_on_device<T>(space_, x, rows_, m_, [&](Vectors<T, E> const& view) {
      problem_.project_upper(space_, view);
    });
  }

  /// Of h_ and descent_ at x_.
  void measure_norms() {
    h_norm_ = projected_norm(h_);
    descent_norm_ = descent_ == h_ ? h_norm_ : projected_norm(descent_);
  }

  /// Norm of x - projection(x - h): the gradient where x is free.
  double projected_norm(std::vector<double> const& h) {
    std::vector<double> moved(x_.size());
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] = x_[i] - h[i];
    // In the precision of x the difference x - (x - h) loses small h: ask only whether it matters.
    auto const feasible = projected(moved);
    double sum = 0;
    for (std::size_t i = 0; i < moved.size(); ++i) {
      bool const held = feasible[i] != double(T(moved[i]));
      double const part = held ? x_[i] - feasible[i] : h[i];
      sum += part * part;
    }
    return std::sqrt(sum);
  }

  /// Contributions of the targets, summed into the rows of x in a fixed order.
  std::vector<double> reduce(std::vector<double> const& per_target) const {
    if (rows_ > 1) return per_target;
    std::vector<double> total(m_, 0.0);
    for (int t = 0; t < targets_; ++t)
      for (int j = 0; j < m_; ++j) total[j] += per_target[t * m_ + j];
    return total;
  }

  std::vector<double> values() const { return values_of(selection_); }
  std::vector<double> values_of(Selection<T, E> const& s) const {
    std::vector<double> v(rows_, 0.0);
    for (int t = 0; t < targets_; ++t)
      v[rows_ > 1 ? t : 0] +=
          s.chosen[t].best < 0 ? std::numeric_limits<double>::infinity() : s.value(t);
    return v;
  }
  /// Accuracy of the values: that at the selected points, and f along the distance that the lower solve
  /// of a trial leaves.
  std::vector<double> noise() const {
    auto const scales = to_host(space_, scales_);
    double const distance = 16 * double(options_.lower.tolerance) * double(problem_.length_scale());
    std::vector<double> v(rows_, 0.0);
    for (int t = 0; t < targets_; ++t)
      v[rows_ > 1 ? t : 0] += 2 * certified_.value_noise[t] + distance * double(scales(t).gradient);
    return v;
  }
  static double sum(std::vector<double> const& v) {
    double total = 0;
    for (double e : v) total += e;
    return total;
  }

  static Vectors<T, E> rows_of(Vectors<T, E> const& v, int first, int count) {
    return Kokkos::subview(v, std::pair(first, first + count), Kokkos::ALL);
  }

  void store() {
    Kokkos::deep_copy(space_, state_.y, rows_of(selection_.y, 0, targets_));
    from_doubles<T, E>(space_, h_, state_.hypergradient);
  }

  SolveResult finish(SolveResult result, SolveOutcome outcome) {
    result.outcome = outcome;
    state_.warm = outcome != SolveOutcome::failed;
    return result;
  }

  E space_;
  Workspace<E> workspace_;
  typename Workspace<E>::Use in_use_;
  CountedProblem<T, E> problem_;
  BilevelState<T, E>& state_;
  HgmsOptions<T> options_;
  CertificateOptions thresholds_;
  int targets_, rows_, m_, n_;
  Scalars<TargetScale<T>, E> scales_;
  OuterStep outer_;
  Selection<T, E> selection_;
  Certified certified_;
  std::vector<double> x_, h_, descent_;
  double h_norm_ = 0, descent_norm_ = 0;  ///< see projected_norm
  double reference_ = 0, accuracy_ = 0;   ///< see set_reference
  double slope_ = 0;                      ///< F'(x; -descent / ||descent||)
  int tied_ = 0;
  double upper_before_ = std::numeric_limits<double>::infinity();  ///< F an iteration ago
  /// A tangent space is a guess, so h is: it may descend far from the end, and near it there may be no step
  /// length that does. To look for one at length, again and again, leads nowhere.
  bool guess_ = false;
  TangentMemory<T, E> memory_;
  CheckpointKeeper keeper_;
  Kokkos::Timer timer_;
  double seconds_before_ = 0;  ///< of the run that is resumed
};

}  // namespace minfold::impl

namespace minfold {

template <class T, ExecutionSpace E>
SolveResult minimize_hgms(E const& space, AnyProblem<T, E> const& problem,
                          BilevelState<T, E>& state, HgmsOptions<T> const& options,
                          Observer const& observer, Checkpoints const& checkpoints) {
  MINFOLD_REQUIRE(options.max_iterations >= 0, "minimize_hgms: max_iterations is ",
                  options.max_iterations);
  MINFOLD_REQUIRE(options.tolerance > T(0), "minimize_hgms: tolerance is ", options.tolerance,
                  ", must be positive");
  MINFOLD_REQUIRE(options.candidates.count >= 1, "minimize_hgms: candidates is ",
                  options.candidates.count, ", must be at least 1");
  MINFOLD_REQUIRE(options.outer.rule != StepRule::fixed || options.outer.step > T(0),
                  "minimize_hgms: a fixed step needs step > 0");
  MINFOLD_REQUIRE(problem.batch_size() > 0 && problem.dim_x() > 0 && problem.dim_y() > 0,
                  "minimize_hgms: the problem has ", problem.batch_size(), " targets, dim_x ",
                  problem.dim_x(), ", dim_y ", problem.dim_y(), ", all must be positive");
  return impl::HgmsSolve<T, E>(space, problem, state, options, checkpoints).run(observer);
}

}  // namespace minfold

#endif
