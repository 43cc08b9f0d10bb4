// SPDX-License-Identifier: Apache-2.0
// Large matrices of a batch are solved a few at a time, so that they stay in a cache of the host.
#include <minfold/kernels/memory.hpp>

#include "support/columns.hpp"
#include "support/records.hpp"
#include "support/watch.hpp"
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>

using namespace minfold;
using namespace minfold::test;

namespace {

constexpr bool groups = minfold::impl::runs_on_host<Space>;

double room() {
  return minfold::impl::resident_share * double(minfold::impl::last_cache_bytes());
}
/// So that three halves fit and a fourth does not.
int order_of_groups() {
  return int(std::sqrt(2 * room() / (3.5 * sizeof(double))));
}

}  // namespace

TEST_CASE("as many items are solved together as share the last cache", "[cg_groups]") {
  CHECK(minfold::impl::last_cache_bytes() >= std::size_t(128) << 10);
  CHECK(minfold::impl::last_cache_bytes() <= std::size_t(4) << 30);
  Space const space;
  if (space.concurrency() <= minfold::impl::threads_a_cache) {
    int const n = order_of_groups();
    CHECK(minfold::impl::solved_together<double>(space, 100, n) == 3);
    CHECK(minfold::impl::solved_together<double>(space, 2, n) == 2);
    CHECK(minfold::impl::solved_together<float>(space, 100, n) == 7);
  }
  // Where none fits there is nothing to save.
  int const large = int(std::sqrt(2.1 * room() / sizeof(double)));
  CHECK(minfold::impl::solved_together<double>(space, 100, large) == 100);
  CHECK(minfold::impl::solved_together<double>(space, 1, 4) == 1);
  CHECK(minfold::impl::solved_together<double>(space, 3, 0) == 3);
}

TEST_CASE("items that are solved in groups have the bits of each alone", "[cg_groups]") {
  int const n = order_of_groups();
  if (n < 520 || n > 2048)
    SKIP("a last cache of " << minfold::impl::last_cache_bytes() << " bytes");
  if (!groups) SKIP("groups are for hosts");
  Space const space;
  // Two groups and a part of a third where one has three; in the second nothing runs, or only one.
  int const items = 2 * minfold::impl::solved_together<double>(space, 100, n) + 1;
  if (items > 9) SKIP("for so many threads the matrices would be too many");
  std::vector<Mirror> mirrors;
  for (int m = 0; m < 2; ++m) mirrors.emplace_back(std::uint64_t(m + 1), n, 2 + m, 20);
  std::vector<Vec> matrices;
  for (int i = 0; i < items; ++i) matrices.push_back(mirrors[i % 2].matrix);
  auto const a = DenseOperator(to_matrices<double>(matrices, n));
  matrices.clear();
  for (int const columns : {1, 3}) {
    std::vector<std::vector<Vec>> b(items);
    for (int i = 0; i < items; ++i)
      for (int c = 0; c < columns; ++c) b[i].push_back(mirrors[i % 2].in_range(20 * i + c));
    for (int c = 0; c < columns; ++c) {
      b[3][c] = b[4][c] = Vec(n, 0);
      b[5][c] = Vec(n, std::numeric_limits<double>::quiet_NaN());
    }
    auto const together = solve<double>(a, b, {});
    for (int i = 0; i < items; ++i) {
      DenseOperator const one(
          Blocks<double, Space>(a.matrix.data() + std::size_t(i) * n * n, 1, n, n));
      auto const alone = solve<double>(one, {b[i]}, {});
      for (int c = 0; c < columns; ++c) {
        auto const& r = together.records[i * columns + c];
        CAPTURE(n, items, columns, i, c, r.outcome, r.residual);
        CHECK(r.outcome == (i == 5 ? Outcome::not_finite : Outcome::converged));
        CHECK(r.iterations == alone.records[c].iterations);
        CHECK(r.residual == alone.records[c].residual);
        CHECK(together.z[i][c] == alone.z[0][c]);
        if (i == 3 || i == 4 || i == 5) continue;
        auto const exact = mirrors[i % 2].pseudo_inverse(b[i][c]);
        CHECK(norm(minus(together.z[i][c], exact)) <= 4e-11 * norm(exact));
      }
    }
  }
}

TEST_CASE("what groups of items need is predicted", "[cg_groups]") {
  int const n = order_of_groups(), items = 5;
  if (!groups) SKIP("groups are for hosts");
  if (n < 520 || n > 2048)
    SKIP("a last cache of " << minfold::impl::last_cache_bytes() << " bytes");
  Space const space;
  Blocks<double, Space> const matrices("test::matrices", items, n, n), b("test::b", items, 3, n),
      z("test::z", items, 3, n);
  Kokkos::deep_copy(b, 1.0);
  Scalars<SolveRecord<double>, Space> const records("test::records", items * 3);
  DenseOperator const a(matrices);
  double const predicted = double(pinv_cg_bytes(space, a, 3));
  Watch const watch;
  pinv_cg(space, a, b, z, records);
  double const measured = double(Watch::seen.peak);
  CAPTURE(n, predicted, measured);
  CHECK(measured <= 1.1 * predicted + 256);
  CHECK(measured >= 0.9 * predicted - 256);
}
