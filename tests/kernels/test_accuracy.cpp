// SPDX-License-Identifier: Apache-2.0
#include "support/solve.hpp"
#include <catch2/catch_test_macros.hpp>
#include <lapacke.h>

using namespace minfold;
using namespace minfold::test;

namespace {

constexpr double eps = 2.220446049250313e-16;

/// Items of one order and condition, kernels of every size, and two kinds of right-hand side: one
/// that excites all eigenvalues alike, one as smooth as A times a random vector.
struct Case {
  int n;
  double condition;
  std::vector<Planted> items;
  std::vector<Vec> any, rough, smooth;

  Case(int order, double kappa) : n(order), condition(kappa) {
    for (int k : {0, 1, n / 3, n / 2, n - 2, n - 1}) {
      if (k < 0) continue;
      items.push_back(planted(std::uint64_t(100 * n + k), n, k, kappa));
      any.push_back(normals(17, k, n));
      rough.push_back(items.back().range_part(any.back()));
      smooth.push_back(items.back().range_part(items.back().multiply(any.back())));
    }
  }
};

std::vector<Case> const& cases() {
  static std::vector<Case> const all = [] {
    std::vector<Case> c;
    for (int n : {2, 3, 8, 24, 60, 96})
      for (double kappa : {1e1, 1e3, 1e4, 1e6}) c.emplace_back(n, kappa);
    return c;
  }();
  return all;
}

/// What a part p of b in the kernel adds to the error that no method can avoid, in units of kappa eps.
/// Known kernel: b is rounded, so p is projected out with an error eps ||p||, and z gets A^+ of it:
/// ||p|| / ||A||. Unknown kernel: the error eps ||A|| of A turns it by kappa eps: ||A^+|| ||p||.
enum class KernelOf { nothing, basis, matrix };

/// max over the items of ||z - A^+ b||, relative to ||A^+ b|| and in units of kappa eps.
double worst_error(Case const& c, std::vector<Vec> const& b, std::vector<Vec> const& z,
                   KernelOf kernel) {
  double worst = 0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    auto const& p = c.items[i];
    auto const exact = p.pseudo_inverse(b[i]);
    double const part = norm(p.kernel_part(b[i]));
    double size = norm(exact);
    if (kernel == KernelOf::basis) size += part / p.norm();
    if (kernel == KernelOf::matrix) size += part / p.smallest();
    double const error = norm(minus(z[i], exact)) / (size * eps * p.condition());
    worst = error <= worst ? worst : error;
  }
  return worst;
}

template <class Records>
bool all_converged(Records const& records) {
  return std::all_of(records.begin(), records.end(),
                     [](auto const& r) { return r.outcome == Outcome::converged; });
}

/// Below the smallest kept eigenvalue by half of the digits to the rounding level.
double kernel_tolerance(Case const& c) {
  return std::sqrt(c.n * eps / c.condition);
}

}  // namespace

TEST_CASE("the pseudoinverse by eigenvectors is within ten kappa eps of the exact one") {
  for (auto const& c : cases())
    for (auto const* b : {&c.rough, &c.smooth, &c.any}) {
      auto const s = run_direct(dense(c.items), *b, {.kernel_tolerance = kernel_tolerance(c)});
      CAPTURE(c.n, c.condition, b == &c.rough, b == &c.any);
      CHECK(all_converged(s.records));
      CHECK(worst_error(c, *b, s.z, KernelOf::matrix) <= 10);
      for (std::size_t i = 0; i < c.items.size(); ++i)
        CHECK(s.kernels[i].dimension == c.items[i].k);
    }
}

TEST_CASE("CG with the exact kernel basis is within ten kappa eps of the exact solution") {
  for (auto const& c : cases())
    for (auto const* b : {&c.rough, &c.smooth, &c.any}) {
      // Any b: the part in the kernel is the business of the basis.
      auto const s =
          run_cg(dense(c.items), *b, {.relative_tolerance = 1e-16, .max_iterations = 20000},
                 planted_basis<double>(c.items));
      CAPTURE(c.n, c.condition, b == &c.rough, b == &c.any);
      CHECK(all_converged(s.records));
      CHECK(worst_error(c, *b, s.z, KernelOf::basis) <= 10);
    }
}

TEST_CASE("CG without a basis is within ten kappa eps for right-hand sides in the range") {
  for (auto const& c : cases())
    for (auto const* b : {&c.rough, &c.smooth}) {
      auto const s =
          run_cg(dense(c.items), *b, {.relative_tolerance = 1e-16, .max_iterations = 20000});
      CAPTURE(c.n, c.condition, b == &c.rough);
      CHECK(all_converged(s.records));
      CHECK(worst_error(c, *b, s.z, KernelOf::nothing) <= 10);
    }
}

