// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_MATRIX_RECORDS_HPP
#define MINFOLD_CLI_MATRIX_RECORDS_HPP

#include <minfold/files/hdf5.hpp>

#include "matrix_output.hpp"
#include <nlohmann/json.hpp>

namespace minfold::cli {

/// The largest residual and leakage of the right-hand sides of an item.
struct WorstSolve {
  double residual = 0, leakage = 0;
};
WorstSolve worst_solve(MatrixResult const& result, std::size_t item);

/// Everything but the numbers of the result.
nlohmann::ordered_json records_json(MatrixResult const& result);
/// One dataset a field: records/FIELD (item) of the kernels, solves/FIELD (item, column).
void add_records(MatrixResult const& result, Hdf5Content& content);
/// Version, input and options.
std::vector<std::pair<std::string, std::string>> attributes(MatrixResult const& result);

}  // namespace minfold::cli

#endif
