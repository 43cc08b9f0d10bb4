// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_HGMS_IMPL_HPP
#define MINFOLD_DRIVERS_IMPL_HGMS_IMPL_HPP

#include <minfold/drivers/danskin.hpp>
#include <minfold/drivers/hgms.hpp>
#include <minfold/drivers/hypergradient.hpp>
#include <minfold/drivers/impl/selection.hpp>

#include <cmath>
#include <utility>

namespace minfold::impl {

/// Row-major host copy of an (item, i) view.
template <ExecutionSpace E, class V>
std::vector<double> to_doubles(E const& space, V const& view) {
  auto const host = to_host(space, view);
  std::vector<double> out;
  out.reserve(host.extent(0) * host.extent(1));
  for (std::size_t r = 0; r < host.extent(0); ++r)
    for (std::size_t j = 0; j < host.extent(1); ++j) out.push_back(double(host(r, j)));
  return out;
}

template <class T, ExecutionSpace E>
void from_doubles(E const& space, std::vector<double> const& values, Vectors<T, E> const& view) {
  auto const host = Kokkos::create_mirror_view(Kokkos::HostSpace{}, view);
  std::size_t const m = view.extent(1);
  for (std::size_t i = 0; i < values.size(); ++i) host(i / m, i % m) = T(values[i]);
  Kokkos::deep_copy(space, view, host);
  space.fence("minfold::from_doubles");
}

inline double norm(std::vector<double> const& v) {
  double sum = 0;
  for (double e : v) sum += e * e;
  return std::sqrt(sum);
}

/// One solve of minimize_hgms: the stages in order, and what they hand to one another.
template <class T, ExecutionSpace E>
class HgmsSolve {
 public:
  HgmsSolve(E const& space, AnyProblem<T, E> const& problem, BilevelState<T, E>& state,
            HgmsOptions<T> const& options)
      : space_(space),
        problem_(problem),
        state_(state),
        options_(options),
        thresholds_(resolved(options.certificate, std::is_same_v<T, float>)),
        targets_(problem.batch_size()),
        rows_(problem.upper_rows()),
        m_(problem.dim_x()),
        n_(problem.dim_y()),
        scales_(make_scalars<TargetScale<T>>(space, "minfold::hgms::scales", targets_)),
        outer_(rows_, m_) {
    Kokkos::deep_copy(space_, scales_, TargetScale<T>{});
  }

  HgmsResult run(Observer const& observer) {
    problem_.project_upper(space_, state_.x);
    x_ = to_doubles(space_, state_.x);
    HgmsResult result;
    double step = 0, first_norm = -1;
    for (int iteration = 0;; ++iteration) {
      bool const complete = select_all(iteration);
      differentiate();
      Iteration line;
      line.iteration = iteration;
      line.upper = sum(values());
      line.hypergradient_norm = projected_norm(h_);
      line.step = step;
      line.certificate = aggregate(state_.certificates);
      line.counters = problem_.counters();
      line.seconds = timer_.seconds();
      result.iterations = iteration;
      result.last = line;
      store();
      if (observer && !observer(line)) return finish(result, HgmsOutcome::stopped);
      if (!complete || !std::isfinite(line.upper) || !std::isfinite(line.hypergradient_norm))
        return finish(result, HgmsOutcome::failed);
      if (first_norm < 0) first_norm = line.hypergradient_norm;
      double const target = double(options_.tolerance) * std::max(1.0, first_norm);
      if (line.hypergradient_norm <= target && projected_norm(descent_) <= target)
        return finish(result, HgmsOutcome::converged);
      if (iteration >= options_.max_iterations) return finish(result, HgmsOutcome::iteration_limit);
      step = advance();
      if (step == 0) return finish(result, HgmsOutcome::stalled);
    }
  }

 private:
  /// Candidates, lower solve, refinement, selection at x_. False when some target has no point on S.
  bool select_all(int iteration) {
    bool const tracking = iteration > 0 || state_.warm;
    int const tracked = !tracking ? 0 : (iteration > 0 && selection_.any_rival ? 2 : 1);
    bool const explore = iteration % std::max(options_.candidates.every, 1) == 0;
    int const count = std::max({explore ? options_.candidates.count : tracked, tracked, 1});
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
    compared_ = compared_ || count > 1;
    selection_ = select_at<T, E>(space_, problem_, state_.x, y, scales_, options_.lower,
                                 options_.refine, known_);
    return selection_.complete;
  }

  /// Hypergradients at the selected points, the certificate, and the direction of descent.
  void differentiate() {
    auto const best = rows_of(selection_.y, 0, targets_);
    auto const at_best =
        hypergradients<T, E>(space_, problem_, state_.x, best, options_.refine, known_, true);
    auto const per_target = to_doubles(space_, at_best.h);
    state_.certificates = certificates(at_best);
    h_ = reduce(per_target);
    descent_ = h_;
    resolve_ties(per_target);
  }

