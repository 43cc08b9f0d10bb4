// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_DATA_TABLE_HPP
#define MINFOLD_DRIVERS_DATA_TABLE_HPP

#include <cstddef>
#include <string>
#include <vector>

namespace minfold {

/// Numbers in rows and columns, row by row.
struct Table {
  int rows = 0, columns = 0;
  std::vector<double> values;

  double operator()(int row, int column) const {
    return values[std::size_t(row) * std::size_t(columns) + std::size_t(column)];
  }
};

/// Comma-separated finite numbers, plain or gzip, without a heading: every line has `columns`
/// fields (columns = 0: as many as the first), blanks around a field are allowed, empty lines are
/// not.
///
/// Errors: std::invalid_argument that names the file, the line and what was expected.
Table read_csv(std::string const& path, int columns = 0);

}  // namespace minfold

#endif
