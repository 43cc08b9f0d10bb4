// SPDX-License-Identifier: Apache-2.0
#include "support/columns.hpp"
#include "support/records.hpp"
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <limits>

/// CG and CGLS on explicit matrices, the same problems forced along every path.
using namespace minfold;
using namespace minfold::test;

namespace {

constexpr bool on_host = minfold::impl::runs_on_host<Space>;

std::vector<Path> paths() {
  std::vector<Path> p{Path::automatic, Path::fused, Path::bulk};
  if (on_host) p.insert(p.end(), {Path::halves, Path::packed});
  return p;
}

}  // namespace

TEMPLATE_TEST_CASE("every path of CG gives the pseudo-inverse, for every order", "[cg_paths]",
                   double, float) {
  using T = TestType;
  double const eps = double(epsilon<T>);
  // Batches that no width of a register divides, in orders on both sides of their multiples.
  for (int n : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 50, 67, 129}) {
    int const items = n < 40 ? 11 : 3;
    std::vector<Planted> planted_items;
    std::vector<Vec> in_range, any, exact_in_range, exact_any;
    for (int i = 0; i < items; ++i) {
      planted_items.push_back(planted(std::uint64_t(900 + i), n, (i * n) / (items + 1), 20));
      any.push_back(normals(8, 100 * n + i, n));
      in_range.push_back(planted_items[i].range_part(any[i]));
      exact_any.push_back(planted_items[i].pseudo_inverse(any[i]));
    }
    auto const a = explicit_matrices<T>(matrices_of(planted_items), n);
    auto const basis = planted_basis<T>(planted_items);
    for (bool const with_basis : {false, true}) {
      auto const& b = with_basis ? any : in_range;
      auto const kernel = with_basis ? basis : Basis<T, Space>{};
      Solved<T> const reference = run_cg(a, b, {.path = Path::fused}, kernel);
      for (Path const path : paths()) {
        auto const s = run_cg(a, b, {.path = path}, kernel);
        for (int i = 0; i < items; ++i) {
          auto const& p = planted_items[i];
          auto const& r = s.records[i];
          CAPTURE(n, i, with_basis, int(path), r.outcome, r.residual, r.iterations);
          CHECK(r.outcome == Outcome::converged);
          CHECK(r.residual <= std::max(default_tolerance<T>, T(100) * epsilon<T>));
          // A residual of the tolerance, times the condition.
          double const allowed = 40 * (double(default_tolerance<T>) + eps) * norm(exact_any[i]);
          CHECK(norm(minus(s.z[i], exact_any[i])) <= allowed);
          CHECK(norm(minus(s.z[i], reference.z[i])) <= allowed);
          CHECK(r.outcome == reference.records[i].outcome);
          CHECK(std::abs(r.iterations - reference.records[i].iterations) <= 3);
          CHECK(std::abs(r.products - reference.records[i].products) <= 4);
          CHECK(std::abs(r.rhs_norm - norm(b[i])) <= 10 * eps * norm(b[i]));
          double const leakage = with_basis ? norm(p.kernel_part(b[i])) / norm(b[i]) : 0;
          CHECK(std::abs(r.leakage - leakage) <= 100 * eps);
          CHECK(r.operator_norm <= 1 + 100 * eps);
        }
      }
    }
  }
}

TEST_CASE("several right-hand sides give what each gives alone, on every path", "[cg_paths]") {
  for (int const n : {12, 40, 70, 530})
    for (int const columns : {2, 8, 9, 19}) {
      if (n == 530 && columns == 19) continue;
      int const items = n > 100 ? 2 : 3;
      std::vector<Mirror> mirrors;
      std::vector<Vec> matrices;
      std::vector<std::vector<Vec>> b(items);
      for (int i = 0; i < items; ++i) {
        mirrors.emplace_back(i + 1, n, 2 + i, 20);
        matrices.push_back(mirrors[i].matrix);
        for (int c = 0; c < columns; ++c) b[i].push_back(mirrors[i].in_range(20 * i + c));
      }
      b[1][1] = Vec(n, 0);
      auto const a = explicit_matrices<double>(matrices, n);
      for (Path const path : paths()) {
        auto const s = solve<double>(a, b, {.path = path});
        for (int i = 0; i < items; ++i)
          for (int c = 0; c < columns; ++c) {
            auto const& r = s.records[i * columns + c];
            CAPTURE(n, columns, int(path), i, c, r.outcome, r.residual);
            CHECK(r.outcome == Outcome::converged);
            auto const exact = mirrors[i].pseudo_inverse(b[i][c]);
            CHECK(norm(minus(s.z[i][c], exact)) <= 4e-11 * norm(exact));
          }
        CHECK(s.records[columns + 1].iterations == 0);
      }
    }
}

