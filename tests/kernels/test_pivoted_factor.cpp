// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/impl/pivoted_rows.hpp>

#include "support/planted.hpp"
#include <catch2/catch_test_macros.hpp>

/// Pivoted Cholesky, a column at a time and blocked, against planted spectra.
using namespace minfold;
using namespace minfold::test;

namespace {

minfold::impl::ExplicitMatrix<double> explicit_matrix(Vec const& a, int n) {
  return {a.data(), n, 1, n};
}

/// ||A - L L^T||_F of the rows w(j, :), in long double.
double rest_of(Vec const& a, int n, int rank, Vec const& w) {
  long double sum = 0;
  for (int i = 0; i < n; ++i)
    for (int l = 0; l < n; ++l) {
      long double x = a[i * n + l];
      for (int j = 0; j < rank; ++j) x -= (long double)(w[j * n + i]) * w[j * n + l];
      sum += x * x;
    }
  return double(std::sqrt(sum));
}

struct Factor {
  minfold::impl::PivotedRecord<double> record;
  Vec rows;  // (rank, n), in the order of A and divided by the square root of the factor
};
Factor factor(Vec const& a, int n, bool blocked,
              minfold::impl::PivotedOptions<double> const& options) {
  Factor f;
  Vec d(n), work(minfold::impl::pivoted_words);
  f.rows.resize(std::size_t(n) * n);
  if (blocked) {
    Vec l(std::size_t(n) * n);
    std::vector<int> order(n);
    f.record = minfold::impl::pivoted_cholesky_blocked(
        explicit_matrix(a, n), l.data(), n, order.data(), d.data(), work.data(), options);
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < f.record.rank; ++j)
        f.rows[j * n + order[i]] = j <= i ? l[i * n + j] : 0.0;
  } else {
    f.record = minfold::impl::pivoted_cholesky_rows(explicit_matrix(a, n), f.rows.data(), n,
                                                    d.data(), options);
  }
  for (double& x : f.rows) x /= std::sqrt(f.record.factor);
  return f;
}

}  // namespace

TEST_CASE("pivoted Cholesky stops at the rank, and its bound holds", "[pivoted]") {
  for (int n : {1, 2, 9, 40, 150})
    for (int rank : {0, 1, n / 4, n / 2, n})
      for (double scale : {1.0, 1e150, 1e-150}) {
        Planted const p = planted(std::uint64_t(n + rank), n, n - rank, 1e3, 0, scale);
        for (bool const blocked : {false, true})
          for (auto const rule :
               {minfold::impl::Pivoting::random, minfold::impl::Pivoting::greedy}) {
            if (!blocked && rank > minfold::impl::slim::widest) continue;
            auto const f = factor(p.matrix, n, blocked,
                                  {.max_rank = blocked ? n : std::min(n, 32),
                                   .tolerance = 1e-9,
                                   .pivoting = rule,
                                   .seed = 3});
            CAPTURE(n, rank, scale, blocked, int(rule), f.record.rank, f.record.rest);
            CHECK(f.record.rank == rank);
            CHECK(f.record.complete);
            CHECK(f.record.finite);
            CHECK(f.record.semidefinite());
            CHECK(f.record.columns == rank);
            CHECK(f.record.norm / f.record.factor <= p.norm() * (1 + 1e-12));
            CHECK(rest_of(p.matrix, n, rank, f.rows) <= f.record.bound() / f.record.factor);
          }
      }
}

TEST_CASE("the pivots depend on seed and item, the result does not", "[pivoted]") {
  int const n = 60;
  Planted const p = planted(5, n, 40, 100);
  auto const first = factor(p.matrix, n, true, {.max_rank = n, .tolerance = 1e-9});
  CHECK(first.rows == factor(p.matrix, n, true, {.max_rank = n, .tolerance = 1e-9}).rows);
  for (std::uint32_t item : {1u, 7u})
    for (bool const blocked : {false, true}) {
      auto const other =
          factor(p.matrix, n, blocked, {.max_rank = 30, .tolerance = 1e-9, .item = item});
      CHECK(other.rows != first.rows);
      CHECK(other.record.rank == 20);
      CHECK(rest_of(p.matrix, n, 20, other.rows) <= other.record.bound() / other.record.factor);
    }
}

TEST_CASE("a slow decay is factored within a small factor of the best", "[pivoted]") {
  int const n = 100, rank = 30;
  Vec values(n);
  for (int j = 0; j < n; ++j) values[j] = std::pow(0.8, j);
  Planted const p(6, n, 0, values);
  double best = 0;
  for (int j = rank; j < n; ++j) best += values[j];
  for (bool const blocked : {false, true}) {
    auto const f = factor(p.matrix, n, blocked, {.max_rank = rank});
    CHECK(f.record.rank == rank);
    CHECK(!f.record.complete);
    // The mean of the residual trace is that of the best approximation of a somewhat lower rank.
    CHECK(f.record.rest / f.record.factor >= best * (1 - 1e-12));
    CHECK(f.record.rest / f.record.factor <= 10 * best);
    CHECK(rest_of(p.matrix, n, rank, f.rows) <= f.record.bound() / f.record.factor);
  }
}
