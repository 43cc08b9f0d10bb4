// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/tangent_space.hpp>

#include "support/solve.hpp"
#include <catch2/catch_test_macros.hpp>

/// `converged` and the residual in the record are promises: each is recomputed here, in long double,
/// where what the kernel was given is only nearly what it should be.
using namespace minfold;
using namespace minfold::test;

namespace {

/// Basis with these vectors, orthonormalized.
Basis<double, Space> basis_of(std::vector<Vec> const& rows) {
  int const k = int(rows.size()), n = int(rows[0].size());
  auto const basis = new_basis<double>(1, k, n);
  auto const v = Kokkos::create_mirror_view(basis.vectors);
  std::vector<Vec> q;
  for (int j = 0; j < k; ++j) {
    Vec u = rows[j];
    for (int pass = 0; pass < 2; ++pass)
      for (auto const& w : q) u = minus(u, times(dot(w, u), w));
    q.push_back(times(1 / norm(u), u));
    for (int i = 0; i < n; ++i) v(0, j, i) = q[j][i];
  }
  Kokkos::deep_copy(basis.vectors, v);
  Kokkos::deep_copy(basis.dimension, k);
  return basis;
}
/// ||A z - P b|| / ||P b|| for the P of the basis.
double residual_of(Planted const& p, Basis<double, Space> const& basis, Vec const& b,
                   Vec const& z) {
  auto const v = on_host(basis.vectors);
  Vec inside = b;
  for (int pass = 0; pass < 2; ++pass)
    for (int j = 0; j < int(v.extent(1)); ++j) {
      Vec const q = row(v, 0, j);
      inside = minus(inside, times(dot(q, inside), q));
    }
  return norm(minus(p.multiply(z), inside)) / norm(inside);
}

struct TangentSolved {
  std::vector<Vec> z, kernel_part;
  std::vector<SolveRecord<double>> records;
  std::vector<KernelRecord<double>> kernels;
};
template <class A>
TangentSolved solve(A const& a, std::vector<Vec> const& b,
                    TangentSpaceOptions<double> const& options, double tolerance = 1e-12) {
  auto const rhs = to_vectors(b);
  int const items = int(b.size()), n = a.dim();
  Vectors<double, Space> const z("test::z", items, n), part("test::part", items, n);
  Scalars<SolveRecord<double>, Space> const records("test::records", items);
  auto const t = tangent_space(Space(), a, options);
  tangent_solve(Space(), a, t, Blocks<double const, Space>(as_block(rhs)),
                Blocks<double, Space>(as_block(z)), Blocks<double, Space>(as_block(part)), records,
                tolerance);
  return {test::impl::rows(z), test::impl::rows(part), test::impl::entries(records),
          test::impl::entries(t.records)};
}

constexpr Representation stored[] = {Representation::spectral, Representation::kernel_basis,
                                     Representation::range_basis};

}  // namespace

TEST_CASE("CG with an inexact kernel basis reports the residual that anybody would compute") {
  int const n = 30, k = 3;
  auto const p = planted(81, n, k, 30);
  Vec const b = normals(81, 0, n);
  for (double const tilt : {0.0, 1e-9, 1e-6, 1e-3, 0.5, 1.5}) {
    Vec first = p.vector(0);
    Vec const other = p.vector(10);
    for (int i = 0; i < n; ++i) first[i] = std::cos(tilt) * first[i] + std::sin(tilt) * other[i];
    auto const basis = basis_of({first, p.vector(1), p.vector(2)});
    auto const r = run_cg(dense({p}), {b}, {}, basis);
    double const residual = residual_of(p, basis, b, r.z[0]);
    CAPTURE(tilt, residual, r.records[0].residual, r.records[0].outcome);
    CHECK(std::abs(r.records[0].residual - residual) <= 1e-2 * residual + 1e-13);
    CHECK((r.records[0].outcome == Outcome::converged) == (tilt < 1e-12));
  }
  // A basis that has nothing to do with the matrix.
  Vec values = spectrum(82, n, 0, 10);
  Planted const full(82, n, 0, values);
  auto const basis = basis_of({normals(82, 1, n), normals(82, 2, n), normals(82, 3, n)});
  auto const r = run_cg(dense({full}), {b}, {}, basis);
  double const residual = residual_of(full, basis, b, r.z[0]);
  CAPTURE(residual, r.records[0].residual);
  CHECK(residual > 1e-2);
  CHECK(std::abs(r.records[0].residual - residual) <= 1e-2 * residual);
  CHECK(r.records[0].outcome == Outcome::inconsistent_rhs);
}

