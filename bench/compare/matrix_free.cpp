// SPDX-License-Identifier: Apache-2.0
#include "compare/matrix_free.hpp"

#include <minfold/core/blas.hpp>
#include <minfold/core/random.hpp>
#include <minfold/core/team.hpp>

#include "support/host_loop.hpp"

#include <algorithm>
#include <cmath>

namespace minfold::bench {
namespace {

/// Rows of J, and components of y, of one task: fixed, so that the rounding is.
constexpr int rows_of_task = 32, components_of_task = 1024;

/// Y = (X J^T) J: two passes over J a block of vectors.
void multiply_gauss_newton(Space const& space, Vectors<double, Space> const& data, int columns,
                           double const* x, double* y) {
  int const rows = int(data.extent(0)), n = int(data.extent(1));
  auto const images = make_vectors<double>(space, "bench::gauss_newton::images", columns, rows);
  double const* const j = data.data();
  double* const image = images.data();
  if constexpr (minfold::impl::runs_on_host<Space>) {
    using Tasks = Kokkos::RangePolicy<Space, Kokkos::Schedule<Kokkos::Dynamic>>;
    Kokkos::parallel_for(
        "bench::gauss_newton::images",
        Tasks(space, 0, (rows + rows_of_task - 1) / rows_of_task).set_chunk_size(1), [=](int task) {
          minfold::impl::SequentialBlas const sequential;
          int const first = task * rows_of_task, count = std::min(rows_of_task, rows - first);
          cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, columns, count, n, 1, x, n,
                      j + std::size_t(first) * n, n, 0, image + first, rows);
        });
    Kokkos::parallel_for(
        "bench::gauss_newton::back",
        Tasks(space, 0, (n + components_of_task - 1) / components_of_task).set_chunk_size(1),
        [=](int task) {
          minfold::impl::SequentialBlas const sequential;
          int const first = task * components_of_task,
                    count = std::min(components_of_task, n - first);
          cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, columns, count, rows, 1, image,
                      rows, j + first, n, 0, y + first, n);
        });
  } else {
    minfold::impl::gemm_strided<Space, double>(space, Transpose::no, Transpose::yes, 1, columns,
                                               rows, n, 1, x, 0, n, j, 0, n, 0, image, 0, rows);
    minfold::impl::gemm_strided<Space, double>(space, Transpose::no, Transpose::no, 1, columns, n,
                                               rows, 1, image, 0, rows, j, 0, n, 0, y, 0, n);
  }
}

/// data: D, u, v. y = (I - 2 u u^T) (I - 2 v v^T) D (I - 2 v v^T) (I - 2 u u^T) x.
void multiply_reflected(Space const& space, Vectors<double, Space> const& data, int columns,
                        double const* x, double* y) {
  int const n = int(data.extent(1));
  for_each_item(
      "bench::reflected", space, columns, n, KOKKOS_LAMBDA(TeamMember<Space> const& team, int c) {
        double const *const d = data.data(), *const from = x + std::size_t(c) * n;
        double* const to = y + std::size_t(c) * n;
        team_for(team, n, [&](int i) { to[i] = from[i]; });
        team.team_barrier();
        for (int const row : {1, 2, 0, 2, 1}) {
          double const* const u = d + std::size_t(row) * n;
          if (row == 0) {
            team_for(team, n, [&](int i) { to[i] *= u[i]; });
          } else {
            double const overlap = team_sum(team, n, [&](int i) { return u[i] * to[i]; });
            team_for(team, n, [&](int i) { to[i] -= 2 * overlap * u[i]; });
          }
          team.team_barrier();
        }
      });
}

double draw(std::uint32_t row, int i, std::uint32_t use) {
  return uniform({2026, Stream::problem, row, std::uint32_t(i), use});
}

