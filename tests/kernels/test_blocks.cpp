// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/orthonormalize.hpp>
#include <minfold/kernels/range_finder.hpp>
#include <minfold/kernels/symmetric_eigen.hpp>

#include "support/solve.hpp"
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <lapacke.h>

#include <limits>

using namespace minfold;
using namespace minfold::test;

namespace {

template <class T>
Blocks<T, Space> to_blocks(std::vector<std::vector<Vec>> const& items) {
  Blocks<T, Space> b("test::blocks", items.size(), items[0].size(), items[0][0].size());
  auto const host = Kokkos::create_mirror_view(b);
  for (std::size_t i = 0; i < items.size(); ++i)
    for (std::size_t j = 0; j < items[i].size(); ++j)
      for (std::size_t l = 0; l < items[i][j].size(); ++l) host(i, j, l) = T(items[i][j][l]);
  Kokkos::deep_copy(b, host);
  return b;
}

struct Orthonormal {
  std::vector<Vec> vectors;
  int rank;
  Outcome outcome;
  double orthogonality;
};

template <class T>
Orthonormal orthonormal(std::vector<Vec> const& w, double tolerance = -1) {
  auto const block = to_blocks<T>({w});
  Scalars<OrthonormalizeRecord<T>, Space> const records("test::records", 1);
  OrthonormalizeOptions<T> options;
  if (tolerance >= 0) options.relative_tolerance = T(tolerance);
  orthonormalize(Space(), block, records, options);
  auto const r = on_host(records)(0);
  auto const host = on_host(block);
  Orthonormal out{{}, r.rank, r.outcome, 0};
  for (std::size_t j = 0; j < w.size(); ++j) out.vectors.push_back(row(host, 0, int(j)));
  for (int j = 0; j < r.rank; ++j)
    for (int l = 0; l <= j; ++l)
      out.orthogonality = std::max(
          out.orthogonality, std::abs(dot(out.vectors[j], out.vectors[l]) - (l == j ? 1 : 0)));
  return out;
}

/// ||(I - Q Q^T) v|| / ||v||
double outside(Orthonormal const& q, Vec v) {
  double const size = norm(v);
  for (int pass = 0; pass < 2; ++pass)
    for (int j = 0; j < q.rank; ++j) v = minus(v, times(dot(q.vectors[j], v), q.vectors[j]));
  return norm(v) / size;
}

std::vector<Vec> random_block(std::uint64_t seed, int columns, int n) {
  std::vector<Vec> w;
  for (int j = 0; j < columns; ++j) w.push_back(normals(seed, j, n));
  return w;
}

}  // namespace

TEMPLATE_TEST_CASE("orthonormal vectors span what was given, at any scale", "", double, float) {
  using T = TestType;
  double const eps = double(epsilon<T>), large = std::is_same_v<T, double> ? 1e150 : 1e30;
  for (double const scale : {1.0, large, 1 / large})
    for (auto const& [columns, n] : {std::pair(1, 1), {3, 3}, {4, 30}, {30, 30}, {40, 12}}) {
      auto w = random_block(1, columns, n);
      for (auto& v : w) v = times(scale, v);
      auto const q = orthonormal<T>(w);
      CAPTURE(scale, columns, n);
      CHECK(q.outcome == Outcome::converged);
      CHECK(q.rank == std::min(columns, n));
      CHECK(q.orthogonality <= 32 * eps);
      for (auto const& v : w) CHECK(outside(q, v) <= 1e3 * n * eps);
      for (std::size_t j = q.rank; j < w.size(); ++j) CHECK(norm(q.vectors[j]) == 0);
    }
}

TEMPLATE_TEST_CASE("dependent vectors are dropped: zero, repeated, and combinations of others", "",
                   double, float) {
  using T = TestType;
  int const n = 20;
  double const eps = double(epsilon<T>);
  Vec const a = normals(2, 0, n), b = normals(2, 1, n), zero(n);
  Vec combination = a;
  for (int i = 0; i < n; ++i) combination[i] = 3 * a[i] - 0.125 * b[i];
  auto const q = orthonormal<T>({a, zero, a, times(-2, a), b, combination, b});
  CHECK(q.outcome == Outcome::converged);
  CHECK(q.rank == 2);
  CHECK(q.orthogonality <= 32 * eps);
  CHECK(outside(q, a) <= 64 * eps);
  CHECK(outside(q, b) <= 64 * eps);
  auto const nothing = orthonormal<T>({zero, zero});
  CHECK(nothing.rank == 0);
  CHECK(nothing.outcome == Outcome::converged);
  // Even where everything that is not zero is kept, what is kept is orthonormal.
  auto const all =
      orthonormal<T>({a, a, times(1 + 8 * eps, a), b, combination}, std::numeric_limits<T>::min());
  CAPTURE(all.rank);
  CHECK(all.orthogonality <= 32 * eps);
}

