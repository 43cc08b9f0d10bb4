// SPDX-License-Identifier: Apache-2.0
#include "toml_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

namespace minfold::cli {
namespace {

template <class Number>
std::optional<Number> whole_text(std::string_view text) {
  Number value{};
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Empty unless the text is a finite number. Integers like 007 are texts: they would lose their zeros.
std::string number(std::string_view text) {
  if (auto const integer = whole_text<std::int64_t>(text)) {
    auto const canonical = std::to_string(*integer);
    return canonical == text ? canonical : "";
  }
  auto const value = whole_text<double>(text);
  if (!value || !std::isfinite(*value)) return "";
  auto canonical = fmt::format("{}", *value);
  // 1e-09 and 0.5 are numbers of TOML, 3 would be an integer.
  if (canonical.find_first_of(".e") == std::string::npos) canonical += ".0";
  return canonical;
}

std::string array(std::string_view text) {
  std::string list;
  for (std::size_t begin = 0; begin <= text.size();) {
    auto const comma = std::min(text.find(',', begin), text.size());
    auto const element = number(text.substr(begin, comma - begin));
    if (element.empty()) return "";
    list += (list.empty() ? "[" : ", ") + element;
    begin = comma + 1;
  }
  return list + "]";
}

}  // namespace

std::string toml_string(std::string const& text) {
  std::string quoted = "\"";
  for (char const c : text) {
    auto const code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      quoted += {'\\', c};
    else if (code < 0x20 || code == 0x7f)
      quoted += fmt::format("\\u{:04X}", code);
    else
      quoted += c;
  }
  return quoted + "\"";
}

std::string toml_key(std::string const& key) {
  bool bare = !key.empty();
  for (char const c : key)
    bare = bare && (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_');
  return bare ? key : toml_string(key);
}

std::string toml_value(std::string const& text) {
  if (text == "true" || text == "false") return text;
  auto const scalar = number(text);
  if (!scalar.empty()) return scalar;
  auto const numbers = array(text);
  return numbers.empty() ? toml_string(text) : numbers;
}

std::string toml_comment(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return text;
}

}  // namespace minfold::cli
