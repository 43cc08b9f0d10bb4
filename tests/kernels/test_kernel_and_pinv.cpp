// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/kernel_and_pinv.hpp>

#include "support/solve.hpp"
#include <catch2/catch_template_test_macros.hpp>
#include <catch2/catch_test_macros.hpp>

#include <limits>

using namespace minfold;
using namespace minfold::test;

namespace {

constexpr FactorMethod methods[] = {FactorMethod::packed, FactorMethod::blocked,
                                    FactorMethod::pivoted, FactorMethod::team,
                                    FactorMethod::spectral};

template <class T>
struct Both {
  Basis<T, Space> basis;
  std::vector<Vec> z;
  std::vector<SolveRecord<T>> records;
  std::vector<KernelRecord<T>> kernels;
  Blocks<T, Space> solutions;
};

/// b[item]: right-hand sides of an item, one after the other.
template <class T>
Both<T> run(Blocks<T, Space> const& matrices, std::vector<std::vector<Vec>> const& b, int capacity,
            KernelAndPinvOptions<T> const& options = {}) {
  int const items = int(matrices.extent(0)), n = int(matrices.extent(1));
  int const columns = b.empty() ? 0 : int(b[0].size());
  Blocks<T, Space> const rhs("test::b", items, columns, n), z("test::z", items, columns, n);
  auto const host = Kokkos::create_mirror_view(rhs);
  for (int item = 0; item < items; ++item)
    for (int c = 0; c < columns; ++c)
      for (int i = 0; i < n; ++i) host(item, c, i) = T(b[item][c][i]);
  Kokkos::deep_copy(rhs, host);
  Scalars<SolveRecord<T>, Space> const records("test::records", items * columns);
  Scalars<KernelRecord<T>, Space> const kernels("test::kernels", items);
  Both<T> r{new_basis<T>(items, capacity, n), {}, {}, {}, z};
  kernel_and_pinv(Space(), DenseOperator(matrices), rhs, z, r.basis, records, kernels, options);
  auto const found = on_host(z);
  for (int item = 0; item < items; ++item)
    for (int c = 0; c < columns; ++c) r.z.push_back(row(found, item, c));
  r.records = test::impl::entries(records);
  r.kernels = test::impl::entries(kernels);
  return r;
}

/// max_j of the distance of q_j from the planted kernel.
template <class T>
double angle(Planted const& p, Both<T> const& r, int item) {
  auto const q = on_host(r.basis.vectors);
  double worst = 0;
  for (int j = 0; j < r.kernels[item].dimension; ++j)
    worst = std::max(worst, norm(p.range_part(row(q, item, j))));
  return worst;
}

template <class T>
constexpr double condition_of = std::is_same_v<T, float> ? 10 : 1000;

}  // namespace

TEMPLATE_TEST_CASE("one factorization gives the planted kernel and pseudoinverse by every method",
                   "", double, float) {
  using T = TestType;
  double const eps = double(epsilon<T>);
  for (int n : {1, 2, 5, 16, 31, 70}) {
    std::vector<Planted> items;
    std::vector<std::vector<Vec>> b;
    for (int k = 0; k <= n; k += std::max(1, n / 5)) {
      double const kappa = n - k > 1 ? condition_of<T> : 1;
      items.push_back(planted(std::uint64_t(10 * n + k), n, k, kappa));
      auto const& p = items.back();
      b.push_back({p.range_part(normals(3, k, n)), p.range_part(normals(4, k, n))});
    }
    for (auto const method : methods) {
      auto const r = run<T>(to_matrices<T>(matrices_of(items), n), b, n, {.method = method});
      for (std::size_t i = 0; i < items.size(); ++i) {
        auto const& p = items[i];
        INFO("method " << int(method) << ", n " << n << ", k " << p.k);
        CHECK(r.kernels[i].outcome == Outcome::converged);
        REQUIRE(r.kernels[i].dimension == p.k);
        CHECK(r.kernels[i].kernel_residual <= 16 * std::sqrt(n) * eps);
        CHECK(r.kernels[i].orthogonality <= double(rounding<T>(n)));
        CHECK(angle(p, r, int(i)) <= 16 * std::sqrt(n) * eps * p.condition());
        if (p.k < n) {
          // An upper estimate, and not far above.
          CHECK(r.kernels[i].smallest_kept >= 0.999 * p.smallest());
          CHECK(r.kernels[i].smallest_kept <= 10 * p.smallest());
          CHECK(r.kernels[i].norm_estimate <= 1.001 * p.norm());
          CHECK(r.kernels[i].norm_estimate >= 0.5 * p.norm());
        }
        auto const errors = basis_errors(p, on_host(r.basis.vectors), int(i), p.k);
        CHECK(errors.orthogonality <= double(rounding<T>(n)));
        for (int c = 0; c < 2; ++c) {
          CHECK(r.records[2 * i + c].outcome == Outcome::converged);
          auto const exact = p.pseudo_inverse(b[i][c]);
          CHECK(norm(minus(r.z[2 * i + c], exact)) <= 20 * eps * p.condition() * norm(exact));
        }
      }
    }
  }
}

