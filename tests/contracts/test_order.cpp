// SPDX-License-Identifier: Apache-2.0
// Work of a host that is queued before a call on its instance is done before it; that of other instances is
// not waited for. Where Kokkos kernels end before their launch returns, as on hosts, the first needs no care; the
// second does: waits for all instances, and launches on the default one, would meet the other thread.
#include <minfold/core/workspace.hpp>
#include <minfold/kernels/kernel_and_pinv.hpp>

#include "instances.hpp"
#include "support/solve.hpp"
#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <chrono>
#include <thread>

using namespace minfold;
using namespace minfold::test;

namespace {

/// Copies matrices and right-hand sides after a long sum that ends in 0, in one thread.
struct Slow {
  Blocks<double const, Space> from;
  Vectors<double const, Space> b;
  Blocks<double, Space> to;
  Vectors<double, Space> rhs;
  long steps;

  KOKKOS_FUNCTION void operator()(int) const {
    double x = 1;
    for (long i = 0; i < steps; ++i) x = 0.5 * x + 1e-3 * double(i % 2);
    double const nothing = x < 1 ? 0.0 : 1.0;  // x is far below 1, which no compiler knows
    for (std::size_t item = 0; item < from.extent(0); ++item)
      for (std::size_t i = 0; i < from.extent(1); ++i) {
        for (std::size_t j = 0; j < from.extent(2); ++j)
          to(item, i, j) = from(item, i, j) + nothing;
        rhs(item, i) = b(item, i) + nothing;
      }
  }
};

struct Batch {
  static constexpr int items = 3, n = 20;
  Blocks<double, Space> matrices, late{"test::late", items, n, n};
  Vectors<double, Space> b, late_b{"test::late_b", items, n}, z{"test::z", items, n};
  Basis<double, Space> basis = new_basis<double>(items, n, n);
  Scalars<SolveRecord<double>, Space> solves{"test::solves", items};
  Scalars<KernelRecord<double>, Space> kernels{"test::kernels", items};
  std::vector<Vec> exact;

  Batch() {
    std::vector<Planted> planted_items;
    std::vector<Vec> rhs;
    for (int i = 0; i < items; ++i) {
      planted_items.push_back(planted(std::uint64_t(310 + i), n, i, 20));
      rhs.push_back(planted_items.back().range_part(normals(71, i, n)));
      exact.push_back(planted_items.back().pseudo_inverse(rhs.back()));
    }
    matrices = to_matrices(matrices_of(planted_items), n);
    b = to_vectors(rhs);
  }
  /// Queues what fills `late` and `late_b`.
  void queue(Space const& space, long steps) const {
    Kokkos::parallel_for("test::slow", Kokkos::RangePolicy<Space>(space, 0, 1),
                         Slow{matrices, b, late, late_b, steps});
  }
  void solve(Space const& space, int solver) const {
    DenseOperator const a(late);
    if (solver == 0) pinv_cg(space, a, late_b, z, solves);
    if (solver == 1) pinv_direct(space, a, late_b, z, solves, kernels);
    if (solver == 2) kernel_and_pinv(space, a, late_b, z, basis, solves, kernels);
  }
  double error(Space const& space) const {
    auto const x = to_host(space, z);
    double worst = 0;
    for (int i = 0; i < items; ++i)
      worst = std::max(worst, norm(minus(row(x, i), exact[i])) / norm(exact[i]));
    return worst;
  }
};

}  // namespace

TEST_CASE("a call sees what was queued before it on its instance, without a wait of the host") {
  auto const space = another_instance();
  Batch const batch;
  for (int solver = 0; solver < 3; ++solver) {
    CAPTURE(solver);
    Kokkos::deep_copy(batch.late, 0.0);
    Kokkos::deep_copy(batch.late_b, 0.0);
    Kokkos::deep_copy(batch.z, 77.0);
    Kokkos::fence("test::ready");
    batch.queue(space, minfold::impl::runs_on_host<Space> ? 1000000 : 20000000);
    batch.solve(space, solver);
    // What comes after is behind it too.
    Kokkos::deep_copy(space, batch.late, 0.0);
    CHECK(batch.error(space) <= 1e-10);
  }
}

#if !defined(KOKKOS_ENABLE_CUDA) && !defined(KOKKOS_ENABLE_HIP) && !defined(KOKKOS_ENABLE_SYCL)

namespace {

/// From when it runs on, until it is let go or a minute is over.
struct Busy {
  std::atomic<bool> running{false}, let_go{false}, ended{false};

  void run(Space const& space) {
    auto* const self = this;
    Kokkos::parallel_for("test::busy", Kokkos::RangePolicy<Space>(space, 0, 1), [self](int) {
      self->running = true;
      auto const end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
      while (!self->let_go && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    });
    ended = true;
  }
};

}  // namespace

TEST_CASE("a call does not wait for the kernel of another instance") {
  auto const space = Space(), other = another_instance();
  Batch const batch;
  batch.queue(space, 1);
  // Kokkos waits for all instances before it frees memory: a Workspace leaves nothing to free.
  Workspace<Space> workspace(space);
  auto const in_use = workspace.use();
  for (int solver = 0; solver < 3; ++solver)
    for (int i = 0; i < 2; ++i) batch.solve(space, solver);
  Kokkos::deep_copy(batch.z, 77.0);
  Busy busy;
  std::thread host([&] { busy.run(other); });
  while (!busy.running) std::this_thread::yield();
  bool meanwhile[3];
  for (int solver = 0; solver < 3; ++solver) {
    batch.solve(space, solver);
    meanwhile[solver] = !busy.ended;
  }
  busy.let_go = true;
  host.join();
  for (int solver = 0; solver < 3; ++solver) {
    CAPTURE(solver);
    CHECK(meanwhile[solver]);
  }
  CHECK(batch.error(space) <= 1e-10);
}

#endif