/// J = diag(s) G / sqrt(n), G random of variance 1: the rows of G / sqrt(n) are orthonormal up to
/// sqrt(rows / n), so the nonzero eigenvalues of H are s^2, log-uniform in [1/condition, 1], within a
/// factor (1 +- sqrt(rows / n))^2.
HostVectors jacobian(Case const& c) {
  int const n = c.shape.n;
  HostVectors const data("bench::data", c.rows, n);
  host_loop(c.rows, [&](int row) {
    double const scale =
        std::pow(c.shape.condition, -draw(row, 0, 1) / 2) * std::sqrt(12.0 / double(n));
    // Uniform in place of normal entries: as well conditioned, and made in a third of the time.
    for (int i = 0; i < n; ++i) data(row, i) = scale * (draw(row, i, 0) - 0.5);
  });
  return data;
}

/// The rows D, u, v, and the kernel: what the reflections make of the first k unit vectors.
HostVectors reflected(Case const& c, HostVectors const& kernel) {
  int const n = c.shape.n, k = c.shape.kernel;
  HostVectors const data("bench::data", 3, n);
  double squares[3] = {};
  for (int i = 0; i < n; ++i) {
    data(0, i) = i < k ? 0 : std::pow(c.shape.condition, -draw(0, i, 2));
    for (int row : {1, 2}) {
      data(row, i) = normal({2026, Stream::problem, std::uint32_t(row), std::uint32_t(i), 3});
      squares[row] += data(row, i) * data(row, i);
    }
  }
  for (int row : {1, 2})
    for (int i = 0; i < n; ++i) data(row, i) /= std::sqrt(squares[row]);
  for (int j = 0; j < k; ++j) {
    kernel(j, j) = 1;
    for (int row : {2, 1}) {
      double overlap = 0;
      for (int i = 0; i < n; ++i) overlap += data(row, i) * kernel(j, i);
      for (int i = 0; i < n; ++i) kernel(j, i) -= 2 * overlap * data(row, i);
    }
  }
  return data;
}

}  // namespace

Case gauss_newton_case(int n, int rows, int columns, double condition) {
  Shape const s{.n = n, .kernel = n - rows, .condition = condition, .columns = columns};
  return {Job::matrix_free_kernel, "1x" + std::to_string(n) + "m" + std::to_string(rows), s, rows};
}

Case reflected_case(int n, int k, double condition) {
  Shape const s{.n = n, .kernel = k, .condition = condition, .columns = k};
  return {Job::matrix_free_kernel, "1x" + std::to_string(n) + "k" + std::to_string(k), s, 0};
}

Problem make_matrix_free(Case const& c) {
  int const n = c.shape.n, columns = c.shape.columns;
  Problem p;
  p.what = c;
  p.planted.shape = c.shape;
  if (c.rows > 0) {
    p.data = on_device(jacobian(c));
  } else {
    p.kernel = HostVectors("bench::kernel", c.shape.kernel, n);
    p.data = on_device(reflected(c, p.kernel));
  }
  p.start = HostVectors("bench::start", columns + 4, n);
  for (int column = 0; column < columns + 4; ++column)
    for (int i = 0; i < n; ++i)
      p.start(column, i) =
          normal({2026, Stream::sketch, std::uint32_t(column), std::uint32_t(i), 0});
  return p;
}

MatrixFree operator_of(Problem const& p) {
  auto const multiply = p.what.rows > 0 ? multiply_gauss_newton : multiply_reflected;
  return {p.what.shape.n,
          [data = p.data, multiply](Space const& space, int columns, double const* x, double* y) {
            multiply(space, data, columns, x, y);
          }};
}

double kernel_defect(Problem const& p, HostBlocks const& basis) {
  auto const h = operator_of(p);
  Space const space;
  auto const q = on_device(basis);
  auto const hq = make_blocks<double>(space, "bench::defect", 1, int(basis.extent(1)), h.dim());
  h.apply(space, q, hq);
  auto const host = to_host(space, hq);
  double square = 0;
  for (std::size_t t = 0; t < host.size(); ++t) square += host.data()[t] * host.data()[t];
  return std::sqrt(square);  // ||H|| is 1 within (1 +- sqrt(rows / n))^2
}

}  // namespace minfold::bench
