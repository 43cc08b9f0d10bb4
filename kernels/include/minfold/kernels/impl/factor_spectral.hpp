// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_FACTOR_SPECTRAL_HPP
#define MINFOLD_KERNELS_IMPL_FACTOR_SPECTRAL_HPP

#include <minfold/core/dense_operator.hpp>
#include <minfold/kernels/impl/factor_job.hpp>
#include <minfold/kernels/pinv_direct.hpp>

#include <algorithm>

namespace minfold::impl {

/// The undecided items, one after the other in a batch of their own, through the spectrum.
template <std::floating_point T, ExecutionSpace E>
void factor_spectral(E const& space, FactorJob<T, E> const& job) {
  int const items = job.items(), n = job.order(), columns = job.columns(),
            capacity = job.capacity();
  auto const place = make_scalars<int>(space, "minfold::kernel_and_pinv::place", items);
  auto const undecided = job.undecided;
  int count = 0;
  Kokkos::parallel_scan(
      "minfold::kernel_and_pinv::undecided", Kokkos::RangePolicy<E>(space, 0, items),
      KOKKOS_LAMBDA(int item, int& sum, bool final) {
        if (final) place(item) = undecided(item) ? sum : -1;
        sum += undecided(item);
      },
      count);
  if (count == 0) return;
  auto const matrix = make_blocks<T>(space, "minfold::kernel_and_pinv::matrix", count, n, n);
  auto const rhs = make_blocks<T>(space, "minfold::kernel_and_pinv::rhs", count, columns, n);
  auto const solution =
      make_blocks<T>(space, "minfold::kernel_and_pinv::solution", count, columns, n);
  auto const part =
      make_blocks<T>(space, "minfold::kernel_and_pinv::kernel_part", count, columns, n);
  auto const records =
      make_scalars<SolveRecord<T>>(space, "minfold::kernel_and_pinv::records", count * columns);
  auto const kernel_records =
      make_scalars<KernelRecord<T>>(space, "minfold::kernel_and_pinv::kernel_records", count);
  Basis<T, E> const basis{
      make_blocks<T>(space, "minfold::kernel_and_pinv::basis", count, capacity, n),
      make_scalars<int>(space, "minfold::kernel_and_pinv::dimension", count)};
  for_each_item(
      "minfold::kernel_and_pinv::gather", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        int const to = place(item);
        if (to < 0) return;
        team_for(team, n * n, [&](int t) {
          int const i = t / n, j = t % n;
          matrix(to, i, j) = i >= j ? job.matrix(item, i, j) : job.matrix(item, j, i);
        });
        team_for(team, columns * n,
                 [&](int t) { rhs(to, t / n, t % n) = job.b(item, t / n, t % n); });
      });
  DenseOperator const a(matrix);
  auto const s = decompose(space, a, job.kernel_tolerance, job.minimum_gap);
  copy_kernel(space, s, basis, kernel_records);
  if (columns > 0) {
    SpectralSolve<T, E> const solve{space, s};
    Blocks<T const, E> const from(rhs);
    solve(from, solution, part);
    certify_solve(space, a, from, part, solution, s.records, records, job.relative_tolerance,
                  job.minimum_gap, 0, solve);
  }
  for_each_item(
      "minfold::kernel_and_pinv::scatter", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        int const from = place(item);
        if (from < 0) return;
        team_for(team, columns * n,
                 [&](int t) { job.z(item, t / n, t % n) = solution(from, t / n, t % n); });
        team_for(team, capacity * n, [&](int t) {
          job.basis.vectors(item, t / n, t % n) = basis.vectors(from, t / n, t % n);
        });
        team_for(team, columns,
                 [&](int c) { job.records(item * columns + c) = records(from * columns + c); });
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          job.basis.dimension(item) = basis.dimension(from);
          job.kernel_records(item) = kernel_records(from);
        });
      });
}

/// Bytes of factor_spectral at its peak where `count` items are undecided.
template <std::floating_point T, ExecutionSpace E>
std::size_t factor_spectral_bytes(E const& space, std::size_t items, int count, int n, int columns,
                                  int capacity) {
  std::size_t const place = array_bytes<int>(items);
  if (count == 0) return place;
  std::size_t const some = count, order = n;
  std::size_t const held =
      array_bytes<T>(some * order * order) + 3 * array_bytes<T>(some * columns * order) +
      array_bytes<SolveRecord<T>>(some * columns) + array_bytes<KernelRecord<T>>(some) +
      array_bytes<T>(some * capacity * order) + array_bytes<int>(some);
  std::size_t const solve = columns > 0 ? certify_bytes<T>(count, columns, n) : 0;
  return place + held +
         std::max(decompose_bytes<T, E>(count, n, true, space), spectral_bytes<T>(some, n) + solve);
}

}  // namespace minfold::impl

#endif
