// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_CONFIG_USE_HPP
#define MINFOLD_CLI_CONFIG_USE_HPP

#include "request.hpp"

#include <string>

namespace CLI {
class App;
}

namespace minfold::cli {

/// The option --config FILE of a sub-command.
void add_config(CLI::App& command, SolveRequest& request);

/// After the command line of `command` was parsed: reads the file, if one is named, and takes from it what
/// the command line does not have. Notes in the request where values come from.
void use_config(CLI::App const& command, SolveRequest& request);

/// The library calls a value by its option, "--set candidates=0: ..."; where a file gave it, this names
/// the place in the file instead.
std::string in_terms_of_the_file(SolveRequest const& request, std::string sentence);

}  // namespace minfold::cli

#endif
