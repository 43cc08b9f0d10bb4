// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_CONFIG_HPP
#define MINFOLD_CLI_CONFIG_HPP

#include <string>
#include <string_view>
#include <vector>

namespace minfold::cli {

/// One `key = value` of a file, with the value as the command line would have it.
struct ConfigEntry {
  std::string key, value;
  int line = 0, column = 0;  ///< of the value, counted from 1
};

/// A run as a file describes it, in TOML 1.0:
///
///     problem = "two-well"      # options of the run: the long options of `minfold solve`
///     tolerance = 1e-9
///     [set]                     # keys of --set, of the problem and of the method
///     candidates = 32
///     x0 = [0.5, 0.25]          # numbers that --set separates by commas
struct Config {
  std::string name;                   ///< of the file, for messages
  std::vector<ConfigEntry> run, set;  ///< in the order of the file
};

/// Reads such a file. Knows the options of a run (run_options.hpp) and refuses others; what the keys of
/// [set] may be only a problem and a method know.
///
/// Errors: std::invalid_argument with one sentence, "name:line:column: ...".
Config read_config(std::string_view text, std::string const& name);

/// The same of a file on disk, of at most 1 MiB.
Config read_config_file(std::string const& path);

}  // namespace minfold::cli

#endif
