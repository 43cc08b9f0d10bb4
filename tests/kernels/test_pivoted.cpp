// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/impl/pivoted_range.hpp>
#include <minfold/kernels/range_finder.hpp>

#include "support/records.hpp"
#include "support/solve.hpp"
#include <catch2/catch_test_macros.hpp>

#include <limits>
#include <stdexcept>

/// Pivoted Cholesky and what is made of it, against planted spectra.
using namespace minfold;
using namespace minfold::test;

namespace {

struct Ranged {
  Basis<double, Space> basis;
  Vectors<double, Space> values;
  std::vector<RangeRecord<double>> records;
};
template <class A>
Ranged run_range(A const& a, int capacity, RangeFinderOptions<double> options) {
  Ranged r{new_basis<double>(a.batch_size(), capacity, a.dim()),
           Vectors<double, Space>("test::values", a.batch_size(), capacity),
           {}};
  Scalars<RangeRecord<double>, Space> const records("test::records", a.batch_size());
  options.semidefinite = true;
  range_finder(Space(), a, r.basis, r.values, records, options);
  r.records = test::impl::entries(records);
  return r;
}

/// The same by teams, as devices do it.
template <class A>
Ranged run_teams(A const& a, int capacity, RangeFinderOptions<double> const& options) {
  int const items = a.batch_size();
  Ranged r{new_basis<double>(items, capacity, a.dim()),
           Vectors<double, Space>("test::values", items, capacity),
           {}};
  Scalars<RangeRecord<double>, Space> const records("test::records", items);
  Scalars<int, Space> const loose("test::loose", items);
  minfold::impl::factor_by_teams(Space(), a, loose, r.basis, r.values, records, options);
  minfold::impl::sketch_loose(Space(), a, loose, r.basis, r.values, records, options);
  r.records = test::impl::entries(records);
  return r;
}

/// ||(I - Q Q^T) A||_F, an upper bound of the norm that the record bounds.
double residual_of(Vec const& a, int n, Ranged const& r, int item) {
  auto const q = on_host(r.basis.vectors);
  std::vector<long double> rest(a.begin(), a.end());
  for (int j = 0; j < r.records[item].rank; ++j)
    for (int l = 0; l < n; ++l) {
      long double image = 0;
      for (int i = 0; i < n; ++i) image += (long double)(q(item, j, i))*a[i * n + l];
      for (int i = 0; i < n; ++i) rest[i * n + l] -= q(item, j, i) * image;
    }
  long double sum = 0;
  for (long double x : rest) sum += x * x;
  return double(std::sqrt(sum));
}

/// Converged, of the rank, with a bound that holds, values of A, and Ritz vectors.
void check_range(Planted const& p, Ranged const& r, int item, int rank, double accuracy) {
  auto const& record = r.records[item];
  CAPTURE(item, record.outcome, record.rank, rank, record.gap, record.range_residual,
          record.orthogonality);
  CHECK(record.outcome == Outcome::converged);
  REQUIRE(record.rank == rank);
  CHECK(on_host(r.basis.dimension)(item) == rank);
  CHECK(record.orthogonality <= 1e-13);
  CHECK(residual_of(p.matrix, p.n, r, item) <=
        std::sqrt(double(p.n)) * record.range_residual * record.norm_estimate);
  CHECK(record.norm_estimate <= p.norm() * (1 + 1e-12));
  Vec sorted = p.values;
  std::sort(sorted.rbegin(), sorted.rend());
  auto const values = row(on_host(r.values), item);
  auto const q = on_host(r.basis.vectors);
  for (int j = 0; j < rank; ++j) {
    CHECK(std::abs(values[j] - sorted[j]) <= accuracy * p.norm());
    Vec const v = row(q, item, j);
    CHECK(norm(minus(p.multiply(v), times(values[j], v))) <= accuracy * p.norm());
  }
  for (int j = rank; j < int(values.size()); ++j) {
    CHECK(values[j] == 0);
    CHECK(norm(row(q, item, j)) == 0);
  }
}

}  // namespace

TEST_CASE("the range of a semidefinite matrix from its pivoted factor", "[pivoted]") {
  int const n = 72;
  for (double const condition : {1.0, 1e2, 1e4})
    for (double const scale : {1.0, 1e150, 1e-150}) {
      std::vector<Planted> items;
      std::vector<int> const ranks = {0, 1, 7, 8, 9, 16, 17, 32, 33, 50, 72};
      for (int rank : ranks)
        items.push_back(planted(std::uint64_t(rank), n, n - rank, condition, 0, scale));
      for (auto const method : {RangeMethod::automatic, RangeMethod::pivoted_cholesky}) {
        auto const r = run_range(dense(items), n, {.method = method});
        for (std::size_t i = 0; i < items.size(); ++i) {
          check_range(items[i], r, int(i), ranks[i], 1e-13);
          // Nothing beyond the diagonal and the columns of the pivots is read.
          CHECK(r.records[i].products <= (ranks[i] <= 32 ? ranks[i] : ranks[i] + 32));
        }
      }
    }
}

