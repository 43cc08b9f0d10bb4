// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_CHECK_HPP
#define MINFOLD_DRIVERS_CHECK_HPP

#include <minfold/drivers/problem.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

/// Are the derivatives of a problem the derivatives of its objectives?
namespace minfold {

struct CheckOptions {
  int points = 4;  ///< random points (x, y); the first has x = start
  std::uint64_t seed = 1;
};

/// One claim and what became of it, the worst over all points and targets.
struct CheckLine {
  std::string what;
  /// Relative to the size of the derivative. Differences: at the best step, with one Richardson
  /// extrapolation; identities: as it is.
  double error = 0;
  double tolerance = 0;
  /// Differences only: order in h, measured over the smallest steps whose error is still above
  /// rounding. 2 for a right derivative, 0 for a wrong one; NaN where the difference is exact, as for
  /// polynomials of low degree.
  double slope = std::numeric_limits<double>::quiet_NaN();
  bool ok = true;
  std::string note;  ///< a sentence where there is something to add
};

struct DerivativeCheck {
  std::vector<CheckLine> lines;
  bool ok() const {
    for (auto const& line : lines)
      if (!line.ok) return false;
    return true;
  }
};

/// Compares every derivative of the problem with central differences of what it is derived from,
///   [a(p + h d) - a(p - h d)] / 2h = Da(p) d + O(h^2),  h = 1/4, 1/8, ...,
/// d random, and tests identities that hold up to rounding: <u, H v> = <v, H u>, linearity of H and
/// G^T, symmetry of d3g. A line is ok if the error falls below the tolerance (1e-6 in double, 1e-2
/// in float; steps whose rounding error alone would exceed it are not used) with slope 2. What is
/// checked:
///   upper: grad_x f, grad_y f against f; (d2f/dy2) v against grad_y f
///   lower: grad_y g against g; H v, G^T z against grad_y g (<z, G w> = <G^T z, w> for random w);
///   where the problem offers them grad_x g against g, and G u against G^T z;
///   (d3g/dy3)[lambda, v] against H v; where the problem has second-order products.
/// `start` is upper_rows x dim_x. Points: y from random_lower, x from a normal distribution about
/// `start`, projected onto the feasible set.
///
/// Compiled for float and double on Kokkos::DefaultExecutionSpace.
template <class T, ExecutionSpace E>
DerivativeCheck check_derivatives(E const& space, AnyProblem<T, E> const& problem,
                                  std::vector<double> const& start,
                                  CheckOptions const& options = {});

}  // namespace minfold

#endif
