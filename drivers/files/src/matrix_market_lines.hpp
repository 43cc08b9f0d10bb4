// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_FILES_MATRIX_MARKET_LINES_HPP
#define MINFOLD_FILES_MATRIX_MARKET_LINES_HPP

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace minfold::impl {

std::string lower(std::string_view word);

/// The lines of a text one by one, and the sentences about them.
class MarketLines {
 public:
  MarketLines(std::string_view text, std::string const& name) : rest_(text), name_(name) {}

  /// Takes the next line, or the next that is not empty. False at the end of the text.
  bool next_raw();
  bool next();
  /// Refuses that the text ends where `what` is expected.
  [[noreturn]] void ends(std::string const& what) const;
  /// Refuses anything but empty lines.
  void require_end();

  std::string_view text() const { return line_; }
  /// Good until the next call.
  std::vector<std::string_view> const& words();
  std::uint64_t bytes_left() const { return rest_.size(); }
  std::string const& name() const { return name_; }

  /// Refuses with name, line, what was expected and what was found.
  void require(bool condition, std::string_view expected, std::string_view found) const;

  /// An integer from 1 to `largest`; from 0.
  int index(std::string_view word, std::string const& what, int largest) const;
  std::uint64_t count(std::string_view word, std::uint64_t largest) const;
  /// Finite; below 2^53, which doubles hold.
  double real_value(std::string_view word) const;
  double integer_value(std::string_view word) const;

 private:
  std::string_view rest_, line_;
  std::vector<std::string_view> words_;
  std::uint64_t number_ = 0;
  std::string const& name_;
};

}  // namespace minfold::impl

#endif
