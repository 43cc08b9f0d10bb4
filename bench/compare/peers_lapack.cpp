// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/random.hpp>

#include "compare/problem.hpp"
#include "support/host_loop.hpp"
#include <cblas.h>
#include <lapacke.h>

#include <algorithm>
#include <cmath>
#include <string>

/// LAPACK over a batch: one item a thread, workspaces kept. Matrices are symmetric, so that LAPACK's
/// column-major order costs nothing; a block of row vectors is its column-major block of columns.
namespace minfold::bench {
namespace {

/// Relative to the largest: an eigenvalue, or a pivot, that counts as zero.
constexpr double zero_below = 1e-10;

struct Work {
  explicit Work(int n)
      : matrix(std::size_t(n) * n),
        vectors(std::size_t(n) * n),
        values(n),
        tau(n),
        real(std::size_t(n) * n * 2 + 32 * std::size_t(n) + 64),
        integer(12 * n + 16),
        rhs(n),
        more(n) {}
  std::vector<double> matrix, vectors, values, tau, real;
  std::vector<int> integer;
  std::vector<double> rhs, more;
};

using Loop = std::vector<Work>;

/// A peer that does `solve_item(item, work)` for every item of the problem.
template <class SolveItem>
Contender peer(std::string name, Problem const& p, std::shared_ptr<Output> output,
               SolveItem const& solve_item) {
  auto const works = std::make_shared<Loop>(per_thread(Work(p.what.shape.n)));
  int const items = p.what.shape.items;
  return {std::move(name),
          [=] { host_loop(items, *works, [&](int item, Work& w) { solve_item(item, w); }); },
          [=] { return answer_of(*output); }};
}

/// rows := orthonormal basis of their span (count vectors of n), by Householder QR.
int orthonormal(double* rows, int count, int n, Work& w) {
  if (count == 0) return 0;
  int const info = LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, n, count, rows, n, w.tau.data(),
                                       w.real.data(), int(w.real.size()));
  return info ? info
              : LAPACKE_dorgqr_work(LAPACK_COL_MAJOR, n, count, count, rows, n, w.tau.data(),
                                    w.real.data(), int(w.real.size()));
}

/// b - N^T (N b), N (k, n) orthonormal rows.
void project_off(double const* basis, int k, int n, double* b, Work& w) {
  if (k == 0) return;
  cblas_dgemv(CblasRowMajor, CblasNoTrans, k, n, 1, basis, n, b, 1, 0, w.tau.data(), 1);
  cblas_dgemv(CblasRowMajor, CblasTrans, k, n, -1, basis, n, w.tau.data(), 1, 1, b, 1);
}

Contender dsyevd(Problem const& p) {
  auto const output = make_output(p.what, true, true);
  auto const h = p.planted.matrix, b = p.planted.rhs;
  int const n = p.what.shape.n;
  return peer("dsyevd", p, output, [=](int item, Work& w) {
    std::copy_n(&h(item, 0, 0), std::size_t(n) * n, w.matrix.data());
    // 1 + 6 n + 2 n^2 words.
    output->info[item] = LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'V', 'L', n, w.matrix.data(), n,
                                             w.values.data(), w.real.data(), int(w.real.size()),
                                             w.integer.data(), int(w.integer.size()));
    int k = 0;
    while (k < n && w.values[k] <= zero_below * w.values[n - 1]) ++k;
    int const room = int(output->basis.extent(1));
    output->dimension[item] = k;
    std::copy_n(w.matrix.data(), std::size_t(std::min(k, room)) * n,
                output->basis.data() + std::size_t(item) * room * n);
    // z = V_r (V_r^T b / values)
    double const* const kept = w.matrix.data() + std::size_t(k) * n;
    cblas_dgemv(CblasRowMajor, CblasNoTrans, n - k, n, 1, kept, n, &b(item, 0, 0), 1, 0,
                w.rhs.data(), 1);
    for (int j = k; j < n; ++j) w.rhs[j - k] /= w.values[j];
    cblas_dgemv(CblasRowMajor, CblasTrans, n - k, n, 1, kept, n, w.rhs.data(), 1, 0,
                &output->z(item, 0, 0), 1);
  });
}