TEST_CASE("the factor by teams gives what the factor by tasks gives", "[pivoted][nan]") {
  int const n = 50;
  for (double const scale : {1.0, 1e150, 1e-150}) {
    std::vector<Planted> items;
    std::vector<int> const ranks = {0, 1, 8, 17, 40, 50};
    for (int rank : ranks)
      items.push_back(planted(std::uint64_t(rank), n, n - rank, 1e3, 0, scale));
    for (auto const method : {RangeMethod::automatic, RangeMethod::pivoted_cholesky}) {
      auto const r = run_teams(dense(items), n, {.method = method});
      for (std::size_t i = 0; i < items.size(); ++i) {
        check_range(items[i], r, int(i), ranks[i], 1e-12);
        CHECK(r.records[i].products == ranks[i]);
      }
    }
  }
  Planted const good = planted(14, n, n - 6, 10), noisy = planted(15, n, n - 6, 10, 1e-9);
  Vec broken = good.matrix, negative = good.matrix;
  broken[n + 1] = std::nan("");
  negative[n + 1] = -1;
  DenseOperator<Blocks<double, Space>> const a(
      to_matrices({good.matrix, broken, noisy.matrix, negative}, n));
  for (int fixed : {0, 6}) {
    auto const forced = run_teams(a, 12, {.rank = fixed, .method = RangeMethod::pivoted_cholesky});
    check_range(good, forced, 0, 6, 1e-13);
    CHECK(forced.records[1].outcome == Outcome::not_finite);
    CHECK(forced.records[3].outcome == Outcome::indefinite_operator);
    CHECK(forced.records[3].rank == 0);
    auto const r = run_teams(a, 12, {.rank = fixed});
    check_range(good, r, 0, 6, 1e-13);
    CHECK(r.records[1].outcome == Outcome::not_finite);
    CHECK(r.records[2].outcome == Outcome::converged);
    CHECK(r.records[2].rank == 6);
  }
  CHECK(run_teams(dense({good}), 4, {.method = RangeMethod::pivoted_cholesky}).records[0].outcome ==
        Outcome::rank_limit);
}

TEST_CASE("capacity and fixed rank limit the pivoted factor", "[pivoted]") {
  int const n = 40;
  std::vector<Planted> const p = {planted(8, n, n - 12, 100), planted(9, n, n - 5, 100)};
  auto const fixed = run_range(dense(p), 12, {.rank = 12});
  check_range(p[0], fixed, 0, 12, 1e-13);
  check_range(p[1], fixed, 1, 5, 1e-13);
  CHECK(fixed.records[0].products == 12);
  // A rank below that of A is not within the tolerance: the sketch answers, the factor when forced.
  for (auto const method : {RangeMethod::automatic, RangeMethod::pivoted_cholesky}) {
    auto const low = run_range(dense(p), 12, {.rank = 6, .method = method});
    CHECK(low.records[0].rank == 6);
    CHECK(low.records[0].outcome == Outcome::converged);
    CHECK(residual_of(p[0].matrix, n, low, 0) <=
          std::sqrt(double(n)) * low.records[0].range_residual * low.records[0].norm_estimate);
    auto const small = run_range(dense(p), 7, {.method = method});
    CHECK(small.records[0].outcome == Outcome::rank_limit);
    CHECK(small.records[1].outcome == Outcome::converged);
    CHECK(residual_of(p[0].matrix, n, small, 0) <=
          std::sqrt(double(n)) * small.records[0].range_residual * small.records[0].norm_estimate);
  }
  auto const none = run_range(dense(p), 0, {.method = RangeMethod::pivoted_cholesky});
  CHECK(none.records[0].outcome == Outcome::rank_limit);
  CHECK(none.records[0].range_residual >= 1);
}

