// SPDX-License-Identifier: Apache-2.0
#include <minfold/files/matrix_market.hpp>

#include "files_support.hpp"

namespace {

using minfold::Array;
using minfold::FileMatrix;
using minfold::read_matrix_market;
using minfold::SparseMatrix;
using Values = std::vector<double>;
using Indices = std::vector<int>;

std::string market(std::string const& kind, std::string const& rest) {
  return "%%MatrixMarket matrix " + kind + "\n" + rest;
}

}  // namespace

TEST_CASE("MatrixMarket coordinates are read and sorted") {
  auto const m = std::get<SparseMatrix>(read_matrix_market(
      "%%MatrixMarket MATRIX Coordinate REAL General\r\n% a comment\n\n%another\n"
      "2 3 4\r\n2 3 -1.5e-3\n\n1 1 +2\n 2\t1  4.5 \n1 3 1e300\n\n  \n",
      "a"));
  CHECK(m.rows == 2);
  CHECK(m.columns == 3);
  CHECK(m.row == Indices{0, 0, 1, 1});
  CHECK(m.column == Indices{0, 2, 0, 2});
  CHECK(m.values == Values{2, 1e300, 4.5, -1.5e-3});
  CHECK(minfold::to_dense(m).values == Values{2, 0, 1e300, 4.5, 0, -1.5e-3});

  auto const symmetric = std::get<SparseMatrix>(read_matrix_market(
      market("coordinate integer symmetric", "3 3 3\n3 1 7\n2 2 -4\n3 3 1"), "a"));
  CHECK(minfold::to_dense(symmetric).values == Values{0, 0, 7, 0, -4, 0, 7, 0, 1});
  auto const pattern = std::get<SparseMatrix>(
      read_matrix_market(market("coordinate pattern general", "2 2 2\n2 1\n1 2\n"), "a"));
  CHECK(minfold::to_dense(pattern).values == Values{0, 1, 1, 0});

  // Two numbers as sizes cost no memory.
  auto const empty = std::get<SparseMatrix>(
      read_matrix_market(market("coordinate real general", "2147483647 2147483647 0\n"), "a"));
  CHECK(empty.rows == 2147483647);
  CHECK(empty.values.empty());
}

TEST_CASE("MatrixMarket arrays are read by columns") {
  auto const a = std::get<Array>(
      read_matrix_market(market("array real general", "2 3\n1\n2\n3\n4\n5\n6.5"), "a"));
  CHECK(a.shape == std::vector<std::uint64_t>{2, 3});
  CHECK(a.values == Values{1, 3, 5, 2, 4, 6.5});
  auto const s = std::get<Array>(
      read_matrix_market(market("array integer symmetric", "3 3\n1\n2\n3\n4\n5\n6\n"), "a"));
  CHECK(s.values == Values{1, 2, 3, 2, 4, 5, 3, 5, 6});
}

