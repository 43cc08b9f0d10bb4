// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_FACTOR_JOB_HPP
#define MINFOLD_KERNELS_IMPL_FACTOR_JOB_HPP

#include <minfold/core/batch.hpp>
#include <minfold/core/random.hpp>
#include <minfold/core/team.hpp>
#include <minfold/kernels/basis.hpp>
#include <minfold/kernels/impl/factor_findings.hpp>

namespace minfold::impl {

/// What every path of kernel_and_pinv works on.
template <std::floating_point T, ExecutionSpace E>
struct FactorJob {
  Blocks<T const, E> matrix;  ///< (items, n, n)
  Blocks<T const, E> b;       ///< (items, columns, n), columns may be 0
  Blocks<T, E> z;
  Basis<T, E> basis;
  Scalars<SolveRecord<T>, E> records;
  Scalars<KernelRecord<T>, E> kernel_records;
  Scalars<int, E> undecided;  ///< 1: the spectrum must tell
  T kernel_tolerance, minimum_gap, relative_tolerance;
  std::uint64_t seed;

  KOKKOS_FUNCTION int items() const { return int(matrix.extent(0)); }
  KOKKOS_FUNCTION int order() const { return int(matrix.extent(1)); }
  KOKKOS_FUNCTION int columns() const { return int(b.extent(1)); }
  KOKKOS_FUNCTION int capacity() const { return int(basis.vectors.extent(1)); }
};

/// Numbers in (-1, 1) with a bounded density: the component along any direction is small only with
/// small probability, which is all that inverse iteration asks of its start.
template <std::floating_point T, ExecutionSpace E>
Vectors<T, E> factor_sketch(E const& space, int columns, int n, std::uint64_t seed) {
  int const stride = (n + 3) / 4 * 4;
  auto const x = make_vectors<T>(space, "minfold::kernel_and_pinv::sketch", columns, stride);
  Kokkos::parallel_for(
      "minfold::kernel_and_pinv::sketch",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<2>>(space, {0, 0}, {columns, stride / 4}),
      KOKKOS_LAMBDA(int c, int block) {
        double four[4];
        uniform4({seed, Stream::sketch, 0, std::uint32_t(block), std::uint32_t(c)}, four);
        for (int t = 0; t < 4; ++t) x(c, 4 * block + t) = T(2 * four[t] - 1);
      });
  return x;
}

/// Bytes of that sketch.
template <std::floating_point T>
std::size_t factor_sketch_bytes(std::size_t columns, std::size_t n) {
  return array_bytes<T>(columns * ((n + 3) / 4 * 4));
}

/// Writes z and the record of one right-hand side, z in units of rhs_scale / scale; false: the spectrum
/// must tell. Called by all threads of a team.
template <class Team, std::floating_point T, ExecutionSpace E, class V>
KOKKOS_INLINE_FUNCTION bool store_solution(Team const& team, FactorJob<T, E> const& job, int item,
                                           int column, SolveFindings<T> const& s,
                                           FactorFindings<T> const& f, V const& z) {
  int const n = job.order();
  SolveRecord<T> record;
  auto const verdict = judge_solve(s, f, n, job.relative_tolerance, record);
  T const inverse = T(1) / f.scale;
  int const bad = team_sum(team, n, [&](int i) {
    T const value = verdict == SolveVerdict::keep ? z(i) * s.rhs_scale * inverse : T(0);
    job.z(item, column, i) = value;
    return Kokkos::isfinite(value) ? 0 : 1;
  });
  Kokkos::single(Kokkos::PerTeam(team),
                 [&] { job.records(item * job.columns() + column) = record; });
  return verdict != SolveVerdict::again && bad == 0;
}

/// Writes the basis, of which q(j, i) are the vectors, and its record.
template <class Team, std::floating_point T, ExecutionSpace E, class Q>
KOKKOS_INLINE_FUNCTION void store_basis(Team const& team, FactorJob<T, E> const& job, int item,
                                        KernelRecord<T> record, Q const& q) {
  int const n = job.order(), k = Kokkos::min(record.dimension, job.capacity());
  if (record.dimension > k) record.outcome = Outcome::rank_limit;
  for (int j = 0; j < job.capacity(); ++j)
    team_for(team, n, [&](int i) { job.basis.vectors(item, j, i) = j < k ? q(j, i) : T(0); });
  Kokkos::single(Kokkos::PerTeam(team), [&] {
    job.basis.dimension(item) = k;
    job.kernel_records(item) = record;
  });
}

}  // namespace minfold::impl

#endif
