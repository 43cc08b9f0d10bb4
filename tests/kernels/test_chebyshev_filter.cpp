// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/gauss_newton_operator.hpp>

#include "support/counted.hpp"
#include "support/records.hpp"
#include "support/solve.hpp"
#include <catch2/catch_test_macros.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>

using namespace minfold;
using namespace minfold::test;

namespace {

KernelBasisOptions<double> bounded(double a, double b) {
  return {.method = KernelMethod::randomized, .smallest_nonzero = a, .largest = b};
}
KernelBasisOptions<double> forced(double a, double b) {
  auto options = bounded(a, b);
  options.filter = KernelFilter::chebyshev;
  return options;
}
KernelBasisOptions<double> unbounded() {
  return {.method = KernelMethod::randomized};
}

/// ||(I - K K^T) q|| at its largest, K the kernel of `reflected` with zeros first on its diagonal.
double largest_angle(Vec const& values, Kernels<double> const& found, int item = 0) {
  int const n = int(values.size());
  auto u = normals(99, item, n);
  u = times(1 / norm(u), u);
  auto const v = on_host(found.basis.vectors);
  double worst = 0;
  for (int j = 0; j < found.records[item].dimension; ++j) {
    Vec q = row(v, item, j);
    double const overlap = dot(u, q);
    double square = 0;
    for (int i = 0; i < n; ++i) {
      double const turned = q[i] - 2 * overlap * u[i];
      if (values[i] != 0) square += turned * turned;
    }
    worst = std::max(worst, std::sqrt(square));
  }
  return worst;
}

}  // namespace

TEST_CASE("the Chebyshev recurrence applies the polynomial of its closed form") {
  double const a = 0.02, b = 1.5;
  auto const options = bounded(a, b);
  Vec const at = {0, 1e-7, -1e-6, 0.003, 0.019, 0.02, 0.3, 0.76, 1.1, 1.5, 1.51};
  int const n = int(at.size());
  auto const op = reflected<double>({at});
  auto filter = minfold::impl::chebyshev_filter(options, n);
  CHECK(std::abs(filter.rate - std::log((1 + std::sqrt(a / b)) / (1 - std::sqrt(a / b)))) <= 1e-13);
  for (int const degree : {1, 2, 3, 17, 40}) {
    auto block = minfold::impl::new_filtered_block(Space(), 1, 0, 3, n, options);
    auto const start = on_host(block.now);
    Blocks<double, Space> const omega("test::omega", 1, 3, n);
    Kokkos::deep_copy(omega, block.now);
    Scalars<minfold::impl::FilterState<double>, Space> const states("test::states", 1);
    minfold::impl::raise_degree(Space(), op, filter, block, degree, states);
    CHECK(block.degree == degree);
    CHECK(on_host(states)(0).products == 3 * degree);
    CHECK(!on_host(states)(0).refuted);
    // Its lower bound of ||A||.
    if (degree > 1) CHECK(on_host(states)(0).norm <= 1.51 * (1 + 1e-12));
    auto const u = times(1 / norm(normals(99, 0, n)), normals(99, 0, n));
    auto const end = on_host(block.now);
    for (int c = 0; c < 3; ++c) {
      // In the eigenbasis: reflect, compare, component by component.
      auto const turned = [&](auto const& host) {
        Vec x = row(host, 0, c);
        double const overlap = dot(u, x);
        for (int i = 0; i < n; ++i) x[i] -= 2 * overlap * u[i];
        return x;
      };
      Vec const x = turned(start), y = turned(end);
      for (int i = 0; i < n; ++i) {
        double const s = (a + b - 2 * at[i]) / (b - a), top = (a + b) / (b - a);
        double const value = std::abs(s) <= 1 ? std::cos(degree * std::acos(s))
                             : s > 1          ? std::cosh(degree * std::acosh(s))
                                     : std::pow(-1, degree) * std::cosh(degree * std::acosh(-s));
        double const p = value / std::cosh(degree * std::acosh(top));
        CAPTURE(degree, at[i], p);
        CHECK(std::abs(y[i] - p * x[i]) <= 1e-13 * degree * norm(x));
        // What least_damped promises of every eigenvalue: kept by `level` only below it.
        if (at[i] >= 0 && at[i] <= b && p > 0 && p < 1)
          CHECK(filter.least_damped(p * 1.0001, degree) <= at[i] * (1 + 1e-9));
      }
    }
  }
}

