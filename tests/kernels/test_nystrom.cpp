// SPDX-License-Identifier: Apache-2.0
// What nystrom computes, against its formula in long double.
#include <minfold/kernels/nystrom.hpp>

#include "support/decaying.hpp"
#include "support/solve.hpp"
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>
#include <lapacke.h>

#include <limits>

using namespace minfold;
using namespace minfold::test;

namespace {

using Long = std::vector<long double>;

/// Columns of the sketch of an item, as rows.
std::vector<Vec> columns_of(int item, int n, int width, std::uint64_t seed) {
  Blocks<double, Space> const x("test::sketch", item + 1, width, n);
  minfold::impl::fill_uniform_sketch(Space(), x, seed, Stream::sketch, 0, {});
  auto const host = on_host(x);
  std::vector<Vec> rows;
  for (int c = 0; c < width; ++c) rows.push_back(row(host, item, c));
  return rows;
}

/// A Omega (Omega^T A Omega)^-1 Omega^T A by Cholesky in long double.
Vec approximation_of(Planted const& p, std::vector<Vec> const& omega) {
  int const n = p.n, width = int(omega.size());
  std::vector<Long> y(width, Long(n)), l(width, Long(width));
  for (int c = 0; c < width; ++c)
    for (int i = 0; i < n; ++i)
      for (int j = 0; j < n; ++j) y[c][i] += (long double)(p.matrix[i * n + j]) * omega[c][j];
  for (int i = 0; i < width; ++i)
    for (int j = 0; j <= i; ++j) {
      for (int t = 0; t < n; ++t) l[i][j] += omega[i][t] * y[j][t];
      for (int t = 0; t < j; ++t) l[i][j] -= l[i][t] * l[j][t];
      l[i][j] = i == j ? std::sqrt(l[i][i]) : l[i][j] / l[j][j];
    }
  for (int c = 0; c < width; ++c)
    for (int i = 0; i < n; ++i) {
      for (int t = 0; t < c; ++t) y[c][i] -= l[c][t] * y[t][i];
      y[c][i] /= l[c][c];
    }
  Vec m(std::size_t(n) * n);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) {
      long double sum = 0;
      for (int c = 0; c < width; ++c) sum += y[c][i] * y[c][j];
      m[i * n + j] = double(sum);
    }
  return m;
}

/// Largest entry of U diag(values) U^T - m, and of U U^T - I.
std::pair<double, double> errors(Nystrom<double, Space> const& u, int item, Vec const& m) {
  auto const r = on_host(u.records)(item);
  auto const vectors = on_host(u.basis.vectors);
  auto const values = on_host(u.values);
  int const n = int(vectors.extent(2));
  double off = 0, angle = 0;
  Vec rest = m;
  for (int j = 0; j < int(vectors.extent(1)); ++j) {
    Vec const v = row(vectors, item, j);
    for (int l = 0; l <= j; ++l) {
      double const expected = l == j && j < r.rank ? 1 : 0;
      angle = std::max(angle, std::abs(dot(v, row(vectors, item, l)) - expected));
    }
    for (int i = 0; i < n; ++i)
      for (int l = 0; l < n; ++l) rest[i * n + l] -= values(item, j) * v[i] * v[l];
  }
  for (double e : rest) off = std::max(off, std::abs(e));
  return {off, angle};
}

Vec decay_by(int n, int k, double ratio, double least) {
  Vec values(n);
  for (int j = k; j < n; ++j) values[j] = std::max(std::pow(ratio, j - k), least);
  return values;
}

Vec smallest_eigenvalues(Vec m, int n) {
  Vec w(n);
  REQUIRE(LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'N', 'U', n, m.data(), n, w.data()) == 0);
  return w;
}

/// G = M M^T with M width x inner: semidefinite, singular where inner < width.
template <class T>
Vec gram_of(std::uint64_t seed, int width, int inner, double diagonal) {
  Vec g(std::size_t(width) * width);
  std::vector<Vec> m;
  for (int i = 0; i < width; ++i) m.push_back(normals(seed, i, inner));
  for (int i = 0; i < width; ++i)
    for (int j = 0; j < width; ++j)
      g[i * width + j] = double(T(dot(m[i], m[j]) + (i == j ? diagonal : 0)));
  return g;
}

}  // namespace

