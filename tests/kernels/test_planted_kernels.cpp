// SPDX-License-Identifier: Apache-2.0
#include "support/records.hpp"
#include "support/solve.hpp"
#include <catch2/catch_test_macros.hpp>

#include <limits>

using namespace minfold;
using namespace minfold::test;

namespace {

struct Counts {
  int items = 0, wrong = 0, not_converged = 0;
  double residual = 0;       ///< max ||A Q|| / max(||A||, noise 1e10)
  double orthogonality = 0;  ///< max |Q^T Q - I|
  double record_error = 0;   ///< of the certificate, relative to what is recomputed here
};

void add(Counts& counts, Kernels<double> const& found, std::vector<Planted> const& items,
         double noise) {
  auto const vectors = on_host(found.basis.vectors);
  auto const dimension = on_host(found.basis.dimension);
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto const& r = found.records[i];
    ++counts.items;
    counts.wrong += r.dimension != items[i].k || dimension(i) != items[i].k;
    counts.not_converged += r.outcome != Outcome::converged;
    auto const e = basis_errors(items[i], vectors, int(i), r.dimension);
    double const size = items[i].norm() > 0 ? items[i].norm() : 1;
    // A basis of noise has the residual of the noise: then it is that which must not grow.
    double const allowed = std::max(1e-10, 2 * noise);
    counts.residual = std::max(counts.residual, e.residual / (size * allowed));
    counts.orthogonality = std::max(counts.orthogonality, e.orthogonality);
    counts.record_error =
        std::max({counts.record_error, std::abs(r.kernel_residual * r.norm_estimate - e.residual),
                  std::abs(r.orthogonality - e.orthogonality)});
  }
}

/// For each order from 2 to 96: `clean` items with eigenvalues that are zero up to rounding and default
/// options, and as many with noise of either sign below lambda_min / gap, gap >= 100.
void count(int per_order, bool noisy, Counts& direct, Counts& randomized) {
  for (int n = 2; n <= 96; ++n) {
    std::uint64_t const batch = 2 * n + noisy;
    double const condition = std::pow(10.0, pick(batch, 0, 0, noisy ? 3 : 4));
    double const gap = std::pow(10.0, pick(batch, 1, 2, 6));
    double const noise = noisy ? 1 / (condition * gap) : 0;
    std::vector<Planted> items;
    for (int s = 0; s < per_order; ++s) {
      // With noise alone there is nothing that it could be small against.
      int const k = pick(batch, 2 + s, 0, noisy ? n - 1 : n);
      items.push_back(planted(1000000 * batch + s, n, k, condition, noise));
    }
    KernelBasisOptions<double> options{.method = KernelMethod::direct};
    if (noisy) options.kernel_tolerance = 1 / (condition * std::sqrt(gap));
    add(direct, run_kernel_basis(dense(items), n, options), items, noise);
    options.method = KernelMethod::randomized;
    options.seed = batch;
    add(randomized,
        run_kernel_basis(InBulk<double>{to_matrices(matrices_of(items), n)}, n, options), items,
        noise);
  }
}

void check(int per_order) {
  for (bool const noisy : {false, true}) {
    Counts direct, randomized;
    count(per_order, noisy, direct, randomized);
    for (auto const& c : {direct, randomized}) {
      CAPTURE(noisy, c.items, c.residual, c.orthogonality, c.record_error);
      CHECK(c.wrong == 0);
      CHECK(c.not_converged == 0);
      CHECK(c.residual <= 1);
      CHECK(c.orthogonality <= 1e-12);
      CHECK(c.record_error <= 1e-12);  // n eps with room: both sides are sums of n terms
    }
  }
}

}  // namespace

TEST_CASE("the dimension of planted kernels is exact for every order and gap of a hundred") {
  check(3);  // 570 seeds
}

TEST_CASE("the dimension of planted kernels is exact on ten thousand seeds", "[slow]") {
  check(53);  // 2 * 95 * 53 = 10,070
}

TEST_CASE("a team operator gives the kernel that its bulk product gives") {
  std::vector<Planted> items;
  for (int k : {0, 1, 9, 20, 29, 30}) items.push_back(planted(std::uint64_t(k), 30, k, 100));
  auto const matrices = to_matrices(matrices_of(items), 30);
  KernelBasisOptions<double> const options{.method = KernelMethod::randomized};
  Counts counts;
  add(counts, run_kernel_basis(ByTeam<double>{matrices}, 30, options), items, 0);
  CHECK(counts.wrong == 0);
  CHECK(counts.not_converged == 0);
  CHECK(counts.residual <= 1);
  CHECK(counts.orthogonality <= 1e-12);
  // `automatic` must find the same, whichever method it takes.
  auto const automatic = run_kernel_basis(ByTeam<double>{matrices}, 30);
  for (std::size_t i = 0; i < items.size(); ++i)
    CHECK(automatic.records[i].dimension == items[i].k);
}

TEST_CASE("single precision finds planted kernels with a gap of a hundred") {
  for (int n : {3, 12, 40, 96})
    for (auto const method : {KernelMethod::direct, KernelMethod::randomized}) {
      std::vector<Planted> items;
      for (int k : {0, 1, n / 2, n - 1, n})
        items.push_back(planted(std::uint64_t(n + k), n, k, 30));
      auto const found = run_kernel_basis(InBulk<float>{to_matrices<float>(matrices_of(items), n)},
                                          n, KernelBasisOptions<float>{.method = method});
      auto const vectors = on_host(found.basis.vectors);
      for (std::size_t i = 0; i < items.size(); ++i) {
        CAPTURE(n, items[i].k, int(method), found.records[i].outcome);
        CHECK(found.records[i].outcome == Outcome::converged);
        CHECK(found.records[i].dimension == items[i].k);
        auto const e = basis_errors(items[i], vectors, int(i), found.records[i].dimension);
        CHECK(e.residual <= 64 * n * 1.2e-7);  // n eps
        CHECK(e.orthogonality <= 64 * n * 1.2e-7);
      }
    }
}

