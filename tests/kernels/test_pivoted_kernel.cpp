// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/impl/pivoted_kernel.hpp>

#include "support/solve.hpp"
#include <catch2/catch_test_macros.hpp>

#include <limits>

/// Kernel and pseudoinverse from the pivoted Cholesky factor, against planted ones.
using namespace minfold;
using namespace minfold::test;

namespace {

double const eps = std::numeric_limits<double>::epsilon();

minfold::impl::ExplicitMatrix<double> explicit_matrix(Vec const& a, int n) {
  return {a.data(), n, 1, n};
}

struct PivotedKernel {
  KernelRecord<double> kernel;
  std::vector<SolveRecord<double>> solves;
  std::vector<Vec> q, z;
  int dimension = -1;
};
PivotedKernel run_kernel(Vec const& a, int n, int capacity, std::vector<Vec> const& b,
                         minfold::impl::PivotedKernelOptions<double> options = {}) {
  int const columns = int(b.size());
  PivotedKernel r;
  Vec work(minfold::impl::pivoted_kernel_words(n, columns), std::nan("")),
      q(std::size_t(capacity) * n), z(std::size_t(columns) * n), rhs;
  std::vector<int> integers(minfold::impl::pivoted_kernel_integers(n));
  for (auto const& v : b) rhs.insert(rhs.end(), v.begin(), v.end());
  r.solves.resize(columns);
  options.capacity = capacity;
  minfold::impl::SequentialBlas const sequential;
  minfold::impl::pivoted_kernel(explicit_matrix(a, n), columns, rhs.data(), z.data(), q.data(),
                                r.dimension, r.kernel, r.solves.data(), work.data(),
                                integers.data(), options);
  for (int j = 0; j < capacity; ++j)
    r.q.emplace_back(q.begin() + long(j) * n, q.begin() + long(j + 1) * n);
  for (int c = 0; c < columns; ++c)
    r.z.emplace_back(z.begin() + long(c) * n, z.begin() + long(c + 1) * n);
  return r;
}

void check_kernel(Planted const& p, PivotedKernel const& r, std::vector<Vec> const& b) {
  CAPTURE(p.n, p.k, r.kernel.outcome, r.kernel.dimension, r.kernel.gap, r.kernel.kernel_residual,
          r.kernel.smallest_kept, r.kernel.orthogonality);
  CHECK(r.kernel.outcome == Outcome::converged);
  REQUIRE(r.kernel.dimension == p.k);
  CHECK(r.dimension == p.k);
  CHECK(r.kernel.orthogonality <= 1e-12);
  CHECK(r.kernel.norm_estimate <= p.norm() * (1 + 1e-12));
  CHECK(r.kernel.norm_estimate >= 0.4 * p.norm());
  double worst = 0, dots = 0;
  for (int j = 0; j < p.k; ++j) {
    worst = std::max(worst, norm(p.multiply(r.q[j])));
    for (int l = 0; l <= j; ++l)
      dots = std::max(dots, std::abs(dot(r.q[j], r.q[l]) - (l == j ? 1 : 0)));
  }
  CHECK(dots <= 1e-12);
  CHECK(worst <= 1e-12 * p.norm());
  CHECK(worst <= (r.kernel.kernel_residual + 4 * eps) * p.norm());
  if (p.k < p.n) {
    CHECK(r.kernel.smallest_kept >= p.smallest() * (1 - 1e-8));
    CHECK(r.kernel.smallest_kept <= 3 * p.smallest());
    CHECK(r.kernel.gap >= 10);
  }
  for (std::size_t c = 0; c < b.size(); ++c) {
    Vec const exact = p.pseudo_inverse(b[c]);
    CHECK(r.solves[c].outcome == Outcome::converged);
    CHECK(norm(minus(r.z[c], exact)) <= 10 * p.condition() * eps * norm(exact));
    if (norm(exact) > 0)
      CHECK(std::abs(r.solves[c].leakage - norm(p.kernel_part(b[c])) / norm(b[c])) <=
            10 * p.condition() * eps);
  }
}

}  // namespace

TEST_CASE("kernel and pseudoinverse from the pivoted factor", "[pivoted]") {
  for (int n : {1, 2, 17, 60, 140})
    for (int k : {0, 1, n / 4, n / 2, n - 1, n})
      for (double const condition : {1.0, 1e2, 1e4})
        for (double const scale : {1.0, 1e150, 1e-150}) {
          if (n == 140 && scale != 1.0) continue;
          Planted const p = planted(std::uint64_t(10 * n + k), n, k, condition, 0, scale);
          std::vector<Vec> const b = {normals(1, n, n),
                                      times(1e100, p.range_part(normals(2, n, n))), Vec(n)};
          auto const r = run_kernel(p.matrix, n, n, b);
          check_kernel(p, r, b);
          CHECK(norm(r.z[2]) == 0);
          CHECK(r.solves[1].leakage <= 10 * condition * eps);
        }
}

