// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/orthonormalize.hpp>
#include <minfold/kernels/tangent_space.hpp>

#include "support/records.hpp"
#include "support/solve.hpp"
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <limits>

using namespace minfold;
using namespace minfold::test;

namespace {

template <class T>
InBulk<T> opaque(std::vector<Vec> const& matrices, int n) {
  return {to_matrices<T>(matrices, n)};
}

template <class T>
struct TangentSolved {
  TangentSpace<T, Space> space;
  std::vector<Vec> z, kernel_part;
  std::vector<SolveRecord<T>> records;
  std::vector<KernelRecord<T>> kernels;
};
template <class A, class T = typename A::scalar_type>
TangentSolved<T> solve(A const& a, std::vector<Vec> const& b,
                       TangentSpaceOptions<T> const& options) {
  int const items = int(b.size()), n = a.dim();
  auto const rhs = b.empty() ? Vectors<T, Space>("test::b", 0, n) : to_vectors<T>(b);
  Vectors<T, Space> const z("test::z", items, n), part("test::part", items, n);
  Scalars<SolveRecord<T>, Space> const records("test::records", items);
  auto const t = tangent_space(Space(), a, options);
  tangent_solve(Space(), a, t, Blocks<T const, Space>(as_block(rhs)), Blocks<T, Space>(as_block(z)),
                Blocks<T, Space>(as_block(part)), records);
  return {t, test::impl::rows(z), test::impl::rows(part), test::impl::entries(records),
          test::impl::entries(t.records)};
}

constexpr Representation all[] = {Representation::automatic, Representation::spectral,
                                  Representation::kernel_basis, Representation::range_basis,
                                  Representation::implicit};

}  // namespace

TEST_CASE("a solve that may not go on is an iteration limit, with the residual that it has") {
  int const n = 40;
  auto const p = planted(91, n, 5, 1e3);
  Vec const b = p.range_part(normals(91, 0, n));
  for (Path const path : {Path::fused, Path::bulk}) {
    auto const cg = run_cg(dense({p}), {b}, {.max_iterations = 4, .path = path});
    auto const ls = run_cgls(dense({p}), {b}, {.max_iterations = 4, .path = path});
    CAPTURE(int(path));
    CHECK(cg.records[0].outcome == Outcome::iteration_limit);
    CHECK(cg.records[0].iterations == 4);
    CHECK(std::abs(cg.records[0].residual - norm(minus(p.multiply(cg.z[0]), b)) / norm(b)) <=
          1e-12);
    CHECK(ls.records[0].outcome == Outcome::iteration_limit);
    CHECK(ls.records[0].iterations == 4);
  }
  auto const k = run_kernel_basis(
      opaque<double>({p.matrix}, n), n,
      KernelBasisOptions<double>{.method = KernelMethod::randomized, .max_iterations = 3});
  CHECK(k.records[0].outcome != Outcome::converged);
  auto const few = run_kernel_basis(
      opaque<double>({p.matrix}, n), n,
      KernelBasisOptions<double>{.method = KernelMethod::randomized, .total_iterations = 3});
  CHECK(few.records[0].outcome != Outcome::converged);
}

TEST_CASE("the solves of a noisy kernel share their iterations") {
  int const n = 96, k = 5;
  auto const p = planted(92, n, k, 10, 1e-8);
  KernelBasisOptions<double> options{.method = KernelMethod::randomized};
  auto const free = run_kernel_basis(opaque<double>({p.matrix}, n), n, options);
  CHECK(free.records[0].outcome == Outcome::converged);
  CHECK(free.records[0].dimension == k);
  options.total_iterations = 60;
  auto const bound = run_kernel_basis(opaque<double>({p.matrix}, n), n, options);
  CAPTURE(free.records[0].products, bound.records[0].products);
  // Eight columns: the solves, a residual a pass, and what is around them.
  CHECK(bound.records[0].products <= 8 * (60 + 12) + 5 * 40);
}

TEST_CASE("where the projection is applied does not change the answer for an exact basis") {
  int const n = 30;
  auto const p = planted(93, n, 6, 20);
  Vec const any = normals(93, 0, n), inside = p.range_part(any);
  auto const basis = planted_basis<double>({p});
  for (auto const reprojection :
       {Reprojection::never, Reprojection::start_only, Reprojection::every_iteration}) {
    CAPTURE(int(reprojection));
    auto const in_range = run_cg(dense({p}), {inside}, {.reprojection = reprojection}, basis);
    CHECK(in_range.records[0].outcome == Outcome::converged);
    CHECK(norm(minus(in_range.z[0], p.pseudo_inverse(inside))) <= 2e-11 * norm(in_range.z[0]));
    auto const s = run_cg(dense({p}), {any}, {.reprojection = reprojection}, basis);
    if (reprojection == Reprojection::never) {
      // The basis is not looked at: b is inconsistent, and that is found out.
      CHECK(in_range.records[0].leakage == 0);
      CHECK(s.records[0].outcome == Outcome::inconsistent_rhs);
      continue;
    }
    CHECK(s.records[0].outcome == Outcome::converged);
    CHECK(norm(minus(s.z[0], p.pseudo_inverse(any))) <= 2e-11 * norm(s.z[0]));
    CHECK(std::abs(s.records[0].leakage - norm(p.kernel_part(any)) / norm(any)) <= 1e-12);
  }
}

