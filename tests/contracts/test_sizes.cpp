// SPDX-License-Identifier: Apache-2.0
// Any size works. Kokkos 5.1 and later throw above the scratch of a level, 32 KB of level 0 on a host, and
// leagues have limits: the orders here are on both sides of what fits, and the batches are large.
#include <minfold/kernels/kernel_and_pinv.hpp>
#include <minfold/kernels/orthonormalize.hpp>
#include <minfold/kernels/range_finder.hpp>

#include "support/records.hpp"
#include "support/solve.hpp"
#include <catch2/catch_test_macros.hpp>

using namespace minfold;
using namespace minfold::test;

namespace {

/// Diagonal of an item of order n: some zeros, few other values, so that CG needs few steps.
double eigenvalue(int item, int i, int n) {
  if (n == 1) return item % 2;
  return (i + item) % 3 == 0 ? 0 : 1 + (i + item) % 4;
}
int zeros(int item, int n) {
  int count = 0;
  for (int i = 0; i < n; ++i) count += eigenvalue(item, i, n) == 0;
  return count;
}
/// Right-hand side with a part in the kernel.
double entry(int item, int i) {
  return 1 + (item + 2 * i) % 5;
}

struct Diagonals {
  int items, n;
  Blocks<double, Space> matrices;
  Vectors<double, Space> b, z;
  Basis<double, Space> basis;
  Scalars<SolveRecord<double>, Space> solves;
  Scalars<KernelRecord<double>, Space> kernels;

  Diagonals(int count, int order, int capacity)
      : items(count),
        n(order),
        matrices("test::matrices", items, n, n),
        b("test::b", items, n),
        z("test::z", items, n),
        basis(new_basis<double>(items, capacity, n)),
        solves("test::solves", items),
        kernels("test::kernels", items) {
    auto const m = Kokkos::create_mirror_view(matrices);
    auto const rhs = Kokkos::create_mirror_view(b);
    for (int item = 0; item < items; ++item)
      for (int i = 0; i < n; ++i) {
        m(item, i, i) = eigenvalue(item, i, n);
        rhs(item, i) = entry(item, i);
      }
    Kokkos::deep_copy(matrices, m);
    Kokkos::deep_copy(b, rhs);
  }

