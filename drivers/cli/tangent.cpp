// SPDX-License-Identifier: Apache-2.0
#include "matrix_output.hpp"

namespace minfold::cli {

int run_tangent(MatrixRequest const& request) {
  require_output(request);
  auto const matrices = read_matrices(request);
  auto const found = run_kernels(request, matrices, nullptr);
  auto const items = std::uint64_t(matrices.items), n = std::uint64_t(matrices.n),
             k = std::uint64_t(found.capacity);
  Array bases{matrices.single ? ElementType::float32 : ElementType::float64,
              matrices.batch ? std::vector{items, n, k} : std::vector{n, k},
              columns_last(found.basis, items, k, n)};
  MatrixResult const result = {"tangent", request, matrices, found, std::move(bases), "basis"};
  write_result(result);
  return result.all_converged() ? 0 : 1;
}

}  // namespace minfold::cli
