// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_FILES_SUPPORT_HPP
#define MINFOLD_TESTS_FILES_SUPPORT_HPP

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>

namespace minfold::test {

/// A directory that goes away at the end of a test.
struct Folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               ("minfold_files_" + std::to_string(std::random_device{}()));
  Folder() { std::filesystem::create_directory(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(Folder const&) = delete;
  Folder& operator=(Folder const&) = delete;

  std::string operator()(std::string const& name) const { return (path / name).string(); }
  std::string with(std::string const& name, std::string const& bytes) const {
    std::ofstream((*this)(name), std::ios::binary) << bytes;
    return (*this)(name);
  }
};

inline std::string content(std::string const& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The whole sentence, but for the name of the library before it.
template <class Call>
void refuses(Call const& call, std::string const& sentence) {
  REQUIRE_THROWS_MATCHES(call(), std::invalid_argument,
                         Catch::Matchers::Message("minfold: " + sentence));
}
/// A piece of it, where the rest is up to HDF5 or the system.
template <class Call>
void refuses_with(Call const& call, std::string const& piece) {
  REQUIRE_THROWS_MATCHES(
      call(), std::invalid_argument,
      Catch::Matchers::MessageMatches(Catch::Matchers::ContainsSubstring(piece)));
}

}  // namespace minfold::test

#endif
