// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/gauss_newton_operator.hpp>
#include <minfold/kernels/pinv_pcg.hpp>

#include "support/counted.hpp"
#include "support/records.hpp"
#include "support/solve.hpp"
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <limits>
#include <stdexcept>

using namespace minfold;
using namespace minfold::test;

namespace {

template <class T>
Kernels<T> started(InBulk<T> const& a, int capacity, Basis<T, Space> const& from,
                   KernelBasisOptions<T> options = {.method = KernelMethod::randomized}) {
  options.start = from.vectors;
  options.start_dimension = from.dimension;
  return run_kernel_basis(a, capacity, options);
}
double largest_residual(Planted const& p, Kernels<double> const& k, int item = 0) {
  return basis_errors(p, on_host(k.basis.vectors), item, k.records[item].dimension).residual;
}
/// The eigenvectors turned by a reflection near the identity: H(t), t = size.
Planted moved(std::uint64_t seed, int n, int k, Vec const& values, double size) {
  Planted p(seed, n, k, values);
  if (size == 0) return p;
  // (I - 2 u u^T)(I - 2 v v^T) with u near v is a rotation by twice the angle between them.
  Vec u = normals(seed, 1000, n), v = normals(seed, 1001, n);
  u = times(1 / norm(u), u);
  for (int i = 0; i < n; ++i) v[i] = u[i] + size * v[i] / norm(v);
  v = times(1 / norm(v), v);
  for (Vec const& w : {u, v})
    for (bool const columns : {false, true})
      for (int i = 0; i < n; ++i) {
        double sum = 0;
        for (int j = 0; j < n; ++j) sum += w[j] * p.matrix[columns ? j * n + i : i * n + j];
        for (int j = 0; j < n; ++j) p.matrix[columns ? j * n + i : i * n + j] -= 2 * sum * w[j];
      }
  return p;
}

}  // namespace

TEST_CASE("the operator of a Jacobian multiplies with J^T J") {
  int const items = 2, rows = 70, n = 90, columns = 3;
  Blocks<double, Space> const j("test::j", items, rows, n), x("test::x", items, columns, n),
      y("test::y", items, columns, n);
  std::vector<Vec> jacobians, vectors;
  auto const hj = Kokkos::create_mirror_view(j), hx = Kokkos::create_mirror_view(x);
  for (int item = 0; item < items; ++item) {
    jacobians.push_back(normals(401, item, rows * n));
    vectors.push_back(normals(402, item, columns * n));
    for (int t = 0; t < rows * n; ++t) hj(item, t / n, t % n) = jacobians[item][t];
    for (int t = 0; t < columns * n; ++t) hx(item, t / n, t % n) = vectors[item][t];
  }
  Kokkos::deep_copy(j, hj);
  Kokkos::deep_copy(x, hx);
  GaussNewtonOperator<Blocks<double, Space>> const a(j);
  a.apply(Space(), Blocks<double const, Space>(x), y);
  auto const hy = on_host(y);
  for (int item = 0; item < items; ++item)
    for (int c = 0; c < columns; ++c) {
      Vec image(rows), back(n);
      for (int r = 0; r < rows; ++r)
        for (int i = 0; i < n; ++i)
          image[r] += jacobians[item][r * n + i] * vectors[item][c * n + i];
      for (int r = 0; r < rows; ++r)
        for (int i = 0; i < n; ++i) back[i] += jacobians[item][r * n + i] * image[r];
      CHECK(norm(minus(row(hy, item, c), back)) <= 1e-13 * norm(back));
    }
}

TEST_CASE("blocks of long vectors: their products and combinations are those of the definition") {
  // More than one piece of the long side.
  for (int const n : {7, 5000, 9000}) {
    int const a = 5, b = 3;
    Blocks<double, Space> const x("test::x", 1, a, n), y("test::y", 1, b, n), g("test::g", 1, a, b),
        z("test::z", 1, a, n);
    auto const hx = Kokkos::create_mirror_view(x), hy = Kokkos::create_mirror_view(y);
    for (int i = 0; i < n; ++i) {
      for (int c = 0; c < a; ++c)
        hx(0, c, i) = normal({403, Stream::test, 0, unsigned(i), unsigned(c)});
      for (int c = 0; c < b; ++c)
        hy(0, c, i) = normal({404, Stream::test, 0, unsigned(i), unsigned(c)});
    }
    Kokkos::deep_copy(x, hx);
    Kokkos::deep_copy(y, hy);
    Kokkos::View<double**, Kokkos::LayoutRight, Space> const partial("test::partial", 1,
                                                                     wide_partial(a, b, n));
    wide_gram(Space(), Leading(x), Leading(y), g, partial);
    wide_combine(Space(), Transpose::no, 1.0, g, Leading(y), 0.0, Leading(z));
    auto const hg = on_host(g), hz = on_host(z);
    for (int c = 0; c < a; ++c) {
      Vec sum(n);
      for (int l = 0; l < b; ++l) {
        CHECK(std::abs(hg(0, c, l) - dot(row(hx, 0, c), row(hy, 0, l))) <= 1e-13 * n);
        for (int i = 0; i < n; ++i) sum[i] += hg(0, c, l) * hy(0, l, i);
      }
      CHECK(norm(minus(row(hz, 0, c), sum)) <= 1e-13 * (1 + norm(sum)));
    }
  }
}

