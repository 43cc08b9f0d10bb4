// SPDX-License-Identifier: Apache-2.0
#include "support/solve.hpp"
#include <catch2/catch_test_macros.hpp>

using namespace minfold;
using namespace minfold::test;

namespace {

/// Diagonal matrices: any order, and nothing but the method rounds.
template <class T>
struct Diagonal {
  using scalar_type = T;
  Vectors<T, Space> diagonal;

  KOKKOS_FUNCTION int batch_size() const { return int(diagonal.extent(0)); }
  KOKKOS_FUNCTION int dim() const { return int(diagonal.extent(1)); }
  template <class Team, class X, class Y>
  KOKKOS_FUNCTION void apply(Team const& team, int item, X const& x, Y const& y) const {
    team_for(team, dim(), [&](int i) { y(i) = diagonal(item, i) * x(i); });
  }
};
template <class T>
Diagonal<T> diagonal(std::vector<Vec> const& d) {
  return {to_vectors<T>(d)};
}

/// Relative to the exact solution of the rounded problem.
double error(Vec const& d, Vec const& b, Vec const& z) {
  Vec exact(d.size());
  for (std::size_t i = 0; i < d.size(); ++i) exact[i] = d[i] > 0 ? b[i] / d[i] : 0;
  return norm(minus(z, exact)) / norm(exact);
}
std::vector<Vec> rounded(std::vector<Vec> rows) {
  for (auto& r : rows)
    for (double& x : r) x = double(float(x));
  return rows;
}

}  // namespace

// n eps is no rounding level: in single precision it is 0.6 percent at n = 50,000 and 1 at n = 8e6.

TEST_CASE("single precision at large orders: CGLS does not take a small range part for rounding") {
  int const n = 50000;
  for (int const rank : {1, 5, 100}) {
    Vec d(n);
    for (int i = 0; i < rank; ++i) d[i] = 1 - 0.5 * i / rank;
    auto const rows = rounded({d});
    auto const b = rounded({normals(71, rank, n)});
    auto const s = run_cgls(diagonal<float>(rows), b);
    CAPTURE(rank, s.records[0].outcome, s.records[0].iterations, s.records[0].residual);
    CHECK(s.records[0].outcome == Outcome::converged);
    CHECK(error(rows[0], b[0], s.z[0]) <= 1e-2);
  }
}

TEST_CASE("single precision at large orders: CG takes no direction of the range for the kernel") {
  int const n = 1000000;
  Vec d(n);
  for (int i = 0; i < n; ++i)
    d[i] = std::pow(1000.0, -uniform({72, Stream::test, 0, 0, unsigned(i)}));
  auto const rows = rounded({d});
  auto const b = rounded({normals(72, 1, n)});
  auto const s = run_cg(diagonal<float>(rows), b);
  CAPTURE(s.records[0].outcome, s.records[0].iterations, s.records[0].residual);
  CHECK(s.records[0].outcome == Outcome::converged);
  CHECK(error(rows[0], b[0], s.z[0]) <= 1000 * 3e-5);
}

TEST_CASE("single precision at large orders: a gap that is fifty times rounding is clear") {
  // The split alone: a decomposition of this order would take minutes.
  int const n = 10000;
  std::vector<float> w(n, 0);
  for (int i = n / 2; i < n; ++i) w[i] = i == n - 1 ? 1.0f : 0.005f;
  auto const at = [&](int i) { return w[i]; };
  auto const split = minfold::impl::split_spectrum(at, n, 0.0f, n, 1e-3f, 10.0f);
  CAPTURE(split.gap);
  CHECK(split.outcome == Outcome::converged);
  CHECK(split.dimension == n / 2);
}

TEST_CASE("small scales of the matrix do not underflow in the curvature") {
  int const n = 60, k = 4;
  auto const p = planted(73, n, k, 50);
  Vec const b = p.range_part(normals(73, 1, n)), exact = p.pseudo_inverse(b);
  for (double const scale : {1.0, 1e-33, 1e-35, 1e-36})
    for (float const tolerance : {1e-5f, 1e-7f})
      for (bool const with_basis : {false, true}) {
        CAPTURE(scale, tolerance, with_basis);
        DenseOperator<Blocks<float, Space>> const a(
            to_matrices<float>({times(scale, p.matrix)}, n));
        auto const s = run_cg(a, {times(scale, b)}, {.relative_tolerance = tolerance},
                              with_basis ? planted_basis<float>({p}) : Basis<float, Space>{});
        CAPTURE(s.records[0].outcome, s.records[0].residual, s.records[0].iterations);
        CHECK(s.records[0].outcome == Outcome::converged);
        CHECK(norm(minus(s.z[0], exact)) <= 50 * 3e-5 * norm(exact));
      }
}

TEST_CASE(
    "an eigenvalue just under the tolerance is counted by both methods, with default options") {
  int const n = 40, k = 5, seeds = 40;
  double const tolerance = default_kernel_tolerance<double>;
  for (double const factor : {0.3, 0.5, 0.7, 1.3, 2.0, 3.0}) {
    std::vector<Planted> items;
    for (int s = 0; s < seeds; ++s) {
      Vec values = spectrum(std::uint64_t(7400 + s), n, k, 100);
      values[k] = factor * tolerance;
      items.emplace_back(std::uint64_t(7400 + s), n, k, values);
    }
    auto const direct = run_kernel_basis(dense(items), n, {.method = KernelMethod::direct});
    auto const random = run_kernel_basis(InBulk<double>{to_matrices(matrices_of(items), n)}, n,
                                         {.method = KernelMethod::randomized});
    int wrong = 0, invented = 0;
    for (int s = 0; s < seeds; ++s) {
      auto const &d = direct.records[s], &r = random.records[s];
      REQUIRE(d.outcome == Outcome::converged);
      REQUIRE(d.dimension == k + (factor < 1));
      wrong += r.outcome != Outcome::converged || r.dimension != d.dimension;
      // An upper estimate of mu, but of the right eigenvalue.
      invented += !(r.smallest_kept >= d.smallest_kept * (1 - 1e-9) &&
                    r.smallest_kept <= 3 * d.smallest_kept);
    }
    CAPTURE(factor, wrong, invented);
    CHECK(wrong == 0);
    CHECK(invented == 0);
  }
}

TEST_CASE("a spectrum that crosses the tolerance is ambiguous, or split where the whole one is") {
  int const n = 96, seeds = 12;
  std::vector<Planted> items;
  for (int s = 0; s < seeds; ++s) {
    int const k = 24;
    Vec values = spectrum(std::uint64_t(7500 + s), n, k, 100);
    values[k] = 8.5e-7;
    values[k + 1] = 3.4e-6;
    values[k + 2] = 6e-6;
    items.emplace_back(std::uint64_t(7500 + s), n, k, values);
  }
  auto const direct = run_kernel_basis(dense(items), n, {.method = KernelMethod::direct});
  auto const random = run_kernel_basis(InBulk<double>{to_matrices(matrices_of(items), n)}, n,
                                       {.method = KernelMethod::randomized});
  for (int s = 0; s < seeds; ++s) {
    CAPTURE(s, random.records[s].outcome, random.records[s].dimension, random.records[s].gap);
    REQUIRE(direct.records[s].outcome == Outcome::ambiguous_rank);
    CHECK(random.records[s].outcome != Outcome::converged);
  }
}