  /// Items whose z is not A^+ b or whose record does not say so.
  int wrong_solutions() const {
    auto const x = on_host(z);
    auto const records = on_host(solves);
    int wrong = 0;
    for (int item = 0; item < items; ++item) {
      bool right = records(item).outcome == Outcome::converged;
      for (int i = 0; i < n; ++i) {
        double const value = eigenvalue(item, i, n);
        double const expected = value > 0 ? entry(item, i) / value : 0;
        right = right && std::abs(x(item, i) - expected) <= 1e-10;
      }
      wrong += !right;
    }
    return wrong;
  }
  int wrong_kernels() const {
    auto const q = on_host(basis.vectors);
    auto const dimension = on_host(basis.dimension);
    auto const records = on_host(kernels);
    int wrong = 0;
    for (int item = 0; item < items; ++item) {
      bool right = dimension(item) == zeros(item, n) && records(item).outcome == Outcome::converged;
      for (int j = 0; right && j < dimension(item); ++j)
        for (int i = 0; i < n; ++i)
          right = right && (eigenvalue(item, i, n) == 0 || std::abs(q(item, j, i)) <= 1e-10);
      wrong += !right;
    }
    return wrong;
  }
  void forget() const {
    Kokkos::deep_copy(z, 77.0);
    Kokkos::deep_copy(basis.vectors, 77.0);
    Kokkos::deep_copy(basis.dimension, 77);
  }
};

void check_all(Diagonals const& d, bool spectra = true) {
  CAPTURE(d.items, d.n);
  DenseOperator const a(d.matrices);
  d.forget();
  kernel_and_pinv(Space(), a, d.b, d.z, d.basis, d.solves, d.kernels);
  CHECK(d.wrong_solutions() == 0);
  CHECK(d.wrong_kernels() == 0);
  for (Path const path : {Path::automatic, Path::fused, Path::bulk}) {
    CAPTURE(int(path));
    Kokkos::deep_copy(d.z, 77.0);
    pinv_cg(Space(), a, d.b, d.z, d.solves, {.path = path}, d.basis);
    CHECK(d.wrong_solutions() == 0);
  }
  Vectors<double, Space> const part("test::part", d.items, d.n);
  pinv_cgls(Space(), a, d.b, d.z, part, d.solves);
  CHECK(d.wrong_solutions() == 0);
  if (!spectra) return;
  d.forget();
  kernel_basis(Space(), a, d.basis, d.kernels);
  CHECK(d.wrong_kernels() == 0);
  pinv_direct(Space(), a, d.b, d.z, d.solves, d.kernels);
  CHECK(d.wrong_solutions() == 0);
  auto const range = new_basis<double>(d.items, d.n, d.n);
  Vectors<double, Space> const values("test::values", d.items, d.n);
  Scalars<RangeRecord<double>, Space> const ranges("test::ranges", d.items);
  for (bool const semidefinite : {true, false}) {
    range_finder(Space(), a, range, values, ranges, {.semidefinite = semidefinite});
    auto const found = on_host(ranges);
    int wrong = 0;
    for (int item = 0; item < d.items; ++item)
      wrong +=
          found(item).rank != d.n - zeros(item, d.n) || found(item).outcome != Outcome::converged;
    CAPTURE(semidefinite);
    CHECK(wrong == 0);
  }
  Scalars<OrthonormalizeRecord<double>, Space> const orthonormal("test::orthonormal", d.items);
  orthonormalize(Space(), range.vectors, orthonormal);
  auto const bases = on_host(orthonormal);
  int wrong = 0;
  for (int item = 0; item < d.items; ++item)
    wrong +=
        bases(item).outcome != Outcome::converged || bases(item).rank != d.n - zeros(item, d.n);
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("orders from 1 to beyond what fits in 32 KB of scratch") {
  for (int const n : {1, 2, 3, 31, 32, 33, 63, 64, 65, 127, 128, 129})
    check_all(Diagonals(5, n, n));
  // One matrix of order 64 and one vector of order 4096 fill 32 KB; a pack of matrices 20 MB at 320.
  for (int const n : {288, 289, 320, 321, 511, 513}) check_all(Diagonals(2, n, n / 2 + 1), false);
}

namespace {

/// The same diagonal without a matrix, of any order.
struct DiagonalOperator {
  using scalar_type = double;
  int items, n;
  KOKKOS_FUNCTION int batch_size() const { return items; }
  KOKKOS_FUNCTION int dim() const { return n; }
  template <class Team, class X, class Y>
  KOKKOS_FUNCTION void apply(Team const& team, int item, X const& x, Y const& y) const {
    team_for(team, n,
             [&](int i) { y(i) = (i + item) % 3 == 0 ? 0.0 : (1 + (i + item) % 4) * x(i); });
  }
};

}  // namespace

TEST_CASE("vectors on both sides of 32 KB, and long ones") {
  for (int const n : {4095, 4096, 4097, 200001}) {
    CAPTURE(n);
    int const items = 3;
    std::vector<Vec> rhs(items, Vec(n));
    for (int item = 0; item < items; ++item)
      for (int i = 0; i < n; ++i) rhs[item][i] = (i + item) % 3 == 0 ? 0 : entry(item, i);
    DiagonalOperator const a{items, n};
    for (Path const path : {Path::fused, Path::bulk}) {
      auto const found = run_cg(a, rhs, {.path = path});
      double worst = 0;
      for (int item = 0; item < items; ++item) {
        CHECK(found.records[item].outcome == Outcome::converged);
        for (int i = 0; i < n; ++i)
          worst = std::max(worst, std::abs((1 + (i + item) % 4) * found.z[item][i] - rhs[item][i]));
      }
      CHECK(worst <= 1e-8);
    }
  }
}

TEST_CASE("leagues of 70,000 and of 200,000 tiny items") {
  check_all(Diagonals(70001, 2, 2));
  check_all(Diagonals(200000, 3, 3), false);
}

TEST_CASE("no items and no unknowns are no mistake") {
  for (auto const& [items, n] : {std::pair(0, 4), {3, 0}}) {
    CAPTURE(items, n);
    Diagonals const d(items, n, n);
    DenseOperator const a(d.matrices);
    CHECK_NOTHROW(kernel_and_pinv(Space(), a, d.b, d.z, d.basis, d.solves, d.kernels));
    CHECK_NOTHROW(pinv_cg(Space(), a, d.b, d.z, d.solves));
    CHECK_NOTHROW(pinv_direct(Space(), a, d.b, d.z, d.solves, d.kernels));
    CHECK_NOTHROW(kernel_basis(Space(), a, d.basis, d.kernels));
    CHECK(summarize(Space(), d.solves).all(Outcome::converged));
    CHECK(summarize(Space(), d.kernels).all(Outcome::converged));
  }
}