TEST_CASE("what contradicts A >= 0 is sketched, and touches no other item", "[pivoted][nan]") {
  int const n = 30;
  Planted const good = planted(10, n, n - 6, 10);
  Planted const negative(11, n, n - 6, [] {
    Vec v(30, 0.0);
    for (int j = 24; j < 30; ++j) v[j] = j % 2 ? 1.0 : -0.5;
    return v;
  }());
  // Noise of both signs: |a_ij|^2 > a_ii a_jj for what is left.
  Planted const noisy = planted(12, n, n - 6, 10, 1e-9);
  Vec broken = good.matrix;
  broken[0] = std::nan("");
  Vec infinite = good.matrix;
  for (int i = 0; i < n; ++i) infinite[i * n + 3] = infinite[3 * n + i] = HUGE_VAL;
  std::vector<Vec> const matrices = {good.matrix,  negative.matrix, broken,
                                     noisy.matrix, infinite,        good.matrix};
  DenseOperator<Blocks<double, Space>> const a(to_matrices(matrices, n));
  for (int fixed : {0, 6}) {
    auto const r = run_range(a, 12, {.rank = fixed});
    auto const forced = run_range(a, 12, {.rank = fixed, .method = RangeMethod::pivoted_cholesky});
    Outcome const automatic[] = {Outcome::converged, Outcome::converged,  Outcome::not_finite,
                                 Outcome::converged, Outcome::not_finite, Outcome::converged};
    for (int item = 0; item < 6; ++item) {
      CAPTURE(fixed, item, r.records[item].outcome, forced.records[item].outcome);
      CHECK(r.records[item].outcome == automatic[item]);
      CHECK(r.records[item].rank == (automatic[item] == Outcome::converged ? 6 : 0));
      for (auto const* x : {&r, &forced})
        for (int j = 0; j < 12; ++j)
          for (double v : row(on_host(x->basis.vectors), item, j)) REQUIRE(std::isfinite(v));
    }
    CHECK(forced.records[1].outcome == Outcome::indefinite_operator);
    CHECK(forced.records[1].rank == 0);
    CHECK(forced.records[2].outcome == Outcome::not_finite);
    CHECK(forced.records[4].outcome == Outcome::not_finite);
    // A column that is not finite leaves no success behind.
    for (int item : {0, 5}) check_range(good, forced, item, 6, 1e-13);
    check_range(good, r, 0, 6, 1e-13);
    // Negative eigenvalues are found by the sketch, by magnitude.
    CHECK(residual_of(negative.matrix, n, r, 1) <= 1e-12);
  }
}

TEST_CASE("pivoted Cholesky is refused where nobody vouches for the matrix, or there is none",
          "[pivoted]") {
  std::vector<Planted> const p = {planted(13, 8, 4, 10)};
  auto const basis = new_basis<double>(1, 8, 8);
  Vectors<double, Space> const values("test::values", 1, 8);
  Scalars<RangeRecord<double>, Space> const records("test::records", 1);
  RangeFinderOptions<double> options{.method = RangeMethod::pivoted_cholesky};
  CHECK_THROWS_AS(range_finder(Space(), dense(p), basis, values, records, options),
                  std::invalid_argument);
  InBulk<double> const bulk{to_matrices(matrices_of(p), 8)};
  options.semidefinite = true;
  CHECK_THROWS_AS(range_finder(Space(), bulk, basis, values, records, options),
                  std::invalid_argument);
  // Said of an operator without entries, it changes nothing.
  options.method = RangeMethod::automatic;
  range_finder(Space(), bulk, basis, values, records, options);
  CHECK(on_host(records)(0).rank == 4);
}

TEST_CASE("a pivoted item gives the same bits alone, in any place and in any layout", "[pivoted]") {
  int const n = 45;
  std::vector<Planted> items;
  for (int rank : {3, 16, 20, 40}) items.push_back(planted(std::uint64_t(rank), n, n - rank, 50));
  // One that falls back, with a fixed rank: then the sketch's width is that of the options.
  items.push_back(planted(77, n, n - 4, 50, 1e-8));
  int const order[] = {3, 0, 4, 2, 1};
  auto const run = [&](std::vector<int> const& which, auto layout, int rank) {
    Kokkos::View<int*, Space> const ids("test::ids", which.size());
    Kokkos::View<double***, decltype(layout), Space> const m("test::m", which.size(), n, n);
    auto const host = Kokkos::create_mirror_view(m);
    auto const host_ids = Kokkos::create_mirror_view(ids);
    for (std::size_t i = 0; i < which.size(); ++i) {
      host_ids(i) = which[i];
      for (int t = 0; t < n * n; ++t) host(i, t / n, t % n) = items[which[i]].matrix[t];
    }
    Kokkos::deep_copy(m, host);
    Kokkos::deep_copy(ids, host_ids);
    RangeFinderOptions<double> options{.rank = rank};
    options.item_ids = ids;
    return run_range(DenseOperator(m), n, options);
  };
  for (int const rank : {0, 20}) {
    int const last = rank == 0 ? 4 : 5;
    std::vector<int> all, permuted;
    for (int i = 0; i < last; ++i) all.push_back(i);
    for (int i : order)
      if (i < last) permuted.push_back(i);
    auto const x = run(all, Kokkos::LayoutRight(), rank);
    auto const check = [&](Ranged const& y, std::vector<int> const& which) {
      for (std::size_t i = 0; i < which.size(); ++i) {
        CAPTURE(rank, i);
        CHECK(members(y.records[i]) == members(x.records[which[i]]));
        CHECK(row(on_host(y.values), int(i)) == row(on_host(x.values), which[i]));
        for (int j = 0; j < n; ++j)
          REQUIRE(row(on_host(y.basis.vectors), int(i), j) ==
                  row(on_host(x.basis.vectors), which[i], j));
      }
    };
    check(run(permuted, Kokkos::LayoutRight(), rank), permuted);
    for (int i = 0; i < last; ++i) check(run({i}, Kokkos::LayoutRight(), rank), {i});
    auto const left = run(all, Kokkos::LayoutLeft(), rank);
    for (int i = 0; i < last; ++i) CHECK(left.records[i].rank == x.records[i].rank);
  }
}

