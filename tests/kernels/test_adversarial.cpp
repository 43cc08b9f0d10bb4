// SPDX-License-Identifier: Apache-2.0
#include "support/records.hpp"
#include "support/solve.hpp"
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <limits>

using namespace minfold;
using namespace minfold::test;

namespace {

/// The four solvers behind one call: which one, a batch of matrices, right-hand sides.
enum class Solver { cg, cg_with_basis, cgls, direct };
constexpr Solver all_solvers[] = {Solver::cg, Solver::cg_with_basis, Solver::cgls, Solver::direct};

template <class T>
Solved<T> run(Solver solver, std::vector<Vec> const& matrices, std::vector<Vec> const& b,
              Path path = Path::automatic) {
  int const n = b.empty() ? 0 : int(b[0].size());
  DenseOperator<Blocks<T, Space>> const a(to_matrices<T>(matrices, n));
  switch (solver) {
    case Solver::cg: return run_cg(a, b, {.path = path});
    case Solver::cg_with_basis: {
      auto const k = run_kernel_basis(a, n);
      return run_cg(a, b, {.path = path}, k.basis);
    }
    case Solver::cgls: return run_cgls(a, b, {.path = path});
    case Solver::direct: return run_direct(a, b);
  }
  return {};
}

Vec identity(int n, double scale = 1) {
  Vec m(std::size_t(n) * n);
  for (int i = 0; i < n; ++i) m[i * n + i] = scale;
  return m;
}
Vec filled(int n, double value) {
  return Vec(n, value);
}
bool finite(Vec const& v) {
  return std::all_of(v.begin(), v.end(), [](double x) { return std::isfinite(x); });
}
template <class T>
double tolerance(Planted const& p) {
  // Default solves stop at a residual of 1e-12 (1e-5 in float): times the condition, with room.
  return 10 * double(default_tolerance<T>) * p.condition();
}

}  // namespace

TEMPLATE_TEST_CASE("zero matrices, zero right-hand sides and matrices without a kernel", "", double,
                   float) {
  using T = TestType;
  for (Solver const solver : all_solvers)
    for (int n : {1, 2, 7, 20}) {
      CAPTURE(int(solver), n);
      Vec const b = normals(1, n, n), none = filled(n, 0), zero(std::size_t(n) * n);
      auto const s = run<T>(solver, {zero, zero, identity(n), identity(n, -0.0), identity(n, 4)},
                            {b, none, none, none, b});
      // A = 0, b != 0: nothing of b is in the range.
      CHECK(norm(s.z[0]) == 0);
      if (solver == Solver::cg)
        CHECK(s.records[0].outcome == Outcome::inconsistent_rhs);
      else
        CHECK(s.records[0].outcome == Outcome::converged);
      CHECK(std::abs(s.records[0].leakage - 1) <= 1e-5);
      for (int item : {1, 2, 3}) {
        CHECK(norm(s.z[item]) == 0);
        CHECK(s.records[item].outcome == Outcome::converged);
        CHECK(s.records[item].residual == 0);
        CHECK(s.records[item].leakage == 0);
      }
      CHECK(s.records[4].outcome == Outcome::converged);
      CHECK(norm(minus(s.z[4], times(0.25, b))) <= double(epsilon<T>) * 16 * norm(b));
    }
}

TEMPLATE_TEST_CASE("a right-hand side outside the range", "", double, float) {
  using T = TestType;
  for (int n : {2, 3, 5, 8, 20, 50})
    for (int k : {1, n / 2, n - 1})
      for (double share : {std::is_same_v<T, double> ? 1e-9 : 1e-3, 1e-2, 0.5, 1.0}) {
        auto const p = planted(std::uint64_t(n), n, k, 30);
        Vec const any = normals(3, k, n);
        Vec const inside = p.range_part(any), outside = p.kernel_part(any);
        Vec b = inside;
        if (share == 1)
          b = outside;
        else
          b = minus(inside, times(-share * norm(inside) / norm(outside), outside));
        Vec const exact = share == 1 ? filled(n, 0) : p.pseudo_inverse(b);
        for (Solver const solver : all_solvers)
          for (Path const path : {Path::fused, Path::bulk}) {
            CAPTURE(n, k, share, int(solver), int(path));
            auto const s = run<T>(solver, {p.matrix}, {b}, path);
            double const leakage = norm(p.kernel_part(b)) / norm(b);
            auto const& r = s.records[0];
            CAPTURE(r.outcome, r.residual, r.leakage, r.iterations);
            if (solver == Solver::cg) {
              // All of b in the kernel: A b is rounding of which anything may be said but that.
              CHECK(r.outcome != Outcome::converged);
              if (share < 1) CHECK(r.outcome == Outcome::inconsistent_rhs);
              if (share < 1) CHECK(r.leakage > 0.5 * leakage);
              continue;
            }
            CHECK(r.outcome == Outcome::converged);
            if (share < 1) {
              // 8 eps (||A|| ||z|| + ||b||) is what arithmetic allows where the range part is small.
              double const inside_b = norm(p.range_part(b));
              double const allowed =
                  double(default_tolerance<T>) +
                  8 * double(epsilon<T>) * (p.norm() * norm(s.z[0]) + norm(b)) / inside_b;
              CHECK(double(r.residual) <= 1.01 * allowed);
            }
            CHECK(std::abs(r.leakage - leakage) <= 100 * n * double(epsilon<T>));
            if (share < 1)
              CHECK(norm(minus(s.z[0], exact)) <= tolerance<T>(p) * norm(exact) / leakage);
            else
              CHECK(norm(s.z[0]) <= 100 * n * double(epsilon<T>) * norm(b) / p.smallest());
            if (solver == Solver::cgls)
              CHECK(norm(minus(s.kernel_part[0], p.kernel_part(b))) <= tolerance<T>(p) * norm(b));
          }
      }
}