TEMPLATE_TEST_CASE("nearly dependent vectors lose no orthogonality", "", double, float) {
  using T = TestType;
  int const n = 16;
  double const eps = double(epsilon<T>);
  // Hilbert matrix: condition beyond 1/eps in either precision.
  std::vector<Vec> w;
  for (int j = 0; j < n; ++j) {
    Vec v(n);
    for (int i = 0; i < n; ++i) v[i] = 1.0 / (i + j + 1);
    w.push_back(v);
  }
  for (double const tolerance : {16 * eps, 0.0, double(std::numeric_limits<T>::min())}) {
    auto const q = orthonormal<T>(w, tolerance);
    CAPTURE(tolerance, q.rank);
    CHECK(q.outcome == Outcome::converged);
    CHECK(q.orthogonality <= 32 * eps);
    for (auto const& v : w) CHECK(outside(q, v) <= 64 * n * eps);
  }
}

TEMPLATE_TEST_CASE("vectors that are not finite end their item alone", "", double, float) {
  using T = TestType;
  auto const good = random_block(3, 3, 8);
  for (double const bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    auto broken = good;
    broken[1][4] = bad;
    auto const block = to_blocks<T>({good, broken, good});
    Scalars<OrthonormalizeRecord<T>, Space> const records("test::records", 3);
    orthonormalize(Space(), block, records);
    auto const r = on_host(records);
    CHECK(r(1).outcome == Outcome::not_finite);
    CHECK(r(1).rank == 0);
    CHECK(r(0).rank == 3);
    auto const host = on_host(block);
    for (int j = 0; j < 3; ++j) {
      CHECK(norm(row(host, 1, j)) == 0);
      CHECK(row(host, 0, j) == row(host, 2, j));
    }
  }
}

TEMPLATE_TEST_CASE("eigenvalues and eigenvectors by Jacobi and by LAPACK, in one precision or two",
                   "", double, float) {
  using T = TestType;
  double const eps = double(epsilon<T>), large = std::is_same_v<T, double> ? 1e150 : 1e30;
  for (auto const method : {EigenMethod::jacobi, EigenMethod::lapack, EigenMethod::automatic})
    for (int n : {1, 2, 3, 11, 12, 40})
      for (double const scale : {1.0, large, 1 / large}) {
        Vec values = spectrum(std::uint64_t(n), n, n / 3, 1e3);
        if (n > 1) values[n - 1] = -1;
        Planted const p(std::uint64_t(n), n, n / 3, values, scale);
        auto const a = to_matrices<T>({p.matrix, p.matrix, Vec(std::size_t(n) * n)}, n);
        Vectors<T, Space> const w("test::w", 3, n);
        Scalars<EigenRecord<T>, Space> const records("test::records", 3);
        symmetric_eigen(Space(), a, w, records, {.method = method});
        auto const r = on_host(records);
        auto const hw = on_host(w);
        auto const v = on_host(a);
        Vec sorted = p.values;
        std::sort(sorted.begin(), sorted.end());
        CAPTURE(int(method), n, scale);
        CHECK(r(0).outcome == Outcome::converged);
        CHECK(r(0).residual <= 16 * n * eps);
        CHECK(std::abs(r(0).norm - p.norm()) <= 16 * n * eps * p.norm());
        for (int j = 0; j < n; ++j) {
          CHECK(std::abs(hw(0, j) - sorted[j]) <= 16 * n * eps * p.norm());
          auto const q = row(v, 0, j);
          Vec const image = p.multiply(q);
          CHECK(norm(minus(image, times(hw(0, j), q))) <= 16 * n * eps * p.norm());
          for (int l = 0; l <= j; ++l)
            CHECK(std::abs(dot(q, row(v, 0, l)) - (l == j ? 1 : 0)) <= 16 * n * eps);
        }
        // The zero matrix: eigenvalues zero, vectors still orthonormal.
        CHECK(r(2).outcome == Outcome::converged);
        CHECK(norm(row(hw, 2)) == 0);
        for (int j = 0; j < n; ++j) CHECK(std::abs(norm(row(v, 2, j)) - 1) <= 16 * eps);
      }
}

