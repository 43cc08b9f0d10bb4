// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_MATRIX_INPUT_HPP
#define MINFOLD_CLI_MATRIX_INPUT_HPP

#include <minfold/files/array.hpp>

#include "matrix_request.hpp"

#include <variant>
#include <vector>

namespace minfold::cli {

/// The matrices of a file, symmetric to the last bit: (H + H^T) / 2.
struct Matrices {
  int items = 1, n = 0;
  bool batch = false;   ///< the file has items x n x n, not n x n
  bool single = false;  ///< computed in float
  /// (item, n, n); or the entries of one matrix.
  std::variant<std::vector<double>, SparseMatrix> values;
  std::vector<double> asymmetry;  ///< max |H - H^T| / max |H| of each item, of its finite entries

  bool sparse() const { return std::holds_alternative<SparseMatrix>(values); }
};

/// Reads and checks. A sparse matrix becomes a dense one where its method is to have it so.
///
/// Errors: std::invalid_argument for what is not square, not symmetric within the rounding level or
/// a thousandth of the tolerance, empty, or out of the range of float. NaN and infinite entries
/// are left to the kernels, whose outcome says so, and stand on both sides of the diagonal.
Matrices read_matrices(MatrixRequest const& request);

/// Right-hand sides.
struct RightSides {
  int columns = 1;
  std::vector<std::uint64_t> shape;  ///< of the result in a file
  std::vector<double> values;        ///< (item, column, n)
};

/// Those of the file, or the unit vectors without one.
///
/// Errors: std::invalid_argument for a shape that does not fit, numbers that are not finite in part, or
/// out of the range of float.
RightSides read_right_sides(MatrixRequest const& request, Matrices const& matrices);

/// (item, column, n) as files have it, one column after the other in the last index.
std::vector<double> columns_last(std::vector<double> const& values, std::size_t items,
                                 std::size_t columns, std::size_t n);

}  // namespace minfold::cli

#endif