TEST_CASE("noise of both signs counts as kernel, and what is between is ambiguous", "[pivoted]") {
  int const n = 60;
  Planted const p = planted(21, n, 15, 100, 1e-10);
  auto const r = run_kernel(p.matrix, n, n, {normals(1, 1, n)});
  CHECK(r.kernel.outcome == Outcome::converged);
  CHECK(r.kernel.dimension == 15);
  CHECK(r.kernel.kernel_residual <= 1e-8);
  for (int j = 0; j < 15; ++j)
    CHECK(norm(p.multiply(r.q[j])) <= (r.kernel.kernel_residual + 4 * eps) * p.norm());
  Vec values(n, 1.0);
  for (int j = 0; j < 20; ++j) values[j] = 0;
  values[20] = 5e-9;
  auto const below = run_kernel(Planted(22, n, 21, values).matrix, n, n, {normals(1, 2, n)});
  CHECK(below.kernel.outcome == Outcome::converged);
  CHECK(below.kernel.dimension == 21);
  values[20] = 5e-7;
  values[21] = 3e-6;
  auto const between = run_kernel(Planted(22, n, 21, values).matrix, n, n, {normals(1, 2, n)});
  CAPTURE(between.kernel.dimension, between.kernel.smallest_kept, between.kernel.gap);
  CHECK(between.kernel.outcome == Outcome::ambiguous_rank);
  CHECK(between.solves[0].outcome == Outcome::ambiguous_rank);
}

TEST_CASE("the pivoted kernel gives up by name, with zeros", "[pivoted][nan]") {
  int const n = 40;
  Planted const p = planted(23, n, 10, 10);
  Vec const b = normals(1, 3, n);
  auto const gives_up = [&](Vec const& a, Outcome outcome) {
    auto const r = run_kernel(a, n, n, {b});
    CHECK(r.kernel.outcome == outcome);
    CHECK(r.solves[0].outcome == outcome);
    CHECK(r.dimension == 0);
    CHECK(norm(r.z[0]) == 0);
    for (auto const& v : r.q) CHECK(norm(v) == 0);
  };
  for (double const bad : {std::nan(""), HUGE_VAL})
    for (int place : {0, 5, 5 * n + 5, n * n - 2}) {
      Vec a = p.matrix;
      a[place] = a[(place % n) * n + place / n] = bad;
      gives_up(a, Outcome::not_finite);
    }
  Vec values(n, 1.0);
  for (int j = 0; j < 10; ++j) values[j] = 0;
  values[10] = -0.1;
  gives_up(Planted(24, n, 10, values).matrix, Outcome::indefinite_operator);
  // Indefinite where no diagonal entry shows it: a block [0 1; 1 0].
  Vec hidden(std::size_t(n) * n);
  for (int i = 2; i < n; ++i) hidden[i * n + i] = 1;
  hidden[1] = hidden[n] = 1;
  gives_up(hidden, Outcome::indefinite_operator);
  // A right-hand side that is not finite ends itself alone.
  Vec broken = b;
  broken[7] = std::nan("");
  auto const r = run_kernel(p.matrix, n, n, {broken, b});
  CHECK(r.kernel.outcome == Outcome::converged);
  CHECK(r.solves[0].outcome == Outcome::not_finite);
  CHECK(norm(r.z[0]) == 0);
  CHECK(r.solves[1].outcome == Outcome::converged);
  Vec const exact = p.pseudo_inverse(b);
  CHECK(norm(minus(r.z[1], exact)) <= 100 * eps * norm(exact));
}

TEST_CASE("a kernel beyond the capacity is a rank limit, with the right solution", "[pivoted]") {
  int const n = 40;
  Planted const p = planted(25, n, 12, 10);
  Vec const b = normals(1, 4, n), exact = p.pseudo_inverse(b);
  for (int capacity : {0, 5, 11}) {
    auto const r = run_kernel(p.matrix, n, capacity, {b});
    CHECK(r.kernel.outcome == Outcome::rank_limit);
    CHECK(r.kernel.dimension == 12);
    CHECK(r.dimension == capacity);
    for (auto const& v : r.q) CHECK(norm(p.multiply(v)) <= 1e-13);
    CHECK(norm(minus(r.z[0], exact)) <= 100 * eps * norm(exact));
  }
}