TEST_CASE(
    "with bounds that hold: dimension, basis and a lower estimate of mu, for fewer products") {
  int const n = 1000;
  for (double const condition : {10.0, 200.0})
    for (int const k : {0, 4, 6, 7, 13}) {
      Vec const values = spectrum(440, n, k, condition);
      auto const a = reflected<double>({values});
      auto const plain = run_kernel_basis(a, 24, unbounded());
      auto const found = run_kernel_basis(a, 24, bounded(1 / condition, 1));
      auto const& r = found.records[0];
      CAPTURE(condition, k, r.outcome, r.products, plain.records[0].products, r.gap,
              r.smallest_kept, r.kernel_residual);
      CHECK(r.outcome == Outcome::converged);
      CHECK(r.dimension == k);
      CHECK(largest_angle(values, found) <= 1e-14 * condition);
      CHECK(r.kernel_residual <= 1e-14);
      CHECK(r.orthogonality <= 1e-13);
      CHECK(r.smallest_kept <= (1 + 1e-9) / condition);
      CHECK(r.smallest_kept >= 0.1 / condition);
      CHECK(r.products < plain.records[0].products);
    }
}

TEST_CASE("products with a filter are counted as the operator sees them, and follow its model") {
  int const n = 2000, k = 3, width = 8;
  auto const op = reflected<double>({spectrum(441, n, k, 400)});
  auto options = bounded(1 / 400.0, 1);
  int const degree = minfold::impl::chebyshev_filter(options, n).degree;
  options.basis_tolerance = 1;  // no more than the tolerance asks of a kernel vector
  auto const op_seen = counted(op);
  auto const found = run_kernel_basis(op_seen, 16, options);
  CHECK(found.records[0].dimension == k);
  CHECK(found.records[0].products == *op_seen.products);
  CHECK(found.records[0].kernel_residual <= options.kernel_tolerance);
  // The filter and Rayleigh-Ritz; two digits more for the basis, and its images.
  CHECK(found.records[0].products >= width * (degree + 1));
  CHECK(found.records[0].products <= width * (degree + 1) + k * (degree / 2 + 1));
  double const left = 0.1 * std::sqrt(options.kernel_tolerance), s = std::sqrt(1 / 400.0);
  CHECK(std::abs(degree - std::log(2 * std::sqrt(n) / left) / std::log((1 + s) / (1 - s))) <= 1);
}

TEST_CASE("wrong bounds of the spectrum cost products, and never a certificate") {
  int const n = 150;
  double const mu = 0.01;
  for (int const k : {0, 3, 7}) {
    Vec const values = spectrum(442, n, k, 1 / mu);
    auto const a = reflected<double>({values});
    for (double const low : {0.02, 0.7, 1.0, 1.5, 4.0, 99.0})
      for (double const high : {0.011, 0.1, 0.5, 0.9, 0.98, 2.0, 30.0, 1e9}) {
        if (low * mu > high) continue;
        auto const found = run_kernel_basis(a, 16, forced(low * mu, high));
        auto const& r = found.records[0];
        CAPTURE(k, low, high, r.outcome, r.dimension, r.products, r.gap, r.smallest_kept);
        // All of these are found out and put right, not only refused.
        CHECK(r.outcome == Outcome::converged);
        CHECK(r.dimension == k);
        CHECK(largest_angle(values, found) <= 1e-11);
        CHECK(r.kernel_residual <= 1e-14);
        CHECK(r.norm_estimate <= 1 + 1e-12);
      }
  }
}