TEST_CASE("CGLS is within ten kappa eps and gives the part of b in the kernel") {
  for (auto const& c : cases())
    for (auto const* b : {&c.rough, &c.smooth, &c.any}) {
      // The method works with kappa^2: from 1e4 on its iterations grow beyond reason, and smooth
      // right-hand sides, whose solution is small, come out at up to 25 kappa eps.
      if (c.condition > (b == &c.smooth ? 1e3 : 1e4) || (c.condition > 1e3 && c.n > 24)) continue;
      auto const s =
          run_cgls(dense(c.items), *b, {.relative_tolerance = 1e-16, .max_iterations = 20000});
      CAPTURE(c.n, c.condition, b == &c.rough, b == &c.any);
      CHECK(all_converged(s.records));
      CHECK(worst_error(c, *b, s.z, KernelOf::matrix) <= 10);
      for (std::size_t i = 0; i < c.items.size(); ++i) {
        // r = b - A z is formed with an error of eps (||A|| ||z|| + ||b||).
        auto const& p = c.items[i];
        double const rounding = eps * (p.norm() * norm(s.z[i]) + norm((*b)[i]));
        CHECK(norm(minus(s.kernel_part[i], p.kernel_part((*b)[i]))) <= 10 * rounding);
      }
    }
}

TEST_CASE("default options reach ten kappa eps by eigenvectors, and the stated residual by CG") {
  for (auto const& c : cases()) {
    if (c.condition > 1e4) continue;
    CAPTURE(c.n, c.condition);
    auto const direct = run_direct(dense(c.items), c.any);
    CHECK(all_converged(direct.records));
    CHECK(worst_error(c, c.any, direct.z, KernelOf::matrix) <= 10);
    auto const basis = planted_basis<double>(c.items);
    auto const cg = run_cg(dense(c.items), c.any, {}, basis);
    CHECK(all_converged(cg.records));
    for (std::size_t i = 0; i < c.items.size(); ++i) {
      auto const& p = c.items[i];
      auto const inside = p.range_part(c.any[i]);
      // The certificate is what anybody would compute from z, and z is of least norm.
      double const residual = norm(minus(p.multiply(cg.z[i]), inside)) / norm(inside);
      double const rounding = 8 * eps * (p.norm() * norm(cg.z[i]) / norm(inside) + 10 * c.n);
      CHECK(std::abs(cg.records[i].residual - residual) <= rounding);
      CHECK(cg.records[i].residual <= 1e-12 + rounding);
      CHECK(norm(p.kernel_part(cg.z[i])) <= 10 * c.n * eps * norm(cg.z[i]));
      double const leakage = norm(p.kernel_part(c.any[i])) / norm(c.any[i]);
      CHECK(std::abs(cg.records[i].leakage - leakage) <= 10 * c.n * eps);
      CHECK(std::abs(direct.records[i].leakage - leakage) <=
            10 * c.n * eps * std::max(1.0, p.condition()));
      CHECK(cg.records[i].products >= cg.records[i].iterations);
    }
  }
}

TEST_CASE("least squares by LAPACK gives the same pseudoinverse") {
  // dgelsd cuts singular values off at rcond ||A||: a second opinion by other software.
  for (auto const& c : cases()) {
    if (c.condition > 1e4 || c.n < 8) continue;
    auto const s = run_direct(dense(c.items), c.any);
    for (std::size_t i = 0; i < c.items.size(); ++i) {
      auto const& p = c.items[i];
      Vec a = p.matrix, b = c.any[i], singular(c.n);
      lapack_int rank = 0;
      REQUIRE(LAPACKE_dgelsd(LAPACK_ROW_MAJOR, c.n, c.n, 1, a.data(), c.n, b.data(), 1,
                             singular.data(), 1e-6, &rank) == 0);
      CAPTURE(c.n, c.condition, p.k);
      CHECK(rank == c.n - p.k);
      CHECK(s.kernels[i].dimension == p.k);
      double const size = norm(b) + norm(p.kernel_part(c.any[i])) / p.smallest();
      CHECK(norm(minus(s.z[i], b)) <= 20 * p.condition() * eps * size);  // ten for each
      CHECK(std::abs(s.kernels[i].norm_estimate - singular[0]) <= 10 * eps * c.n * singular[0]);
      if (rank > 0)
        CHECK(std::abs(s.kernels[i].smallest_kept - singular[rank - 1]) <=
              10 * eps * c.n * singular[0]);
    }
  }
}