TEST_CASE("from order 1024 on probes bound the residual of a wide kernel", "[pivoted]") {
  // A projector is its own pseudoinverse.
  int const n = 1100, k = 80;
  Vec v(std::size_t(k) * n);
  for (int j = 0; j < k; ++j) {
    Vec const x = normals(9, j, n);
    std::copy(x.begin(), x.end(), v.begin() + long(j) * n);
  }
  Vec tau(k), a(std::size_t(n) * n);
  REQUIRE(LAPACKE_dgeqrf(LAPACK_COL_MAJOR, n, k, v.data(), n, tau.data()) == 0);
  REQUIRE(LAPACKE_dorgqr(LAPACK_COL_MAJOR, n, k, k, v.data(), n, tau.data()) == 0);
  for (int i = 0; i < n; ++i) a[long(i) * n + i] = 1;
  cblas_dgemm(CblasRowMajor, CblasTrans, CblasNoTrans, n, n, k, -1, v.data(), n, v.data(), n, 1,
              a.data(), n);
  Vec const b = normals(9, 100, n);
  Vec exact(n);
  cblas_dgemv(CblasRowMajor, CblasNoTrans, n, n, 1, a.data(), n, b.data(), 1, 0, exact.data(), 1);
  auto const r = run_kernel(a, n, k, {b});
  CHECK(r.kernel.outcome == Outcome::converged);
  CHECK(r.kernel.dimension == k);
  CHECK(r.kernel.orthogonality <= 1e-12);
  CHECK(r.kernel.products < k);
  double worst = 0;
  Vec image(n);
  for (auto const& q : r.q) {
    cblas_dgemv(CblasRowMajor, CblasNoTrans, n, n, 1, a.data(), n, q.data(), 1, 0, image.data(), 1);
    worst = std::max(worst, norm(image));
  }
  CHECK(worst <= 1e-12);
  CHECK(worst <= r.kernel.kernel_residual * r.kernel.norm_estimate + 4 * eps);
  CHECK(norm(minus(r.z[0], exact)) <= 1e-13 * norm(exact));
}

TEST_CASE("a wide kernel is as good as the conditioning allows, and the record says how good",
          "[pivoted]") {
  // 1100: where probes bound what Newton's method leaves of Q Q^T - I.
  for (auto const& [n, k] : {std::pair(512, 128), std::pair(1100, 550)}) {
    double const condition = 1e2;
    std::size_t const words = std::size_t(n) * n;
    Vec v, tau(n), scaled(words), a(words), b(n), exact(n);
    for (int j = 0; j < n; ++j) {
      Vec const x = normals(11, j, n);
      v.insert(v.end(), x.begin(), x.end());
    }
    REQUIRE(LAPACKE_dgeqrf(LAPACK_COL_MAJOR, n, n, v.data(), n, tau.data()) == 0);
    REQUIRE(LAPACKE_dorgqr(LAPACK_COL_MAJOR, n, n, n, v.data(), n, tau.data()) == 0);
    for (int j = k; j < n; ++j) {
      double const value = std::pow(condition, -double(j - k) / (n - 1 - k));
      for (int i = 0; i < n; ++i) {
        scaled[std::size_t(j) * n + i] = std::sqrt(value) * v[std::size_t(j) * n + i];
        b[i] += value * v[std::size_t(j) * n + i];
        exact[i] += v[std::size_t(j) * n + i];
      }
    }
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, n, n, n, 1, scaled.data(), n,
                scaled.data(), n, 0, a.data(), n);
    auto const r = run_kernel(a, n, k, {b});
    CAPTURE(n, k, r.kernel.orthogonality);
    CHECK(r.kernel.outcome == Outcome::converged);
    REQUIRE(r.kernel.dimension == k);
    Vec q, gram(std::size_t(k) * k), overlap(std::size_t(k) * (n - k));
    for (auto const& row : r.q) q.insert(q.end(), row.begin(), row.end());
    cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, k, k, n, 1, q.data(), n, q.data(), n, 0,
                gram.data(), k);
    double off = 0;
    for (int i = 0; i < k; ++i)
      for (int j = 0; j < k; ++j)
        off = std::max(off, std::abs(gram[std::size_t(i) * k + j] - (i == j ? 1 : 0)));
    CHECK(off <= 512 * eps);
    CHECK(off <= r.kernel.orthogonality + 8 * eps);
    CHECK(r.kernel.orthogonality <= 1e-12);
    // The sine of the largest angle between the kernels, by power iteration on Q V_r^T.
    cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, k, n - k, n, 1, q.data(), n,
                v.data() + std::size_t(k) * n, n, 0, overlap.data(), k);
    Vec x = normals(11, n, n - k), y(k);
    double sine = 0;
    for (int step = 0; step < 50; ++step) {
      double const size = norm(x);
      for (auto& t : x) t /= size;
      cblas_dgemv(CblasColMajor, CblasNoTrans, k, n - k, 1, overlap.data(), k, x.data(), 1, 0,
                  y.data(), 1);
      sine = norm(y);
      cblas_dgemv(CblasColMajor, CblasTrans, k, n - k, 1, overlap.data(), k, y.data(), 1, 0,
                  x.data(), 1);
    }
    CHECK(sine <= 6 * condition * eps);
    CHECK(norm(minus(r.z[0], exact)) <= 6 * condition * eps * norm(exact));
  }
}

TEST_CASE("a narrow kernel is found whatever the seed", "[pivoted]") {
  int const n = 30;
  Vec const b = normals(3, n, n);
  for (int k : {2, 3, 5}) {
    Planted const p = planted(70 + k, n, k, 1e2);
    for (std::uint64_t seed = 0; seed < 40; ++seed)
      check_kernel(p, run_kernel(p.matrix, n, n, {b}, {.seed = seed}), {b});
  }
}
