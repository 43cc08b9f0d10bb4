// SPDX-License-Identifier: Apache-2.0
// MatrixMarket files; what was read, written again and read again, is the same.
#include <minfold/files/matrix_market.hpp>

#include "fuzz.hpp"

#include <cmath>
#include <cstdio>

using namespace minfold;

namespace {

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.17g", value);
  return text;
}

std::string text_of(SparseMatrix const& matrix) {
  std::string text = "%%MatrixMarket matrix coordinate real general\n";
  text += std::to_string(matrix.rows) + " " + std::to_string(matrix.columns) + " " +
          std::to_string(matrix.values.size()) + "\n";
  for (std::size_t e = 0; e < matrix.values.size(); ++e)
    text += std::to_string(matrix.row[e] + 1) + " " + std::to_string(matrix.column[e] + 1) + " " +
            number(matrix.values[e]) + "\n";
  return text;
}

std::string text_of(Array const& array) {
  auto const rows = array.shape[0], columns = array.shape[1];
  std::string text = "%%MatrixMarket matrix array real general\n";
  text += std::to_string(rows) + " " + std::to_string(columns) + "\n";
  for (std::uint64_t j = 0; j < columns; ++j)
    for (std::uint64_t i = 0; i < rows; ++i) text += number(array.values[i * columns + j]) + "\n";
  return text;
}

void check(SparseMatrix const& matrix, FileMatrix const& again) {
  auto const entries = matrix.values.size();
  EXPECT(matrix.rows > 0 && matrix.columns > 0);
  EXPECT(matrix.row.size() == entries && matrix.column.size() == entries);
  for (std::size_t e = 0; e < entries; ++e) {
    EXPECT(matrix.row[e] >= 0 && matrix.row[e] < matrix.rows);
    EXPECT(matrix.column[e] >= 0 && matrix.column[e] < matrix.columns);
    EXPECT(std::isfinite(matrix.values[e]));
    EXPECT(e == 0 || std::pair(matrix.row[e - 1], matrix.column[e - 1]) <
                         std::pair(matrix.row[e], matrix.column[e]));
  }
  auto const& other = std::get<SparseMatrix>(again);
  EXPECT(other.rows == matrix.rows && other.columns == matrix.columns);
  EXPECT(other.row == matrix.row && other.column == matrix.column);
  EXPECT(other.values == matrix.values);
  if (std::int64_t(matrix.rows) * matrix.columns > 10'000) return;
  auto const dense = to_dense(matrix);
  EXPECT(dense.values.size() == std::size_t(matrix.rows) * std::size_t(matrix.columns));
  std::size_t zeros = 0, stored_zeros = 0;
  for (double const v : dense.values) zeros += v == 0;
  for (double const v : matrix.values) stored_zeros += v == 0;
  EXPECT(dense.values.size() - zeros == entries - stored_zeros);
}

void check(Array const& array, FileMatrix const& again) {
  EXPECT(array.shape.size() == 2 && array.values.size() == array.shape[0] * array.shape[1]);
  for (double const v : array.values) EXPECT(std::isfinite(v));
  auto const& other = std::get<Array>(again);
  EXPECT(other.shape == array.shape && other.values == array.values);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string const name = "matrix.mtx";
  auto const matrix =
      fuzz::attempt([&] { return read_matrix_market(fuzz::view(data, size), name); });
  if (!matrix) return 0;
  auto const text = std::visit([](auto const& m) { return text_of(m); }, *matrix);
  auto const again = fuzz::attempt([&] { return read_matrix_market(text, name); });
  EXPECT(again && again->index() == matrix->index());
  std::visit([&](auto const& m) { check(m, *again); }, *matrix);
  return 0;
}
