// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_CATALOG_HPP
#define MINFOLD_PROBLEMS_CATALOG_HPP

#include <minfold/drivers/problem.hpp>
#include <minfold/drivers/settings.hpp>

#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// The problems that ship with minfold, by name. Host code, double precision truths.
namespace minfold {

/// Closed-form answer at one x.
struct Truth {
  double upper = 0;               ///< F(x)
  std::vector<double> gradient;   ///< grad F(x), upper_rows x dim_x
  std::vector<double> selection;  ///< y*(x), targets x dim_y; empty where it is not unique
  bool differentiable = true;  ///< false at kinks: `gradient` is then one element of the Clarke set
};

/// Where F is smallest, as far as it is known. What is said here is true for all settings of a
/// problem; where no proof holds, nothing is said.
struct Optimum {
  double upper = 0;       ///< inf F; NaN where it is not known
  std::vector<double> x;  ///< empty where the minimizer is not unique or not known
};

/// Host copies of what a solve ended with, for metrics.
struct Solution {
  std::vector<double> x;  ///< upper_rows x dim_x
  std::vector<double> y;  ///< targets x dim_y, selected points
};

template <class T, ExecutionSpace E = Kokkos::DefaultExecutionSpace>
struct NamedProblem {
  std::unique_ptr<AnyProblem<T, E>> problem;
  std::vector<double> start;  ///< x_0, upper_rows x dim_x
  /// Empty functions where no closed form exists.
  std::function<Truth(std::vector<double> const& x)> truth;
  std::function<Optimum()> optimum;
  /// dist(y, S(x)) of one point of target 0.
  std::function<double(std::vector<double> const& x, std::vector<double> const& y)> distance;
  /// What a user of this problem wants to know of the start and of the result: ordered, flat.
  std::function<nlohmann::ordered_json(Solution const& start, Solution const& end)> metrics;
};

/// What a factory is given besides the settings.
struct ProblemContext {
  std::uint64_t seed = 1;
  std::string data_directory;  ///< --data DIR; empty: the problem's own default
};

struct CatalogEntry {
  std::string name, summary;
  std::function<NamedProblem<double>(Settings&, ProblemContext const&)> make_double;
  std::function<NamedProblem<float>(Settings&, ProblemContext const&)> make_float;
};

/// All problems, in the order in which `minfold list` shows them.
std::vector<CatalogEntry> const& catalog();
/// Throws std::invalid_argument naming the nearest known problem.
CatalogEntry const& find_problem(std::string const& name);

}  // namespace minfold

#endif