TEMPLATE_TEST_CASE("scales of the matrix and of the right-hand side change nothing but the scale",
                   "", double, float) {
  using T = TestType;
  double const large = std::is_same_v<T, double> ? 1e150 : 1e30;
  int const n = 12, k = 4;
  auto const p = planted(5, n, k, 50);
  Vec const b = p.range_part(normals(5, 1, n));
  Vec const exact = p.pseudo_inverse(b);
  for (double const in_a : {1.0, large, 1 / large})
    for (double const in_b : {1.0, large, 1 / large}) {
      // z has scale in_b / in_a; beyond the range of T there is no answer to give.
      double const scale = in_b / in_a;
      if (scale > 1.1 * large || scale < 0.9 / large) continue;
      for (Solver const solver : all_solvers) {
        CAPTURE(in_a, in_b, int(solver));
        auto const s = run<T>(solver, {times(in_a, p.matrix)}, {times(in_b, b)});
        CAPTURE(s.records[0].outcome, s.records[0].residual, s.records[0].leakage);
        CHECK(s.records[0].outcome == Outcome::converged);
        CHECK(norm(minus(times(1 / scale, s.z[0]), exact)) <= tolerance<T>(p) * norm(exact));
        CHECK(std::isfinite(s.records[0].residual));
        CHECK(s.records[0].residual <= 1e3 * double(epsilon<T>) * p.condition());
        CHECK(s.records[0].leakage <= 1e3 * double(epsilon<T>));
      }
    }
}

TEMPLATE_TEST_CASE("answers beyond the range of the numbers are never called converged", "", double,
                   float) {
  using T = TestType;
  double const large = std::is_same_v<T, double> ? 1e200 : 1e30;
  for (Solver const solver : all_solvers) {
    auto const s = run<T>(solver, {identity(3, 1 / large)}, {filled(3, large)});
    CAPTURE(int(solver), s.z[0][0]);
    CHECK(s.records[0].outcome == Outcome::not_finite);
  }
}

TEMPLATE_TEST_CASE("NaN or infinity in one item ends that item and touches no other", "", double,
                   float) {
  using T = TestType;
  int const n = 14;
  std::vector<Vec> matrices, b;
  for (int item = 0; item < 5; ++item) {
    auto const p = planted(std::uint64_t(40 + item), n, item * 3, 20);
    matrices.push_back(p.matrix);
    b.push_back(p.range_part(normals(6, item, n)));
  }
  double const nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  for (Solver const solver : all_solvers)
    for (Path const path : {Path::fused, Path::bulk}) {
      auto const clean = run<T>(solver, matrices, b, path);
      for (double const bad : {nan, inf, -inf})
        for (bool const in_matrix : {true, false}) {
          CAPTURE(int(solver), int(path), bad, in_matrix);
          auto m = matrices;
          auto c = b;
          if (in_matrix)
            m[2][5 * n + 3] = m[2][3 * n + 5] = bad;
          else
            c[2][7] = bad;
          auto const s = run<T>(solver, m, c, path);
          CHECK(s.records[2].outcome == Outcome::not_finite);
          CHECK(finite(s.z[2]));
          for (int item : {0, 1, 3, 4}) {
            CHECK(s.records[item].outcome == Outcome::converged);
            CHECK(s.z[item] == clean.z[item]);
            CHECK(members(s.records[item]) == members(clean.records[item]));
          }
        }
    }
}

