// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_METHOD_IMPL_HPP
#define MINFOLD_DRIVERS_IMPL_METHOD_IMPL_HPP

#include <minfold/core/workspace.hpp>
#include <minfold/drivers/impl/checkpoint_keeper.hpp>
#include <minfold/drivers/method.hpp>

#include <algorithm>
#include <cmath>

namespace minfold::impl {

/// One run of a method: the loop, its records, the assessment.
template <class T, ExecutionSpace E>
class MethodRun {
 public:
  MethodRun(E const& space, AnyProblem<T, E> const& problem, BilevelState<T, E>& state,
            RunOptions<T> const& options, Checkpoints const& checkpoints)
      : space_(space),
        workspace_(space),
        in_use_(workspace_),
        problem_(problem),
        counted_(problem),
        uncounted_(problem),
        state_(state),
        options_(options),
        oracle_(space, counted_, state.x, state.y),
        watcher_(space, uncounted_, state.x, state.y),
        gradient_(watcher_.like_y("gradient")),
        keeper_(checkpoints, run_identity(problem, options.seed), space.concurrency()) {}

  SolveResult run(Method<T, E>& method, Observer const& observer) {
    auto result = keeper_.guard([&] { return iterate(method, observer); });
    if (options_.assess && state_.warm)
      assess(result);
    else if (state_.warm)
      estimate(result, method);
    return result;
  }

 private:
  SolveResult iterate(Method<T, E>& method, Observer const& observer) {
    SolveResult result;
    MethodStep last;
    last.stationarity = last.scale = Iteration::unknown;
    int resumed = -1;
    if (keeper_.resumes()) {
      // Twice: begin() wants a point, and what it does is replaced.
      auto const load = [&] {
        return keeper_.load([&](StateArchive& a) { archive_run(a, result.last, last); });
      };
      load();
      method.begin(oracle_);
      resumed = load();
      keeper_.load([&](StateArchive& a) { archive_method(a, method); });
    } else {
      start(method);
      method.begin(oracle_);
    }
    int const total = options_.max_iterations;
    for (int k = std::max(resumed, 0);; ++k) {
      bool finite = k == 0 || std::isfinite(last.stationarity);
      // Without a scale there is no unit yet: soba starts with an adjoint of 0, and where f does not depend
      // on x all terms of its first direction are 0.
      bool const done = k > 0 && double(options_.tolerance) > 0 && scale_ > 0 &&
                        last.stationarity <= double(options_.tolerance) * scale_;
      if (done && !answers_are_finite()) finite = false;
      bool const ends = !finite || done || k >= total;
      bool stopped = false;
      if (k == resumed) {
        // Seen before; result.last is its record.
      } else if (ends || k % options_.record_every == 0) {
        result.last = describe(k, last);
        stopped = observer && !observer(result.last);
      }
      result.iterations = k;
      result.outcome = !finite || !std::isfinite(result.last.upper) ? SolveOutcome::failed
                       : done                                       ? SolveOutcome::converged
                       : stopped                                    ? SolveOutcome::stopped
                                                                    : SolveOutcome::iteration_limit;
      if (k != resumed && result.outcome != SolveOutcome::failed)
        keeper_.completed(k,
                          [&](StateArchive& a) {
                            archive_run(a, result.last, last);
                            archive_method(a, method);
                          },
                          {"loop/x", "loop/y", "method/"});
      if (ends || stopped || result.outcome == SolveOutcome::failed) break;
      {
        typename CountedProblem<T, E>::Scope const scope(counted_, space_, Stage::differentiate);
        last = method.step(oracle_, k, total);
      }
      if (!(scale_ > 0)) scale_ = last.scale;
    }
    result.findings = method.findings();
    state_.warm = result.outcome != SolveOutcome::failed;
    return result;
  }

  /// The state between two steps.
  void archive_run(StateArchive& a, Iteration& record, MethodStep& last) {
    auto const in = a.group("loop");
    a.view(space_, "x", state_.x);
    a.view(space_, "y", state_.y);
    a.row("record", record);
    a.row("last", last);
    a("scale", scale_);
    counted_.archive(a);
    double seconds = seconds_before_ + timer_.seconds();
    a("seconds", seconds);
    if (!a.loads()) return;
    seconds_before_ = seconds;
    timer_.reset();
  }
  void archive_method(StateArchive& a, Method<T, E>& method) {
    auto const in = a.group("method");
    method.archive(a, space_);
  }

  void start(Method<T, E> const& method) {
    problem_.project_upper(space_, state_.x);
    if (!state_.warm)
      problem_.random_lower(space_, Place{options_.seed, Stream::restart, 0, 0, 0}, state_.y);
    if (!method.starts_on_lower_solution()) return;
    typename CountedProblem<T, E>::Scope const scope(counted_, space_, Stage::lower_solve);
    auto const records =
        make_scalars<LowerRecord<T>>(space_, "minfold::method::lower", counted_.batch_size());
    lower_solve<T, E>(space_, counted_, state_.x, state_.y, records, options_.certify.lower);
  }