TEST_CASE("curvature limits of CG are relative to the norm and to nothing else") {
  int const n = 30;
  Vec values = spectrum(94, n, 0, 10);
  values[3] = 1e-4;
  Planted const small(94, n, 0, values);
  values[3] = -1e-4;
  Planted const negative(94, n, 0, values);
  Vec const b = normals(94, 0, n);
  for (double const scale : {1.0, 1e100, 1e-100}) {
    CAPTURE(scale);
    auto const run = [&](Planted const& p, PinvCgOptions<double> const& options) {
      return run_cg(DenseOperator<Blocks<double, Space>>(to_matrices({times(scale, p.matrix)}, n)),
                    {b}, options)
          .records[0]
          .outcome;
    };
    CHECK(run(small, {.smallest_curvature = 1e-6}) == Outcome::converged);
    CHECK(run(small, {.smallest_curvature = 2e-4}) == Outcome::inconsistent_rhs);
    CHECK(run(negative, {.negative_curvature = 1e-6}) == Outcome::indefinite_operator);
  }
}

TEMPLATE_TEST_CASE("operators without a matrix give what the matrix gives", "", double, float) {
  using T = TestType;
  int const n = 40;
  double const eps = double(epsilon<T>);
  std::vector<Planted> items;
  std::vector<Vec> b;
  for (int k : {0, 1, 15, 39}) {
    items.push_back(planted(std::uint64_t(950 + k), n, k, 20));
    b.push_back(items.back().range_part(normals(95, k, n)));
  }
  auto const m = to_matrices<T>(matrices_of(items), n);
  auto const check = [&](auto const& a) {
    for (auto const& s : {run_cg(a, b), run_cgls(a, b), run_direct(a, b)})
      for (std::size_t i = 0; i < items.size(); ++i) {
        CHECK(s.records[i].outcome == Outcome::converged);
        double const error = norm(minus(s.z[i], items[i].pseudo_inverse(b[i])));
        CHECK(error <= (10 * eps + double(default_tolerance<T>)) * 20 * norm(s.z[i]));
      }
  };
  check(InBulk<T>{m});
  check(ByTeam<T>{m});
}

TEMPLATE_TEST_CASE("tangent spaces and their solves, at any scale and in either precision", "",
                   double, float) {
  using T = TestType;
  int const n = 40;
  double const large = std::is_same_v<T, double> ? 1e150 : 1e15;
  double const tolerance = 30 * 20 * double(default_tolerance<T>);
  for (int const k : {3, 34})
    for (double const scale : {1.0, large, 1 / large}) {
      auto const p = planted(std::uint64_t(960 + k), n, k, 20);
      Vec const b = normals(96, k, n), exact = p.pseudo_inverse(b);
      for (auto const representation : all) {
        auto const s = solve(opaque<T>({times(scale, p.matrix)}, n), {times(scale, b)},
                             TangentSpaceOptions<T>{.representation = representation});
        CAPTURE(k, scale, int(representation), s.records[0].outcome, s.records[0].residual);
        CHECK(s.records[0].outcome == Outcome::converged);
        CHECK(norm(minus(s.z[0], exact)) <= tolerance * (norm(exact) + norm(b)));
        CHECK(norm(minus(times(1 / scale, s.kernel_part[0]), p.kernel_part(b))) <=
              tolerance * norm(b));
        if (representation != Representation::implicit) CHECK(s.kernels[0].dimension == k);
      }
    }
}