  /// Where a rival ties, the hypergradient is the min-norm element of the Danskin set, and the step
  /// follows the steepest element when that one is (nearly) zero.
  void resolve_ties(std::vector<double> const& at_best) {
    std::vector<int> tied;
    for (int t = 0; t < targets_; ++t)
      if (selection_.chosen[t].rival >= 0 &&
          !(state_.certificates[t].uniqueness_margin > thresholds_.uniqueness_margin))
        tied.push_back(t);
    if (tied.empty()) return;
    auto const rivals = rows_of(selection_.y, targets_, targets_);
    auto const at_rival = to_doubles(
        space_,
        hypergradients<T, E>(space_, problem_, state_.x, rivals, options_.refine, known_, false).h);
    for (int row = 0; row < rows_; ++row) {
      std::vector<double> base(h_.begin() + row * m_, h_.begin() + (row + 1) * m_);
      Elements elements{base};
      for (int t : tied) {
        if (rows_ > 1 && t != row) continue;
        auto element = base;
        for (int j = 0; j < m_; ++j) element[j] += at_rival[t * m_ + j] - at_best[t * m_ + j];
        std::vector<double> difference(m_);
        for (int j = 0; j < m_; ++j) difference[j] = element[j] - base[j];
        if (norm(difference) <= 1e-6 * std::max(norm(base), norm(element))) {
          evidence_[t].danskin_agrees = true;
          judge(state_.certificates[t], evidence_[t], thresholds_);
        } else if (elements.size() < 16) {
          elements.push_back(element);
        }
      }
      if (elements.size() == 1) continue;
      auto const shortest = min_norm_element(elements);
      auto const& steepest = steepest_element(elements);
      bool const stationary = norm(shortest) < 0.1 * norm(steepest);
      std::copy(shortest.begin(), shortest.end(), h_.begin() + row * m_);
      auto const& chosen = stationary ? steepest : shortest;
      std::copy(chosen.begin(), chosen.end(), descent_.begin() + row * m_);
    }
  }

  std::vector<ItemCertificate> certificates(Hypergradients<T, E> const& r) {
    auto const lower = to_host(space_, r.lower_norm);
    auto const tangential = to_host(space_, r.tangential_norm);
    auto const curvature = to_host(space_, r.smallest_curvature);
    auto const solves = to_host(space_, r.solves);
    auto const kernels = to_host(space_, r.kernels);
    auto const scales = to_host(space_, scales_);
    double const length = double(problem_.length_scale());
    std::vector<ItemCertificate> all(targets_);
    evidence_.assign(targets_, {});
    for (int t = 0; t < targets_; ++t) {
      auto& c = all[t];
      auto& e = evidence_[t];
      auto const& k = kernels(t);
      auto const& chosen = selection_.chosen[t];
      double const operator_norm =
          double(k.norm_estimate) > 0 ? double(k.norm_estimate) : double(solves(t).operator_norm);
      double const zero = double(lower(t)) == 0 ? 0 : std::numeric_limits<double>::infinity();
      // A variation of f along S that drowns in the rounding of f is none.
      double const visible = std::sqrt(double(epsilon<T>)) * std::abs(double(chosen.value));
      double const curvature_scale =
          std::max(double(scales(t).curvature), visible / (length * length));
      double const gradient_scale = std::max(double(scales(t).gradient), curvature_scale * length);
      double const value_scale = gradient_scale * length;
      c.lower_residual = operator_norm > 0 ? double(lower(t)) / (operator_norm * length) : zero;
      c.distance_bound = k.smallest_kept > 0 ? double(lower(t)) / double(k.smallest_kept) : zero;
      c.kernel_dimension = k.dimension;
      c.gap = double(k.gap);
      c.tangential_residual = gradient_scale > 0 ? double(tangential(t)) / gradient_scale : 0;
      c.smallest_curvature = double(curvature(t));
      c.nondegeneracy = std::isinf(c.smallest_curvature) ? c.smallest_curvature
                        : curvature_scale > 0            ? c.smallest_curvature / curvature_scale
                                                         : 0 * c.smallest_curvature;
      double const margin = double(chosen.margin);
      double const rounding = 64 * double(epsilon<T>) * std::abs(double(chosen.value));
      c.uniqueness_margin = chosen.rival < 0                         ? margin
                            : margin <= rounding || value_scale == 0 ? 0
                                                                     : margin / value_scale;
      c.solve_residual = double(solves(t).residual);
      c.leakage = double(solves(t).leakage);
      // The same number as the tangential residual in the units of this right-hand side: of no
      // interest where grad_y f itself vanishes at the optimum.
      if (double(solves(t).rhs_norm) < gradient_scale)
        c.leakage *= gradient_scale > 0 ? double(solves(t).rhs_norm) / gradient_scale : 0;
      c.candidates = chosen.usable;
      e.finite = k.outcome != Outcome::not_finite && solves(t).outcome != Outcome::not_finite &&
                 std::isfinite(double(chosen.value)) && std::isfinite(double(lower(t)));
      e.on_manifold = chosen.best >= 0 && selection_.lower[t].outcome == Outcome::converged;
      e.solve_converged =
          solves(t).outcome == Outcome::converged || k.outcome == Outcome::ambiguous_rank;
      e.dimension_known = k.outcome != Outcome::rank_limit && k.outcome != Outcome::iteration_limit;
      e.dimension_ambiguous = k.outcome == Outcome::ambiguous_rank;
      e.indefinite = k.outcome == Outcome::indefinite_operator;
      e.compared = compared_;
      judge(c, e, thresholds_);
    }
    return all;
  }

