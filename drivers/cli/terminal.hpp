// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_TERMINAL_HPP
#define MINFOLD_CLI_TERMINAL_HPP

#include <cstdio>
#include <string>

/// What the output goes to and how it may look.
namespace minfold::cli {

/// A terminal that understands cursor movement.
bool is_terminal(std::FILE* stream);
/// is_terminal, and NO_COLOR is unset or empty (https://no-color.org).
bool has_color(std::FILE* stream);

enum class Tone { plain, strong, good, doubtful, bad };
/// `text` in colour when `stream` has it.
std::string painted(std::string const& text, Tone tone, std::FILE* stream = stdout);

/// 0.8 s, 12 s, 3 min 20 s, 2 h 05 min
std::string duration(double seconds);

}  // namespace minfold::cli

#endif
