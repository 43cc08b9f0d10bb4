// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_RESOLVE_TIES_HPP
#define MINFOLD_DRIVERS_IMPL_RESOLVE_TIES_HPP

#include <minfold/drivers/danskin.hpp>
#include <minfold/drivers/impl/host_vectors.hpp>

#include <algorithm>
#include <vector>

namespace minfold::impl {

/// What a step from a kink of F follows, for x of `rows` rows of m numbers.
struct TiedStep {
  std::vector<double> h;        ///< the min-norm element of the Danskin set, row by row
  std::vector<double> descent;  ///< h, or the steepest element where h is (nearly) zero
  double slope = 0;             ///< F'(x; -descent / ||descent||)
  int tied = 0;                 ///< targets whose rival has another hypergradient
  std::vector<int> agreeing;    ///< targets whose rival has the same one: no kink
};

/// Where a rival ties, h is the min-norm element of the Danskin set, and the step follows another
/// one when that is (nearly) zero: the kinks of a minimum are concave, so there is descent.
///
/// h: the sum over targets, or one row a target. tied: targets with a rival as good. at_best, at_rival:
/// the hypergradients of each target at its selected point and at its rival.
inline TiedStep resolve_ties(int rows, int m, std::vector<double> const& h,
                             std::vector<int> const& tied, std::vector<double> const& at_best,
                             std::vector<double> const& at_rival) {
  TiedStep step{h, h, 0, 0, {}};
  double slope = 0;
  for (int row = 0; row < rows; ++row) {
    std::vector<double> const base(h.begin() + row * m, h.begin() + (row + 1) * m);
    Elements differences;
    for (int t : tied) {
      if (rows > 1 && t != row) continue;
      std::vector<double> const chosen(at_best.begin() + t * m, at_best.begin() + (t + 1) * m);
      std::vector<double> other(at_rival.begin() + t * m, at_rival.begin() + (t + 1) * m);
      double const size = std::max(norm(chosen), norm(other));
      for (int j = 0; j < m; ++j) other[j] -= chosen[j];
      if (norm(other) <= 1e-6 * size)
        step.agreeing.push_back(t);
      else
        differences.push_back(other);
    }
    step.tied += int(differences.size());
    auto const shortest = min_norm_element(base, differences);
    auto direction = steepest_element(base, differences);
    if (norm(shortest) >= 0.1 * norm(direction)) direction = shortest;
    std::copy(shortest.begin(), shortest.end(), step.h.begin() + row * m);
    std::copy(direction.begin(), direction.end(), step.descent.begin() + row * m);
    auto backward = direction;
    for (double& entry : backward) entry = -entry;
    slope += directional_derivative(base, differences, backward);
  }
  double const length = norm(step.descent);
  step.slope = length > 0 ? slope / length : 0;
  return step;
}

}  // namespace minfold::impl

#endif
