// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/tangent_space.hpp>

#include "support/solve.hpp"
#include <catch2/catch_test_macros.hpp>

using namespace minfold;
using namespace minfold::test;

namespace {

constexpr Representation stored[] = {Representation::spectral, Representation::kernel_basis,
                                     Representation::range_basis};
constexpr Representation all[] = {Representation::automatic, Representation::spectral,
                                  Representation::kernel_basis, Representation::range_basis,
                                  Representation::implicit};

struct TangentSolved {
  std::vector<std::vector<Vec>> z, kernel_part;  // [item][column]
  std::vector<SolveRecord<double>> records;
};

template <class A>
TangentSolved solve(A const& a, TangentSpace<double, Space> const& t,
                    std::vector<std::vector<Vec>> const& b) {
  int const items = int(b.size()), columns = int(b[0].size()), n = a.dim();
  Blocks<double, Space> const rhs("test::b", items, columns, n), z("test::z", items, columns, n),
      part("test::part", items, columns, n);
  auto const host = Kokkos::create_mirror_view(rhs);
  for (int i = 0; i < items; ++i)
    for (int c = 0; c < columns; ++c)
      for (int l = 0; l < n; ++l) host(i, c, l) = b[i][c][l];
  Kokkos::deep_copy(rhs, host);
  Scalars<SolveRecord<double>, Space> const records("test::records", items * columns);
  tangent_solve(Space(), a, t, Blocks<double const, Space>(rhs), z, part, records);
  TangentSolved s;
  auto const hz = on_host(z), hp = on_host(part);
  for (int i = 0; i < items; ++i) {
    s.z.emplace_back();
    s.kernel_part.emplace_back();
    for (int c = 0; c < columns; ++c) {
      s.z[i].push_back(row(hz, i, c));
      s.kernel_part[i].push_back(row(hp, i, c));
    }
  }
  s.records = test::impl::entries(records);
  return s;
}

void check_solution(Planted const& p, Vec const& b, Vec const& z, Vec const& part,
                    SolveRecord<double> const& record) {
  Vec const exact = p.pseudo_inverse(b), kernel = p.kernel_part(b);
  // Solves stop at 1e-12; a basis from solves to 1e-13 is known to kappa times that.
  double const tolerance = 1e-11 * p.condition();
  CHECK(norm(minus(z, exact)) <= tolerance * (norm(exact) + norm(b) / p.norm()));
  CHECK(norm(minus(part, kernel)) <= tolerance * norm(b));
  CHECK(std::abs(record.leakage - norm(kernel) / norm(b)) <= tolerance);
  CHECK(record.outcome == Outcome::converged);
  // P is a projector and its complement is the range: P A = 0, z in the range.
  CHECK(norm(p.multiply(part)) <= tolerance * p.norm() * norm(b));
  CHECK(norm(p.kernel_part(z)) <= tolerance * (norm(z) + norm(b) / p.norm()));
}

}  // namespace

TEST_CASE("every representation gives the same projector and the same pseudoinverse") {
  int const n = 40;
  for (int k : {1, 3, 20, 35, 39}) {
    std::vector<Planted> const items = {planted(std::uint64_t(k), n, k, 30),
                                        planted(std::uint64_t(200 + k), n, k, 30)};
    std::vector<std::vector<Vec>> b;
    for (int i = 0; i < 2; ++i) b.push_back({normals(31, i, n), normals(32, i, n)});
    b[1][1] = items[1].range_part(b[1][1]);
    for (auto const representation : all) {
      InBulk<double> const a{to_matrices(matrices_of(items), n)};
      auto const t = tangent_space(Space(), a, {.representation = representation});
      auto const records = on_host(t.records);
      CAPTURE(k, int(representation), int(t.representation));
      if (representation != Representation::automatic) CHECK(t.representation == representation);
      if (t.representation != Representation::implicit)
        for (int i = 0; i < 2; ++i) {
          CAPTURE(records(i).outcome, records(i).gap);
          CHECK(records(i).outcome == Outcome::converged);
          CHECK(records(i).dimension == k);
          CHECK(records(i).gap >= 1e2);
          CHECK(records(i).orthogonality <= 1e-12);
          CHECK(records(i).smallest_kept >= items[i].smallest() * (1 - 1e-9));
          // An estimate from above where only a part of the spectrum was seen.
          CHECK(records(i).smallest_kept <=
                items[i].smallest() *
                    (t.representation == Representation::kernel_basis ? 10 : 1 + 1e-6));
        }
      auto const s = solve(a, t, b);
      for (int i = 0; i < 2; ++i)
        for (int c = 0; c < 2; ++c) {
          CAPTURE(i, c);
          check_solution(items[i], b[i][c], s.z[i][c], s.kernel_part[i][c], s.records[2 * i + c]);
        }
    }
  }
}

