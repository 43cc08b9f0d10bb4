// SPDX-License-Identifier: Apache-2.0
#include "compare/matrix_free.hpp"

#include <minfold/core/random.hpp>

#include "support/host_loop.hpp"

#include <cmath>

namespace minfold::bench {

Case matrix_free_case(int n, int rows, int columns, double condition) {
  Shape const s{.items = 1, .n = n, .kernel = n - rows, .condition = condition, .columns = columns};
  return {Job::matrix_free_kernel, "1x" + std::to_string(n) + "m" + std::to_string(rows), s, rows};
}

/// J = diag(s) G / sqrt(n), G normal: the rows of G / sqrt(n) are orthonormal up to sqrt(rows / n), so the
/// nonzero eigenvalues of H are s^2, log-uniform in [1/condition, 1], within a factor
/// (1 +- sqrt(rows / n))^2.
Problem make_matrix_free(Case const& c) {
  int const n = c.shape.n, rows = c.rows;
  HostVectors const data("bench::data", rows, n), start("bench::start", c.shape.columns, n);
  host_loop(rows, [&](int row) {
    double const u = uniform({2026, Stream::problem, std::uint32_t(row), 0, 1});
    double const scale = std::pow(c.shape.condition, -u / 2) / std::sqrt(double(n));
    // Uniform in place of normal entries: as well conditioned, and made in a third of the time.
    for (int i = 0; i < n; ++i)
      data(row, i) =
          scale * std::sqrt(12.0) *
          (uniform({2026, Stream::problem, std::uint32_t(row), std::uint32_t(i), 0}) - 0.5);
  });
  for (int column = 0; column < c.shape.columns; ++column)
    for (int i = 0; i < n; ++i)
      start(column, i) = normal({2026, Stream::sketch, std::uint32_t(column), std::uint32_t(i), 0});
  Problem p{c, {}, {}, {}, on_device(data), start};
  p.planted.shape = c.shape;
  return p;
}

double kernel_defect(Problem const& p, HostBlocks const& basis) {
  GaussNewton const h{p.data};
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
