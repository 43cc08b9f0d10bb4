// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_PL_ESTIMATES_HPP
#define MINFOLD_DRIVERS_PL_ESTIMATES_HPP

#include <minfold/drivers/state_archive.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

namespace minfold {

/// What a run says of the PL constants of its objective L: the largest mu for which
///     ||grad L||^2 >= 2 mu (L - L_best)
/// held at all points that were seen. Upper estimates of the constants, because other points may be
/// worse and because L_best, the smallest value seen or known, is not below the minimum.
/// NaN where no point tells.
struct PlEstimates {
  double joint = std::numeric_limits<double>::quiet_NaN();        ///< gradient in (x, y) together
  double upper_block = std::numeric_limits<double>::quiet_NaN();  ///< in x, against the same L_best
  /// in y at fixed x, against the smallest value of the same inner loop
  double lower_block = std::numeric_limits<double>::quiet_NaN();
};

/// Collects the values and gradients of one objective along a run, of one row.
/// Source  joint and blockwise PL as in Definition 1 and (3a), (3b) of arXiv 2408.16087. That they are
///         estimated so is our choice. The estimate in x takes min over x of L(., y) to be L_best, which
///         holds under the assumption of that paper that the minimizer in y does not depend on x.
class PlRecord {
 public:
  void clear() {
    points_.clear();
    loops_.clear();
  }
  /// `unit`: size of the terms that L is a sum of, for the rounding in it.
  void add(double value, double unit, double joint_square, double upper_square) {
    points_.push_back({value, unit, joint_square, upper_square});
  }
  /// An inner loop in y: first value and squared gradient, value where it ended.
  void add_loop(double first, double square, double last, double unit) {
    loops_.push_back({first, unit, square, last});
  }
  double best() const {
    double least = std::numeric_limits<double>::infinity();
    for (auto const& p : points_) least = std::min(least, p.value);
    return least;
  }
  /// Differences below `rounding` * unit are not told from 0 and say nothing.
  PlEstimates estimate(double rounding, std::optional<double> known_best = {}) const {
    PlEstimates found;
    double const least = known_best ? *known_best : best();
    for (auto const& p : points_) {
      double const excess = p.value - least;
      if (!(excess > rounding * p.unit)) continue;
      lower(found.joint, p.joint / (2 * excess));
      lower(found.upper_block, p.upper / (2 * excess));
    }
    for (auto const& l : loops_) {
      double const excess = l.value - l.upper;
      if (excess > rounding * l.unit) lower(found.lower_block, l.joint / (2 * excess));
    }
    return found;
  }

  void archive(StateArchive& a) {
    a.bytes("points", points_);
    a.bytes("loops", loops_);
  }

 private:
  struct Point {
    double value, unit, joint, upper;
  };
  static void lower(double& least, double value) {
    if (std::isfinite(value) && !(value >= least)) least = value;
  }
  std::vector<Point> points_;
  std::vector<Point> loops_;  ///< joint: square in y; upper: last value
};

}  // namespace minfold

#endif
