// SPDX-License-Identifier: Apache-2.0
// Each way of each kernel, forced on the same problems, gives the closed form and so agrees with the others.
#include <minfold/kernels/kernel_and_pinv.hpp>
#include <minfold/kernels/range_finder.hpp>
#include <minfold/kernels/tangent_space.hpp>

#include "support/solve.hpp"
#include "support/ways.hpp"
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>

using namespace minfold;
using namespace minfold::test;

namespace {

constexpr double condition = 10;

/// Items with kernels of several dimensions, right-hand sides, and what the solvers should give.
template <class T>
struct Problems {
  std::vector<Planted> planted_items;
  std::vector<Vec> in_range, any, solutions, kernel_parts;
  DenseOperator<Blocks<T, Space>> a;

  Problems(int n, std::vector<int> const& kernels) : a(Blocks<T, Space>()) {
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      planted_items.push_back(planted(std::uint64_t(40 + i), n, kernels[i], condition));
      auto const& p = planted_items.back();
      any.push_back(normals(61, int(i), n));
      in_range.push_back(p.range_part(any.back()));
      solutions.push_back(p.pseudo_inverse(any.back()));
      kernel_parts.push_back(p.kernel_part(any.back()));
    }
    a = DenseOperator<Blocks<T, Space>>(to_matrices<T>(matrices_of(planted_items), n));
  }
  int items() const { return int(planted_items.size()); }
  int n() const { return a.dim(); }
};

/// What a residual of the default tolerance and rounding leave of the accuracy of a solution.
template <class T>
double allowed(Vec const& exact) {
  return 40 * condition * double(default_tolerance<T> + epsilon<T>) * norm(exact);
}

template <class T>
void check_solutions(Problems<T> const& p, Solved<T> const& s) {
  for (int i = 0; i < p.items(); ++i) {
    CAPTURE(i, s.records[i].residual);
    CHECK(s.records[i].outcome == Outcome::converged);
    CHECK(norm(minus(s.z[i], p.solutions[i])) <= allowed<T>(p.solutions[i]));
  }
}

/// The basis spans the planted kernel: as many vectors, orthonormal, and all of each in it.
template <class T>
void check_basis(Problems<T> const& p, Kernels<T> const& k) {
  auto const vectors = on_host(k.basis.vectors);
  auto const dimension = on_host(k.basis.dimension);
  for (int i = 0; i < p.items(); ++i) {
    auto const& planted_item = p.planted_items[i];
    CAPTURE(i);
    CHECK(k.records[i].outcome == Outcome::converged);
    REQUIRE(dimension(i) == planted_item.k);
    // Twice: the pivoted method has 1.2 of it at n = 150 with 50 vectors.
    double const rounding_level = 2 * double(rounding<T>(p.n()));
    CHECK(basis_errors(planted_item, vectors, i, planted_item.k).orthogonality <= rounding_level);
    for (int j = 0; j < planted_item.k; ++j)
      CHECK(norm(planted_item.range_part(row(vectors, i, j))) <= condition * rounding_level);
  }
}

/// Each way there is for that order; the numbers of those that were run.
template <class Way, class Call>
std::vector<int> for_all(int n, Call const& call) {
  std::vector<int> run;
  for (Way const way : ways<Way>(n)) {
    CAPTURE(n, int(way));
    call(way);
    run.push_back(int(way));
  }
  return run;
}

}  // namespace

TEMPLATE_TEST_CASE("every path of CG and CGLS gives the pseudoinverse", "", double, float) {
  using T = TestType;
  for (int const n : {24, 140}) {
    Problems<T> const p(n, {0, 1, n / 3});
    auto const run = for_all<Path>(n, [&](Path path) {
      check_solutions(p, run_cg(p.a, p.in_range, {.path = path}));
      check_solutions(p, run_cg(p.a, p.any, {.path = path}, planted_basis<T>(p.planted_items)));
      auto const s = run_cgls(p.a, p.any, {.path = path});
      for (int i = 0; i < p.items(); ++i) {
        CAPTURE(i);
        CHECK(s.records[i].outcome == Outcome::converged);
        // The equations of CGLS have the square of the condition.
        CHECK(norm(minus(s.z[i], p.solutions[i])) <= condition * allowed<T>(p.solutions[i]));
        CHECK(norm(minus(s.kernel_part[i], p.kernel_parts[i])) <= condition * allowed<T>(p.any[i]));
      }
    });
    CHECK(run.size() == (minfold::impl::runs_on_host<Space> ? 5 : 3));
  }
}

TEMPLATE_TEST_CASE("every method of one factorization gives kernel and pseudoinverse", "", double,
                   float) {
  using T = TestType;
  // 352: with a factor in float, and beyond what packs have room for.
  for (int const n : {24, 150, 352}) {
    Problems<T> const p(n, n < 352 ? std::vector<int>{0, 2, n / 3} : std::vector<int>{3});
    auto const b = to_vectors<T>(p.in_range);
    Vectors<T, Space> const z("test::z", p.items(), n);
    Scalars<SolveRecord<T>, Space> const solves("test::solves", p.items());
    Scalars<KernelRecord<T>, Space> const kernels("test::kernels", p.items());
    auto const run = for_all<FactorMethod>(n, [&](FactorMethod method) {
      auto const basis = new_basis<T>(p.items(), n / 2, n);
      Kokkos::deep_copy(z, T(77));
      kernel_and_pinv(Space(), p.a, b, z, basis, solves, kernels, {.method = method});
      check_solutions(p, {test::impl::rows(z), {}, test::impl::entries(solves), {}});
      check_basis(p, {basis, test::impl::entries(kernels)});
    });
    CHECK(run.size() == (!minfold::impl::runs_on_host<Space> ? 3 : n < 352 ? 7 : 6));
  }
}