TEST_CASE("products by halves of any order are the products", "[cg_paths]") {
  // On both sides of each change in the number of chunks, and of multiples of the registers.
  for (int const n : {1, 6, 63, 64, 511, 512, 519, 1025, 1540}) {
    std::vector<Vec> matrices;
    for (int i = 0; i < 2; ++i) matrices.push_back(Mirror(50 + i, n, n / 3, 10).matrix);
    auto const a = explicit_matrices<double>(matrices, n);
    for (int const columns : {1, 3, 8, 11}) {
      Blocks<double, Space> const x("test::x", 2, columns, n), y("test::y", 2, columns, n);
      auto const host = Kokkos::create_mirror_view(x);
      for (int i = 0; i < 2; ++i)
        for (int c = 0; c < columns; ++c) {
          auto const v = normals(60, 16 * i + c, n);
          for (int l = 0; l < n; ++l) host(i, c, l) = v[l];
        }
      Kokkos::deep_copy(x, host);
      a.apply(Space(), x, y);
      auto const product = test::on_host(y), factor = test::on_host(x);
      for (int i = 0; i < 2; ++i)
        for (int c : {0, columns - 1}) {
          double worst = 0;
          for (int l = 0; l < n; ++l) {
            long double sum = 0;
            for (int j = 0; j < n; ++j)
              sum += (long double)(matrices[i][std::size_t(l) * n + j]) * factor(i, c, j);
            worst = std::max(worst, double(std::abs(sum - product(i, c, l))));
          }
          CAPTURE(n, columns, i, c);
          CHECK(worst <= 4 * std::sqrt(double(n)) * epsilon<double>);
        }
    }
  }
}

TEST_CASE("large orders, whose products are split among threads", "[cg_paths]") {
  for (int const n : {700, 1100}) {
    Mirror const m(n, n, 5, 50), other(n + 1, n, 9, 10);
    auto const a = explicit_matrices<double>({m.matrix, other.matrix}, n);
    Vec const b = m.in_range(0), c = other.in_range(1);
    auto const alone = run_cg(explicit_matrices<double>({m.matrix}, n), {b});
    for (Path const path : paths()) {
      auto const s = run_cg(a, {b, c}, {.path = path});
      CAPTURE(n, int(path));
      for (int i : {0, 1}) CHECK(s.records[i].outcome == Outcome::converged);
      CHECK(norm(minus(s.z[0], m.pseudo_inverse(b))) <= 1e-10 * norm(s.z[0]));
      CHECK(norm(minus(s.z[1], other.pseudo_inverse(c))) <= 2e-11 * norm(s.z[1]));
      if (path == Path::automatic) CHECK(s.z[0] == alone.z[0]);
    }
  }
}