/// The k smallest eigenvectors, k known, then (H + N^T N)^{-1} on what is left of b.
Contender dsyevr_smallest(Problem const& p) {
  auto const output = make_output(p.what, true, true);
  auto const h = p.planted.matrix, b = p.planted.rhs;
  int const n = p.what.shape.n, k = p.what.shape.kernel;
  return peer("dsyevr", p, output, [=](int item, Work& w) {
    std::copy_n(&h(item, 0, 0), std::size_t(n) * n, w.matrix.data());
    int found = 0;
    double* const basis = &output->basis(item, 0, 0);
    int info = LAPACKE_dsyevr_work(LAPACK_COL_MAJOR, 'V', 'I', 'L', n, w.matrix.data(), n, 0, 0, 1,
                                   k, 0, &found, w.values.data(), w.vectors.data(), n,
                                   w.integer.data(), w.real.data(), int(w.real.size()),
                                   w.integer.data() + 2 * n, int(w.integer.size()) - 2 * n);
    std::copy_n(w.vectors.data(), std::size_t(k) * n, basis);
    output->dimension[item] = found;
    std::copy_n(&h(item, 0, 0), std::size_t(n) * n, w.matrix.data());
    cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, n, k, 1, basis, n, 1, w.matrix.data(), n);
    double* const z = &output->z(item, 0, 0);
    std::copy_n(&b(item, 0, 0), n, z);
    project_off(basis, k, n, z, w);
    if (info == 0) info = LAPACKE_dposv_work(LAPACK_COL_MAJOR, 'L', n, 1, w.matrix.data(), n, z, n);
    project_off(basis, k, n, z, w);
    output->info[item] = info;
  });
}

Contender dsyevr_largest(Problem const& p) {
  auto const output = make_output(p.what, true, false);
  auto const h = p.planted.matrix;
  int const n = p.what.shape.n, r = n - p.what.shape.kernel;
  return peer("dsyevr", p, output, [=](int item, Work& w) {
    std::copy_n(&h(item, 0, 0), std::size_t(n) * n, w.matrix.data());
    int found = 0;
    output->info[item] = LAPACKE_dsyevr_work(
        LAPACK_COL_MAJOR, 'V', 'I', 'L', n, w.matrix.data(), n, 0, 0, n - r + 1, n, 0, &found,
        w.values.data(), &output->basis(item, 0, 0), n, w.integer.data(), w.real.data(),
        int(w.real.size()), w.integer.data() + 2 * n, int(w.integer.size()) - 2 * n);
    output->dimension[item] = found;
  });
}

/// Pivoted Cholesky P^T H P = L L^T of `w.matrix`; the rank, and the pivots (from 0) in w.integer.
int pivoted_cholesky(double const* h, int n, Work& w, int& rank) {
  std::copy_n(h, std::size_t(n) * n, w.matrix.data());
  double top = 0;
  for (int i = 0; i < n; ++i) top = std::max(top, h[std::size_t(i) * n + i]);
  int const info = LAPACKE_dpstrf_work(LAPACK_COL_MAJOR, 'L', n, w.matrix.data(), n,
                                       w.integer.data(), &rank, zero_below * top, w.real.data());
  for (int i = 0; i < n; ++i) --w.integer[i];
  return info < 0 ? info : 0;  // 1: the rank is less than n
}

/// With L = [L1; L2]: ker H = P [-L1^{-T} L2^T; I], orthonormal by QR; and of L1 L1^T y = (P^T b)_1, made
/// orthogonal to the kernel, z.
Contender dpstrf(Problem const& p) {
  auto const output = make_output(p.what, true, true);
  auto const h = p.planted.matrix, b = p.planted.rhs;
  int const n = p.what.shape.n;
  return peer("dpstrf", p, output, [=](int item, Work& w) {
    int rank = 0;
    int info = pivoted_cholesky(&h(item, 0, 0), n, w, rank);
    int const k = n - rank, room = int(output->basis.extent(1));
    output->dimension[item] = k;
    if (k > room || info != 0) {
      output->info[item] = info ? info : 1;
      return;
    }
    double const* const l = w.matrix.data();
    // w.vectors := -L1^{-T} L2^T, (rank, k) column-major.
    double* const x = w.vectors.data();
    for (int j = 0; j < k; ++j)
      for (int i = 0; i < rank; ++i)
        x[std::size_t(j) * rank + i] = -l[std::size_t(i) * n + rank + j];
    cblas_dtrsm(CblasColMajor, CblasLeft, CblasLower, CblasTrans, CblasNonUnit, rank, k, 1, l, n, x,
                std::max(rank, 1));
    double* const basis = output->basis.data() + std::size_t(item) * room * n;
    for (int j = 0; j < k; ++j) {
      double* const column = basis + std::size_t(j) * n;
      for (int i = 0; i < rank; ++i) column[w.integer[i]] = x[std::size_t(j) * rank + i];
      for (int i = rank; i < n; ++i) column[w.integer[i]] = i - rank == j;
    }
    info = orthonormal(basis, k, n, w);
    double* const right = w.rhs.data();
    std::copy_n(&b(item, 0, 0), n, right);
    project_off(basis, k, n, right, w);
    for (int i = 0; i < rank; ++i) w.more[i] = right[w.integer[i]];
    cblas_dtrsv(CblasColMajor, CblasLower, CblasNoTrans, CblasNonUnit, rank, l, n, w.more.data(),
                1);
    cblas_dtrsv(CblasColMajor, CblasLower, CblasTrans, CblasNonUnit, rank, l, n, w.more.data(), 1);
    double* const z = &output->z(item, 0, 0);
    std::fill_n(z, n, 0.0);
    for (int i = 0; i < rank; ++i) z[w.integer[i]] = w.more[i];
    project_off(basis, k, n, z, w);
    output->info[item] = info;
  });
}