  /// One outer step. Returns the step length, 0 when no step decreases F.
  double advance() {
    auto const project = [&](std::vector<double>& x) {
      auto const view = make_vectors<T>(space_, "minfold::hgms::projection", rows_, m_);
      from_doubles<T, E>(space_, x, view);
      problem_.project_upper(space_, view);
      x = to_doubles(space_, view);
    };
    int const tracked = selection_.any_rival ? 2 : 1;
    Selection<T, E> trial;
    auto const evaluate = [&](std::vector<double> const& x) {
      auto const view = make_vectors<T>(space_, "minfold::hgms::trial_x", rows_, m_);
      auto const y = make_vectors<T>(space_, "minfold::hgms::trial_y", tracked * targets_, n_);
      from_doubles<T, E>(space_, x, view);
      Kokkos::deep_copy(space_, y, rows_of(selection_.y, 0, tracked * targets_));
      trial = select_at<T, E>(space_, problem_, view, y, scales_, options_.lower, options_.refine,
                              known_);
      return values_of(trial);
    };
    auto const result =
        outer_.advance(x_, descent_, values(), noise(), options_.outer, evaluate, project);
    if (!result.moved) return 0;
    x_ = result.x;
    from_doubles<T, E>(space_, x_, state_.x);
    // The trial tracked its points from here to x: the next selection goes on from them.
    if (trial.complete) selection_ = trial;
    return result.step;
  }

  /// Norm of x - projection(x - h): the gradient where x is free.
  double projected_norm(std::vector<double> const& h) {
    std::vector<double> moved(x_.size());
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] = x_[i] - h[i];
    auto const view = make_vectors<T>(space_, "minfold::hgms::projection", rows_, m_);
    // In the precision of x the difference x - (x - h) loses small h: ask only whether it matters.
    from_doubles<T, E>(space_, moved, view);
    problem_.project_upper(space_, view);
    auto const projected = to_doubles(space_, view);
    double sum = 0;
    for (std::size_t i = 0; i < moved.size(); ++i) {
      bool const held = projected[i] != double(T(moved[i]));
      double const part = held ? x_[i] - projected[i] : h[i];
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
  /// Accuracy of the values: rounding of f, and f along the distance that the lower solve leaves.
  std::vector<double> noise() const {
    auto const scales = to_host(space_, scales_);
    double const distance = 16 * double(options_.lower.tolerance) * double(problem_.length_scale());
    std::vector<double> v(rows_, 0.0);
    for (int t = 0; t < targets_; ++t)
      v[rows_ > 1 ? t : 0] += 64 * double(epsilon<T>) * std::abs(selection_.value(t)) +
                              distance * double(scales(t).gradient);
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

  HgmsResult finish(HgmsResult result, HgmsOutcome outcome) {
    result.outcome = outcome;
    state_.warm = outcome != HgmsOutcome::failed;
    return result;
  }

  E space_;
  CountedProblem<T, E> problem_;
  BilevelState<T, E>& state_;
  HgmsOptions<T> options_;
  CertificateOptions thresholds_;
  int targets_, rows_, m_, n_;
  Scalars<TargetScale<T>, E> scales_;
  OuterStep outer_;
  Selection<T, E> selection_;
  std::vector<Evidence> evidence_;
  std::vector<double> x_, h_, descent_;
  Representation known_ = Representation::automatic;
  bool compared_ = false;
  Kokkos::Timer timer_;
};

}  // namespace minfold::impl

namespace minfold {

template <class T, ExecutionSpace E>
BilevelState<T, E>::BilevelState(E const& space, AnyProblem<T, E> const& problem)
    : x(make_vectors<T>(space, "minfold::state::x", problem.upper_rows(), problem.dim_x())),
      y(make_vectors<T>(space, "minfold::state::y", problem.batch_size(), problem.dim_y())),
      hypergradient(make_vectors<T>(space, "minfold::state::hypergradient", problem.upper_rows(),
                                    problem.dim_x())) {
  Kokkos::deep_copy(space, x, T(0));
  Kokkos::deep_copy(space, y, T(0));
  Kokkos::deep_copy(space, hypergradient, T(0));
}

template <class T, ExecutionSpace E>
HgmsResult minimize_hgms(E const& space, AnyProblem<T, E> const& problem, BilevelState<T, E>& state,
                         HgmsOptions<T> const& options, Observer const& observer) {
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
  return impl::HgmsSolve<T, E>(space, problem, state, options).run(observer);
}

}  // namespace minfold

#endif
