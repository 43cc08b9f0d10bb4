// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_CHECKPOINTS_HPP
#define MINFOLD_DRIVERS_CHECKPOINTS_HPP

#include <minfold/drivers/snapshot.hpp>

#include <functional>
#include <map>
#include <string>

namespace minfold {

/// When the state of a run is handed out, and where it begins again.
///
/// A run that is resumed goes on as if it had not been interrupted, to the last bit: the same points, the
/// same records, the same counters; the seconds of both parts add up. It takes a fresh state, a fresh
/// method and the same problem, options and number of threads. What it can tell apart it refuses, see
/// `identity`; max_iterations may grow, and the tolerance may change. Iterations that were seen before are
/// not shown to the observer again. A method whose steps depend on the number of iterations (a ramp, qp-flow,
/// the flows) goes on with the new one.
///
/// With a sink the run keeps a host copy of the state of the last completed iteration, all tangent
/// spaces and samples included: it costs a copy an iteration. The sink gets it when it is due, when the
/// observer stops the run, at the end, and when a callback of the problem throws or the run fails: then it is
/// that of the last iteration that was well. What the sink throws ends the run.
struct Checkpoints {
  int every = 0;       ///< iterations, from 0 on; 0: not by their number
  double seconds = 0;  ///< since the last one; 0: not by time. Whichever comes first.
  std::function<void(Snapshot)> sink;
  Snapshot const* resume_from = nullptr;  ///< outlives the run
  /// What else a snapshot belongs to, name and value: kept with it, and refused by a sentence where the one to
  /// resume from says something else. Version, precision, backend, seed and sizes are among them always;
  /// the options of a method only where it comes from the catalog.
  std::map<std::string, std::string> identity;
};

}  // namespace minfold

#endif