TEMPLATE_TEST_CASE("indefinite matrices", "", double, float) {
  using T = TestType;
  int const n = 10;
  Vec values = spectrum(9, n, 3, 10);
  values[4] = -0.5;
  Planted const p(9, n, 3, values);
  Vec const b = p.range_part(normals(9, 1, n));
  // CG stops at the direction of negative curvature, and the last iterate still goes downhill.
  for (Solver const solver : {Solver::cg, Solver::cg_with_basis}) {
    auto const s = run<T>(solver, {p.matrix}, {b});
    CAPTURE(int(solver), s.records[0].iterations);
    CHECK(s.records[0].outcome == Outcome::indefinite_operator);
    CHECK(finite(s.z[0]));
    CHECK((norm(s.z[0]) == 0 || dot(b, s.z[0]) > 0));
  }
  // CGLS and eigenvectors give the pseudoinverse all the same.
  for (Solver const solver : {Solver::cgls, Solver::direct}) {
    auto const s = run<T>(solver, {p.matrix}, {b});
    CHECK(s.records[0].outcome == Outcome::converged);
    CHECK(norm(minus(s.z[0], p.pseudo_inverse(b))) <= tolerance<T>(p) * norm(s.z[0]));
  }
  auto const minus_identity = run<T>(Solver::cg, {identity(n, -1)}, {b});
  CHECK(minus_identity.records[0].outcome == Outcome::indefinite_operator);
  CHECK(norm(minus_identity.z[0]) == 0);
  DenseOperator<Blocks<T, Space>> const a(to_matrices<T>({p.matrix}, n));
  for (auto const method : {KernelMethod::direct, KernelMethod::randomized}) {
    auto const k = run_kernel_basis(a, n, {.method = method});
    CAPTURE(int(method));
    CHECK(k.records[0].outcome == Outcome::indefinite_operator);
    CHECK(k.records[0].most_negative < -0.1);
  }
}

TEMPLATE_TEST_CASE("kernel bases of the adversarial list", "", double, float) {
  using T = TestType;
  double const nan = std::nan("");
  double const large = std::is_same_v<T, double> ? 1e150 : 1e30;
  for (auto const method : {KernelMethod::direct, KernelMethod::randomized})
    for (int n : {1, 2, 9, 16}) {
      CAPTURE(int(method), n);
      auto const p = planted(std::uint64_t(n), n, n / 2, 10);
      Vec const zero(std::size_t(n) * n);
      Vec broken = p.matrix;
      broken[0] = nan;
      Vec infinite = p.matrix;
      infinite[std::size_t(n) * n - 1] = std::numeric_limits<double>::infinity();
      std::vector<Vec> const matrices = {
          zero,     identity(n), broken, times(large, p.matrix), times(1 / large, p.matrix),
          infinite, p.matrix};
      DenseOperator<Blocks<T, Space>> const dense_matrix(to_matrices<T>(matrices, n));
      InBulk<T> const opaque{to_matrices<T>(matrices, n)};
      KernelBasisOptions<T> const options{.method = method};
      auto const k = method == KernelMethod::direct ? run_kernel_basis(dense_matrix, n, options)
                                                    : run_kernel_basis(opaque, n, options);
      int const expected[] = {n, 0, 0, n / 2, n / 2, 0, n / 2};
      auto const dimension = on_host(k.basis.dimension);
      auto const vectors = on_host(k.basis.vectors);
      for (int item = 0; item < int(matrices.size()); ++item) {
        CAPTURE(item, k.records[item].outcome, k.records[item].gap);
        bool const bad = item == 2 || item == 5;
        CHECK(k.records[item].outcome == (bad ? Outcome::not_finite : Outcome::converged));
        CHECK(k.records[item].dimension == expected[item]);
        CHECK(dimension(item) == expected[item]);
        for (int j = 0; j < n; ++j) {
          auto const q = row(vectors, item, j);
          CHECK(finite(q));
          if (j >= expected[item])
            CHECK(norm(q) == 0);
          else
            CHECK(std::abs(norm(q) - 1) <= 64 * n * double(epsilon<T>));
        }
      }
    }
}

TEMPLATE_TEST_CASE("empty batches do nothing", "", double, float) {
  using T = TestType;
  for (Solver const solver : {Solver::cg, Solver::cgls, Solver::direct})
    CHECK(run<T>(solver, {}, {}).records.empty());
  DenseOperator<Blocks<T, Space>> const none(Blocks<T, Space>("test::none", 0, 6, 6));
  CHECK(run_kernel_basis(none, 6).records.empty());
}