TEST_CASE("part of a kernel that is wider than the capacity is brought to the rounding level") {
  int const rows = 30, n = 500;
  Blocks<double, Space> const j("test::j", 1, rows, n);
  auto const h = Kokkos::create_mirror_view(j);
  Vec const entries = normals(405, 0, rows * n);
  for (int t = 0; t < rows * n; ++t)
    h(0, t / n, t % n) = entries[t] * std::pow(10.0, -(t / n) / 20.0) / n;
  Kokkos::deep_copy(j, h);
  auto const a = counted(GaussNewtonOperator<Blocks<double, Space>>(j));
  int const capacity = 6;
  auto const k =
      run_kernel_basis(a, capacity, {.method = KernelMethod::randomized, .block = 6, .probes = 0});
  CHECK(k.records[0].outcome == Outcome::rank_limit);
  CHECK(on_host(k.basis.dimension)(0) == capacity);
  CHECK(k.records[0].kernel_residual <= 1e-14);
  CHECK(k.records[0].orthogonality <= 1e-13);
  CHECK(k.records[0].products == *a.products);
  auto const v = on_host(k.basis.vectors);
  for (int c = 0; c < capacity; ++c) {
    Vec image(rows);
    for (int r = 0; r < rows; ++r) image[r] = dot(row(h, 0, r), row(v, 0, c));
    CHECK(norm(image) <= 1e-14 * std::sqrt(k.records[0].norm_estimate) * n);
  }
}

TEST_CASE("products are counted as the operator sees them, and half are those of the basis alone") {
  int const n = 600, k = 3;
  Vec const values = spectrum(406, n, k, 1e4);
  auto const a = counted(reflected<double>({values}));
  auto const free = run_kernel_basis(a, 16, {.method = KernelMethod::randomized});
  CHECK(free.records[0].outcome == Outcome::converged);
  CHECK(free.records[0].dimension == k);
  CHECK(free.records[0].kernel_residual <= 1e-14);
  CHECK(free.records[0].products == *a.products);
  // Without a wish for the rounding level there is the count, and the basis as it is then.
  auto const rough =
      run_kernel_basis(a, 16, {.method = KernelMethod::randomized, .basis_tolerance = 1e-6});
  CHECK(rough.records[0].dimension == k);
  CHECK(rough.records[0].kernel_residual <= 1e-6);
  CHECK(rough.records[0].products < free.records[0].products);
}

TEST_CASE("the last basis of a slowly moving operator saves products, and is certified anew") {
  int const n = 96, k = 5, capacity = 16;
  Vec const values = spectrum(407, n, k, 1e3);
  auto const before =
      run_kernel_basis(InBulk<double>{to_matrices({moved(407, n, k, values, 0).matrix}, n)},
                       capacity, {.method = KernelMethod::randomized});
  for (double const step : {0.0, 1e-8, 1e-5, 1e-2, 1.0}) {
    auto const p = moved(407, n, k, values, step);
    InBulk<double> const a{to_matrices({p.matrix}, n)};
    auto const cold = run_kernel_basis(a, capacity, {.method = KernelMethod::randomized});
    auto const warm = started(a, capacity, before.basis);
    auto const &c = cold.records[0], &w = warm.records[0];
    CAPTURE(step, c.products, w.products, w.outcome, w.gap);
    CHECK(w.outcome == Outcome::converged);
    CHECK(w.dimension == k);
    CHECK(largest_residual(p, warm) <= 1e-12);
    CHECK(w.kernel_residual <= 1e-14);
    CHECK(w.smallest_kept >= 1e-3 * (1 - 1e-9));
    CHECK(w.smallest_kept <= 3e-3);
    CHECK(w.products < c.products);
    if (step <= 1e-5) CHECK(w.products <= 0.7 * c.products);
  }
}

