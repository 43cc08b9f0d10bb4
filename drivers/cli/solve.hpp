// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_SOLVE_HPP
#define MINFOLD_CLI_SOLVE_HPP

#include <minfold/drivers/method_catalog.hpp>
#include <minfold/drivers/report.hpp>

#include "request.hpp"

#include <string>

namespace minfold::cli {

/// What the command line chooses of a run besides the settings.
NamedRun named_run(SolveRequest const& request);

/// Solves and shows progress; the first SIGINT, SIGTERM or SIGHUP ends the solve after the running iteration, with
/// a report of what there is; the second ends the process. Writes no file but checkpoints.
///
/// Errors: std::invalid_argument for everything that the user can mend.
///
/// With request.checkpoint the state goes to that file, see Checkpointing; what stands in the way of writing it
/// during the solve is said at once and, as an exception, only once the solve is over: `report` is there then.
void solve(SolveRequest const& request, SolveReport& report);
SolveReport solve(SolveRequest const& request);

/// 130 or 143 if the report is of a solve that a signal stopped, else 0.
int interrupted_status(SolveReport const& report);

/// What a person wants to know of a solve.
std::string summary(SolveReport const& report, bool only_the_line);

}  // namespace minfold::cli

#endif