  /// Whether what the method has asked the problem for is finite at the point where it ends. A solve that met a
  /// NaN gives no direction, so that a small step may come of it; an end there would be no success.
  bool answers_are_finite() {
    auto const asked = total(counted_.counters());
    auto const out = watcher_.like_y("finite");
    double sum = 0;
    for (double const f : watcher_.upper(state_.x, state_.y)) sum += f;
    for (double const g : watcher_.lower(state_.x, state_.y)) sum += g;
    watcher_.lower_gradient(state_.x, state_.y, gradient_);
    sum += watcher_.norm(gradient_);
    if (asked.hessian_products > 0) {
      watcher_.hessian(state_.x, state_.y, state_.y, out);
      sum += watcher_.norm(out);
    }
    if (asked.mixed_products > 0) {
      auto const at_x = watcher_.like_x("finite");
      watcher_.mixed_transpose(state_.x, state_.y, state_.y, at_x);
      sum += watcher_.norm(at_x);
    }
    if (counted_.used_mixed_product()) {
      watcher_.mixed_product(state_.x, state_.y, state_.x, out);
      sum += watcher_.norm(out);
    }
    return std::isfinite(sum);
  }

  Iteration describe(int k, MethodStep const& last) {
    Iteration line;
    line.iteration = k;
    for (double const f : watcher_.upper(state_.x, state_.y)) line.upper += f;
    watcher_.lower_gradient(state_.x, state_.y, gradient_);
    line.lower_gradient_norm = watcher_.norm(gradient_);
    line.hypergradient_norm = last.stationarity;
    line.target = double(options_.tolerance) * scale_;
    line.step = last.step;
    line.directional_derivative = Iteration::unknown;
    line.lower_gap = last.lower_gap;
    line.kkt_residual = last.kkt_residual;
    line.penalty = last.penalty;
    line.counters = counted_.counters();
    line.seconds = seconds_before_ + timer_.seconds();
    return line;
  }

  /// Whether what was reached is what was looked for: HG-MS at the final x, without a step.
  void assess(SolveResult& result) {
    BilevelState<T, E> at(space_, problem_);
    Kokkos::deep_copy(space_, at.x, state_.x);
    Kokkos::deep_copy(space_, at.y, state_.y);
    at.warm = true;
    auto options = options_.certify;
    options.max_iterations = 0;
    options.seed = options_.seed;
    if (options_.tolerance > T(0)) options.tolerance = options_.tolerance;
    auto const hgms = minimize_hgms<T, E>(space_, problem_, at, options);
    Assessment found;
    found.upper = hgms.last.upper;
    found.hypergradient_norm = hgms.last.hypergradient_norm;
    found.allowed = hgms.last.target;
    found.excess = result.last.upper - hgms.last.upper;
    watcher_.axpy(-1.0, state_.y, at.y);
    found.distance = watcher_.norm(at.y) / double(problem_.length_scale());
    result.assessment = found;
    result.last.certificate = hgms.last.certificate;
    state_.certificates = at.certificates;
    Kokkos::deep_copy(space_, state_.hypergradient, at.hypergradient);
    judge(found, result.last.certificate);
  }

  /// Its verdict is that of samples, whatever the method says.
  void estimate(SolveResult& result, Method<T, E>& method) {
    auto const found = method.estimate(oracle_);
    if (!found) return;
    result.last.certificate = *found;
    result.last.certificate.verdict = std::max(found->verdict, Verdict::uncertain);
  }

  T distinct() const { return SelectOptions<T>{}.distinct; }

  void judge(Assessment const& found, Certificate& certificate) const {
    auto const object = [&](std::string const& reason) {
      certificate.verdict = std::max(certificate.verdict, Verdict::uncertain);
      certificate.reasons.push_back(reason);
    };
    // Written as !(value <= bound): a NaN never passes.
    if (!(found.hypergradient_norm <= found.allowed)) object(not_stationary(found));
    if (!(found.distance <= double(distinct()))) object(not_selected(found));
  }

  E space_;
  Workspace<E> workspace_;
  typename Workspace<E>::Use in_use_;
  AnyProblem<T, E> const& problem_;
  CountedProblem<T, E> counted_, uncounted_;
  BilevelState<T, E>& state_;
  RunOptions<T> options_;
  Oracle<T, E> oracle_, watcher_;
  Vectors<T, E> gradient_;
  double scale_ = 0;
  CheckpointKeeper keeper_;
  Kokkos::Timer timer_;
  double seconds_before_ = 0;  ///< of the run that is resumed
};

}  // namespace minfold::impl

namespace minfold {

template <class T, ExecutionSpace E>
SolveResult run_method(E const& space, AnyProblem<T, E> const& problem, BilevelState<T, E>& state,
                       Method<T, E>& method, RunOptions<T> const& options, Observer const& observer,
                       Checkpoints const& checkpoints) {
  MINFOLD_REQUIRE(options.max_iterations >= 0, "run_method: max_iterations is ",
                  options.max_iterations);
  MINFOLD_REQUIRE(options.record_every >= 1, "run_method: record_every is ", options.record_every,
                  ", must be at least 1");
  MINFOLD_REQUIRE(problem.batch_size() > 0 && problem.dim_x() > 0 && problem.dim_y() > 0,
                  "run_method: the problem has ", problem.batch_size(), " targets, dim_x ",
                  problem.dim_x(), ", dim_y ", problem.dim_y(), ", all must be positive");
  return impl::MethodRun<T, E>(space, problem, state, options, checkpoints).run(method, observer);
}

}  // namespace minfold

#endif
