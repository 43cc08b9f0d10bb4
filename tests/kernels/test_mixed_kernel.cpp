// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/kernel_and_pinv.hpp>

#include "support/solve.hpp"
#include <catch2/catch_test_macros.hpp>

#include <limits>

using namespace minfold;
using namespace minfold::test;

/// kernel_and_pinv with the factor in float. Its records count the products of a refinement, 3 or more; those
/// of a factor in double, to which it turns in doubt, are 2.
namespace {

constexpr int n = 352;

struct Answer {
  KernelRecord<double> kernel;
  std::vector<SolveRecord<double>> records;
  Blocks<double, Space> basis;
  std::vector<Vec> z;
};

Answer answer(Vec const& matrix, std::vector<Vec> const& b, int capacity, FactorMethod method,
              double kernel_tolerance = default_kernel_tolerance<double>) {
  int const columns = int(b.size());
  Blocks<double, Space> const rhs("test::b", 1, columns, n), z("test::z", 1, columns, n);
  auto const host = Kokkos::create_mirror_view(rhs);
  for (int c = 0; c < columns; ++c)
    for (int i = 0; i < n; ++i) host(0, c, i) = b[c][i];
  Kokkos::deep_copy(rhs, host);
  Scalars<SolveRecord<double>, Space> const records("test::records", columns);
  Scalars<KernelRecord<double>, Space> const kernels("test::kernels", 1);
  auto const basis = new_basis<double>(1, capacity, n);
  kernel_and_pinv(Space(), DenseOperator(to_matrices<double>({matrix}, n)), rhs, z, basis, records,
                  kernels, {.method = method, .kernel_tolerance = kernel_tolerance});
  Answer r{test::impl::entries(kernels)[0], test::impl::entries(records), basis.vectors, {}};
  auto const found = on_host(z);
  for (int c = 0; c < columns; ++c) r.z.push_back(row(found, 0, c));
  return r;
}

double distance_from_kernel(Planted const& p, Answer const& r) {
  auto const q = on_host(r.basis);
  double worst = 0;
  for (int j = 0; j < r.kernel.dimension; ++j)
    worst = std::max(worst, norm(p.range_part(row(q, 0, j))));
  return worst;
}

}  // namespace

TEST_CASE("a factor in float, refined, gives kernel and pseudoinverse to the accuracy of double") {
  double const eps = epsilon<double>;
  struct Case {
    int k;
    double condition;
  };
  // 16 and more columns are taken where the first pack is all kernel.
  for (auto const& [k, condition] :
       {Case{0, 1e2}, Case{1, 1e2}, Case{4, 1e4}, Case{16, 1e2}, Case{40, 1e3}}) {
    CAPTURE(k, condition);
    auto const p = planted(std::uint64_t(7100 + k), n, k, condition);
    Vec mixed = normals(7, 0, n);
    std::vector<Vec> const b = {p.range_part(normals(7, 1, n)), mixed, times(1e-200, mixed)};
    auto const r = answer(p.matrix, b, 64, FactorMethod::mixed);
    CHECK(r.kernel.outcome == Outcome::converged);
    REQUIRE(r.kernel.dimension == k);
    CHECK(r.kernel.kernel_residual <= 16 * std::sqrt(n) * eps);
    CHECK(basis_errors(p, on_host(r.basis), 0, k).orthogonality <= 16 * eps);
    CHECK(distance_from_kernel(p, r) <= 16 * std::sqrt(n) * eps * condition);
    CHECK(r.kernel.smallest_kept >= 0.999 * p.smallest());
    CHECK(r.kernel.smallest_kept <= 10 * p.smallest());
    for (int c = 0; c < 3; ++c) {
      CAPTURE(c);
      double const scale = c == 2 ? 1e-200 : 1;
      CHECK(r.records[c].outcome == Outcome::converged);
      CHECK(r.records[c].products > 2);
      auto const exact = p.pseudo_inverse(c == 0 ? b[0] : mixed);
      // What lies in the kernel turns with the rounding of A by kappa eps.
      double const bound = c == 0 ? norm(exact) : norm(exact) + norm(mixed) / p.smallest();
      CHECK(norm(minus(times(1 / scale, r.z[c]), exact)) <= 10 * eps * condition * bound);
    }
    double const inside = norm(p.kernel_part(mixed)) / norm(mixed);
    CHECK(std::abs(r.records[1].leakage - inside) <= 1e-10);
  }
}