TEST_CASE("tangent spaces of the adversarial list") {
  for (auto const representation : all) {
    CAPTURE(int(representation));
    TangentSpaceOptions<double> const options{.representation = representation};
    // Order one: everything and nothing.
    auto const one = solve(opaque<double>({{2.0}, {0.0}}, 1), {{3.0}, {3.0}}, options);
    CHECK(std::abs(one.z[0][0] - 1.5) <= 1e-15);
    CHECK(one.z[1][0] == 0);
    CHECK(one.kernel_part[1][0] == 3);
    // Nothing to solve.
    int const n = 24;
    auto const p = planted(97, n, 6, 10);
    auto const zero = solve(opaque<double>({p.matrix}, n), {Vec(n)}, options);
    CHECK(zero.records[0].outcome == Outcome::converged);
    CHECK(norm(zero.z[0]) == 0);
    CHECK(norm(zero.kernel_part[0]) == 0);
    // An eigenvalue of the other sign: A^+ is defined, and only CG may not take it.
    Vec values = spectrum(98, n, 6, 10);
    values[9] = -0.5;
    Planted const q(98, n, 6, values);
    Vec const b = normals(98, 0, n);
    auto const s = solve(opaque<double>({q.matrix}, n), {b}, options);
    CAPTURE(s.records[0].outcome);
    if (s.space.representation == Representation::kernel_basis)
      CHECK(s.kernels[0].outcome == Outcome::indefinite_operator);
    if (s.records[0].outcome == Outcome::converged)
      CHECK(norm(minus(s.z[0], q.pseudo_inverse(b))) <= 1e-10 * norm(s.z[0]));
    else
      CHECK(s.records[0].outcome == Outcome::indefinite_operator);
    // No item.
    auto const none = InBulk<double>{Blocks<double, Space>("test::none", 0, 9, 9)};
    CHECK(solve(none, {}, options).records.empty());
  }
  // A sketch of one vector at a time.
  auto const p = planted(99, 30, 4, 10);
  CHECK(solve(opaque<double>({p.matrix}, 30), {normals(99, 0, 30)},
              TangentSpaceOptions<double>{.block = 1})
            .kernels[0]
            .dimension == 4);
}

TEST_CASE("order zero and empty batches leave no record unwritten") {
  Blocks<double, Space> const flat("test::flat", 2, 0, 0), none("test::none", 0, 5, 5);
  Vectors<double, Space> const w("test::w", 2, 0), w0("test::w", 0, 5);
  Scalars<EigenRecord<double>, Space> const eigen("test::eigen", 2), no_eigen("test::eigen", 0);
  symmetric_eigen(Space(), flat, w, eigen);
  symmetric_eigen(Space(), none, w0, no_eigen);
  for (auto const& r : test::impl::entries(eigen)) CHECK(r.outcome == Outcome::converged);
  Scalars<OrthonormalizeRecord<double>, Space> const no_record("test::records", 0);
  orthonormalize(Space(), none, no_record);
  auto const k = run_kernel_basis(DenseOperator(flat), 0);
  for (auto const& r : k.records) {
    CHECK(r.outcome == Outcome::converged);
    CHECK(r.dimension == 0);
  }
  auto const t = tangent_space(Space(), InBulk<double>{flat});
  for (auto const& r : test::impl::entries(t.records)) CHECK(r.outcome == Outcome::converged);
}

TEMPLATE_TEST_CASE("a norm beyond the largest number is not finite, and nothing infinite is left",
                   "", double, float) {
  using T = TestType;
  for (auto const method : {EigenMethod::jacobi, EigenMethod::lapack})
    for (int const n : {4, 20}) {
      double const most = double(std::numeric_limits<T>::max());
      auto const a = to_matrices<T>({Vec(std::size_t(n) * n, 0.9 * most)}, n);
      Vectors<T, Space> const w("test::w", 1, n);
      Scalars<EigenRecord<T>, Space> const records("test::records", 1);
      symmetric_eigen(Space(), a, w, records, {.method = method});
      CAPTURE(int(method), n);
      CHECK(on_host(records)(0).outcome == Outcome::not_finite);
      for (double x : row(on_host(w), 0)) CHECK(x == 0);
    }
}

TEST_CASE("the symmetric part is what is decomposed and what is verified") {
  int const n = 14;
  auto const p = planted(100, n, 3, 10);
  Vec skewed = p.matrix;
  Vec const noise = normals(100, 0, n * n);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < i; ++j) {
      skewed[i * n + j] += noise[i * n + j];
      skewed[j * n + i] -= noise[i * n + j];
    }
  for (auto const method : {EigenMethod::jacobi, EigenMethod::lapack}) {
    auto const a = to_matrices({skewed}, n);
    Vectors<double, Space> const w("test::w", 1, n);
    Scalars<EigenRecord<double>, Space> const records("test::records", 1);
    symmetric_eigen(Space(), a, w, records, {.method = method});
    CHECK(on_host(records)(0).residual <= 1e-14 * n);
    CHECK(std::abs(on_host(records)(0).norm - p.norm()) <= 1e-14 * n);
  }
}

TEST_CASE("solutions that overflow are cleared with their item") {
  for (int solver = 0; solver < 2; ++solver) {
    auto const a = DenseOperator<Blocks<double, Space>>(to_matrices({{1e-200, 0, 0, 1e-200}}, 2));
    auto const s = solver == 0 ? run_cg(a, {{1e200, 1e200}}) : run_cgls(a, {{1e200, 1e200}});
    CHECK(s.records[0].outcome == Outcome::not_finite);
    for (double x : s.z[0]) CHECK(x == 0);
  }
}