TEST_CASE("one factorization is as accurate as its eigenvectors for ill-conditioned matrices") {
  for (double kappa : {1e2, 1e4}) {
    std::vector<Planted> items;
    std::vector<std::vector<Vec>> b;
    for (int k : {1, 4, 12, 30}) {
      items.push_back(planted(std::uint64_t(900 + k), 48, k, kappa));
      b.push_back({items.back().range_part(normals(5, k, 48))});
    }
    for (auto const method : methods) {
      auto const r = run<double>(to_matrices(matrices_of(items), 48), b, 48, {.method = method});
      for (std::size_t i = 0; i < items.size(); ++i) {
        INFO("method " << int(method) << ", k " << items[i].k << ", kappa " << kappa);
        REQUIRE(r.kernels[i].dimension == items[i].k);
        auto const exact = items[i].pseudo_inverse(b[i][0]);
        CHECK(norm(minus(r.z[i], exact)) <= 10 * epsilon<double> * kappa * norm(exact));
        CHECK(r.kernels[i].kernel_residual <= 1e-12);
      }
    }
  }
}

TEST_CASE("what a factorization cannot tell is left to the spectrum, with its verdicts") {
  constexpr int n = 20;
  std::vector<Vec> matrices;
  std::vector<Outcome> expected;
  std::vector<int> dimensions;
  auto const add = [&](Planted const& p, Outcome outcome, int dimension) {
    matrices.push_back(p.matrix);
    expected.push_back(outcome);
    dimensions.push_back(dimension);
  };
  add(planted(1, n, 3, 100), Outcome::converged, 3);
  add(planted(2, n, 3, 100, 1e-9), Outcome::converged, 3);  // noise of both signs
  add(planted(3, n, n, 1), Outcome::converged, n);          // zero
  add(planted(4, n, 0, 10), Outcome::converged, 0);
  Vec values = spectrum(5, n, 2, 100);
  values[n - 3] = -0.5;
  add(Planted(5, n, 2, values), Outcome::indefinite_operator, 2);
  values = spectrum(6, n, 2, 100);
  values[0] = 5e-7;  // on either side of the tolerance, too close to tell
  values[n - 3] = 2e-6;
  add(Planted(6, n, 2, values), Outcome::ambiguous_rank, 2);
  values = spectrum(7, n, 2, 100);
  values[n - 3] = 2e-6;  // kept, and just above the tolerance
  add(Planted(7, n, 2, values), Outcome::converged, 2);
  values[n - 3] = 5e-7;  // just below
  values[n - 4] = 1e-2;
  add(Planted(8, n, 2, values), Outcome::converged, 3);
  Planted spoilt = planted(9, n, 3, 100);
  spoilt.matrix[n * (n - 1) + 4] = std::numeric_limits<double>::quiet_NaN();
  add(spoilt, Outcome::not_finite, 0);
  add(planted(10, n, 3, 100, 0, 1e150), Outcome::converged, 3);
  add(planted(11, n, 3, 100, 0, 1e-150), Outcome::converged, 3);
  std::vector<std::vector<Vec>> b(matrices.size(), {normals(8, 0, n)});
  auto const all = to_matrices(matrices, n);
  for (auto const method : methods) {
    auto const r = run<double>(all, b, n, {.method = method});
    for (std::size_t i = 0; i < matrices.size(); ++i) {
      INFO("method " << int(method) << ", item " << i);
      CHECK(r.kernels[i].outcome == expected[i]);
      CHECK(r.kernels[i].dimension == dimensions[i]);
      if (expected[i] == Outcome::not_finite) {
        CHECK(r.records[i].outcome == Outcome::not_finite);
        CHECK(norm(r.z[i]) == 0);
      }
      if (expected[i] == Outcome::converged && dimensions[i] < n) {
        CHECK(r.records[i].outcome == Outcome::converged);
        CHECK(r.records[i].leakage <= 1);
      }
    }
    CHECK(r.kernels[4].most_negative < -0.4);
    // The record is in the units of A.
    CHECK(r.kernels[9].norm_estimate / 1e150 > 0.5);
    CHECK(r.kernels[10].norm_estimate / 1e-150 < 1.001);
  }
}