TEST_CASE("the pivoted range in single precision, of order one, and of no items", "[pivoted]") {
  int const n = 50;
  std::vector<Planted> items;
  for (int rank : {1, 10, 20, 40}) items.push_back(planted(std::uint64_t(rank), n, n - rank, 10));
  DenseOperator<Blocks<float, Space>> const a(to_matrices<float>(matrices_of(items), n));
  auto const basis = new_basis<float>(4, n, n);
  Vectors<float, Space> const values("test::values", 4, n);
  Scalars<RangeRecord<float>, Space> const records("test::records", 4);
  range_finder(Space(), a, basis, values, records, {.semidefinite = true});
  auto const r = on_host(records);
  int const ranks[] = {1, 10, 20, 40};
  for (int item = 0; item < 4; ++item) {
    CAPTURE(item, r(item).outcome, r(item).range_residual);
    CHECK(r(item).outcome == Outcome::converged);
    CHECK(r(item).rank == ranks[item]);
    CHECK(double(r(item).orthogonality) <= 8 * std::sqrt(double(n)) * epsilon<float>);
    CHECK(std::abs(on_host(values)(item, 0) - 1) <= 1e-5);
  }
  check_range(Planted(1, 1, 0, {2.0}), run_range(dense({Planted(1, 1, 0, {2.0})}), 1, {}), 0, 1,
              1e-15);
  DenseOperator<Blocks<double, Space>> const none(Blocks<double, Space>("test::none", 0, 5, 5));
  CHECK(run_range(none, 5, {}).records.empty());
}

TEST_CASE("a pivoted basis in single precision is orthonormal to rounding", "[pivoted]") {
  // Where values are close, the last sweep of Jacobi's method leaves a hundred eps.
  int const count = 300;
  for (int const n : {17, 34, 44}) {
    std::vector<Vec> matrices;
    for (int i = 0; i < count; ++i) {
      int const kernel = n == 17 ? 7 : n - 31;
      Vec values(n);
      for (int j = kernel; j < n; ++j)
        values[j] = 1 - 1e-3 * uniform({305, Stream::test, std::uint32_t(i), std::uint32_t(j), 0});
      matrices.push_back(Planted(std::uint64_t(i), n, kernel, values).matrix);
    }
    DenseOperator<Blocks<float, Space>> const a(to_matrices<float>(matrices, n));
    auto const basis = new_basis<float>(count, 32, n);
    Vectors<float, Space> const values("test::values", count, 32);
    Scalars<RangeRecord<float>, Space> const records("test::records", count);
    range_finder(Space(), a, basis, values, records,
                 {.method = RangeMethod::pivoted_cholesky, .semidefinite = true});
    auto const vectors = on_host(basis.vectors);
    auto const r = on_host(records);
    double const rounded = std::sqrt(double(n)) * epsilon<float>;
    int refused = 0;
    for (int item = 0; item < count; ++item) {
      // Rounded to float, a few are less than semidefinite where a pivot is small.
      refused += r(item).outcome == Outcome::indefinite_operator;
      if (r(item).outcome == Outcome::indefinite_operator) continue;
      double off = 0;
      for (int j = 0; j < r(item).rank; ++j)
        for (int l = 0; l <= j; ++l)
          off =
              std::max(off, std::abs(dot(row(vectors, item, j), row(vectors, item, l)) - (l == j)));
      CAPTURE(n, item, r(item).outcome, r(item).orthogonality, off);
      CHECK(r(item).outcome == Outcome::converged);
      CHECK(r(item).rank == (n == 17 ? 10 : 31));
      CHECK(off <= 6 * rounded);
      CHECK(std::abs(r(item).orthogonality - off) <= 2 * rounded);
    }
    CHECK(refused <= count / 100);
  }
}
