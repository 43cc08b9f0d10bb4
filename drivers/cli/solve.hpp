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

/// Solves and shows progress; SIGINT and SIGTERM end the solve after the running iteration, with a
/// report of what there is. Writes no file.
///
/// Errors: std::invalid_argument for everything that the user can mend.
SolveReport solve(SolveRequest const& request);

/// What a person wants to know of a solve.
std::string summary(SolveReport const& report, bool only_the_line);

}  // namespace minfold::cli

#endif
