// SPDX-License-Identifier: Apache-2.0
// Any size works. Kokkos 5.1 and later throw above the scratch of a level, 32 KB of level 0 on a host, and
// leagues have limits: the orders here are on both sides of what fits, and the batches are large.
#include <minfold/core/gauss_newton_operator.hpp>
#include <minfold/kernels/kernel_and_pinv.hpp>
#include <minfold/kernels/orthonormalize.hpp>
#include <minfold/kernels/pinv_pcg.hpp>
#include <minfold/kernels/range_finder.hpp>
#include <minfold/kernels/tangent_space.hpp>

#include "support/records.hpp"
#include "support/solve.hpp"
#include "support/ways.hpp"
#include <catch2/catch_test_macros.hpp>

#include <stdexcept>
#include <string>

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
  for (FactorMethod const method : ways<FactorMethod>(d.n)) {
    // One thread an item, or 9 n^3 flops of it.
    if (!spectra && (method == FactorMethod::team || method == FactorMethod::spectral)) continue;
    // Of large leagues those that `automatic` and devices take; all would take half a minute.
    if (d.items > 1000 && method != FactorMethod::automatic && method != FactorMethod::team)
      continue;
    CAPTURE(int(method));
    d.forget();
    kernel_and_pinv(Space(), a, d.b, d.z, d.basis, d.solves, d.kernels, {.method = method});
    CHECK(d.wrong_solutions() == 0);
    CHECK(d.wrong_kernels() == 0);
  }
  for (Path const path : ways<Path>(d.n)) {
    if (d.items > 1000 && (path == Path::halves || path == Path::packed)) continue;
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

namespace {

/// The same for an operator whose kernel are the first two unit vectors.
struct FewZeros {
  using scalar_type = double;
  int items, n;
  KOKKOS_FUNCTION int batch_size() const { return items; }
  KOKKOS_FUNCTION int dim() const { return n; }
  KOKKOS_FUNCTION static double eigenvalue(int i) { return i < 2 ? 0 : 1 + i % 4; }
  template <class Team, class X, class Y>
  KOKKOS_FUNCTION void apply(Team const& team, int, X const& x, Y const& y) const {
    team_for(team, n, [&](int i) { y(i) = eigenvalue(i) * x(i); });
  }
};

}  // namespace

TEST_CASE("bases, sketches and tangent spaces of long vectors, on both sides of 32 KB") {
  for (int const n : {2047, 2048, 2049, 4095, 4096, 4097, 8193}) {
    CAPTURE(n);
    FewZeros const a{1, n};
    Vectors<double, Space> const b("test::b", 1, n), z("test::z", 1, n), part("test::part", 1, n),
        values("test::values", 1, 4);
    Scalars<SolveRecord<double>, Space> const solves("test::solves", 1);
    Scalars<KernelRecord<double>, Space> const kernels("test::kernels", 1);
    auto const rhs = Kokkos::create_mirror_view(b);
    for (int i = 0; i < n; ++i) rhs(0, i) = entry(0, i);
    Kokkos::deep_copy(b, rhs);
    auto const wrong = [&] {
      auto const x = on_host(z);
      double worst = on_host(solves)(0).outcome == Outcome::converged ? 0 : HUGE_VAL;
      for (int i = 0; i < n; ++i) {
        double const value = FewZeros::eigenvalue(i);
        worst = std::max(worst, std::abs(x(0, i) - (value > 0 ? rhs(0, i) / value : 0)));
      }
      Kokkos::deep_copy(z, 77.0);
      return worst;
    };
    auto const basis = new_basis<double>(1, 4, n);
    for (KernelFilter const filter : {KernelFilter::projection, KernelFilter::chebyshev}) {
      kernel_basis(Space(), a, basis, kernels,
                   {.method = KernelMethod::randomized,
                    .filter = filter,
                    .smallest_nonzero = 1,
                    .largest = 4});
      auto const record = on_host(kernels)(0);
      auto const q = on_host(basis.vectors);
      CHECK(record.outcome == Outcome::converged);
      CHECK(record.dimension == 2);
      double outside = 0;
      for (int j = 0; j < 2; ++j)
        for (int i = 2; i < n; ++i) outside = std::max(outside, std::abs(q(0, j, i)));
      CHECK(outside <= 1e-12);
    }
    pinv_cgls(Space(), a, b, z, part, solves);
    CHECK(wrong() <= 1e-9);
    auto const sketch = nystrom(Space(), a, NystromOptions<double>{.rank = 4});
    pinv_pcg(Space(), a, sketch, b, z, solves, {}, basis);
    CHECK(wrong() <= 1e-9);
    auto const space_of_kernel =
        tangent_space(Space(), a, {.representation = Representation::kernel_basis});
    tangent_solve(Space(), a, space_of_kernel, Blocks<double const, Space>(as_block(b)),
                  Blocks<double, Space>(as_block(z)), Blocks<double, Space>(as_block(part)),
                  solves);
    CHECK(wrong() <= 1e-9);
    auto const range = new_basis<double>(1, 4, n);
    Scalars<RangeRecord<double>, Space> const ranges("test::ranges", 1);
    range_finder(Space(), a, range, values, ranges, {.rank = 4});
    auto const found = on_host(ranges)(0);
    CHECK(found.outcome == Outcome::converged);
    CHECK(found.rank == 4);
    CHECK(found.orthogonality <= rounding<double>(n));
    // J^T J of the first two rows of the identity projects on them.
    Blocks<double, Space> const rows("test::rows", 1, 2, n);
    auto const unit = Kokkos::create_mirror_view(rows);
    unit(0, 0, 0) = unit(0, 1, 1) = 1;
    Kokkos::deep_copy(rows, unit);
    pinv_cgls(Space(), GaussNewtonOperator(rows), b, z, part, solves);
    auto const x = on_host(z);
    for (int i = 0; i < n; ++i) CHECK(std::abs(x(0, i) - (i < 2 ? rhs(0, i) : 0)) <= 1e-12);
  }
}

TEST_CASE("leagues of 100,000 and of 200,000 tiny items") {
  Diagonals const d(100001, 2, 2);
  check_all(d);
  check_all(Diagonals(200000, 3, 3), false);

  DenseOperator const a(d.matrices);
  kernel_basis(Space(), a, d.basis, d.kernels);
  auto const sketch = nystrom(Space(), a, NystromOptions<double>{.rank = 1});
  Kokkos::deep_copy(d.z, 77.0);
  pinv_pcg(Space(), a, sketch, d.b, d.z, d.solves, {}, d.basis);
  CHECK(d.wrong_solutions() == 0);
  Vectors<double, Space> const part("test::part", d.items, d.n);
  auto const t = tangent_space(Space(), a);
  Kokkos::deep_copy(d.z, 77.0);
  tangent_solve(Space(), a, t, Blocks<double const, Space>(as_block(d.b)),
                Blocks<double, Space>(as_block(d.z)), Blocks<double, Space>(as_block(part)),
                d.solves);
  CHECK(d.wrong_solutions() == 0);
}

namespace {

std::string refusal(auto const& call) {
  try {
    call();
  } catch (std::invalid_argument const& e) {
    return e.what();
  }
  return "";
}

/// A View of so many elements without memory: nobody may look at one.
template <class V>
V nowhere(std::size_t i, std::size_t j, std::size_t k) {
  return V(typename V::pointer_type(nullptr), i, j, k);
}

}  // namespace

TEST_CASE("more systems or entries than an int counts are refused before any is read") {
  using Block = Blocks<double, Space>;
  auto const refused = [](std::string const& sentence, std::string const& function) {
    CAPTURE(sentence);
    CHECK(sentence.find("minfold: " + function + ": ") == 0);
    CHECK(sentence.find("is more than an int holds") != std::string::npos);
  };
  Space const s;
  Scalars<SolveRecord<double>, Space> const solves("test::solves", 1);
  Scalars<KernelRecord<double>, Space> const kernels("test::kernels", 1);
  {
    int const items = 70000, columns = 40000, n = 1;
    DiagonalOperator const a{items, n};
    DenseOperator const dense(nowhere<Block>(items, n, n));
    auto const b = nowhere<Block>(items, columns, n);
    refused(refusal([&] { pinv_cg(s, a, b, b, solves); }), "pinv_cg");
    refused(refusal([&] { pinv_cg_bytes(s, a, columns); }), "pinv_cg_bytes");
    refused(refusal([&] { pinv_cgls(s, a, b, b, b, solves); }), "pinv_cgls");
    refused(refusal([&] { pinv_pcg(s, a, Nystrom<double, Space>(), b, b, solves); }), "pinv_pcg");
    refused(refusal([&] { pinv_direct(s, a, b, b, solves, kernels); }), "pinv_direct");
    refused(
        refusal([&] { kernel_and_pinv(s, dense, b, b, Basis<double, Space>(), solves, kernels); }),
        "kernel_and_pinv");
    refused(refusal([&] {
              tangent_solve(s, a, TangentSpace<double, Space>(), Blocks<double const, Space>(b), b,
                            b, solves);
            }),
            "tangent_solve");
    refused(refusal([&] { apply_block(s, a, b, b); }), "apply_block");
    refused(refusal([&] { dense.apply(s, b, b); }), "DenseOperator::apply");
  }
  // Just below, and the number of columns alone.
  CHECK(minfold::impl::int_product("f", 46340, "rows", 46341, "columns") == 2147441940);
  refused(refusal([] { minfold::impl::int_product("f", 1, "items", 1ul << 31, "columns"); }), "f");
  {
    int const n = 46341;  // n^2 > 2^31
    auto const matrix = nowhere<Block>(1, n, n);
    DenseOperator const dense(matrix);
    Vectors<double, Space> const b("test::b", 1, n), z("test::z", 1, n);
    Scalars<EigenRecord<double>, Space> const eigen("test::eigen", 1);
    Scalars<RangeRecord<double>, Space> const ranges("test::ranges", 1);
    auto const basis = new_basis<double>(1, 1, n);
    refused(refusal([&] { symmetric_eigen(s, matrix, b, eigen); }), "symmetric_eigen");
    refused(refusal([&] { pinv_direct(s, dense, b, z, solves, kernels); }), "spectrum");
    refused(refusal([&] { kernel_and_pinv(s, dense, b, z, basis, solves, kernels); }),
            "kernel_and_pinv");
    Basis<double, Space> const wide{nowhere<Block>(1, n, n), basis.dimension};
    FewZeros const a{1, n};
    refused(refusal([&] { kernel_basis(s, a, wide, kernels); }), "kernel_basis");
    Vectors<double, Space> const values("test::values", 1, n);
    refused(refusal([&] { range_finder(s, a, wide, values, ranges); }), "range_finder");
  }
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