TEMPLATE_TEST_CASE("odd items end alike on every path and touch no other", "[cg_paths]", double,
                   float) {
  using T = TestType;
  int const n = 14, k = 3;
  double const nan = std::nan(""), large = std::is_same_v<T, double> ? 1e150 : 1e25;
  auto const p = planted(70, n, k, 10);
  auto const good = p.range_part(normals(70, 0, n));
  Vec values = spectrum(71, n, 0, 10);
  values[4] = -0.5;
  Planted const indefinite(71, n, 0, values);
  Vec broken = p.matrix, zero(std::size_t(n) * n), rhs = good, none(n, 0.0);
  broken[3 * n + 5] = broken[5 * n + 3] = nan;
  rhs[6] = std::numeric_limits<double>::infinity();
  auto const mixed = minus(good, times(-0.5, p.kernel_part(normals(70, 1, n))));
  struct Case {
    Vec matrix, b;
    Outcome outcome;
  };
  std::vector<Case> const cases{
      {p.matrix, good, Outcome::converged},
      {broken, good, Outcome::not_finite},
      {p.matrix, rhs, Outcome::not_finite},
      {p.matrix, none, Outcome::converged},
      {zero, good, Outcome::inconsistent_rhs},
      {p.matrix, mixed, Outcome::inconsistent_rhs},
      {indefinite.matrix, normals(71, 0, n), Outcome::indefinite_operator},
      {times(large, p.matrix), times(1 / large, good), Outcome::not_run},  // z underflows: any
      {times(large, p.matrix), times(large, good), Outcome::converged},
      {times(1 / large, p.matrix), times(1 / large, good), Outcome::converged},
      {times(1 / large, p.matrix), good, Outcome::converged},
      {p.matrix, times(large, good), Outcome::converged},
      {p.matrix, good, Outcome::converged}};
  std::vector<Vec> matrices, b;
  for (auto const& c : cases) {
    matrices.push_back(c.matrix);
    b.push_back(c.b);
  }
  auto const a = explicit_matrices<T>(matrices, n);
  auto const reference = run_cg(a, b, {.path = Path::fused});
  for (Path const path : paths()) {
    auto const s = run_cg(a, b, {.path = path});
    for (std::size_t i = 0; i < cases.size(); ++i) {
      auto const& r = s.records[i];
      CAPTURE(int(path), i, r.outcome, r.residual, r.iterations);
      auto const alone = run_cg(explicit_matrices<T>({matrices[i]}, n), {b[i]}, {.path = path});
      CHECK(alone.z[0] == s.z[i]);
      CHECK(members(alone.records[0]) == members(r));
      if (cases[i].outcome == Outcome::not_run) continue;
      CHECK(r.outcome == cases[i].outcome);
      CHECK(std::abs(r.leakage - reference.records[i].leakage) <=
            1e-3 * reference.records[i].leakage + 100 * epsilon<T>);
      for (double const x : s.z[i]) CHECK(std::isfinite(x));
    }
    for (int i : {8, 12}) CHECK(norm(minus(s.z[i], s.z[0])) <= 1e-4 * norm(s.z[0]));
  }
}

TEST_CASE("a basis that is not the kernel is told on every path", "[cg_paths]") {
  int const n = 24, k = 3;
  std::vector<Planted> items, others;
  std::vector<Vec> b;
  for (int i = 0; i < 9; ++i) {
    items.push_back(planted(72 + i, n, k, 10));
    // Every third item has its own.
    others.push_back(i % 3 == 0 ? items[i] : planted(172 + i, n, k, 10));
    b.push_back(normals(72, i, n));
  }
  auto const a = dense(items);
  auto const basis = planted_basis<double>(others);
  for (Path const path : paths()) {
    auto const s = run_cg(a, b, {.path = path}, basis);
    for (int i = 0; i < 9; ++i) {
      auto const& r = s.records[i];
      CAPTURE(int(path), i, r.outcome, r.residual);
      CHECK(r.outcome == (i % 3 == 0 ? Outcome::converged : Outcome::inconsistent_rhs));
      // What the record says is what there is, in range P and outside of it.
      Vec const wanted = others[i].range_part(b[i]);
      double const left = norm(minus(items[i].multiply(s.z[i]), wanted)) / norm(wanted);
      CHECK(std::abs(r.residual - left) <= 1e-10);
      CHECK((left > 1e-3) == (i % 3 != 0));
    }
  }
}

TEST_CASE("the answers of every path do not depend on batch, order of items and threads",
          "[cg_paths]") {
  for (int const n : {10, 33, 60, 520}) {
    int const items = n > 100 ? 3 : 19, columns = 2;
    std::vector<Vec> matrices, turned;
    std::vector<std::vector<Vec>> b, turned_b;
    std::vector<Mirror> mirrors;
    for (int i = 0; i < items; ++i) mirrors.emplace_back(80 + i, n, i % 5, 5.0 + 10 * i);
    for (int i = 0; i < items; ++i) {
      auto const& m = mirrors[i];
      matrices.push_back(m.matrix);
      b.push_back({m.in_range(2 * i), m.in_range(2 * i + 1)});
    }
    auto const place = [&](int i) { return (7 * i + 2) % items; };
    for (int i = 0; i < items; ++i) {
      turned.push_back(matrices[place(i)]);
      turned_b.push_back(b[place(i)]);
    }
    auto const a = explicit_matrices<double>(matrices, n),
               turned_a = explicit_matrices<double>(turned, n);
    for (Path const path : paths()) {
      auto const s = solve<double>(a, b, {.path = path}),
                 t = solve<double>(turned_a, turned_b, {.path = path});
      CAPTURE(n, int(path));
      for (int i = 0; i < items; ++i)
        for (int c = 0; c < columns; ++c) {
          CHECK(t.z[i][c] == s.z[place(i)][c]);
          CHECK(members(t.records[i * columns + c]) == members(s.records[place(i) * columns + c]));
        }
#if defined(KOKKOS_ENABLE_OPENMP)
      if constexpr (std::is_same_v<Space, Kokkos::OpenMP>) {
        auto const one = solve<double>(a, b, {.path = path}, {}, Kokkos::OpenMP(1));
        CHECK(one.z == s.z);
      }
#endif
    }
  }
}

