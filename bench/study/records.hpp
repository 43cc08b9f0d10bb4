// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_STUDY_RECORDS_HPP
#define MINFOLD_STUDY_RECORDS_HPP

#include <minfold/drivers/solve_record.hpp>
#include <minfold/problems/catalog.hpp>

#include "study/run_spec.hpp"

namespace minfold::study {

using Space = Kokkos::DefaultExecutionSpace;

/// JSON has no infinity and no NaN.
Json number(double value);
double length(std::vector<double> const& v);
double distance(std::vector<double> const& a, std::vector<double> const& b);
std::vector<double> host_copy(Space const& space, Vectors<double, Space> const& view);

/// What is kept of the iterations of a solve.
class Records {
 public:
  Records(NamedProblem<double> const& named, bool directions);

  /// `x` and `hypergradient` (of HG-MS) only where directions are asked for.
  void add(Iteration const& line, std::vector<double> const& x,
           std::vector<double> const& hypergradient);

  Json json() const { return columns_; }
  std::vector<double> const& seconds() const { return seconds_; }

 private:
  void add_direction(Iteration const& line, std::vector<double> const& x,
                     std::vector<double> const& hypergradient);

  NamedProblem<double> const& named_;
  bool directions_;
  Json columns_;
  std::vector<double> seconds_, last_x_;
};

}  // namespace minfold::study

#endif
