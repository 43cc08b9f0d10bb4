// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_TOML_TEXT_HPP
#define MINFOLD_CLI_TOML_TEXT_HPP

#include <string>

/// Texts as TOML writes them, so that read_config() gives the same texts back.
namespace minfold::cli {

/// "..." with escapes.
std::string toml_string(std::string const& text);
/// Bare where possible.
std::string toml_key(std::string const& key);
/// The value of a --set key: an integer, a number, a flag or an array of numbers where that keeps its
/// meaning, else a string.
std::string toml_value(std::string const& text);
/// One line, fit to follow a #.
std::string toml_comment(std::string text);

}  // namespace minfold::cli

#endif
