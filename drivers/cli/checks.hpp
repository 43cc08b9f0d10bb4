// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_CHECKS_HPP
#define MINFOLD_CLI_CHECKS_HPP

#include <CLI/CLI.hpp>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

/// For CLI::Option::check: empty where the text is good, else what was expected.
namespace minfold::cli {

inline std::string positive_number(std::string const& text) {
  char* end = nullptr;
  double const value = std::strtod(text.c_str(), &end);
  bool const good = end != text.c_str() && *end == 0 && std::isfinite(value) && value > 0;
  return good ? std::string() : "expected a positive number, got " + text;
}

inline std::string seed_number(std::string const& text) {
  std::uint64_t value = 0;
  bool const good = CLI::detail::lexical_cast(text, value);
  return good ? std::string() : "expected an integer from 0 to 2^64 - 1, got " + text;
}

}  // namespace minfold::cli

#endif
