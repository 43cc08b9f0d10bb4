// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/drivers/impl/edit_distance.hpp>
#include <minfold/drivers/settings.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace minfold {
namespace {

template <class Number>
bool parse(std::string const& text, Number& value) {
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

int impl::edit_distance(std::string const& a, std::string const& b) {
  std::vector<int> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = int(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      int const above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row.back();
}

Settings::Settings(std::vector<std::string> const& texts) {
  for (auto const& text : texts) {
    auto const equals = text.find('=');
    MINFOLD_REQUIRE(equals != std::string::npos && equals > 0, "--set ", text,
                    ": expected key=value");
    auto const key = text.substr(0, equals);
    MINFOLD_REQUIRE(given_.emplace(key, text.substr(equals + 1)).second, "--set ", key,
                    " is given twice");
  }
}

void Settings::prefer(std::string const& key, std::string const& value) {
  preferred_[key] = value;
}

Settings Settings::preferences() const {
  Settings only;
  only.preferred_ = preferred_;
  return only;
}

std::string const& Settings::look_up(std::string const& key, std::string const& fallback,
                                     std::string const& meaning) {
  Entry entry{fallback, fallback, meaning, false};
  if (auto const p = preferred_.find(key); p != preferred_.end())
    entry.value = entry.fallback = p->second;
  if (auto const g = given_.find(key); g != given_.end()) {
    entry.value = g->second;
    entry.given = true;
  }
  return known_.insert_or_assign(key, entry).first->second.value;
}

int Settings::integer(std::string const& key, int fallback, int low, int high,
                      std::string const& meaning) {
  auto const& text = look_up(key, std::to_string(fallback), meaning);
  int value = 0;
  MINFOLD_REQUIRE(parse(text, value) && low <= value && value <= high, "--set ", key, "=", text,
                  ": expected an integer from ", low, " to ", high, " (", meaning, ")");
  return value;
}

double Settings::number(std::string const& key, double fallback, double low, double high,
                        std::string const& meaning) {
  auto const& text = look_up(key, fmt::format("{}", fallback), meaning);
  double value = 0;
  MINFOLD_REQUIRE(parse(text, value) && std::isfinite(value) && low <= value && value <= high,
                  "--set ", key, "=", text, ": expected a number from ", low, " to ", high, " (",
                  meaning, ")");
  return value;
}

bool Settings::flag(std::string const& key, bool fallback, std::string const& meaning) {
  return choice(key, fallback ? "true" : "false", {"true", "false"}, meaning) == "true";
}

std::string Settings::choice(std::string const& key, std::string const& fallback,
                             std::vector<std::string> const& choices, std::string const& meaning) {
  auto const& text = look_up(key, fallback, meaning);
  MINFOLD_REQUIRE(std::find(choices.begin(), choices.end(), text) != choices.end(), "--set ", key,
                  "=", text, ": expected one of ", fmt::format("{}", fmt::join(choices, ", ")),
                  " (", meaning, ")");
  return text;
}

std::string Settings::text(std::string const& key, std::string const& fallback,
                           std::string const& meaning) {
  return look_up(key, fallback, meaning);
}

std::vector<double> Settings::numbers(std::string const& key, std::vector<double> const& fallback,
                                      int count, std::string const& meaning) {
  auto const& text = look_up(key, fmt::format("{}", fmt::join(fallback, ",")), meaning);
  std::vector<double> values;
  for (std::size_t begin = 0; begin < text.size();) {
    auto const comma = std::min(text.find(',', begin), text.size());
    double value = 0;
    MINFOLD_REQUIRE(parse(text.substr(begin, comma - begin), value) && std::isfinite(value),
                    "--set ", key, "=", text, ": expected comma-separated numbers (", meaning, ")");
    values.push_back(value);
    begin = comma + 1;
  }
  if (count > 0 && values.size() == 1) values.assign(count, values[0]);
  MINFOLD_REQUIRE(count < 0 || int(values.size()) == count, "--set ", key, ": expected ", count,
                  " numbers, got ", values.size(), " (", meaning, ")");
  return values;
}

void Settings::refuse_unknown() const {
  for (auto const& [key, value] : given_) {
    if (known_.count(key)) continue;
    std::string nearest;
    int distance = 1 << 20;
    for (auto const& [candidate, entry] : known_)
      if (int const d = impl::edit_distance(key, candidate); d < distance) {
        distance = d;
        nearest = candidate;
      }
    std::vector<std::string> keys;
    for (auto const& [candidate, entry] : known_) keys.push_back(candidate);
    MINFOLD_REQUIRE(false, "--set ", key, ": unknown key; ",
                    distance <= 3 ? "did you mean " + nearest + "?"
                                  : fmt::format("known keys are {}", fmt::join(keys, ", ")));
  }
}

}  // namespace minfold
