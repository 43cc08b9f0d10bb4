// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_BENCH_COMPARE_MATRIX_FREE_HPP
#define MINFOLD_BENCH_COMPARE_MATRIX_FREE_HPP

#include <minfold/core/require.hpp>

#include "compare/problem.hpp"

#include <chrono>
#include <functional>
#include <memory>

namespace minfold::bench {

/// One symmetric matrix that is only multiplied with, a block of vectors at a time. Counts its products
/// and their time.
struct MatrixFree {
  using scalar_type = double;
  using Multiply = std::function<void(Space const&, int columns, double const* x, double* y)>;
  struct Count {
    double seconds = 0;
    long products = 0;
  };
  int n = 0;
  Multiply multiply;  ///< of vectors one after the other
  std::shared_ptr<Count> counted = std::make_shared<Count>();

  int batch_size() const { return 1; }
  int dim() const { return n; }

  template <ExecutionSpace E, class X, class Y>
  void apply(E const& space, X const& x, Y const& y) const {
    int const columns = int(x.extent(1));
    MINFOLD_REQUIRE(columns == 1 || (int(x.stride(1)) == n && int(y.stride(1)) == n),
                    "bench::MatrixFree: the vectors of a block follow one another");
    space.fence("bench::matrix_free::before");
    auto const start = std::chrono::steady_clock::now();
    multiply(space, columns, x.data(), y.data());
    space.fence("bench::matrix_free::after");
    counted->products += columns;
    counted->seconds +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
};

/// H = J^T J, J (rows, n) random with rows << n: the Gauss-Newton matrix of a model with more parameters
/// than data. Its kernel is too large to be written down; `columns` vectors of it are asked for.
Case gauss_newton_case(int n, int rows, int columns, double condition);
/// H = R D R^T, R two reflections, D diagonal with k zeros: a small kernel, whose dimension is not told.
Case reflected_case(int n, int k, double condition);

Problem make_matrix_free(Case const& c);
/// A copy of the operator with a count of its own.
MatrixFree operator_of(Problem const& problem);

/// ||H Q||_F / ||H||.
double kernel_defect(Problem const& problem, HostBlocks const& basis);

}  // namespace minfold::bench

#endif
