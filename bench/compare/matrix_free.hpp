// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_BENCH_COMPARE_MATRIX_FREE_HPP
#define MINFOLD_BENCH_COMPARE_MATRIX_FREE_HPP

#include <minfold/core/blas.hpp>

#include "compare/problem.hpp"

#include <chrono>
#include <memory>

namespace minfold::bench {

/// H = J^T J that is only multiplied with, J (rows, n) with rows << n: a Gauss-Newton matrix of a model
/// with more parameters than data. Two passes over J a block of vectors.
struct GaussNewton {
  using scalar_type = double;
  Vectors<double, Space> data;
  struct Count {
    double seconds = 0;
    long products = 0;
  };
  std::shared_ptr<Count> counted = std::make_shared<Count>();

  int batch_size() const { return 1; }
  int dim() const { return int(data.extent(1)); }

  /// Rows of J, and components of y, of one task: fixed, so that the rounding is.
  static constexpr int rows_of_task = 32, components_of_task = 1024;

  template <ExecutionSpace E, class X, class Y>
  void apply(E const& space, X const& x, Y const& y) const {
    space.fence("bench::gauss_newton::start");
    auto const start = std::chrono::steady_clock::now();
    int const rows = int(data.extent(0)), n = dim(), columns = int(x.extent(1));
    auto const images = make_vectors<double>(space, "bench::gauss_newton::images", columns, rows);
    double const *const j = data.data(), *const from = x.data();
    double *const image = images.data(), *const to = y.data();
    if constexpr (impl::runs_on_host<E>) {
      using Tasks = Kokkos::RangePolicy<E, Kokkos::Schedule<Kokkos::Dynamic>>;
      Kokkos::parallel_for(
          "bench::gauss_newton::images",
          Tasks(space, 0, (rows + rows_of_task - 1) / rows_of_task).set_chunk_size(1),
          [=](int task) {
            impl::SequentialBlas const sequential;
            int const first = task * rows_of_task, count = std::min(rows_of_task, rows - first);
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, columns, count, n, 1, from, n,
                        j + std::size_t(first) * n, n, 0, image + first, rows);
          });
      Kokkos::parallel_for(
          "bench::gauss_newton::back",
          Tasks(space, 0, (n + components_of_task - 1) / components_of_task).set_chunk_size(1),
          [=](int task) {
            impl::SequentialBlas const sequential;
            int const first = task * components_of_task,
                      count = std::min(components_of_task, n - first);
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, columns, count, rows, 1, image,
                        rows, j + first, n, 0, to + first, n);
          });
    } else {
      impl::gemm_strided<E, double>(space, Transpose::no, Transpose::yes, 1, columns, rows, n, 1,
                                    from, 0, n, j, 0, n, 0, image, 0, rows);
      impl::gemm_strided<E, double>(space, Transpose::no, Transpose::no, 1, columns, n, rows, 1,
                                    image, 0, rows, j, 0, n, 0, to, 0, n);
    }
    space.fence("bench::gauss_newton::end");
    counted->products += columns;
    counted->seconds +=
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
};

Case matrix_free_case(int n, int rows, int columns, double condition);
Problem make_matrix_free(Case const& c);

/// ||H Q||_F / ||H||.
double kernel_defect(Problem const& problem, HostBlocks const& basis);

}  // namespace minfold::bench

#endif