TEMPLATE_TEST_CASE("a matrix that is not finite ends its own decomposition only", "", double,
                   float) {
  using T = TestType;
  for (auto const method : {EigenMethod::jacobi, EigenMethod::lapack})
    for (double const bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
      int const n = 14;
      auto const p = planted(5, n, 4, 10);
      Vec broken = p.matrix;
      broken[n + 3] = broken[3 * n + 1] = bad;
      auto const a = to_matrices<T>({broken, p.matrix}, n), alone = to_matrices<T>({p.matrix}, n);
      Vectors<T, Space> const w("test::w", 2, n), w1("test::w", 1, n);
      Scalars<EigenRecord<T>, Space> const records("test::records", 2), r1("test::records", 1);
      symmetric_eigen(Space(), a, w, records, {.method = method});
      symmetric_eigen(Space(), alone, w1, r1, {.method = method});
      CHECK(on_host(records)(0).outcome == Outcome::not_finite);
      CHECK(on_host(records)(1).outcome == Outcome::converged);
      CHECK(norm(row(on_host(w), 0)) == 0);
      CHECK(row(on_host(w), 1) == row(on_host(w1), 0));
      for (int j = 0; j < n; ++j) CHECK(norm(row(on_host(a), 0, j)) == 0);
    }
}

namespace {

struct Ranged {
  Basis<double, Space> basis;
  Vectors<double, Space> values;
  std::vector<RangeRecord<double>> records;
};
template <class A>
Ranged run_range(A const& a, int capacity, RangeFinderOptions<double> const& options) {
  Ranged r{new_basis<double>(a.batch_size(), capacity, a.dim()),
           Vectors<double, Space>("test::values", a.batch_size(), capacity),
           {}};
  Scalars<RangeRecord<double>, Space> const records("test::records", a.batch_size());
  range_finder(Space(), a, r.basis, r.values, records, options);
  r.records = test::impl::entries(records);
  return r;
}

/// ||(I - Q Q^T) A||_2 by LAPACK.
double true_residual(Planted const& p, Ranged const& r, int item) {
  auto const q = on_host(r.basis.vectors);
  Vec rest = p.matrix;
  for (int j = 0; j < r.records[item].rank; ++j) {
    Vec const v = row(q, item, j), image = p.multiply(v);
    for (int i = 0; i < p.n; ++i)
      for (int l = 0; l < p.n; ++l) rest[i * p.n + l] -= v[i] * image[l];
  }
  Vec singular(p.n);
  // Leading dimensions are checked even of what is not referenced.
  REQUIRE(LAPACKE_dgesdd(LAPACK_ROW_MAJOR, 'N', p.n, p.n, rest.data(), p.n, singular.data(),
                         nullptr, p.n, nullptr, p.n) == 0);
  return singular[0];
}

}  // namespace

TEST_CASE("the range finder finds the exact rank where there is a gap, and its bound holds") {
  int const n = 60;
  for (double const condition : {2.0, 1e2, 1e4}) {
    std::vector<Planted> items;
    for (int rank : {0, 1, 5, 8, 17, 40, 60})
      items.push_back(planted(std::uint64_t(rank), n, n - rank, condition, 1e-9));
    // Noise alone has full rank relative to itself.
    items[0] = planted(0, n, n, 1);
    for (auto const& r : {run_range(dense(items), n, {}),
                          run_range(InBulk<double>{to_matrices(matrices_of(items), n)}, n, {})})
      for (std::size_t i = 0; i < items.size(); ++i) {
        auto const& record = r.records[i];
        auto const& p = items[i];
        CAPTURE(condition, n - p.k, record.rank, record.outcome, record.gap, record.range_residual);
        CHECK(record.outcome == Outcome::converged);
        CHECK(record.rank == n - p.k);
        CHECK(record.orthogonality <= 1e-12);
        CHECK(true_residual(p, r, int(i)) <=
              record.range_residual * record.norm_estimate + 1e-14 * p.norm());
        CHECK(record.norm_estimate <= p.norm() * (1 + 1e-12));
        auto const values = row(on_host(r.values), int(i));
        for (int j = 0; j + 1 < record.rank; ++j)
          CHECK(std::abs(values[j]) >= std::abs(values[j + 1]));
        if (record.rank > 0)
          CHECK(std::abs(values[record.rank - 1] - p.smallest()) <= 1e-6 * p.smallest());
      }
  }
}

