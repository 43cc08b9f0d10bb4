// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_LIFETIME_CHECK_HPP
#define MINFOLD_TESTS_LIFETIME_CHECK_HPP

#include <cstdio>
#include <stdexcept>
#include <string>

/// For programs about the start and the end of Kokkos, which a test framework would have around all of
/// them.
inline int failures = 0;

#define CHECK(...)                                                            \
  do {                                                                        \
    if (!(__VA_ARGS__)) {                                                     \
      std::printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #__VA_ARGS__); \
      ++failures;                                                             \
    }                                                                         \
  } while (false)

/// The sentence of the refusal, empty if the call was accepted.
template <class Call>
std::string refusal(Call const& call) {
  try {
    call();
  } catch (std::invalid_argument const& e) {
    return e.what();
  }
  return "";
}
inline bool has(std::string const& sentence, std::string const& part) {
  return sentence.find(part) != std::string::npos;
}

#endif
