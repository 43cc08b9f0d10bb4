// SPDX-License-Identifier: Apache-2.0
#include "matrix_market_lines.hpp"

#include <minfold/core/require.hpp>

#include "text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace minfold::impl {
namespace {

constexpr std::string_view blanks = " \t\r";

/// from_chars knows no plus sign.
std::string_view without_plus(std::string_view word) {
  if (word.size() > 1 && word[0] == '+' && word[1] != '-') word.remove_prefix(1);
  return word;
}

template <class T>
bool parsed(std::string_view word, T& value) {
  word = without_plus(word);
  auto const [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc() && end == word.data() + word.size();
}

}  // namespace

std::string lower(std::string_view word) {
  std::string text(word);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
  return text;
}

bool MarketLines::next_raw() {
  if (rest_.empty()) return false;
  auto const end = rest_.find('\n');
  line_ = rest_.substr(0, end);
  rest_.remove_prefix(end == rest_.npos ? rest_.size() : end + 1);
  ++number_;
  return true;
}

bool MarketLines::next() {
  while (next_raw())
    if (line_.find_first_not_of(blanks) != line_.npos) return true;
  return false;
}

void MarketLines::ends(std::string const& what) const {
  refuse_with(name_, ", line ", number_ + 1, ": expected ", what, ", the file ends");
}

void MarketLines::require_end() {
  if (next()) require(false, "the end after the last entry", line_);
}

std::vector<std::string_view> const& MarketLines::words() {
  words_.clear();
  auto rest = line_;
  for (;;) {
    rest.remove_prefix(std::min(rest.find_first_not_of(blanks), rest.size()));
    if (rest.empty()) return words_;
    auto const word = rest.substr(0, rest.find_first_of(blanks));
    words_.push_back(word);
    rest.remove_prefix(word.size());
  }
}

void MarketLines::require(bool condition, std::string_view expected, std::string_view found) const {
  MINFOLD_REQUIRE(condition, name_, ", line ", number_, ": expected ", expected, ", found ",
                  quoted(found));
}

int MarketLines::index(std::string_view word, std::string const& what, int largest) const {
  int value = 0;
  bool const good = parsed(word, value) && value >= 1 && value <= largest;
  if (!good) require(false, what + " from 1 to " + std::to_string(largest), word);
  return value;
}

std::uint64_t MarketLines::count(std::string_view word, std::uint64_t largest) const {
  std::uint64_t value = 0;
  bool const good = parsed(word, value) && value <= largest;
  if (!good) require(false, "a number of entries from 0 to " + std::to_string(largest), word);
  return value;
}

double MarketLines::real_value(std::string_view word) const {
  double value = 0;
  bool const good = parsed(word, value) && std::isfinite(value);
  if (!good) require(false, "a finite number", word);
  return value;
}

double MarketLines::integer_value(std::string_view word) const {
  std::int64_t value = 0;
  bool const good = parsed(word, value) && std::abs(double(value)) < 0x1p53;
  if (!good) require(false, "an integer below 2^53", word);
  return double(value);
}

}  // namespace minfold::impl