TEST_CASE(
    "kernel vectors on single components are found by a factor in float, and no side is needed") {
  auto const p = planted(7201, n, 2, 1e2);
  Vec matrix = p.matrix;
  for (int const gone : {0, 17, n - 1})
    for (int i = 0; i < n; ++i)
      matrix[std::size_t(gone) * n + i] = matrix[std::size_t(i) * n + gone] = 0;
  auto const mixed = answer(matrix, {normals(7, 2, n)}, 64, FactorMethod::mixed);
  auto const spectral = answer(matrix, {normals(7, 2, n)}, 64, FactorMethod::spectral);
  CHECK(mixed.records[0].products > 2);
  CHECK(mixed.kernel.outcome == Outcome::converged);
  CHECK(mixed.kernel.dimension == spectral.kernel.dimension);
  CHECK(mixed.kernel.dimension >= 3);
  CHECK(norm(minus(mixed.z[0], spectral.z[0])) <= 1e-10 * norm(spectral.z[0]));
  auto const none = answer(matrix, {}, 64, FactorMethod::mixed);
  CHECK(none.kernel.outcome == Outcome::converged);
  CHECK(none.kernel.dimension == spectral.kernel.dimension);
}

TEST_CASE(
    "a factor in float hides nothing: what it cannot see the answer of double or the spectrum "
    "gives") {
  Vec const b = normals(7, 3, n);
  auto const compare = [&](Vec const& matrix, double tolerance = 1e-6) {
    auto const mixed = answer(matrix, {b}, 64, FactorMethod::mixed, tolerance);
    auto const spectral = answer(matrix, {b}, 64, FactorMethod::spectral, tolerance);
    CHECK(mixed.kernel.outcome == spectral.kernel.outcome);
    CHECK(mixed.kernel.dimension == spectral.kernel.dimension);
    CHECK(mixed.records[0].outcome == spectral.records[0].outcome);
    return mixed;
  };
  SECTION("an eigenvalue below 0 that the shift of float covers, and not that of the kernel") {
    Vec values = spectrum(7301, n, 3, 1e2);
    values[3] = -1e-7;
    auto const r = compare(Planted(7301, n, 3, values).matrix, 1e-9);
    CHECK(r.kernel.outcome == Outcome::indefinite_operator);
  }
  SECTION("an eigenvalue between the kernel and the shift of float") {
    Vec values = spectrum(7302, n, 3, 1e2);
    values[3] = 1e-7;
    auto const r = compare(Planted(7302, n, 3, values).matrix, 1e-10);
    CHECK(r.kernel.dimension == 3);
    CHECK(r.kernel.smallest_kept < 2e-7);
  }
  SECTION("no gap") {
    Vec values = spectrum(7303, n, 3, 1e2);
    values[0] = 5e-7;
    values[3] = 2e-6;
    CHECK(compare(Planted(7303, n, 3, values).matrix).kernel.outcome == Outcome::ambiguous_rank);
  }
  SECTION("more kernel than a refinement takes") {
    CHECK(compare(planted(7304, n, 80, 1e2).matrix).kernel.dimension == 80);
  }
  SECTION("zero, not a number, out of the range of float") {
    CHECK(compare(Vec(std::size_t(n) * n, 0.0)).kernel.dimension == n);
    Vec matrix = planted(7305, n, 3, 1e2).matrix;
    auto const spoilt = [&](double value) {
      Vec copy = matrix;
      copy[std::size_t(n) * (n - 1) + 4] = value;
      return copy;
    };
    CHECK(compare(spoilt(std::numeric_limits<double>::quiet_NaN())).kernel.outcome ==
          Outcome::not_finite);
    CHECK(compare(spoilt(1e60)).kernel.outcome == Outcome::rank_limit);
    for (double& v : matrix) v *= 1e-180;
    CHECK(compare(matrix).records[0].products > 2);
  }
}