TEST_CASE("strides of the vectors change no bit on any path", "[cg_paths]") {
  for (int const n : {20, 61, 530}) {
    Mirror const m(99, n, 3, 20);
    auto const a = explicit_matrices<double>({m.matrix, m.matrix}, n);
    std::vector<Vec> const b{m.in_range(0), m.in_range(1)};
    Kokkos::View<double**, Kokkos::LayoutLeft, Space> const rhs("test::b", 2, n),
        z("test::z", 2, n), part("test::part", 2, n);
    Kokkos::deep_copy(rhs, to_vectors(b));
    Scalars<SolveRecord<double>, Space> const records("test::records", 2);
    Vectors<double, Space> const copy("test::copy", 2, n);
    for (Path const path : paths()) {
      CAPTURE(n, int(path));
      auto const s = run_cg(a, b, {.path = path});
      pinv_cg(Space(), a, rhs, z, records, {.path = path});
      Kokkos::deep_copy(copy, z);
      CHECK(test::impl::rows(copy) == s.z);
      if (n > 100) continue;
      auto const ls = run_cgls(a, b, {.path = path});
      pinv_cgls(Space(), a, rhs, z, part, records, {.path = path});
      Kokkos::deep_copy(copy, z);
      CHECK(test::impl::rows(copy) == ls.z);
    }
  }
}

TEST_CASE("limits and options act alike on every path", "[cg_paths]") {
  int const n = 40;
  Mirror const m(90, n, 4, 1e3);
  auto const a = explicit_matrices<double>({m.matrix}, n);
  Vec const b = m.in_range(0);
  Vec values = spectrum(91, n, 0, 10);
  values[3] = 1e-4;
  Planted const small(91, n, 0, values);
  for (Path const path : paths()) {
    CAPTURE(int(path));
    auto const few = run_cg(a, {b}, {.max_iterations = 4, .path = path});
    CHECK(few.records[0].outcome == Outcome::iteration_limit);
    CHECK(few.records[0].iterations == 4);
    CHECK(few.records[0].products == 5);
    auto const rough = run_cg(a, {b}, {.relative_tolerance = 1e-3, .path = path});
    CHECK(rough.records[0].outcome == Outcome::converged);
    CHECK(rough.records[0].residual <= 1e-3);
    CHECK(rough.records[0].residual > 1e-6);
    auto const hidden =
        run_cg(dense({small}), {normals(91, 0, n)}, {.smallest_curvature = 2e-4, .path = path});
    CHECK(hidden.records[0].outcome == Outcome::inconsistent_rhs);
    // CGLS takes the same paths.
    auto const ls = run_cgls(a, {b}, {.path = path});
    CHECK(ls.records[0].outcome == Outcome::converged);
    auto const exact = m.pseudo_inverse(b);
    CHECK(norm(minus(ls.z[0], exact)) <= 1e-8 * norm(exact));
  }
}

TEST_CASE("paths for explicit matrices are refused to other operators", "[cg_paths]") {
  int const n = 6;
  auto const p = planted(95, n, 1, 5);
  auto const matrices = to_matrices({p.matrix}, n);
  for (Path const path : {Path::halves, Path::packed}) {
    CHECK_THROWS_AS(run_cg(ByTeam<double>{matrices}, {Vec(n, 1.0)}, {.path = path}),
                    std::invalid_argument);
    CHECK_THROWS_AS(run_cgls(InBulk<double>{matrices}, {Vec(n, 1.0)}, {.path = path}),
                    std::invalid_argument);
  }
}