TEST_CASE("an eigenvalue far below the bound that is claimed is neither dropped nor overlooked") {
  int const n = 500, k = 4;
  for (double const small : {3e-6, 1e-5, 1e-4, 1e-3, 5e-3, 0.02, 0.04}) {
    Vec values = spectrum(443, n, k, 20);
    values[k] = small;
    auto const found = run_kernel_basis(reflected<double>({values}), 16, forced(0.05, 1));
    auto const& r = found.records[0];
    CAPTURE(small, r.outcome, r.dimension, r.gap, r.smallest_kept, r.products);
    CHECK(r.outcome == Outcome::converged);
    CHECK(r.dimension == k);
    CHECK(largest_angle(values, found) <= 1e-9);
    // No word of smallest_kept: CG, which goes on here, has an upper estimate of it, which an isolated
    // eigenvalue escapes, without bounds too (0.079 for 1e-5, 0.083 for 0.02).
  }
  // Within the tolerance it counts as zero, and one just above makes the gap narrow.
  Vec values = spectrum(443, n, k, 20);
  values[k] = 4e-7;
  auto const zero = run_kernel_basis(reflected<double>({values}), 16, forced(0.05, 1));
  CHECK(zero.records[0].outcome == Outcome::converged);
  CHECK(zero.records[0].dimension == k + 1);
  values[k + 1] = 2e-6;
  auto const narrow = run_kernel_basis(reflected<double>({values}), 16, forced(0.05, 1));
  CHECK(narrow.records[0].outcome == Outcome::ambiguous_rank);
}

TEST_CASE("a noisy kernel takes one filter, not four solves") {
  int const n = 200, k = 4;
  for (double const noise : {1e-11, 1e-9, 3e-7}) {
    Planted const p(444, n, k, spectrum(444, n, k, 50, noise));
    InBulk<double> const a{to_matrices({p.matrix}, n)};
    auto const plain = run_kernel_basis(a, 16, unbounded());
    auto const found = run_kernel_basis(a, 16, bounded(0.02, 1));
    auto const& r = found.records[0];
    CAPTURE(noise, r.outcome, r.products, plain.records[0].products, r.gap, r.kernel_residual);
    CHECK(r.outcome == Outcome::converged);
    CHECK(r.dimension == k);
    CHECK(basis_errors(p, on_host(found.basis.vectors), 0, k).residual <= 1.1 * noise + 1e-14);
    CHECK(r.gap <= 0.02 / noise * 1.5);
    CHECK(r.products <= 0.9 * plain.records[0].products);  // 667 to 804 at a noise of 1e-11
  }
}

TEST_CASE("bounds that hold for some items of a batch only") {
  int const n = 120;
  std::vector<Vec> values;
  std::vector<int> const k = {3, 2, 0, 5, 9};
  std::vector<double> const condition = {10, 1e4, 20, 10, 20};
  for (std::size_t i = 0; i < k.size(); ++i)
    values.push_back(spectrum(445 + i, n, k[i], condition[i]));
  for (double& v : values[3]) v *= 40;  // above the upper bound
  auto const a = reflected<double>(values);
  auto const first = run_kernel_basis(a, 16, forced(0.05, 1));
  auto const again = run_kernel_basis(a, 16, forced(0.05, 1));
  CHECK(same_bits(first.basis.vectors, again.basis.vectors));
  for (std::size_t i = 0; i < k.size(); ++i) {
    auto const& r = first.records[i];
    CAPTURE(i, r.outcome, r.products, r.gap);
    CHECK(r.outcome == Outcome::converged);
    CHECK(r.dimension == k[i]);
    CHECK(on_host(first.basis.dimension)(int(i)) == k[i]);
    CHECK(largest_angle(values[i], first, int(i)) <= 1e-10);
    CHECK(r.kernel_residual <= 1e-14);
    CHECK(members(r) == members(again.records[i]));
  }
}

TEST_CASE(
    "an operator that is not finite, not semidefinite, or zero is found out behind a filter") {
  int const n = 90, k = 3;
  Vec const values = spectrum(450, n, k, 10);
  Vec broken = values, negative = values, slightly = values;
  broken[20] = std::nan("");
  negative[20] = -0.5;
  slightly[20] = -1e-4;
  auto const outcome = [](Vec const& diagonal) {
    return run_kernel_basis(reflected<double>({diagonal}), 16, forced(0.1, 1)).records[0].outcome;
  };
  CHECK(outcome(values) == Outcome::converged);
  CHECK(outcome(broken) == Outcome::not_finite);
  CHECK(outcome(negative) == Outcome::indefinite_operator);
  CHECK(outcome(slightly) == Outcome::indefinite_operator);
  auto const zero =
      run_kernel_basis(reflected<double>({Vec(30, 0.0)}), 30, forced(0.1, 1)).records[0];
  CHECK(zero.outcome == Outcome::converged);
  CHECK(zero.dimension == 30);
}

