// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_MATRIX_OUTPUT_HPP
#define MINFOLD_CLI_MATRIX_OUTPUT_HPP

#include "matrix_kernels.hpp"

#include <string>

namespace minfold::cli {

/// Says before the work what would keep its result from being written: a name without one of the
/// endings .npy, .h5 and .hdf5, a folder that is not there, one name for two files.
void require_output(MatrixRequest const& request);

/// What is written: the command, its input and what came of it.
struct MatrixResult {
  std::string command;  ///< tangent or pinv
  MatrixRequest const& request;
  Matrices const& matrices;
  Found const& found;
  Array array;  ///< the bases, or the solutions, as a file has them
  std::string array_name;

  /// That of the kernel where it is not converged, else the first of its right-hand sides that is not.
  Outcome outcome(std::size_t item) const;
  bool all_converged() const;
};

/// The table on stdout, then the files.
void write_result(MatrixResult const& result);

}  // namespace minfold::cli

#endif
