// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_GNUPLOT_HPP
#define MINFOLD_CLI_GNUPLOT_HPP

#include <string>

namespace minfold::cli {

/// The first of gnuplot, gnuplot-nox, gnuplot-qt and gnuplot-x11 in PATH; empty if there is none.
std::string find_gnuplot();

/// What the script writes to stdout; without the user's own settings. The script must not hold text that
/// came from outside: gnuplot runs commands.
///
/// Errors: std::runtime_error with one sentence, after a minute at the latest.
std::string run_gnuplot(std::string const& program, std::string const& script);

}  // namespace minfold::cli

#endif