TEST_CASE("a basis to start from may be wrong in every way") {
  int const n = 70, k = 6, capacity = 20;
  Planted const p(408, n, k, spectrum(408, n, k, 100)), other(409, n, 3, spectrum(409, n, 3, 100));
  InBulk<double> const a{to_matrices({p.matrix}, n)};
  auto const check = [&](Basis<double, Space> const& from) {
    auto const found = started(a, capacity, from);
    CAPTURE(found.records[0].outcome, found.records[0].products);
    CHECK(found.records[0].outcome == Outcome::converged);
    CHECK(found.records[0].dimension == k);
    CHECK(largest_residual(p, found) <= 1e-12);
  };
  // Of another operator; too narrow; too wide; zero; not finite; none; repeated vectors.
  check(planted_basis<double>({other}));
  auto basis = planted_basis<double>({p});
  Kokkos::deep_copy(basis.dimension, 2);
  check(basis);
  auto wide = new_basis<double>(1, 9, n);
  auto const v = Kokkos::create_mirror_view(wide.vectors);
  for (int j = 0; j < 9; ++j) {
    Vec const q = p.vector(j);
    for (int i = 0; i < n; ++i) v(0, j, i) = q[i];
  }
  Kokkos::deep_copy(wide.vectors, v);
  Kokkos::deep_copy(wide.dimension, 9);
  check(wide);
  for (int i = 0; i < n; ++i) {
    v(0, 0, i) = 0;
    v(0, 1, i) = std::nan("");
    v(0, 2, i) = v(0, 3, i);
  }
  Kokkos::deep_copy(wide.vectors, v);
  check(wide);
  Kokkos::deep_copy(wide.dimension, 0);
  check(wide);
  CHECK_THROWS_AS(started(a, capacity, new_basis<double>(1, 4, n + 1)), std::invalid_argument);
  // A kernel of dimension 0 where there was one, and the other way round.
  Planted const full(410, n, 0, spectrum(410, n, 0, 100));
  auto const none =
      started(InBulk<double>{to_matrices({full.matrix}, n)}, capacity, planted_basis<double>({p}));
  CHECK(none.records[0].outcome == Outcome::converged);
  CHECK(none.records[0].dimension == 0);
  // Not finite, indefinite, and noise of either sign.
  Vec broken = p.matrix;
  broken[1] = std::nan("");
  CHECK(started(InBulk<double>{to_matrices({broken}, n)}, capacity, basis).records[0].outcome ==
        Outcome::not_finite);
  Vec values = spectrum(411, n, k, 10);
  values[9] = -0.5;
  Planted const q(411, n, k, values);
  CHECK(started(InBulk<double>{to_matrices({q.matrix}, n)}, capacity, planted_basis<double>({q}))
            .records[0]
            .outcome == Outcome::indefinite_operator);
  for (double const noise : {1e-9, 3e-7}) {
    Planted const noisy(412, n, k, spectrum(412, n, k, 100, noise));
    auto const found = started(InBulk<double>{to_matrices({noisy.matrix}, n)}, capacity,
                               planted_basis<double>({noisy}));
    CAPTURE(noise);
    CHECK(found.records[0].outcome == Outcome::converged);
    CHECK(found.records[0].dimension == k);
  }
}

TEST_CASE("a batch whose items need different numbers of iterations: each is what it is alone") {
  int const n = 64;
  std::vector<Planted> items;
  for (int i = 0; i < 5; ++i)
    items.push_back(planted(std::uint64_t(420 + i), n, i, std::pow(10, i)));
  InBulk<double> const a{to_matrices(matrices_of(items), n)};
  auto const first = run_kernel_basis(a, 16, {.method = KernelMethod::randomized});
  auto const again = run_kernel_basis(a, 16, {.method = KernelMethod::randomized});
  CHECK(same_bits(first.basis.vectors, again.basis.vectors));
  for (int i = 0; i < 5; ++i) {
    CHECK(first.records[i].outcome == Outcome::converged);
    CHECK(first.records[i].dimension == i);
    CHECK(largest_residual(items[i], first, i) <= 1e-12);
    CHECK(members(first.records[i]) == members(again.records[i]));
  }
}

#if defined(KOKKOS_ENABLE_OPENMP)

TEST_CASE("long vectors: bases and preconditioned solves give the same bits on one thread") {
  // Several pieces of the long side, which two threads share.
  int const n = 9000, k = 3, capacity = 12;
  auto const a = reflected<double>({spectrum(430, n, k, 50)});
  auto const b = to_vectors({normals(430, 0, n)});
  auto const run = [&](Space const& space) {
    auto const basis = new_basis<double>(1, capacity, n);
    Scalars<KernelRecord<double>, Space> const kernels("test::kernels", 1);
    Scalars<SolveRecord<double>, Space> const solves("test::solves", 1);
    Vectors<double, Space> const z("test::z", 1, n);
    kernel_basis(space, a, basis, kernels, {.method = KernelMethod::randomized});
    auto const u = nystrom(space, a, {.rank = 20});
    pinv_pcg(space, a, u, b, z, solves, {}, basis);
    space.fence("test::run");
    CHECK(on_host(kernels)(0).dimension == k);
    CHECK(on_host(solves)(0).outcome == Outcome::converged);
    return std::tuple(basis.vectors, u.basis.vectors, z);
  };
  auto const all = run(Space()), one = run(Kokkos::OpenMP(1));
  CHECK(same_bits(std::get<0>(all), std::get<0>(one)));
  CHECK(same_bits(std::get<1>(all), std::get<1>(one)));
  CHECK(same_bits(std::get<2>(all), std::get<2>(one)));
}

#endif
