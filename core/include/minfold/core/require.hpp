// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_REQUIRE_HPP
#define MINFOLD_CORE_REQUIRE_HPP

#include <cstddef>
#include <limits>
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

namespace minfold::impl {

/// a * b. Kernels count with int: refused where the product is more than one holds.
inline int int_product(char const* function, std::size_t a, char const* things_a, std::size_t b,
                       char const* things_b) {
  constexpr std::size_t most = std::numeric_limits<int>::max();
  if (b > 0 && a > most / b)
    refuse_with(function, ": ", a, ' ', things_a, " times ", b, ' ', things_b,
                " is more than an int holds; work on a part of them at a time");
  return int(a * b);
}

}  // namespace minfold::impl

/// States what a caller must provide. MINFOLD_REQUIRE(n > 0, "solve: dim is ", n, ", must be positive");
#define MINFOLD_REQUIRE(condition, ...)                          \
  do {                                                           \
    if (!(condition)) ::minfold::impl::refuse_with(__VA_ARGS__); \
  } while (false)

#endif