TEST_CASE("a fixed rank keeps the eigenvalues of largest magnitude") {
  int const n = 80;
  Vec values(n);
  for (int j = 0; j < n; ++j) values[j] = std::pow(0.7, j) * (j % 3 == 1 ? -1 : 1);
  std::vector<Planted> const items = {Planted(4, n, 0, values)};
  for (int rank : {1, 4, 12}) {
    auto const r = run_range(InBulk<double>{to_matrices(matrices_of(items), n)}, 16,
                             {.rank = rank, .power_iterations = 2});
    auto const found = row(on_host(r.values), 0);
    CAPTURE(rank, r.records[0].range_residual);
    CHECK(r.records[0].outcome == Outcome::converged);
    CHECK(r.records[0].rank == rank);
    // Oversampled by 8 and two powers: each value to (0.7^8)^4, far below one percent.
    for (int j = 0; j < rank; ++j)
      CHECK(std::abs(found[j] - values[j]) <= 0.01 * std::abs(values[j]));
    for (int j = rank; j < 16; ++j) CHECK(found[j] == 0);
    CHECK(true_residual(items[0], r, 0) <=
          r.records[0].range_residual * r.records[0].norm_estimate);
    // Best possible is 0.7^rank; ten times is what the probability factor of the probes costs.
    CHECK(r.records[0].range_residual <= 100 * std::pow(0.7, rank));
  }
  // Fewer eigenvalues than asked for: the rank is what there is.
  std::vector<Planted> const low = {planted(6, n, n - 3, 10)};
  CHECK(run_range(dense(low), 16, {.rank = 10}).records[0].rank == 3);
}

TEST_CASE("a rank beyond the capacity is a rank limit, and a slow decay an ambiguous rank") {
  int const n = 60;
  std::vector<Planted> const wide = {planted(7, n, 20, 10)};
  auto const limited = run_range(InBulk<double>{to_matrices(matrices_of(wide), n)}, 10, {});
  CHECK(limited.records[0].outcome == Outcome::rank_limit);
  CHECK(true_residual(wide[0], limited, 0) <=
        limited.records[0].range_residual * limited.records[0].norm_estimate);
  Vec values(n);
  for (int j = 0; j < n; ++j) values[j] = std::pow(0.6, j);
  std::vector<Planted> const slow = {Planted(8, n, 0, values)};
  auto const decay = run_range(InBulk<double>{to_matrices(matrices_of(slow), n)}, n, {});
  CAPTURE(decay.records[0].rank, decay.records[0].gap);
  CHECK(decay.records[0].outcome == Outcome::ambiguous_rank);
  CHECK(true_residual(slow[0], decay, 0) <=
        decay.records[0].range_residual * decay.records[0].norm_estimate);
}

TEST_CASE("the range finder on the adversarial list") {
  int const n = 24;
  double const nan = std::nan("");
  auto const p = planted(9, n, 18, 10);
  Vec broken = p.matrix;
  broken[5] = nan;
  std::vector<Vec> const matrices = {Vec(std::size_t(n) * n), p.matrix, broken,
                                     times(1e150, p.matrix), times(1e-150, p.matrix)};
  for (int fixed : {0, 6}) {
    auto const r = run_range(InBulk<double>{to_matrices(matrices, n)}, 20, {.rank = fixed});
    int const rank[] = {0, 6, 0, 6, 6};
    for (int item = 0; item < 5; ++item) {
      CAPTURE(fixed, item, r.records[item].outcome, r.records[item].rank);
      CHECK(r.records[item].outcome == (item == 2 ? Outcome::not_finite : Outcome::converged));
      CHECK(r.records[item].rank == rank[item]);
      for (int j = 0; j < 20; ++j)
        for (double x : row(on_host(r.basis.vectors), item, j)) REQUIRE(std::isfinite(x));
    }
    CHECK(r.records[0].range_residual == 0);
  }
  // Order one and an empty batch.
  CHECK(run_range(dense({Planted(1, 1, 0, {2.0})}), 1, {}).records[0].rank == 1);
  CHECK(run_range(InBulk<double>{Blocks<double, Space>("test::none", 0, 5, 5)}, 5, {})
            .records.empty());
}
