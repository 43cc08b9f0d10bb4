// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_METHOD_CATALOG_HPP
#define MINFOLD_DRIVERS_METHOD_CATALOG_HPP

#include <minfold/drivers/method.hpp>
#include <minfold/drivers/settings.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

/// The methods that ship with minfold, by name.
namespace minfold {

struct MethodEntry {
  std::string name, summary;
  /// From key=value settings; empty for hgms, which has a loop of its own.
  std::function<std::unique_ptr<Method<double, Kokkos::DefaultExecutionSpace>>(Settings&)>
      make_double;
  std::function<std::unique_ptr<Method<float, Kokkos::DefaultExecutionSpace>>(Settings&)>
      make_float;
};

/// All methods, hgms first.
std::vector<MethodEntry> const& methods();
/// Throws std::invalid_argument naming the nearest known method.
MethodEntry const& find_method(std::string const& name);

/// What is chosen for a run besides the settings of the method.
struct NamedRun {
  std::string method = "hgms";
  std::uint64_t seed = 1;
  std::optional<int> max_iterations;
  std::optional<double> tolerance;
  int record_every = 1;
  bool assess = true;  ///< see RunOptions; hgms needs none
};

/// Asks `settings` for every key that such a run in precision T asks for. max_iterations and tolerance of
/// `run` hold the values in force afterwards.
template <class T>
void ask_settings(NamedRun& run, Settings& settings);

/// Runs the named method with options from `settings`, all of which must be known then (nothing is
/// refused here: the problem's own keys may be asked for before). max_iterations and tolerance of `run`
/// hold the values in force afterwards. Snapshots of `checkpoints` belong to this method and to all settings
/// that have been asked for.
template <class T>
SolveResult minimize(Kokkos::DefaultExecutionSpace const& space,
                     AnyProblem<T, Kokkos::DefaultExecutionSpace> const& problem,
                     BilevelState<T, Kokkos::DefaultExecutionSpace>& state, NamedRun& run,
                     Settings& settings, Observer const& observer = {},
                     Checkpoints const& checkpoints = {});

}  // namespace minfold

#endif
