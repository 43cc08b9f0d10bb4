// SPDX-License-Identifier: Apache-2.0
#include "support/planted.hpp"

#include <minfold/core/random.hpp>

#include "support/host_loop.hpp"
#include <cblas.h>
#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

namespace minfold::bench {
namespace {

/// Uses of random numbers, by Place::column.
enum : std::uint32_t { of_vectors, of_values, of_solutions = 1u << 30 };

double draw(int item, int row, std::uint32_t use) {
  return normal({2026, Stream::problem, std::uint32_t(item), std::uint32_t(row), use});
}

HostBlocks orthogonal(int items, int n) {
  HostBlocks v("bench::eigenvectors", items, n, n);
  struct Work {
    std::vector<double> tau, work;
  };
  auto works = per_thread(Work{std::vector<double>(n), std::vector<double>(64 * std::size_t(n))});
  host_loop(items, works, [&](int item, Work& w) {
    double* const a = &v(item, 0, 0);
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < n; ++j) a[std::size_t(i) * n + j] = draw(item, i * n + j, of_vectors);
    // Column-major for LAPACK; a transposed orthogonal matrix is as orthogonal.
    LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, n, n, a, n, w.tau.data(), w.work.data(),
                        int(w.work.size()));
    LAPACKE_dorgqr_work(LAPACK_COL_MAJOR, n, n, n, a, n, w.tau.data(), w.work.data(),
                        int(w.work.size()));
  });
  return v;
}

HostBlocks eigenvectors(int items, int n) {
  static std::map<std::pair<int, int>, HostBlocks> made;
  // Views must go before Kokkos does.
  static bool const hooked = [] {
    Kokkos::push_finalize_hook([] { made.clear(); });
    return true;
  }();
  static_cast<void>(hooked);
  auto& v = made[{items, n}];
  if (v.extent(0) == 0) v = orthogonal(items, n);
  return v;
}

void set_values(Shape const& s, HostVectors const& values) {
  for (int item = 0; item < s.items; ++item) {
    for (int j = 0; j < s.n; ++j) {
      double const u =
          uniform({2026, Stream::problem, std::uint32_t(item), std::uint32_t(j), of_values});
      values(item, j) = j < s.kernel ? 0 : std::pow(s.condition, -u);
    }
    if (s.decay > 0) {
      for (int j = s.kernel; j < s.n; ++j)
        values(item, j) = std::max(std::pow(s.decay, s.n - 1 - j), 1 / s.condition);
      continue;
    }
    if (s.kernel < s.n) values(item, s.n - 1) = 1;
    if (s.kernel < s.n - 1) values(item, s.n - 2) = 1 / s.condition;
  }
}

}  // namespace

Planted planted(Shape const& s) {
  int const n = s.n, k = s.kernel, rank = n - k;
  Planted p{s,
            HostBlocks("bench::matrix", s.items, n, n),
            eigenvectors(s.items, n),
            HostVectors("bench::values", s.items, n),
            HostBlocks("bench::rhs", s.items, s.columns, n),
            HostBlocks("bench::solution", s.items, s.columns, n)};
  set_values(s, p.values);
  struct Work {
    std::vector<double> scaled, z, b;
  };
  auto works = per_thread(Work{std::vector<double>(std::size_t(rank) * n + 1),
                               std::vector<double>(std::size_t(s.columns) * n),
                               std::vector<double>(std::size_t(s.columns) * n)});
  host_loop(s.items, works, [&](int item, Work& w) {
    double const* const v = &p.vectors(item, 0, 0);
    double* const h = &p.matrix(item, 0, 0);
    for (int j = 0; j < rank; ++j) {
      double const root = std::sqrt(p.values(item, k + j));
      for (int i = 0; i < n; ++i)
        w.scaled[std::size_t(j) * n + i] = root * v[std::size_t(k + j) * n + i];
    }
    if (rank > 0)
      cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, n, rank, 1, w.scaled.data(), n, 0, h, n);
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < i; ++j) h[std::size_t(i) * n + j] = h[std::size_t(j) * n + i];
    for (int c = 0; c < s.columns; ++c)
      for (int j = 0; j < n; ++j) {
        double const x = draw(item, j, of_solutions + c);
        w.z[std::size_t(c) * n + j] = j < k ? 0 : x;
        w.b[std::size_t(c) * n + j] =
            j >= k ? x * p.values(item, j) : (s.consistent ? 0 : x / s.condition);
      }
    for (auto const& [from, to] : {std::pair(w.z.data(), &p.solution(item, 0, 0)),
                                   std::pair(w.b.data(), &p.rhs(item, 0, 0))})
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, s.columns, n, n, 1, from, n, v, n, 0,
                  to, n);
  });
  return p;
}

}  // namespace minfold::bench
