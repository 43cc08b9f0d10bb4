// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>
#include <minfold/files/matrix_market.hpp>

#include "matrix_market_lines.hpp"
#include "text.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace minfold {
namespace {

using impl::quoted;

enum class Field { real, integer, pattern };

struct Heading {
  bool coordinate = false, symmetric = false;
  Field field = Field::real;
};

/// %%MatrixMarket matrix FORMAT FIELD SYMMETRY
Heading read_heading(impl::MarketLines& lines) {
  char const* const wanted = "%%MatrixMarket matrix FORMAT FIELD SYMMETRY";
  if (!lines.next_raw()) lines.ends(wanted);
  auto const& words = lines.words();
  auto const word = [&](std::size_t w) { return w < words.size() ? impl::lower(words[w]) : ""; };
  lines.require(word(0) == "%%matrixmarket" && words.size() == 5, wanted, lines.text());
  lines.require(word(1) == "matrix", "a matrix", words[1]);
  Heading heading;
  heading.coordinate = word(2) == "coordinate";
  lines.require(heading.coordinate || word(2) == "array", "the format coordinate or array",
                words[2]);
  bool const integer = word(3) == "integer", pattern = word(3) == "pattern";
  heading.field = integer ? Field::integer : pattern ? Field::pattern : Field::real;
  lines.require(integer || pattern || word(3) == "real", "the field real, integer or pattern",
                words[3]);
  lines.require(heading.coordinate || !pattern, "values of an array, real or integer", words[3]);
  heading.symmetric = word(4) == "symmetric";
  lines.require(heading.symmetric || word(4) == "general", "the symmetry general or symmetric",
                words[4]);
  return heading;
}

/// Which entries the file names of a symmetric matrix.
std::uint64_t half(std::uint64_t n) {
  return n * (n + 1) / 2;
}

/// By row and then by column; refuses a place that is there twice.
SparseMatrix sorted(SparseMatrix const& entries, std::string const& name) {
  std::vector<std::size_t> order(entries.values.size());
  std::iota(order.begin(), order.end(), std::size_t(0));
  auto const place = [&](std::size_t e) { return std::pair(entries.row[e], entries.column[e]); };
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return place(a) < place(b); });
  SparseMatrix matrix;
  matrix.rows = entries.rows;
  matrix.columns = entries.columns;
  matrix.row.reserve(order.size());
  matrix.column.reserve(order.size());
  matrix.values.reserve(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    auto const [row, column] = place(order[i]);
    MINFOLD_REQUIRE(i == 0 || place(order[i - 1]) != place(order[i]), name,
                    ": expected each entry once, found that of row ", row + 1, ", column ",
                    column + 1, " twice");
    matrix.row.push_back(row);
    matrix.column.push_back(column);
    matrix.values.push_back(entries.values[order[i]]);
  }
  return matrix;
}

double read_value(impl::MarketLines& lines, Field field, std::string_view word) {
  return field == Field::pattern   ? 1
         : field == Field::integer ? lines.integer_value(word)
                                   : lines.real_value(word);
}

std::string entry_text(std::uint64_t entry, std::uint64_t count) {
  return "entry " + std::to_string(entry) + " of " + std::to_string(count);
}

SparseMatrix read_coordinates(impl::MarketLines& lines, Heading const& heading, int rows,
                              int columns, std::uint64_t count) {
  SparseMatrix entries;
  entries.rows = rows;
  entries.columns = columns;
  std::size_t const words = heading.field == Field::pattern ? 2 : 3;
  auto const add = [&](int i, int j, double value) {
    entries.row.push_back(i);
    entries.column.push_back(j);
    entries.values.push_back(value);
  };
  for (std::uint64_t e = 0; e < count; ++e) {
    if (!lines.next()) lines.ends(entry_text(e + 1, count));
    auto const& found = lines.words();
    lines.require(
        found.size() == words,
        heading.field == Field::pattern ? "a row and a column" : "a row, a column and a value",
        lines.text());
    int const i = lines.index(found[0], "a row", rows) - 1;
    int const j = lines.index(found[1], "a column", columns) - 1;
    double const value = read_value(lines, heading.field, found.back());
    lines.require(!heading.symmetric || j <= i, "an entry on or below the diagonal", lines.text());
    add(i, j, value);
    if (heading.symmetric && i != j) add(j, i, value);
  }
  return sorted(entries, lines.name());
}

Array read_array(impl::MarketLines& lines, Heading const& heading, int rows, int columns) {
  auto const m = std::uint64_t(rows), n = std::uint64_t(columns);
  std::uint64_t const count = heading.symmetric ? half(n) : m * n;
  // A line of an entry has two bytes at least, so more are not there to be stored.
  lines.require(count <= lines.bytes_left() / 2 + 1, std::to_string(count) + " entries",
                std::to_string(lines.bytes_left()) + " bytes");
  Array array{ElementType::float64, {m, n}, std::vector<double>(m * n)};
  std::uint64_t e = 0;
  for (std::uint64_t j = 0; j < n; ++j)
    for (std::uint64_t i = heading.symmetric ? j : 0; i < m; ++i) {
      if (++e; !lines.next()) lines.ends(entry_text(e, count));
      auto const& found = lines.words();
      lines.require(found.size() == 1, "one number", lines.text());
      double const value = read_value(lines, heading.field, found[0]);
      array.values[i * n + j] = value;
      if (heading.symmetric) array.values[j * n + i] = value;
    }
  return array;
}

}  // namespace

FileMatrix read_matrix_market(std::string_view text, std::string const& name) {
  impl::MarketLines lines(text, name);
  auto const heading = read_heading(lines);
  char const* const sizes = heading.coordinate ? "rows, columns and entries" : "rows and columns";
  do
    if (!lines.next()) lines.ends(sizes);
  while (lines.text()[0] == '%');
  auto const found = lines.words();
  lines.require(found.size() == (heading.coordinate ? 3 : 2), sizes, lines.text());
  constexpr int largest = std::numeric_limits<int>::max();
  int const rows = lines.index(found[0], "a number of rows", largest);
  int const columns = lines.index(found[1], "a number of columns", largest);
  lines.require(!heading.symmetric || rows == columns, "a square matrix, as it is symmetric",
                lines.text());
  FileMatrix matrix;
  if (heading.coordinate) {
    auto const m = std::uint64_t(rows), n = std::uint64_t(columns);
    auto const count = lines.count(found[2], heading.symmetric ? half(n) : m * n);
    matrix = read_coordinates(lines, heading, rows, columns, count);
  } else {
    matrix = read_array(lines, heading, rows, columns);
  }
  lines.require_end();
  return matrix;
}

}  // namespace minfold
