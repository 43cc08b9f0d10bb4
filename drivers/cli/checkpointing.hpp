// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_CHECKPOINTING_HPP
#define MINFOLD_CLI_CHECKPOINTING_HPP

#include <minfold/drivers/checkpoints.hpp>
#include <minfold/drivers/report.hpp>

#include "request.hpp"

#include <stdexcept>
#include <string>
#include <vector>

namespace minfold::cli {

/// Points of the solve at which an observer was called.
struct Trace {
  Solution start, end;
  Seen first, last;
  std::vector<Iteration> iterations;
  std::vector<ItemCertificate> certificates;
};

/// The last checkpoint could not be written; the solve itself is over.
class CheckpointNotWritten : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// The checkpoints of one solve in the file of the request: what was asked for, what was recorded so far,
/// and the state of the method. A solve that goes on from one begins with its records.
///
/// Errors: std::invalid_argument where the file could not be written from the start. Later failures are
/// warnings, since the next attempt may succeed and the last good file is still there.
class Checkpointing {
 public:
  /// `trace` gets the records of the part that is over, and has to outlive this.
  Checkpointing(SolveRequest const& request, Trace& trace);

  Checkpoints policy();
  /// Throws CheckpointNotWritten if the last attempt failed.
  void require_written() const;

 private:
  void write(Snapshot snapshot);

  SolveRequest request_;
  Trace& trace_;
  std::string failure_;
};

/// The request that a checkpoint was made for.
SolveRequest request_of(Snapshot const& snapshot);

}  // namespace minfold::cli

#endif
