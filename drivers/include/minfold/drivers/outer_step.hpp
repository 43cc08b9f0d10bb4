// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_OUTER_STEP_HPP
#define MINFOLD_DRIVERS_OUTER_STEP_HPP

#include <minfold/drivers/problem.hpp>
#include <minfold/drivers/state_archive.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

namespace minfold {

enum class StepRule {
  armijo,  ///< Barzilai-Borwein trial step, backtracking on the re-selected F
  fixed    ///< always `step`
};

template <std::floating_point T>
struct OuterOptions {
  StepRule rule = StepRule::armijo;
  /// fixed: the step. armijo: the first trial step; 0 takes 0.1 max(||x||, 1) / ||h||.
  T step = 0;
  T decrease = T(1e-4);  ///< Armijo: F(x+) <= F(x) - decrease ||x+ - x||^2 / step
  int max_backtracks = 20;
  T largest_move = 0;  ///< bound on ||x+ - x|| of one step; 0: none
};

/// Projected gradient steps on the rows of x, on the host: dim_x numbers a row, and as many line
/// searches as rows (one for a shared x, one a target otherwise).
///
/// Step lengths: s = x - x_prev, d = h - h_prev, <s,s>/<s,d> (Barzilai and Borwein, IMA J. Numer. Anal. 8,
/// 1988) where positive, twice the last one otherwise, as in spectral projected gradient methods.
class OuterStep {
 public:
  OuterStep(int rows, int m) : rows_(rows), m_(m), step_(rows, 0.0) {}

  /// Values F of each row at a trial x; NaN or infinity refuses the trial.
  using Evaluate = std::function<std::vector<double>(std::vector<double> const& x)>;
  /// Projects in place.
  using Project = std::function<void(std::vector<double>& x)>;

  struct Result {
    std::vector<double> x;
    bool moved = false;  ///< some row found a step
    double step = 0;     ///< largest step taken
    int evaluations = 0;
  };

  /// `noise` is the accuracy of the values of each row: an increase within it is no increase.
  template <std::floating_point T>
  Result advance(std::vector<double> const& x, std::vector<double> const& h,
                 std::vector<double> const& values, std::vector<double> const& noise,
                 OuterOptions<T> const& options, Evaluate const& evaluate, Project const& project) {
    propose(x, h, options);
    Result result{x, false, 0, 0};
    std::vector<bool> searching(rows_, true);
    std::vector<double> trial = x;
    for (int backtrack = 0; backtrack <= options.max_backtracks; ++backtrack) {
      for (int r = 0; r < rows_; ++r)
        for (int j = 0; j < m_; ++j)
          trial[r * m_ + j] =
              searching[r] ? x[r * m_ + j] - step_[r] * h[r * m_ + j] : result.x[r * m_ + j];
      project(trial);
      std::vector<double> found;
      if (options.rule == StepRule::armijo) {
        found = evaluate(trial);
        ++result.evaluations;
      }
      bool pending = false;
      for (int r = 0; r < rows_; ++r) {
        if (!searching[r]) continue;
        double move = 0;
        for (int j = 0; j < m_; ++j) move += square(trial[r * m_ + j] - x[r * m_ + j]);
        bool accepted = options.rule == StepRule::fixed || move == 0;
        if (!accepted)
          accepted = std::isfinite(found[r]) &&
                     found[r] <= values[r] - double(options.decrease) * move / step_[r] + noise[r];
        if (accepted) {
          std::copy_n(trial.begin() + r * m_, m_, result.x.begin() + r * m_);
          result.moved = result.moved || move > 0;
          result.step = std::max(result.step, step_[r]);
          searching[r] = false;
        } else {
          step_[r] *= backtrack < 2 ? 0.5 : 0.25;
          pending = true;
        }
      }
      if (!pending) break;
    }
    return result;
  }

  void archive(StateArchive& a) {
    a("step", step_);
    a("last_x", last_x_);
    a("last_h", last_h_);
  }

 private:
  static double square(double v) { return v * v; }

  /// Chooses the first trial step of every row.
  template <std::floating_point T>
  void propose(std::vector<double> const& x, std::vector<double> const& h,
               OuterOptions<T> const& options) {
    for (int r = 0; r < rows_; ++r) {
      double xx = 0, hh = 0, ss = 0, sd = 0;
      for (int j = 0; j < m_; ++j) {
        int const i = r * m_ + j;
        xx += square(x[i]);
        hh += square(h[i]);
        if (!last_x_.empty()) {
          ss += square(x[i] - last_x_[i]);
          sd += (x[i] - last_x_[i]) * (h[i] - last_h_[i]);
        }
      }
      double& step = step_[r];
      double const first = options.step > 0 ? double(options.step)
                                            : 0.1 * std::max(std::sqrt(xx), 1.0) / std::sqrt(hh);
      if (options.rule == StepRule::fixed)
        step = double(options.step);
      else if (last_x_.empty() || step == 0)
        step = first;
      else if (sd > 0 && ss > 0)
        step = ss / sd;
      else if (ss > 0)
        step *= 2;
      if (options.largest_move > 0 && step * std::sqrt(hh) > double(options.largest_move))
        step = double(options.largest_move) / std::sqrt(hh);
      if (!std::isfinite(step)) step = 0;
    }
    last_x_ = x;
    last_h_ = h;
  }

  int rows_, m_;
  std::vector<double> step_, last_x_, last_h_;
};

}  // namespace minfold

#endif
