// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_SNAPSHOTS_HPP
#define MINFOLD_TESTS_SNAPSHOTS_HPP

#include <minfold/drivers/archive_records.hpp>
#include <minfold/drivers/checkpoints.hpp>
#include <minfold/drivers/method_catalog.hpp>
#include <minfold/problems/catalog.hpp>

#include "support/host.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

/// Runs with checkpoints, and whether two of them are the same to the last bit.
namespace minfold::test {

/// A method on a problem of the catalog. `sets` are of both.
struct SolveCase {
  std::string method, problem;
  std::vector<std::string> sets;
  int iterations = 24;
  bool single = false;
  std::optional<double> tolerance = 0.0;
};

struct CheckpointedEnd {
  SolveResult result;
  std::vector<Iteration> lines;
  Snapshot digest;                    ///< of all that the caller gets
  std::map<int, Snapshot> snapshots;  ///< by iteration
};

/// What times say is left out, and the bytes of structs that have padding.
inline bool is_promised(std::string const& name, SnapshotEntry const& entry) {
  auto const ends = [&](std::string const& end) {
    return name.size() >= end.size() &&
           name.compare(name.size() - end.size(), end.size(), end) == 0;
  };
  bool const padded = entry.type == SnapshotType::record && !ends("/points") && !ends("/loops");
  return !ends("seconds") && !padded;
}
/// Names of what differs, in one line; empty where nothing does.
inline std::string difference(Snapshot const& a, Snapshot const& b) {
  std::string names;
  for (auto const& [name, entry] : a.entries) {
    auto const found = b.entries.find(name);
    if (found == b.entries.end())
      names += " -" + name;
    else if (is_promised(name, entry) &&
             (found->second.shape != entry.shape || found->second.data != entry.data))
      names += " " + name;
  }
  for (auto const& [name, entry] : b.entries)
    if (!a.entries.count(name)) names += " +" + name;
  return names;
}

inline Snapshot digest_of(SolveResult result, std::vector<Iteration> lines,
                          std::vector<ItemCertificate> certificates) {
  Snapshot snapshot;
  auto a = StateArchive::saving(snapshot);
  a("outcome", result.outcome);
  a("iterations", result.iterations);
  a.row("last", result.last);
  if (result.assessment) {
    auto& found = *result.assessment;
    std::vector<double> numbers = {found.upper, found.hypergradient_norm, found.allowed,
                                   found.excess, found.distance};
    a("assessment", numbers);
  }
  for (auto& finding : result.findings) a("finding/" + finding.name, finding.value);
  a.rows("lines", lines);
  a.rows("certificates", certificates);
  return snapshot;
}

struct RunChoices {
  bool keep = false;               ///< a snapshot after every iteration
  Snapshot const* from = nullptr;  ///< with the lines that were seen before
  std::vector<Iteration> before = {};
  std::optional<int> stop_after = {};  ///< the observer ends it there
  std::optional<int> iterations = {};
  bool assess = true;
};

template <class T>
CheckpointedEnd run_in(SolveCase const& which, RunChoices const& choices) {
  Space const space;
  Settings settings(which.sets);
  auto const& entry = find_problem(which.problem);
  auto const named = [&] {
    if constexpr (std::is_same_v<T, float>)
      return entry.make_float(settings, {});
    else
      return entry.make_double(settings, {});
  }();
  BilevelState<T, Space> state(space, *named.problem);
  auto const start = Kokkos::create_mirror_view(state.x);
  for (std::size_t i = 0; i < start.size(); ++i) start.data()[i] = T(named.start[i]);
  Kokkos::deep_copy(state.x, start);
  NamedRun run;
  run.method = which.method;
  run.max_iterations = choices.iterations.value_or(which.iterations);
  run.tolerance = which.tolerance;
  run.assess = choices.assess;
  CheckpointedEnd end;
  end.lines = choices.before;
  Checkpoints checkpoints;
  checkpoints.resume_from = choices.from;
  if (choices.keep) {
    checkpoints.every = 1;
    checkpoints.sink = [&](Snapshot s) { end.snapshots[s.iteration()] = std::move(s); };
  }
  end.result = minimize<T>(
      space, *named.problem, state, run, settings,
      [&](Iteration const& it) {
        end.lines.push_back(it);
        return !choices.stop_after || it.iteration < *choices.stop_after;
      },
      checkpoints);
  end.digest = digest_of(end.result, end.lines, state.certificates);
  auto a = StateArchive::saving(end.digest);
  a.view(space, "x", state.x);
  a.view(space, "y", state.y);
  a.view(space, "hypergradient", state.hypergradient);
  return end;
}
inline CheckpointedEnd run_case(SolveCase const& which, RunChoices const& choices = {}) {
  return which.single ? run_in<float>(which, choices) : run_in<double>(which, choices);
}

}  // namespace minfold::test

#endif
