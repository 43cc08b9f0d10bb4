// SPDX-License-Identifier: Apache-2.0
#include <minfold/files/array.hpp>

#include "text.hpp"

#include <algorithm>
#include <limits>

namespace minfold {

std::optional<std::uint64_t> element_count(std::vector<std::uint64_t> const& shape) {
  // A zero anywhere makes any product zero, also one that passes 2^64 on the way.
  if (std::find(shape.begin(), shape.end(), 0u) != shape.end()) return 0;
  std::uint64_t count = 1;
  for (auto const extent : shape) {
    if (count > std::numeric_limits<std::uint64_t>::max() / extent) return std::nullopt;
    count *= extent;
  }
  return count;
}

std::string shape_text(std::vector<std::uint64_t> const& shape) {
  if (shape.empty()) return "1";
  std::string text;
  for (auto const extent : shape) text += (text.empty() ? "" : " x ") + std::to_string(extent);
  return text;
}

Array to_dense(SparseMatrix const& matrix) {
  auto const rows = std::size_t(matrix.rows), columns = std::size_t(matrix.columns);
  Array dense{ElementType::float64, {rows, columns}, std::vector<double>(rows * columns)};
  for (std::size_t e = 0; e < matrix.values.size(); ++e)
    dense.values[std::size_t(matrix.row[e]) * columns + std::size_t(matrix.column[e])] =
        matrix.values[e];
  return dense;
}

std::string impl::quoted(std::string_view text) {
  std::string shown(text.substr(0, 40));
  std::replace_if(shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return "'" + shown + (text.size() > 40 ? "...'" : "'");
}

}  // namespace minfold