TEST_CASE("a spectrum without a clear gap is reported as ambiguous by both methods") {
  int const n = 40;
  std::vector<Planted> items;
  Vec values(n);
  // A decade of factors 2 through the tolerance: no two neighbours are ten apart.
  for (int j = 0; j < n; ++j) values[j] = std::pow(2.0, -j);
  items.emplace_back(1, n, 0, values);
  // A kernel of three and one eigenvalue that is five times what is dropped.
  values = spectrum(2, n, 3, 10);
  values[0] = 4e-7;
  values[5] = 2e-6;
  items.emplace_back(2, n, 3, values);
  auto const d = run_kernel_basis(dense(items), n, {.method = KernelMethod::direct});
  auto const r = run_kernel_basis(InBulk<double>{to_matrices(matrices_of(items), n)}, n,
                                  {.method = KernelMethod::randomized});
  for (int item : {0, 1}) {
    CAPTURE(item, r.records[item].outcome, r.records[item].gap);
    CHECK(d.records[item].outcome == Outcome::ambiguous_rank);
    CHECK(d.records[item].gap < 10);
    CHECK(r.records[item].outcome == Outcome::ambiguous_rank);
  }
  CHECK(std::abs(d.records[1].gap - 5) < 1e-6);
  // A caller who trusts less of a gap is told what it is, and gets the kernel.
  auto const trusted =
      run_kernel_basis(dense(items), n, {.method = KernelMethod::direct, .minimum_gap = 4});
  CHECK(trusted.records[1].outcome == Outcome::converged);
  CHECK(trusted.records[1].dimension == 3);
}

TEST_CASE("a kernel beyond the capacity is a rank limit, and what fits is still a part of it") {
  int const n = 50, k = 20, capacity = 5;
  std::vector<Planted> const items = {planted(3, n, k, 10), planted(4, n, 2, 10)};
  for (auto const method : {KernelMethod::direct, KernelMethod::randomized}) {
    auto const found = run_kernel_basis(InBulk<double>{to_matrices(matrices_of(items), n)},
                                        capacity, {.method = method});
    CAPTURE(int(method));
    CHECK(found.records[0].outcome == Outcome::rank_limit);
    CHECK(found.records[0].dimension > capacity);
    CHECK(on_host(found.basis.dimension)(0) == capacity);
    CHECK(found.records[1].outcome == Outcome::converged);
    CHECK(found.records[1].dimension == 2);
    auto const e = basis_errors(items[0], on_host(found.basis.vectors), 0, capacity);
    CHECK(e.residual <= 1e-10);
    CHECK(e.orthogonality <= 1e-12);
  }
}

TEST_CASE("eigenvalues that coincide are all found") {
  // Single-vector Krylov methods see one vector of each eigenspace.
  int const n = 64;
  for (int k : {0, 7, 31, 60}) {
    Vec values(n);
    for (int j = k; j < n; ++j) values[j] = j % 2 ? 1.0 : 0.25;
    std::vector<Planted> const items = {Planted(8, n, k, values)};
    auto const found = run_kernel_basis(InBulk<double>{to_matrices(matrices_of(items), n)}, n,
                                        {.method = KernelMethod::randomized});
    CAPTURE(k);
    CHECK(found.records[0].outcome == Outcome::converged);
    CHECK(found.records[0].dimension == k);
    CHECK(found.records[0].smallest_kept >= 0.25 * (1 - 1e-12));
  }
}

TEST_CASE("the randomized basis does not depend on the place of an item, but on its identity") {
  int const n = 25;
  std::vector<Planted> items;
  for (int i = 0; i < 4; ++i) items.push_back(planted(std::uint64_t(60 + i), n, 3 + 2 * i, 50));
  std::vector<int> const order = {2, 0, 3, 1};
  std::vector<Planted> permuted;
  for (int i : order) permuted.push_back(items[i]);
  auto const straight = ids_of({10, 11, 12, 13}), shuffled = ids_of({12, 10, 13, 11});
  auto const run = [&](std::vector<Planted> const& batch, Kokkos::View<int*, Space> const& ids) {
    KernelBasisOptions<double> options{.method = KernelMethod::randomized};
    if (ids.extent(0) > 0) options.item_ids = ids;
    return run_kernel_basis(InBulk<double>{to_matrices(matrices_of(batch), n)}, n, options);
  };
  auto const a = run(items, straight), b = run(permuted, shuffled);
  auto const va = on_host(a.basis.vectors), vb = on_host(b.basis.vectors);
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < n; ++j) CHECK(row(vb, i, j) == row(va, order[i], j));
    CHECK(members(b.records[i]) == members(a.records[order[i]]));
  }
  // Another identity is another sketch: the same space, other vectors of it.
  auto const other = run(items, ids_of({20, 21, 22, 23}));
  CHECK(row(on_host(other.basis.vectors), 0, 0) != row(va, 0, 0));
  CHECK(other.records[0].dimension == a.records[0].dimension);
}
