// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_MATRIX_KERNELS_HPP
#define MINFOLD_CLI_MATRIX_KERNELS_HPP

#include <minfold/core/status.hpp>

#include "matrix_input.hpp"

#include <string>
#include <vector>

namespace minfold::cli {

/// What a kernel found, in host memory and in double whatever it computed in.
struct Found {
  std::string method;  ///< factor, spectral or products
  double seconds = 0;
  std::vector<KernelRecord<double>> kernels;  ///< (item)
  std::vector<SolveRecord<double>> solves;    ///< (item, column); empty for tangent
  int capacity = 0;                           ///< largest dimension of a kernel
  std::vector<double> basis;                  ///< (item, capacity, n), zeros beyond the dimension
  std::vector<double> solution;               ///< (item, column, n)
};

/// Kernel bases, and with right-hand sides H^+ b.
Found run_kernels(MatrixRequest const& request, Matrices const& matrices, RightSides const* b);

/// The same for a sparse matrix in one precision.
template <class T>
Found run_sparse(MatrixRequest const& request, Matrices const& matrices, RightSides const* b);

}  // namespace minfold::cli

#endif
