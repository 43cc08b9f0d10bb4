// SPDX-License-Identifier: Apache-2.0
#include "matrix_output.hpp"

namespace minfold::cli {

int run_pinv(MatrixRequest const& request) {
  require_output(request);
  auto const matrices = read_matrices(request);
  auto const b = read_right_sides(request, matrices);
  auto const found = run_kernels(request, matrices, &b);
  Array solution{matrices.single ? ElementType::float32 : ElementType::float64, b.shape,
                 columns_last(found.solution, std::size_t(matrices.items), std::size_t(b.columns),
                              std::size_t(matrices.n))};
  MatrixResult const result = {"pinv", request, matrices, found, std::move(solution), "solution"};
  write_result(result);
  return result.all_converged() ? 0 : 1;
}

}  // namespace minfold::cli