TEST_CASE("broken MatrixMarket files are refused with a sentence that names the line") {
  auto const refuse = [](std::string const& text, std::string const& sentence) {
    minfold::test::refuses([&] { read_matrix_market(text, "x.mtx"); }, "x.mtx, line " + sentence);
  };
  std::string const wanted = "%%MatrixMarket matrix FORMAT FIELD SYMMETRY";
  refuse("", "1: expected " + wanted + ", the file ends");
  refuse("\n", "1: expected " + wanted + ", found ''");
  refuse("%MatrixMarket matrix array real general\n1 1\n1\n",
         "1: expected " + wanted + ", found '%MatrixMarket matrix array real general'");
  refuse("%%MatrixMarket matrix array real\n",
         "1: expected " + wanted + ", found '%%MatrixMarket matrix array real'");
  refuse("%%MatrixMarket vector array real general\n", "1: expected a matrix, found 'vector'");
  refuse(market("dense real general", ""),
         "1: expected the format coordinate or array, found 'dense'");
  refuse(market("array complex general", ""),
         "1: expected the field real, integer or pattern, found 'complex'");
  refuse(market("array pattern general", ""),
         "1: expected values of an array, real or integer, found 'pattern'");
  for (std::string const symmetry : {"skew-symmetric", "hermitian"})
    refuse(market("coordinate real " + symmetry, ""),
           "1: expected the symmetry general or symmetric, found '" + symmetry + "'");

  std::string const coordinate = "coordinate real general";
  refuse(market(coordinate, "% no sizes\n"),
         "3: expected rows, columns and entries, the file ends");
  refuse(market(coordinate, "2 2\n"), "2: expected rows, columns and entries, found '2 2'");
  refuse(market("array real general", "2 2 4\n"), "2: expected rows and columns, found '2 2 4'");
  refuse(market(coordinate, "0 2 0\n"),
         "2: expected a number of rows from 1 to 2147483647, found '0'");
  refuse(market(coordinate, "2 2147483648 0\n"),
         "2: expected a number of columns from 1 to 2147483647, found '2147483648'");
  refuse(market(coordinate, "2 2 5\n"), "2: expected a number of entries from 0 to 4, found '5'");
  refuse(market("coordinate real symmetric", "2 2 4\n"),
         "2: expected a number of entries from 0 to 3, found '4'");
  refuse(market(coordinate, "2 2 -1\n"), "2: expected a number of entries from 0 to 4, found '-1'");
  refuse(market("coordinate real symmetric", "2 3 1\n"),
         "2: expected a square matrix, as it is symmetric, found '2 3 1'");

  auto const entries = [&](std::string const& text) {
    return market(coordinate, "2 2 2\n" + text);
  };
  refuse(entries("1 1 1\n"), "4: expected entry 2 of 2, the file ends");
  refuse(entries("1 1 1\n2 2 1\n\n2 1 1\n"),
         "6: expected the end after the last entry, found '2 1 1'");
  refuse(entries("1 1\n2 2 1\n"), "3: expected a row, a column and a value, found '1 1'");
  refuse(market("coordinate pattern general", "2 2 1\n1 1 1\n"),
         "3: expected a row and a column, found '1 1 1'");
  refuse(entries("% late\n"), "3: expected a row, a column and a value, found '% late'");
  refuse(entries("0 1 1\n"), "3: expected a row from 1 to 2, found '0'");
  refuse(entries("1 3 1\n"), "3: expected a column from 1 to 2, found '3'");
  refuse(entries("1.5 1 1\n"), "3: expected a row from 1 to 2, found '1.5'");
  for (std::string const value : {"nan", "inf", "1e400", "1,5", "1.0D+00", "0x1", "+-1", "+"})
    refuse(entries("1 1 " + value + "\n"), "3: expected a finite number, found '" + value + "'");
  for (std::string const value : {"1.5", "9007199254740993", "1e3"})
    refuse(market("coordinate integer general", "1 1 1\n1 1 " + value + "\n"),
           "3: expected an integer below 2^53, found '" + value + "'");
  refuse(market("coordinate real symmetric", "2 2 1\n1 2 1\n"),
         "3: expected an entry on or below the diagonal, found '1 2 1'");
  minfold::test::refuses([&] { read_matrix_market(entries("2 1 1\n2 1 3\n"), "x.mtx"); },
                         "x.mtx: expected each entry once, found that of row 2, column 1 twice");

  refuse(market("array real general", "2 2\n1\n2\n3 4\n"), "5: expected one number, found '3 4'");
  refuse(market("array real general", "2 2\n1\n2\n3\n"), "6: expected entry 4 of 4, the file ends");
  refuse(market("array real symmetric", "2 2\n1\n2\n3\n4\n"),
         "6: expected the end after the last entry, found '4'");
  // 2^62 entries in a file of some bytes.
  refuse(market("array real general", "2147483647 2147483647\n1\n"),
         "2: expected 4611686014132420609 entries, found '2 bytes'");
  // Half of them announced are half of the memory.
  refuse(market("array real symmetric", "100000 100000\n1\n2\n"),
         "2: expected 5000050000 entries, found '4 bytes'");
  // What is quoted is short and can be printed.
  refuse(entries("\x1b[31m " + std::string(100, 'x') + "\n"),
         "3: expected a row, a column and a value, found '?[31m " + std::string(34, 'x') + "...'");
}