TEST_CASE("a filter in single precision") {
  int const n = 600, k = 3;
  Vec const values = spectrum(451, n, k, 20);
  KernelBasisOptions<float> options{.method = KernelMethod::randomized,
                                    .filter = KernelFilter::chebyshev,
                                    .smallest_nonzero = 0.05f,
                                    .largest = 1};
  auto const found = run_kernel_basis(reflected<float>({values}), 16, options);
  CHECK(found.records[0].outcome == Outcome::converged);
  CHECK(found.records[0].dimension == k);
  CHECK(found.records[0].kernel_residual <= 1e-5);
  CHECK(found.records[0].smallest_kept <= 0.0501);
}

TEST_CASE("bounds that cannot be bounds are refused") {
  auto const a = reflected<double>({spectrum(452, 40, 2, 10)});
  double const nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  for (auto const& [low, high] :
       {std::pair(0.1, 0.0), std::pair(0.0, 1.0), std::pair(1.0, 0.5), std::pair(-0.1, 1.0),
        std::pair(nan, 1.0), std::pair(0.1, nan), std::pair(0.1, infinity)}) {
    CAPTURE(low, high);
    CHECK_THROWS_AS(run_kernel_basis(a, 8, bounded(low, high)), std::invalid_argument);
  }
  CHECK_THROWS_AS(run_kernel_basis(a, 8, forced(0, 0)), std::invalid_argument);
  CHECK(run_kernel_basis(a, 8, forced(0.1, 1)).records[0].outcome == Outcome::converged);
}

TEST_CASE(
    "vectors of a kernel much wider than their number are brought to the tolerance and no "
    "further") {
  int const rows = 20, n = 20000;
  Blocks<double, Space> const j("test::j", 1, rows, n);
  auto const h = Kokkos::create_mirror_view(j);
  Vec const entries = normals(453, 0, rows * n);
  for (int t = 0; t < rows * n; ++t)
    h(0, t / n, t % n) = entries[t] / std::sqrt(double(n)) * std::pow(10.0, -(t / n) / 20.0);
  Kokkos::deep_copy(j, h);
  auto const found = run_kernel_basis(
      GaussNewtonOperator<Blocks<double, Space>>(j), 4,
      {.method = KernelMethod::randomized, .block = 4, .probes = 0, .basis_tolerance = 1e-10});
  auto const& r = found.records[0];
  CAPTURE(r.products);
  CHECK(r.outcome == Outcome::rank_limit);
  CHECK(r.kernel_residual <= 1e-10);
  // The vectors of the block are 141 long: the tolerance for one of length 1 would give 7e-13 at most.
  CHECK(r.kernel_residual >= 2e-12);
}

TEST_CASE("an eigenvalue between wrong bounds and the tolerance is not overlooked") {
  // The filter for these bounds damps the sixth vector as well, which counts as zero here.
  int const n = 200;
  Vec values(n);
  for (int i = 0; i < n; ++i)
    values[i] = i < 5 ? 0 : i == 5 ? 3e-4 : std::pow(0.02, double(n - 1 - i) / (n - 7));
  auto const op = reflected<double>({values});
  for (double const smallest : {1e-7, 1e-5, 2e-4, 9e-4}) {
    CAPTURE(smallest);
    auto options = forced(smallest, 1.0);
    options.kernel_tolerance = 1e-3;
    auto const found = run_kernel_basis(op, 24, options);
    auto const& r = found.records[0];
    CHECK(r.outcome == Outcome::converged);
    CHECK(r.dimension == 6);
    CHECK(r.smallest_kept > 1e-3);
  }
}