TEST_CASE("right-hand sides of one factorization: zero, in the kernel, of any size, not finite") {
  constexpr int n = 24, k = 5;
  auto const p = planted(21, n, k, 100);
  auto const inside = p.range_part(normals(9, 0, n)), kernel = p.kernel_part(normals(9, 1, n));
  Vec spoilt = inside;
  spoilt[3] = std::numeric_limits<double>::infinity();
  Vec mixed = inside;
  for (int i = 0; i < n; ++i) mixed[i] += kernel[i];
  std::vector<Vec> const columns = {
      Vec(n, 0.0), kernel, times(1e200, inside), times(1e-200, inside), spoilt, mixed, inside};
  auto const exact = p.pseudo_inverse(inside);
  for (auto const method : methods) {
    INFO("method " << int(method));
    auto const r = run<double>(to_matrices({p.matrix}, n), {columns}, k, {.method = method});
    auto const& records = r.records;
    CHECK(r.kernels[0].dimension == k);
    CHECK(records[0].outcome == Outcome::converged);
    CHECK(norm(r.z[0]) == 0);
    CHECK(records[1].outcome == Outcome::converged);
    CHECK(records[1].leakage > 0.999);
    // The rounding of A turns the kernel by kappa eps, and A^+ takes what is then in the range.
    CHECK(norm(r.z[1]) <= 10 * epsilon<double> * p.condition() * norm(kernel) / p.smallest());
    for (int c : {2, 3, 5, 6}) {
      double const scale = c == 2 ? 1e200 : c == 3 ? 1e-200 : 1;
      CHECK(records[c].outcome == Outcome::converged);
      CHECK(records[c].residual <= 1e-12);
      CHECK(norm(minus(times(1 / scale, r.z[c]), exact)) <= 1e-12 * norm(exact));
    }
    CHECK(records[4].outcome == Outcome::not_finite);
    CHECK(norm(r.z[4]) == 0);
    CHECK(std::abs(records[5].leakage - norm(kernel) / norm(mixed)) <= 1e-10);
  }
}

TEST_CASE("one factorization reports a kernel that exceeds its room, and still solves") {
  auto const p = planted(31, 20, 6, 50);
  auto const b = p.range_part(normals(11, 0, 20));
  for (auto const method : methods) {
    auto const r = run<double>(to_matrices({p.matrix}, 20), {{b}}, 2, {.method = method});
    CHECK(r.kernels[0].outcome == Outcome::rank_limit);
    CHECK(r.kernels[0].dimension == 6);
    CHECK(on_host(r.basis.dimension)(0) == 2);
    auto const exact = p.pseudo_inverse(b);
    CHECK(norm(minus(r.z[0], exact)) <= 1e-12 * norm(exact));
  }
}

TEST_CASE("an item gets the same bits alone, in any batch and in any order") {
  constexpr int n = 19, items = 21;
  std::vector<Vec> matrices, reversed;
  std::vector<std::vector<Vec>> b, backwards;
  for (int i = 0; i < items; ++i) {
    // Kernels of every size beside each other in a pack, and some that need the spectrum.
    matrices.push_back(
        planted(std::uint64_t(40 + i), n, i % (n + 1), 80, i % 7 == 3 ? 1e-8 : 0).matrix);
    b.push_back({normals(12, i, n)});
  }
  reversed.assign(matrices.rbegin(), matrices.rend());
  backwards.assign(b.rbegin(), b.rend());
  for (auto const method : methods) {
    auto const all = run<double>(to_matrices(matrices, n), b, n, {.method = method});
    auto const other = run<double>(to_matrices(reversed, n), backwards, n, {.method = method});
    auto const q = on_host(all.basis.vectors), u = on_host(other.basis.vectors);
    for (int i = 0; i < items; ++i) {
      INFO("method " << int(method) << ", item " << i);
      auto const alone = run<double>(to_matrices({matrices[i]}, n), {b[i]}, n, {.method = method});
      CHECK(alone.z[0] == all.z[i]);
      CHECK(other.z[items - 1 - i] == all.z[i]);
      auto const v = on_host(alone.basis.vectors);
      for (int j = 0; j < n; ++j) {
        CHECK(row(v, 0, j) == row(q, i, j));
        CHECK(row(u, items - 1 - i, j) == row(q, i, j));
      }
      CHECK(alone.kernels[0].gap == all.kernels[i].gap);
      CHECK(alone.kernels[0].smallest_kept == all.kernels[i].smallest_kept);
    }
  }
}

TEST_CASE("one factorization takes no item, no right-hand side, and refuses what does not fit") {
  for (auto const method : methods) {
    auto const none =
        run<double>(Blocks<double, Space>("test::none", 0, 7, 7), {}, 1, {.method = method});
    CHECK(none.kernels.empty());
    auto const p = planted(51, 9, 2, 10);
    auto const r = run<double>(to_matrices({p.matrix}, 9), {{}}, 9, {.method = method});
    CHECK(r.kernels[0].dimension == 2);
    CHECK(angle(p, r, 0) <= 1e-13);
  }
  Blocks<double, Space> const h("test::h", 2, 5, 5);
  Vectors<double, Space> const b("test::b", 2, 5), z("test::z", 2, 5), longer("test::long", 2, 6);
  Scalars<SolveRecord<double>, Space> const records("test::records", 2);
  Scalars<KernelRecord<double>, Space> const kernels("test::kernels", 2);
  auto const basis = new_basis<double>(2, 1, 5);
  DenseOperator const a(h);
  CHECK_THROWS_AS(kernel_and_pinv(Space(), a, longer, z, basis, records, kernels),
                  std::invalid_argument);
  CHECK_THROWS_AS(kernel_and_pinv(Space(), a, b, b, basis, records, kernels),
                  std::invalid_argument);
  CHECK_THROWS_AS(kernel_and_pinv(Space(), a, b, z, new_basis<double>(1, 1, 5), records, kernels),
                  std::invalid_argument);
}
