// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_RUN_OPTIONS_HPP
#define MINFOLD_CLI_RUN_OPTIONS_HPP

#include "request.hpp"

#include <functional>
#include <string>
#include <vector>

namespace minfold::cli {

enum class OptionKind { text, integer, number, flag };

/// An option of a run that a file may give as well as the command line, where it is called --key.
/// Values are texts as on the command line; a flag is "true" or "false".
struct RunOption {
  std::string key;
  OptionKind kind;
  std::string meaning;  ///< one line, for show-config
  /// Throws std::invalid_argument("expected ...") where the value is none of the option's.
  std::function<void(SolveRequest&, std::string const& value)> assign;
  /// Empty where nothing is chosen.
  std::function<std::string(SolveRequest const&)> value;
};

/// All of them, in the order of show-config. A new option is one more row.
std::vector<RunOption> const& run_options();

/// The option of that key; nullptr if there is none.
RunOption const* find_run_option(std::string const& key);

/// The key among `keys` that was probably meant; empty where none is near.
std::string nearest_key(std::string const& key, std::vector<std::string> const& keys);

}  // namespace minfold::cli

#endif
