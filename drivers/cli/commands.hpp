// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_COMMANDS_HPP
#define MINFOLD_CLI_COMMANDS_HPP

#include "request.hpp"

#include <string>
#include <vector>

/// The sub-commands. Each gives the exit status: 0 done, 1 not converged, not certified, a wrong
/// derivative or something to mend, 130 or 143 stopped by a signal; errors are exceptions, see main.cpp.
namespace minfold::cli {

/// All problems, one a line. Needs no Kokkos.
int list_problems();
/// All methods, one a line. Needs no Kokkos.
int list_methods();
/// The keys of one problem and of one method, with their defaults.
int list_keys(SolveRequest const& request);

int run_solve(SolveRequest const& request);

/// Goes on with the solve of a checkpoint. The command line may choose `json`, `quiet` and more iterations.
int run_resume(std::string const& file, SolveRequest const& line);
/// The options that `solve` would have, as TOML for --config, with what they mean and where they come from.
int run_show_config(SolveRequest const& request);

/// Derivatives of the problem against finite differences at `points` random points.
int run_check(SolveRequest const& request, int points);

/// A page about reports of `solve`, with figures where there is gnuplot. Needs no Kokkos.
int write_report(std::vector<std::string> const& files, std::string const& out);

/// What minfold runs on, and what slows it down there: 0 where nothing does, 1 with warnings.
int run_doctor(bool as_json);

/// Two solves on real data and what they found, as a table.
int run_demo(SolveRequest const& request);

}  // namespace minfold::cli

#endif