TEST_CASE("a solve by a stored representation is converged only within the tolerance") {
  for (auto const representation : stored)
    for (double const condition : {10.0, 1e3})
      for (double const noise : {0.0, 1e-9}) {
        int const n = 200, rank = representation == Representation::kernel_basis ? n - 6 : 6;
        auto const p = planted(83, n, n - rank, condition, noise);
        Vec const b = normals(83, 1, n);
        auto const s = solve(InBulk<double>{to_matrices({p.matrix}, n)}, {b},
                             {.representation = representation});
        Vec const inside = minus(b, s.kernel_part[0]);
        double const residual = norm(minus(p.multiply(s.z[0]), inside)) / norm(inside);
        double const rounding = 8 * 2.3e-16 * (p.norm() * norm(s.z[0]) + norm(b)) / norm(inside);
        auto const& r = s.records[0];
        CAPTURE(int(representation), condition, noise, residual, r.residual, r.outcome);
        CHECK(s.kernels[0].outcome == Outcome::converged);
        CHECK(std::abs(r.residual - residual) <= 1e-2 * residual + 1e-13);
        CHECK((r.outcome != Outcome::converged || residual <= 1.01 * (1e-12 + rounding)));
        // And it should get there: these are the matrices of a lower level near its manifold.
        CHECK(r.outcome == Outcome::converged);
      }
}

TEST_CASE(
    "a tolerance beyond the arithmetic is an iteration limit or a rounding level, not a guess") {
  int const n = 60;
  auto const p = planted(84, n, n - 6, 100, 1e-7);
  Vec const b = normals(84, 1, n);
  for (auto const representation : stored) {
    auto const s = solve(InBulk<double>{to_matrices({p.matrix}, n)}, {b},
                         {.representation = representation}, 1e-30);
    Vec const inside = minus(b, s.kernel_part[0]);
    double const residual = norm(minus(p.multiply(s.z[0]), inside)) / norm(inside);
    double const rounding = 8 * 2.3e-16 * (p.norm() * norm(s.z[0]) + norm(b)) / norm(inside);
    CAPTURE(int(representation), residual, rounding, s.records[0].outcome);
    CHECK((s.records[0].outcome != Outcome::converged || residual <= 2 * rounding));
  }
}

TEST_CASE("an indefinite matrix with no clear gap is ambiguous, not solved") {
  Planted const p(85, 4, 1, {4e-7, 2e-6, 1, -1});
  Vec const b = normals(85, 0, 4);
  auto const s = run_direct(dense({p}), {b});
  CHECK(s.kernels[0].outcome == Outcome::indefinite_operator);
  CHECK(std::abs(s.kernels[0].gap - 5) < 1e-3);
  CHECK(s.records[0].outcome == Outcome::ambiguous_rank);
  auto const trusted = run_direct(dense({p}), {b}, {.minimum_gap = 4});
  CHECK(trusted.records[0].outcome == Outcome::converged);
  auto const t = solve(dense({p}), {b}, {.representation = Representation::spectral});
  CHECK(t.records[0].outcome == Outcome::ambiguous_rank);
}

TEST_CASE("CGLS that ran out of iterations says so, however small its residual") {
  // One step takes care of the eigenvalue 1. The other one, squared, is below the rounding level.
  int const n = 40;
  Vec values(n, 1.0);
  values[0] = 2e-4;
  Planted const p(86, n, 0, values);
  Vec const b = normals(86, 0, n), exact = p.pseudo_inverse(b);
  DenseOperator<Blocks<float, Space>> const a(to_matrices<float>({p.matrix}, n));
  auto const s = run_cgls(a, {b}, {.relative_tolerance = 1e-10f, .max_iterations = 1});
  CAPTURE(s.records[0].residual);
  CHECK(norm(minus(s.z[0], exact)) > 0.4 * norm(exact));
  CHECK(s.records[0].outcome == Outcome::iteration_limit);
}

TEST_CASE("what is wrong with a tangent space is not lost in its solves") {
  int const n = 60;
  Vec const b = normals(87, 0, n);
  // No clear gap: 4e-7 is dropped, 2e-6 kept.
  Vec values = spectrum(87, n, 3, 10);
  values[0] = 4e-7;
  values[5] = 2e-6;
  Planted const ambiguous(87, n, 3, values);
  auto const p = planted(88, n, 20, 10);
  auto const opaque = [&](std::vector<Vec> const& m) { return InBulk<double>{to_matrices(m, n)}; };
  for (auto const representation : {Representation::spectral, Representation::kernel_basis}) {
    auto const s = solve(opaque({ambiguous.matrix}), {b}, {.representation = representation});
    CAPTURE(int(representation), s.kernels[0].outcome, s.records[0].outcome);
    CHECK(s.kernels[0].outcome == Outcome::ambiguous_rank);
    CHECK(s.records[0].outcome != Outcome::converged);
  }
  // A basis that is too narrow, and a right-hand side that does not show it.
  auto const truncated = solve(opaque({p.matrix}), {p.range_part(b)},
                               {.representation = Representation::kernel_basis, .max_basis = 6});
  CHECK(truncated.kernels[0].outcome == Outcome::rank_limit);
  CHECK(truncated.records[0].outcome == Outcome::rank_limit);
  // A right-hand side that is not finite leaves nothing behind, and its neighbours alone.
  for (auto const representation : stored) {
    Vec bad = b;
    bad[7] = std::nan("");
    auto const s = solve(opaque({p.matrix, p.matrix}), {bad, b},
                         {.representation = representation, .max_basis = 50});
    CAPTURE(int(representation));
    CHECK(s.records[0].outcome == Outcome::not_finite);
    for (double x : s.z[0]) CHECK(x == 0);
    for (double x : s.kernel_part[0]) CHECK(x == 0);
    CHECK(s.records[1].outcome == Outcome::converged);
  }
}