TEMPLATE_TEST_CASE("whitening by Cholesky inverts the factor, and refuses what is singular", "",
                   double, float) {
  using T = TestType;
  using minfold::impl::WhitenMethod;
  double const eps = double(epsilon<T>);
  // In float the bound of the condition, width^2 at least, soon leaves no room.
  for (int const width : {1, 2, 7, 20, std::is_same_v<T, double> ? 70 : 25}) {
    auto const good = gram_of<T>(340, width, 2 * width + 3, width);
    auto const singular = gram_of<T>(341, width, width / 2, 0);
    auto negative = good, broken = good;
    negative[std::size_t(width) * width - 1] = -1;
    broken[0] = std::numeric_limits<double>::quiet_NaN();
    // Below the diagonal is all that counts.
    auto half = good;
    for (int i = 0; i < width; ++i)
      for (int j = i + 1; j < width; ++j) half[i * width + j] = 1e30;
    auto const gram = to_matrices<T>({good, singular, negative, broken, half}, width);
    for (auto const method : {WhitenMethod::lapack, WhitenMethod::team}) {
      Blocks<T, Space> const c("test::whitened", 5, width, width);
      Scalars<int, Space> const whitened("test::flags", 5);
      minfold::impl::whiten_by_cholesky(Space(), Blocks<T, Space>(gram), c, whitened,
                                        minfold::impl::nystrom_cut<T>(width), method);
      auto const host = on_host(c);
      auto const flags = on_host(whitened);
      CAPTURE(width, int(method));
      CHECK(flags(1) == 0);
      CHECK(flags(2) == 0);
      CHECK(flags(3) == 0);
      for (int const item : {0, 4}) {
        REQUIRE(flags(item) == 1);
        double worst = 0, above = 0;
        Vec half_way(std::size_t(width) * width);
        for (int i = 0; i < width; ++i)
          for (int j = 0; j < width; ++j) {
            if (j > i) above = std::max(above, std::abs(double(host(item, i, j))));
            for (int t = 0; t <= i; ++t)
              half_way[i * width + j] += double(host(item, i, t)) * good[t * width + j];
          }
        for (int i = 0; i < width; ++i)
          for (int j = 0; j < width; ++j) {
            double sum = 0;
            for (int t = 0; t <= j; ++t) sum += half_way[i * width + t] * double(host(item, j, t));
            worst = std::max(worst, std::abs(sum - (i == j)));
          }
        CHECK(above == 0);
        // n eps kappa, and kappa of such matrices is below 10.
        CHECK(worst <= 10 * width * eps);
      }
    }
  }
}

TEST_CASE("a matrix as ill-conditioned as the cut is not whitened by Cholesky") {
  int const width = 40;
  double const cut = minfold::impl::nystrom_cut<double>(width);
  std::vector<Vec> matrices;
  for (double const least : {width * width * 2 * cut, cut / 2}) {
    Vec g(width * width);
    for (int i = 0; i < width; ++i) g[i * width + i] = i == 7 ? least : 1;
    matrices.push_back(g);
  }
  auto const gram = to_matrices<double>(matrices, width);
  Blocks<double, Space> const c("test::whitened", 2, width, width);
  Scalars<int, Space> const whitened("test::flags", 2);
  minfold::impl::whiten_by_cholesky(Space(), Blocks<double, Space>(gram), c, whitened, cut);
  CHECK(on_host(whitened)(0) == 1);
  CHECK(on_host(whitened)(1) == 0);
}

