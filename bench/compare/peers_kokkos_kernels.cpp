// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/impl/tuning.hpp>

#include "compare/problem.hpp"

#if defined(MINFOLD_BENCH_KOKKOS_KERNELS)
#include <KokkosBatched_CG.hpp>
#endif

namespace minfold::bench {

#if defined(MINFOLD_BENCH_KOKKOS_KERNELS)
namespace {

using Vectors2 = Vectors<double, Space>;
using Handle = KokkosBatched::KrylovHandle<Kokkos::View<double**, Space>, Kokkos::View<int*, Space>,
                                           Kokkos::View<double***, Space>>;

/// The batched CG of Kokkos Kernels knows CRS matrices; this is the dense operator that its interface
/// asks a user for, y := beta y + alpha H x.
template <class Matrices>
struct DenseItems {
  Matrices matrix;  // (items of the team, n, n)

  template <class Trans, class Mode, class Member, class X, class Y>
  KOKKOS_INLINE_FUNCTION void apply(Member const& member, X const& x, Y const& y, double alpha = 1,
                                    double beta = 0) const {
    int const n = int(matrix.extent(1));
    Kokkos::parallel_for(Kokkos::TeamThreadRange(member, int(matrix.extent(0)) * n), [&](int t) {
      int const item = t / n, i = t % n;
      double sum = 0;
      Kokkos::parallel_reduce(
          Kokkos::ThreadVectorRange(member, n),
          [&](int j, double& part) { part += matrix(item, i, j) * x(item, j); }, sum);
      Kokkos::single(Kokkos::PerThread(member),
                     [&] { y(item, i) = alpha * sum + (beta == 0 ? 0 : beta * y(item, i)); });
    });
  }
};

struct SolveItem {
  Blocks<double, Space> matrix;
  Vectors2 b, z;
  Kokkos::View<int*, Space> status;
  Handle handle;

  KOKKOS_FUNCTION void operator()(TeamMember<Space> const& member) const {
    int const item = member.league_rank();
    auto const one = Kokkos::make_pair(item, item + 1);
    auto const h = Kokkos::subview(matrix, one, Kokkos::ALL, Kokkos::ALL);
    Vectors2 const rhs = Kokkos::subview(b, one, Kokkos::ALL),
                   solution = Kokkos::subview(z, one, Kokkos::ALL);
    int const failed =
        KokkosBatched::CG<TeamMember<Space>, KokkosBatched::Mode::TeamVector>::template invoke<
            DenseItems<decltype(h)>, Vectors2, Handle>(member, {h}, rhs, solution, handle);
    Kokkos::single(Kokkos::PerTeam(member), [&] { status(item) = failed; });
  }
};

}  // namespace

void add_kokkos_kernels_peers(Problem const& p, Contenders& peers) {
  if (p.what.job != Job::cg) return;
  Space const space;
  Shape const s = p.what.shape;
  Vectors2 const b(p.rhs.data(), s.items, s.n), z("bench::kokkos_kernels::z", s.items, s.n);
  Kokkos::View<int*, Space> const status("bench::kokkos_kernels::status", s.items);
  // One item a team is its fastest setting here. Its vectors are in scratch, of which level 0 holds
  // those of n < 512.
  Handle handle(s.items, 1, 10 * s.n + 100);
  int const level = s.n < 512 ? 0 : 1;
  handle.set_scratch_pad_level(level);
  handle.set_tolerance(cg_tolerance);
  auto const words =
      Kokkos::View<double**, Kokkos::LayoutRight, Space::scratch_memory_space>::shmem_size(
          1, 4 * s.n + 64);
  auto policy = minfold::impl::runs_on_host<Space>
                    ? Kokkos::TeamPolicy<Space>(space, s.items, 1, 1)
                    : Kokkos::TeamPolicy<Space>(space, s.items, 4, 32);
  policy.set_scratch_size(level, Kokkos::PerTeam(int(words)));
  SolveItem const body{p.matrix, b, z, status, handle};
  auto const solve = [=] {
    Kokkos::deep_copy(space, z, 0.0);
    Kokkos::parallel_for("bench::kokkos_kernels_cg", policy, body);
    space.fence("bench::kokkos_kernels_cg");
  };
  auto const answer = [=] {
    Answer a;
    a.z = HostBlocks("bench::answer", s.items, 1, s.n);
    auto const host = to_host(space, z);
    std::copy(host.data(), host.data() + host.size(), a.z.data());
    auto const failed = to_host(space, status);
    for (int item = 0; item < s.items; ++item)
      if (failed(item)) a.complaint = "not converged";
    return a;
  };
  peers.push_back({"kokkos_kernels_cg", solve, answer});
}

#else
void add_kokkos_kernels_peers(Problem const&, Contenders&) {}
#endif

}  // namespace minfold::bench