Contender dpstrf_range(Problem const& p) {
  auto const output = make_output(p.what, true, false);
  auto const h = p.planted.matrix;
  int const n = p.what.shape.n;
  return peer("dpstrf", p, output, [=](int item, Work& w) {
    int rank = 0;
    int const info = pivoted_cholesky(&h(item, 0, 0), n, w, rank);
    output->dimension[item] = rank;
    int const room = int(output->basis.extent(1));
    if (rank > room || info != 0) {
      output->info[item] = info ? info : 1;
      return;
    }
    double* const basis = &output->basis(item, 0, 0);
    for (int j = 0; j < rank; ++j)
      for (int i = 0; i < n; ++i)
        basis[std::size_t(j) * n + w.integer[i]] = i < j ? 0 : w.matrix[std::size_t(j) * n + i];
    output->info[item] = orthonormal(basis, rank, n, w);
  });
}

/// Complete orthogonal factorization; z only.
Contender dgelsy(Problem const& p) {
  auto const output = make_output(p.what, false, true);
  auto const h = p.planted.matrix, b = p.planted.rhs;
  int const n = p.what.shape.n;
  return peer("dgelsy", p, output, [=](int item, Work& w) {
    std::copy_n(&h(item, 0, 0), std::size_t(n) * n, w.matrix.data());
    std::copy_n(&b(item, 0, 0), n, w.rhs.data());
    std::fill_n(w.integer.data(), n, 0);
    int rank = 0;
    output->info[item] =
        LAPACKE_dgelsy_work(LAPACK_COL_MAJOR, n, n, 1, w.matrix.data(), n, w.rhs.data(), n,
                            w.integer.data(), zero_below, &rank, w.real.data(), int(w.real.size()));
    std::copy_n(w.rhs.data(), n, &output->z(item, 0, 0));
  });
}

/// Y = Omega H with r random rows, r known, then QR: exact for a matrix of rank r.
Contender gaussian_sketch(Problem const& p) {
  auto const output = make_output(p.what, true, false);
  auto const h = p.planted.matrix;
  int const n = p.what.shape.n, r = n - p.what.shape.kernel;
  auto const omega = std::make_shared<std::vector<double>>();
  for (int i = 0; i < r * n; ++i)
    omega->push_back(normal({7, Stream::test, 0, std::uint32_t(i), 0}));
  return peer("gaussian_sketch", p, output, [=](int item, Work& w) {
    double* const basis = &output->basis(item, 0, 0);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, r, n, n, 1, omega->data(), n,
                &h(item, 0, 0), n, 0, basis, n);
    output->info[item] = orthonormal(basis, r, n, w);
    output->dimension[item] = r;
  });
}

}  // namespace

void add_lapack_peers(Problem const& p, Contenders& peers) {
  if (p.what.job == Job::kernel_and_pinv) {
    peers.push_back(dpstrf(p));
    peers.push_back(dsyevd(p));
    peers.push_back(dsyevr_smallest(p));
    // At 2048 it is an order slower than all others.
    if (p.what.shape.n <= 512) peers.push_back(dgelsy(p));
  }
  if (p.what.job == Job::range_basis) {
    peers.push_back(gaussian_sketch(p));
    peers.push_back(dpstrf_range(p));
    peers.push_back(dsyevr_largest(p));
  }
}

}  // namespace minfold::bench