TEST_CASE("a Nystrom approximation is that of its formula, whatever stands beside it") {
  int const n = 61, width = 20;
  // The third has fewer than `width` eigenvalues: its Gram matrix is singular, its approximation exact.
  std::vector<Planted> const items{Planted(342, n, 3, decay_by(n, 3, 0.8, 1e-5)),
                                   Planted(343, n, 0, decay_by(n, 0, 0.95, 1e-2)),
                                   Planted(344, n, n - 8, decay_by(n, n - 8, 0.5, 1e-6))};
  auto const matrices = to_matrices<double>(matrices_of(items), n);
  DenseOperator const a((Blocks<double, Space>(matrices)));
  for (bool const by_items : {true, false})
    for (int item = 0; item < 3; ++item) {
      auto const u = minfold::impl::nystrom_by(Space(), a, {.rank = width, .seed = 5}, by_items);
      auto const r = on_host(u.records)(item);
      CHECK(r.rank == (item == 2 ? 8 : width));
      Vec const expected = item == 2 ? items[2].matrix
                                     : approximation_of(items[item], columns_of(item, n, width, 5));
      auto const [off, angle] = errors(u, item, expected);
      CAPTURE(by_items, item, r.smallest, off, angle);
      CHECK(off <= 64 * n * 2.2e-16 / r.smallest);
      CHECK(angle <= 1e-12);
    }
}

TEST_CASE("items whose sketches stop at different widths keep what they had") {
  int const n = 150, k = 2;
  std::vector<Planted> const items{Planted(345, n, k, decay_by(n, k, 0.3, 1e-3)),
                                   Planted(346, n, n - 10, decay_by(n, n - 10, 0.6, 1e-5)),
                                   Planted(347, n, k, decay_by(n, k, 0.9, 1e-5)),
                                   Planted(348, n, k, decay_by(n, k, 0.6, 4e-4)),
                                   Planted(349, n, k, decay_by(n, k, 1, 1e-5))};
  auto const matrices = to_matrices<double>(matrices_of(items), n);
  DenseOperator const a((Blocks<double, Space>(matrices)));
  std::vector<int> const ranks{16, 10, 75, 32, 0};
  for (bool const by_items : {true, false})
    for (int item = 0; item < int(items.size()); ++item) {
      auto const u = minfold::impl::nystrom_by(
          Space(), a, {.columns = 64, .smallest = 1e-5, .seed = 6}, by_items);
      auto const records = on_host(u.records);
      CAPTURE(by_items, item, records(item).rank);
      CHECK(records(item).outcome == Outcome::converged);
      CHECK(records(item).rank == ranks[item]);
      CHECK(records(item).products == 75);
      Vec const expected = item == 4 ? Vec(std::size_t(n) * n)
                           : item == 1
                               ? items[item].matrix
                               : approximation_of(items[item], columns_of(item, n, ranks[item], 6));
      auto const [off, angle] = errors(u, item, expected);
      CHECK(off <= 64 * n * 2.2e-16 / (item == 4 ? 1 : records(item).smallest));
      CHECK(angle <= 1e-12);
    }
}

TEST_CASE("numbers of a sketch are uniform, and in general position where a matrix is aligned") {
  int const items = 40, columns = 8, n = 203;
  Blocks<double, Space> const x("test::sketch", items, columns, n), late("test::late", items, 3, n);
  minfold::impl::fill_uniform_sketch(Space(), x, 9, Stream::sketch, 0, {});
  minfold::impl::fill_uniform_sketch(Space(), late, 9, Stream::sketch, 5, {});
  auto const host = on_host(x), tail = on_host(late);
  double sum = 0, square = 0, fourth = 0, beside = 0, below = 0;
  long const count = long(items) * columns * n;
  for (int item = 0; item < items; ++item)
    for (int c = 0; c < columns; ++c)
      for (int i = 0; i < n; ++i) {
        double const e = host(item, c, i);
        REQUIRE(std::abs(e) < 1.7320508075688773);
        if (c >= 5) REQUIRE(tail(item, c - 5, i) == e);
        sum += e;
        square += e * e;
        fourth += e * e * e * e;
        beside += e * host(item, (c + 1) % columns, i);
        below += e * host(item, c, (i + 1) % n);
      }
  // Five standard deviations: those of e, e^2 - 1, e^4 - 9/5 and of products are 1, 0.9, 2.4 and 1.
  double const sigma = 5 / std::sqrt(double(count));
  CHECK(std::abs(sum / count) <= sigma);
  CHECK(std::abs(square / count - 1) <= 0.9 * sigma);
  CHECK(std::abs(fourth / count - 1.8) <= 2.4 * sigma);
  CHECK(std::abs(beside / count) <= sigma);
  CHECK(std::abs(below / count) <= sigma);
  // Two coordinates by two columns: random signs would make half of these singular.
  int const order = 6;
  std::vector<Vec> aligned(items, Vec(order * order));
  for (int item = 0; item < items; ++item)
    aligned[item][0] = aligned[item][(1 + item % 5) * (order + 1)] = 1;
  auto const matrices = to_matrices<double>(aligned, order);
  auto const u = nystrom(Space(), DenseOperator((Blocks<double, Space>(matrices))), {.rank = 2});
  for (int item = 0; item < items; ++item) CHECK(on_host(u.records)(item).rank == 2);
}

