// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_REQUIRE_HPP
#define MINFOLD_CORE_REQUIRE_HPP

#include <sstream>
#include <string>

namespace minfold::impl {

/// Throws std::invalid_argument("minfold: " + sentence). Out of line: the throw is cold.
[[noreturn]] void refuse(std::string const& sentence);

template <class... Parts>
[[noreturn]] void refuse_with(Parts const&... parts) {
  std::ostringstream sentence;
  (sentence << ... << parts);
  refuse(sentence.str());
}

}  // namespace minfold::impl

/// States what a caller must provide. MINFOLD_REQUIRE(n > 0, "solve: dim is ", n, ", must be positive");
#define MINFOLD_REQUIRE(condition, ...)                          \
  do {                                                           \
    if (!(condition)) ::minfold::impl::refuse_with(__VA_ARGS__); \
  } while (false)

#endif