TEST_CASE("explicit matrices take the whole spectrum, and kernels of nothing and of everything") {
  int const n = 20;
  for (int k : {0, n}) {
    std::vector<Planted> const items = {planted(5, n, k, 10)};
    auto const a = dense(items);
    auto const t = tangent_space(Space(), a);
    CHECK(t.representation == Representation::spectral);
    CHECK(on_host(t.records)(0).dimension == k);
    CHECK(on_host(t.records)(0).outcome == Outcome::converged);
    Vec const b = normals(33, k, n);
    for (auto const representation : stored) {
      CAPTURE(k, int(representation));
      InBulk<double> const opaque{a.matrix};
      auto const u = tangent_space(Space(), opaque, {.representation = representation});
      CHECK(on_host(u.records)(0).dimension == k);
      auto const s = solve(opaque, u, {{b}});
      CHECK(norm(minus(s.z[0][0], items[0].pseudo_inverse(b))) <= 1e-10 * norm(b));
      CHECK(norm(minus(s.kernel_part[0][0], k == n ? b : Vec(n))) <= 1e-10 * norm(b));
      CHECK(s.records[0].outcome == Outcome::converged);
    }
  }
}

TEST_CASE("an item that is not finite leaves the others their tangent space") {
  int const n = 30;
  auto const p = planted(6, n, 4, 10);
  Vec broken = p.matrix;
  broken[n] = std::nan("");
  Vec const b = normals(34, 0, n);
  for (auto const representation : stored) {
    CAPTURE(int(representation));
    InBulk<double> const a{to_matrices({p.matrix, broken, p.matrix}, n)};
    auto const t = tangent_space(Space(), a, {.representation = representation});
    auto const records = on_host(t.records);
    CHECK(records(0).outcome == Outcome::converged);
    CHECK(records(1).outcome == Outcome::not_finite);
    CHECK(records(2).outcome == Outcome::converged);
    auto const s = solve(a, t, {{b}, {b}, {b}});
    CHECK(s.records[1].outcome == Outcome::not_finite);
    check_solution(p, b, s.z[0][0], s.kernel_part[0][0], s.records[0]);
    check_solution(p, b, s.z[2][0], s.kernel_part[2][0], s.records[2]);
    for (double x : s.z[1][0]) CHECK(std::isfinite(x));
  }
}

TEST_CASE("the cost does not grow with the order for a kernel of fixed dimension") {
  std::int64_t at_200 = 0;
  for (int n : {50, 200, 1000, 5000}) {
    Vec d(n);
    // Condition ten at every order, like a lower level with normal directions added.
    for (int i = 4; i < n; ++i) d[i] = 0.1 + 0.9 * double(i - 4) / (n - 5);
    auto const a = reflected<double>({d});
    auto const t = tangent_space(Space(), a);
    auto const record = on_host(t.records)(0);
    CAPTURE(n, t.products, to_string(t.representation), record.outcome, record.gap);
    CHECK(record.outcome == Outcome::converged);
    CHECK(record.dimension == 4);
    CHECK(record.kernel_residual <= 1e-10);
    CHECK(t.products <= 2 * n + 64);
    if (n == 200) at_200 = t.products;
    // Below, the n products of the whole spectrum cost less than any trial.
    if (n > 200) CHECK(t.products <= 1000);
    if (n == 5000) CHECK(t.representation == Representation::kernel_basis);
  }
  CHECK(at_200 <= 464);
}

TEST_CASE("the cost does not grow with the order for a range of fixed dimension") {
  for (int n : {50, 200, 1000, 5000}) {
    Vec d(n);
    for (int i = 0; i < 5; ++i) d[i] = 1.0 / (1 + i);
    auto const a = reflected<double>({d});
    auto const t = tangent_space(Space(), a);
    auto const record = on_host(t.records)(0);
    CAPTURE(n, t.products, to_string(t.representation), record.outcome);
    CHECK(record.outcome == Outcome::converged);
    CHECK(record.dimension == n - 5);
    CHECK(t.products <= 64);
    if (n > 50) CHECK(t.representation == Representation::range_basis);
    Vec const b = normals(35, 0, n);
    auto const s = solve(a, t, {{b}});
    // A z = b - P_ker b by the operator itself.
    CHECK(s.records[0].outcome == Outcome::converged);
    CHECK(s.records[0].residual <= 1e-10);
  }
}

TEST_CASE("orders beyond the direct limit without small kernel or rank are left implicit") {
  int const n = 120;
  Vec d(n);
  for (int i = n / 2; i < n; ++i) d[i] = 1 + 0.01 * i;
  auto const a = reflected<double>({d});
  auto const t = tangent_space(Space(), a, {.direct_order = 64, .max_basis = 16});
  CHECK(t.representation == Representation::implicit);
  CHECK(on_host(t.records)(0).outcome == Outcome::rank_limit);
  Vec const b = normals(36, 0, n);
  auto const s = solve(a, t, {{b}});
  CHECK(s.records[0].outcome == Outcome::converged);
  // kernel_part + A z = b.
  CHECK(s.records[0].residual <= 1e-12);
  CHECK(std::abs(dot(s.kernel_part[0][0], s.z[0][0])) <= 1e-10 * dot(b, b));
}