TEST_CASE("a Nystrom approximation lies between zero and the matrix, and in its range") {
  int const n = 80, k = 6;
  for (double const power : {1.0, 3.0}) {
    Planted const p(301, n, k, decaying(n, k, power, 1e6));
    // A square sketch, n - k, loses a direction to the cut with one seed of twenty or so, 1 among them.
    for (int const rank : {1, 10, 40, n - k, n}) {
      auto const u = nystrom(Space(), bulk<double>({p.matrix}, n), {.rank = rank, .seed = 2});
      auto const r = on_host(u.records)(0);
      auto const vectors = on_host(u.basis.vectors);
      auto const values = row(on_host(u.values), 0);
      CAPTURE(power, rank, r.rank, r.smallest);
      CHECK(r.outcome == Outcome::converged);
      CHECK(r.rank == std::min(rank, n - k));
      CHECK(r.products == rank);
      Vec rest = p.matrix;
      for (int j = 0; j < r.rank; ++j) {
        Vec const v = row(vectors, 0, j);
        for (int l = 0; l < r.rank; ++l)
          CHECK(std::abs(dot(v, row(vectors, 0, l)) - (l == j)) <= 1e-12);
        if (j > 0) CHECK(values[j] <= values[j - 1]);
        // Rounding of the products, over the smallest value that was kept.
        CHECK(norm(p.kernel_part(v)) <= 1e-13 / values[j]);
        for (int i = 0; i < n; ++i)
          for (int l = 0; l < n; ++l) rest[i * n + l] -= values[j] * v[i] * v[l];
      }
      auto const w = smallest_eigenvalues(rest, n);
      // Rounding of n terms, over the smallest value that was kept.
      CHECK(w[0] >= -64 * n * 2.2e-16 / r.smallest);
      CHECK(w[n - 1] <= 1 + 1e-13);
      if (rank >= n - k) CHECK(w[n - 1] <= 1e-8);
      CHECK(r.norm_estimate <= p.norm() * (1 + 1e-12));
      CHECK(r.largest == values[0]);
      CHECK(r.smallest == values[r.rank - 1]);
    }
  }
}

TEST_CASE("the cost rule takes a sketch where it pays and none where it does not") {
  int const n = 300, k = 4;
  struct Expected {
    Vec values;
    bool pays;
  };
  Vec flat(n, 1.0), low(n);
  for (int j = 0; j < k; ++j) flat[j] = 0;
  for (int j = n - 12; j < n; ++j) low[j] = std::pow(10.0, -(j - n + 12) / 2.0);
  for (auto const& [values, pays] : {Expected{decaying(n, k, 2, 1e6), true},
                                     {decaying(n, k, 3, 1e6), true},
                                     {low, true},
                                     {flat, false},
                                     {spectrum(304, n, k, 10), false}}) {
    int const kernel = values == low ? n - 12 : k;
    Planted const p(304, n, kernel, values);
    for (double const mu : {0.0, p.smallest()}) {
      auto const u = nystrom(Space(), bulk<double>({p.matrix}, n), {.smallest = mu});
      auto const r = on_host(u.records)(0);
      CAPTURE(p.condition(), kernel, mu, r.rank, r.products, r.smallest, r.predicted);
      CHECK(r.outcome == Outcome::converged);
      CHECK((r.rank > 0) == pays);
      CHECK(on_host(u.basis.dimension)(0) == r.rank);
      CHECK(r.products <= n / 2);
      if (mu > 0 && pays) CHECK(r.predicted_plain - r.predicted >= 0.25 * r.products);
      if (values == low && r.rank > 0) CHECK(r.rank == 12);
    }
  }
}
