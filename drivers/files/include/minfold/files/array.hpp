// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_FILES_ARRAY_HPP
#define MINFOLD_FILES_ARRAY_HPP

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// What files of numbers hold, in host memory.
namespace minfold {

/// How a file stores a number. What is read from other types, such as integers of 8 bits, is
/// called by the one that holds all their values.
enum class ElementType { float32, float64, int64 };

/// Numbers with a shape, last index fastest whatever the order in the file. Doubles hold what a file
/// has without a change: integers from 2^53 on are refused by the readers.
struct Array {
  ElementType type = ElementType::float64;
  std::vector<std::uint64_t> shape;  ///< empty: one number
  std::vector<double> values;
};

/// Entries (row[e], column[e], values[e]), by row and then by column, each place at most once.
struct SparseMatrix {
  int rows = 0, columns = 0;
  std::vector<int> row, column;
  std::vector<double> values;
};

using FileMatrix = std::variant<Array, SparseMatrix>;

/// Product of the extents; none where it is 2^64 or more.
std::optional<std::uint64_t> element_count(std::vector<std::uint64_t> const& shape);

/// 3 x 4; 1 for a number without extents.
std::string shape_text(std::vector<std::uint64_t> const& shape);

/// With all zeros. Takes rows * columns numbers of memory: look at them first.
Array to_dense(SparseMatrix const& matrix);

}  // namespace minfold

#endif
