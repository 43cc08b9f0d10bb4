// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/drivers/data/bytes.hpp>
#include <minfold/drivers/data/table.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace minfold {
namespace {

/// More text than any table of these problems needs (MNIST as text has 110 MB). A gzip file of a
/// thousandth of that could expand to it, and every two bytes of text may be a number.
constexpr std::uint64_t largest_text = std::uint64_t(1) << 28;

std::string_view trimmed(std::string_view field) {
  auto const blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!field.empty() && blank(field.front())) field.remove_prefix(1);
  while (!field.empty() && blank(field.back())) field.remove_suffix(1);
  return field;
}

/// At most 40 bytes of a field, for a sentence; what cannot be printed becomes '?': sentences go to
/// terminals, which obey control sequences, and into JSON, which has to be UTF-8.
std::string quoted(std::string_view field) {
  std::string shown(field.substr(0, 40));
  std::replace_if(shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return "'" + shown + (field.size() > 40 ? "...'" : "'");
}

}  // namespace

Table read_csv(std::string const& path, int columns) {
  std::string const text = ByteReader(path).read_rest(largest_text);
  Table table;
  table.columns = columns;
  std::string_view rest = text;
  while (!rest.empty()) {
    auto const line_end = rest.find('\n');
    std::string_view line = rest.substr(0, line_end);
    rest.remove_prefix(line_end == rest.npos ? rest.size() : line_end + 1);
    int const number = table.rows + 1;
    int fields = 0;
    for (bool more = true; more; ++fields) {
      auto const comma = line.find(',');
      more = comma != line.npos;
      std::string_view const field = trimmed(line.substr(0, comma));
      line.remove_prefix(more ? comma + 1 : line.size());
      double value = 0;
      auto const [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
      MINFOLD_REQUIRE(error == std::errc() && end == field.data() + field.size(), path, ", line ",
                      number, ", field ", fields + 1, ": expected a number, found ", quoted(field));
      MINFOLD_REQUIRE(std::isfinite(value), path, ", line ", number, ", field ", fields + 1,
                      ": expected a finite number, found ", quoted(field));
      table.values.push_back(value);
    }
    if (table.columns == 0) table.columns = fields;
    MINFOLD_REQUIRE(fields == table.columns, path, ", line ", number, ": expected ", table.columns,
                    " fields, found ", fields);
    ++table.rows;
  }
  MINFOLD_REQUIRE(table.rows > 0, path, ": expected numbers, the file is empty");
  return table;
}

}  // namespace minfold