TEMPLATE_TEST_CASE("every method and filter gives the kernel", "", double, float) {
  using T = TestType;
  for (int const n : {24, 60}) {
    Problems<T> const p(n, {0, 1, n / 4});
    auto const run = for_all<KernelMethod>(n, [&](KernelMethod method) {
      auto const filters = for_all<KernelFilter>(n, [&](KernelFilter filter) {
        check_basis(p, run_kernel_basis<decltype(p.a), T>(p.a, n / 2,
                                                          {.method = method,
                                                           .filter = filter,
                                                           .smallest_nonzero = T(0.9 / condition),
                                                           .largest = T(1.1)}));
      });
      CHECK(filters.size() == 3);
    });
    CHECK(run.size() == 3);
  }
}

TEMPLATE_TEST_CASE("every method gives the range and its eigenvalues", "", double, float) {
  using T = TestType;
  for (int const n : {24, 60}) {
    Problems<T> const p(n, {1, n / 4, n / 2});
    auto const run = for_all<RangeMethod>(n, [&](RangeMethod method) {
      auto const basis = new_basis<T>(p.items(), n, n);
      Vectors<T, Space> const values("test::values", p.items(), n);
      Scalars<RangeRecord<T>, Space> const ranges("test::ranges", p.items());
      range_finder(Space(), p.a, basis, values, ranges, {.method = method, .semidefinite = true});
      auto const w = on_host(values), q = on_host(basis.vectors);
      auto const records = on_host(ranges);
      for (int i = 0; i < p.items(); ++i) {
        auto const& planted_item = p.planted_items[i];
        CAPTURE(i);
        CHECK(records(i).outcome == Outcome::converged);
        REQUIRE(records(i).rank == n - planted_item.k);
        Vec exact(planted_item.values.begin() + planted_item.k, planted_item.values.end());
        std::sort(exact.rbegin(), exact.rend());
        double const rounding_level = 10 * double(rounding<T>(n));
        for (int j = 0; j < n - planted_item.k; ++j) {
          CHECK(std::abs(w(i, j) - exact[j]) <= rounding_level);
          CHECK(norm(planted_item.kernel_part(row(q, i, j))) <= condition * rounding_level);
        }
      }
    });
    CHECK(run.size() == 3);
  }
}

TEMPLATE_TEST_CASE("every method gives the eigenvalues", "", double, float) {
  using T = TestType;
  for (int const n : {8, 40}) {
    Problems<T> const p(n, {0, 1, n / 3});
    auto const run = for_all<EigenMethod>(n, [&](EigenMethod method) {
      auto const a = to_matrices<T>(matrices_of(p.planted_items), n);
      Vectors<T, Space> const w("test::w", p.items(), n);
      Scalars<EigenRecord<T>, Space> const records("test::records", p.items());
      symmetric_eigen(Space(), a, w, records, {.method = method});
      auto const found = on_host(w);
      auto const q = on_host(a);
      for (int i = 0; i < p.items(); ++i) {
        auto const& planted_item = p.planted_items[i];
        CAPTURE(i);
        auto exact = planted_item.values;
        std::sort(exact.begin(), exact.end());
        for (int j = 0; j < n; ++j) {
          CHECK(std::abs(found(i, j) - exact[j]) <= double(rounding<T>(n)));
          Vec const v = row(q, i, j);
          CHECK(norm(minus(planted_item.multiply(v), times(exact[j], v))) <=
                10 * double(rounding<T>(n)));
        }
      }
    });
    CHECK(run.size() == (minfold::impl::runs_on_host<Space> ? 3 : 2));
  }
}

TEMPLATE_TEST_CASE("every representation of the tangent space gives both parts", "", double,
                   float) {
  using T = TestType;
  int const n = 30;
  Problems<T> const p(n, {0, 2, n / 2});
  auto const b = to_vectors<T>(p.any);
  auto const run = for_all<Representation>(n, [&](Representation representation) {
    auto const t = tangent_space(Space(), p.a, {.representation = representation});
    Blocks<T, Space> const z("test::z", p.items(), 1, n), part("test::part", p.items(), 1, n);
    Scalars<SolveRecord<T>, Space> const solves("test::solves", p.items());
    tangent_solve(Space(), p.a, t, Blocks<T const, Space>(as_block(b)), z, part, solves);
    auto const found = on_host(z), rest = on_host(part);
    auto const records = on_host(solves);
    for (int i = 0; i < p.items(); ++i) {
      CAPTURE(i);
      CHECK(records(i).outcome == Outcome::converged);
      CHECK(norm(minus(row(found, i, 0), p.solutions[i])) <=
            condition * allowed<T>(p.solutions[i]));
      CHECK(norm(minus(row(rest, i, 0), p.kernel_parts[i])) <= condition * allowed<T>(p.any[i]));
    }
  });
  CHECK(run.size() == 5);
}
