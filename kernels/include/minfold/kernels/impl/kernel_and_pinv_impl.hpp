// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_KERNEL_AND_PINV_IMPL_HPP
#define MINFOLD_KERNELS_IMPL_KERNEL_AND_PINV_IMPL_HPP

#include <minfold/core/impl/huge_pages.hpp>
#include <minfold/kernels/impl/blocked_kernel.hpp>
#include <minfold/kernels/impl/factor_job.hpp>
#include <minfold/kernels/impl/factor_spectral.hpp>
#include <minfold/kernels/impl/mixed_kernel.hpp>
#include <minfold/kernels/impl/packed_kernel.hpp>
#include <minfold/kernels/impl/pivoted_kernel.hpp>
#include <minfold/kernels/impl/team_kernel.hpp>
#include <minfold/kernels/kernel_and_pinv.hpp>

namespace minfold::impl {

/// Tasks of unequal length, one thread each.
template <ExecutionSpace E>
auto one_thread_teams(E const& space, int tasks, int chunk) {
  Kokkos::TeamPolicy<E, Kokkos::Schedule<Kokkos::Dynamic>> policy(space, tasks, 1);
  return policy.set_chunk_size(chunk);
}

/// One pack of items a task.
template <std::floating_point T, ExecutionSpace E>
void factor_packed(E const& space, FactorJob<T, E> const& job) {
  using Kernel = PackedKernel<T>;
  int const items = job.items(), n = job.order(), columns = job.columns();
  int const packs = (items + Kernel::width - 1) / Kernel::width;
  auto const probes = factor_sketch<T>(space, 3, n, job.seed);
  // Scratch is memory that the space keeps, so that it is mapped once and not in every call.
  std::size_t const bytes = Kernel::size(n) * sizeof(Pack<T>);
  auto policy = one_thread_teams(space, packs, 4);
  policy.set_scratch_size(1, Kokkos::PerTeam(bytes + pack_bytes));
  Kokkos::parallel_for("minfold::kernel_and_pinv::packed", policy, [=](auto const& team) {
    int const pack = team.league_rank();
    Kernel kernel(n,
                  static_cast<Pack<T>*>(team.team_scratch(1).get_shmem_aligned(bytes, pack_bytes)));
    int const first = pack * Kernel::width;
    int item[Kernel::width];
    T const* matrix[Kernel::width];
    for (int l = 0; l < Kernel::width; ++l) {
      // The last pack is filled up with copies of its last item.
      item[l] = std::min(first + l, items - 1);
      matrix[l] = &job.matrix(item[l], 0, 0);
    }
    FactorSketch<T> const sketch{probes.data(), int(probes.stride(0))};
    T const* next[Kernel::width];
    for (int l = 0; l < Kernel::width; ++l)
      next[l] = &job.matrix(std::min(first + Kernel::width + l, items - 1), 0, 0);
    kernel.load(matrix);
    kernel.announce(next);
    kernel.find_kernel(job.kernel_tolerance);
    T const* rhs[4 * Kernel::width];
    SolveFindings<T> solves[4 * Kernel::width];
    KernelRecord<T> kernel_record[Kernel::width];
    bool clear[Kernel::width];
    for (int c = 0; c == 0 || c < columns;) {
      int const count = std::min(c == 0 ? 1 : 4, columns - c);
      for (int s = 0; s < count; ++s)
        for (int l = 0; l < Kernel::width; ++l)
          rhs[s * Kernel::width + l] = &job.b(item[l], c + s, 0);
      if (c == 0) {
        kernel.probe_and_solve(sketch, columns > 0 ? rhs : nullptr, solves);
        for (int l = 0; l < Kernel::width; ++l)
          clear[l] = judge_factor(kernel.findings[l], n, job.kernel_tolerance, job.minimum_gap,
                                  kernel_record[l]);
      } else {
        kernel.solve(rhs, count, solves);
      }
      for (int l = 0; l < Kernel::width && first + l < items; ++l)
        for (int s = 0; s < count; ++s)
          clear[l] &= store_solution(team, job, item[l], c + s, solves[s * Kernel::width + l],
                                     kernel.findings[l],
                                     [&](int i) { return kernel.solution(l, c == 0 ? 3 : s, i); });
      c += std::max(count, 1);
    }
    for (int l = 0; l < Kernel::width && first + l < items; ++l) {
      job.undecided(item[l]) = clear[l] ? 0 : 1;
      if (clear[l])
        store_basis(team, job, item[l], kernel_record[l],
                    [&](int j, int i) { return kernel.basis(l, j, i); });
    }
  });
}

/// Bytes of factor_packed, the scratch that the space keeps included.
template <std::floating_point T, ExecutionSpace E>
std::size_t factor_packed_bytes(E const& space, int n) {
  return factor_sketch_bytes<T>(3, n) +
         std::size_t(space.concurrency()) *
             (PackedKernel<T>::size(n) * sizeof(Pack<T>) + pack_bytes);
}

/// Whether there is a factor in lower precision, and room for the refinement of what it gives.
template <std::floating_point T>
bool mixed_fits(int n, int columns) {
  return std::is_same_v<T, double> && pack_bytes >= 32 && MixedKernel::fits(n, columns);
}

template <std::floating_point T>
long blocked_words(int n, int columns, bool mixed) {
  long const exact = BlockedKernel<T>::size(n, columns);
  return mixed ? std::max(exact, MixedKernel::size(n, columns)) : exact;
}

/// Works one item; false: what was found leaves doubts.
template <class Kernel, class Team, std::floating_point T, ExecutionSpace E>
bool factor_item(Team const& team, FactorJob<T, E> const& job, FactorSketch<T> const& sketch,
                 SolveFindings<T>* found, T* work) {
  int const item = team.league_rank(), n = job.order(), columns = job.columns();
  Kernel kernel(n, columns, work);
  kernel.load(&job.matrix(item, 0, 0));
  kernel.find_kernel(job.kernel_tolerance);
  kernel.probe_and_solve(sketch, columns > 0 ? &job.b(item, 0, 0) : nullptr, columns, found);
  KernelRecord<T> record;
  bool clear = kernel.sound() &&
               judge_factor(kernel.findings, n, job.kernel_tolerance, job.minimum_gap, record);
  for (int c = 0; clear && c < columns; ++c)
    clear = store_solution(team, job, item, c, found[c], kernel.findings,
                           [&](int i) { return kernel.solution(c)[i]; });
  if (clear) store_basis(team, job, item, record, [&](int j, int i) { return kernel.basis(j)[i]; });
  return clear;
}

/// One item a task; mixed: the factor in float first, in double where that leaves doubts.
template <std::floating_point T, ExecutionSpace E>
void factor_blocked(E const& space, FactorJob<T, E> const& job, bool mixed) {
  int const items = job.items(), n = job.order(), columns = job.columns();
  mixed = mixed && mixed_fits<T>(n, columns);
  auto const probes = factor_sketch<T>(space, 3, n, job.seed);
  Kokkos::Experimental::UniqueToken<E> const token(space);
  long const size = blocked_words<T>(n, columns, mixed);
  auto const work =
      make_array<Scalars<T, E>>(space, "minfold::kernel_and_pinv::work", size * token.size());
  advise_huge_pages(work.data(), work.size() * sizeof(T));
  auto const solves =
      make_vectors<SolveFindings<T>>(space, "minfold::kernel_and_pinv::solves", items, columns);
  Kokkos::parallel_for("minfold::kernel_and_pinv::blocked", one_thread_teams(space, items, 1),
                       [=](auto const& team) {
                         int const item = team.league_rank();
                         SequentialBlas const sequential;
                         int const worker = token.acquire();
                         T* const room = work.data() + worker * size;
                         FactorSketch<T> const sketch{probes.data(), int(probes.stride(0))};
                         SolveFindings<T>* const found = columns > 0 ? &solves(item, 0) : nullptr;
                         bool clear = false;
                         if constexpr (std::is_same_v<T, double>)
                           if (mixed)
                             clear = factor_item<MixedKernel>(team, job, sketch, found, room);
                         if (!clear)
                           clear = factor_item<BlockedKernel<T>>(team, job, sketch, found, room);
                         job.undecided(item) = clear ? 0 : 1;
                         token.release(worker);
                       });
}

template <std::floating_point T, ExecutionSpace E>
std::size_t factor_blocked_bytes(E const& space, std::size_t items, int n, int columns,
                                 bool mixed) {
  return factor_sketch_bytes<T>(3, n) +
         array_bytes<T>(std::size_t(space.concurrency()) *
                        blocked_words<T>(n, columns, mixed && mixed_fits<T>(n, columns))) +
         array_bytes<SolveFindings<T>>(items * columns);
}

/// One item a task, by pivots.
template <std::floating_point T, ExecutionSpace E>
void factor_pivoted(E const& space, FactorJob<T, E> const& job) {
  int const items = job.items(), n = job.order(), columns = job.columns();
  Kokkos::Experimental::UniqueToken<E> const token(space);
  long const size = pivoted_kernel_words(n, columns), integers = pivoted_kernel_integers(n);
  auto const work =
      make_array<Scalars<T, E>>(space, "minfold::kernel_and_pinv::work", size * token.size());
  advise_huge_pages(work.data(), work.size() * sizeof(T));
  auto const orders = make_array<Scalars<int, E>>(space, "minfold::kernel_and_pinv::order",
                                                  integers * token.size());
  Kokkos::parallel_for(
      "minfold::kernel_and_pinv::pivoted", one_thread_teams(space, items, 1),
      [=](auto const& team) {
        int const item = team.league_rank();
        SequentialBlas const sequential;
        int const worker = token.acquire();
        KernelRecord<T> record;
        bool const solves = columns > 0;
        // Rows below the diagonal are read as columns: the lower triangle is what counts.
        pivoted_kernel(ExplicitMatrix<T>{&job.matrix(item, 0, 0), n, 1, n}, columns,
                       solves ? &job.b(item, 0, 0) : nullptr, solves ? &job.z(item, 0, 0) : nullptr,
                       job.capacity() > 0 ? &job.basis.vectors(item, 0, 0) : nullptr,
                       job.basis.dimension(item), record,
                       solves ? &job.records(item * columns) : nullptr, work.data() + worker * size,
                       orders.data() + worker * integers,
                       PivotedKernelOptions<T>{.kernel_tolerance = job.kernel_tolerance,
                                               .minimum_gap = job.minimum_gap,
                                               .relative_tolerance = job.relative_tolerance,
                                               .capacity = job.capacity(),
                                               .seed = job.seed});
        bool clear =
            (record.outcome == Outcome::converged || record.outcome == Outcome::rank_limit) &&
            record.dimension < n &&
            record.smallest_kept >
                clear_of_threshold<T> * job.kernel_tolerance * record.norm_estimate;
        for (int c = 0; c < columns; ++c)
          clear = clear && job.records(item * columns + c).outcome != Outcome::iteration_limit;
        job.kernel_records(item) = record;
        job.undecided(item) = clear ? 0 : 1;
        token.release(worker);
      });
}

template <std::floating_point T, ExecutionSpace E>
std::size_t factor_pivoted_bytes(E const& space, int n, int columns) {
  std::size_t const threads = space.concurrency();
  return array_bytes<T>(threads * pivoted_kernel_words(n, columns)) +
         array_bytes<int>(threads * pivoted_kernel_integers(n));
}

template <ExecutionSpace E, std::floating_point T>
FactorMethod factor_method(KernelAndPinvOptions<T> const& options, int n, int columns,
                           int capacity) {
  auto const wanted = options.method;
  MINFOLD_REQUIRE(
      runs_on_host<E> || (wanted != FactorMethod::packed && wanted != FactorMethod::blocked &&
                          wanted != FactorMethod::mixed && wanted != FactorMethod::pivoted),
      "kernel_and_pinv: the methods packed, blocked, mixed and pivoted are for hosts");
  MINFOLD_REQUIRE(wanted != FactorMethod::packed || n <= packed_limit,
                  "kernel_and_pinv: the method packed is for orders up to ", packed_limit, ", not ",
                  n);
  if (wanted != FactorMethod::automatic) return wanted;
  if constexpr (runs_on_host<E>)
    return n <= packed_order              ? FactorMethod::packed
           : capacity >= n / large_kernel ? FactorMethod::pivoted
           : n >= mixed_order && capacity <= mixed_kernel && mixed_fits<T>(n, columns) &&
                   options.kernel_tolerance >= T(mixed_tolerance)
               ? FactorMethod::mixed
               : FactorMethod::blocked;
  else
    return FactorMethod::team;
}

}  // namespace minfold::impl

namespace minfold {

template <ExecutionSpace E, class Matrix>
std::size_t kernel_and_pinv_bytes(
    E const& space, DenseOperator<Matrix> const& a, int columns, int capacity,
    KernelAndPinvOptions<std::remove_const_t<typename Matrix::value_type>> const& options,
    int undecided, int copies) {
  using T = std::remove_const_t<typename Matrix::value_type>;
  int const items = a.batch_size(), n = a.dim();
  if (items == 0) return 0;
  auto const method =
      n == 0 ? FactorMethod::spectral : impl::factor_method<E>(options, n, columns, capacity);
  if (method == FactorMethod::spectral) undecided = items;
  std::size_t factor = 0;
  if constexpr (impl::runs_on_host<E>) {
    if (method == FactorMethod::packed) factor = impl::factor_packed_bytes<T>(space, n);
    if (method == FactorMethod::blocked || method == FactorMethod::mixed)
      factor =
          impl::factor_blocked_bytes<T>(space, items, n, columns, method == FactorMethod::mixed);
    if (method == FactorMethod::pivoted) factor = impl::factor_pivoted_bytes<T>(space, n, columns);
  }
  if (method == FactorMethod::team) factor = impl::factor_team_bytes<T, E>(items, n);
  std::size_t const matrices =
      impl::in_house(a.matrix) ? 0 : array_bytes<T>(std::size_t(items) * n * n);
  return matrices + copies * array_bytes<T>(std::size_t(items) * columns * n) +
         array_bytes<int>(items) +
         std::max(factor,
                  impl::factor_spectral_bytes<T>(space, items, undecided, n, columns, capacity));
}

template <ExecutionSpace E, class Matrix, class B, class Z, class Records, class KernelRecords>
void kernel_and_pinv(
    E const& space, DenseOperator<Matrix> const& a, B const& b, Z const& z,
    Basis<std::remove_const_t<typename Matrix::value_type>, E> const& basis, Records const& records,
    KernelRecords const& kernel_records,
    KernelAndPinvOptions<std::remove_const_t<typename Matrix::value_type>> const& options) {
  using T = std::remove_const_t<typename Matrix::value_type>;
  static_assert(AccessibleFrom<Matrix, E> && AccessibleFrom<B, E> && AccessibleFrom<Z, E>,
                "minfold::kernel_and_pinv: the matrices, b and z must be accessible from the "
                "execution space");
  static_assert(B::rank() == Z::rank() && (B::rank() == 2 || B::rank() == 3),
                "minfold::kernel_and_pinv: b and z are (items, n) or (items, columns, n)");
  int const items = a.batch_size(), n = a.dim(), columns = impl::columns_of(b),
            systems = impl::systems_of("kernel_and_pinv", items, b);
  MINFOLD_REQUIRE(int(b.extent(0)) == items && int(b.extent(B::rank() - 1)) == n,
                  "kernel_and_pinv: b has ", b.extent(0), " items of ", b.extent(B::rank() - 1),
                  " components, expected ", items, " of ", n);
  MINFOLD_REQUIRE(z.extent(0) == b.extent(0) && impl::columns_of(z) == columns &&
                      z.extent(B::rank() - 1) == b.extent(B::rank() - 1),
                  "kernel_and_pinv: z is not of the shape of b");
  MINFOLD_REQUIRE(!impl::overlap(b, z), "kernel_and_pinv: z must not alias b");
  MINFOLD_REQUIRE(!impl::overlaps_matrices(a, z), "kernel_and_pinv: z must not alias the matrices");
  MINFOLD_REQUIRE(int(basis.vectors.extent(0)) == items && int(basis.vectors.extent(2)) == n &&
                      int(basis.dimension.extent(0)) == items,
                  "kernel_and_pinv: basis is for ", basis.vectors.extent(0), " items of ",
                  basis.vectors.extent(2), " components, expected ", items, " of ", n);
  MINFOLD_REQUIRE(!impl::overlaps_matrices(a, basis.vectors) && !impl::overlap(basis.vectors, b) &&
                      !impl::overlap(basis.vectors, z),
                  "kernel_and_pinv: the basis must not alias the matrices, b or z");
  MINFOLD_REQUIRE(int(records.extent(0)) == systems && int(kernel_records.extent(0)) == items,
                  "kernel_and_pinv: records must have ", systems, " and ", items, " entries");
  if (items == 0) return;
  impl::int_product("kernel_and_pinv", n, "rows", n, "columns of a matrix");
  impl::int_product("kernel_and_pinv", std::max(columns, int(basis.vectors.extent(1))), "vectors",
                    n, "components");
  impl::FactorJob<T, E> job;
  job.matrix = impl::house_input(space, "minfold::kernel_and_pinv::matrices", a.matrix);
  job.b = impl::house_input(space, "minfold::kernel_and_pinv::b", b);
  job.z = impl::house_output(space, "minfold::kernel_and_pinv::z", z);
  job.basis = basis;
  job.records = records;
  job.kernel_records = kernel_records;
  job.undecided = make_scalars<int>(space, "minfold::kernel_and_pinv::undecided", items);
  job.kernel_tolerance = options.kernel_tolerance;
  job.minimum_gap = options.minimum_gap;
  job.relative_tolerance = options.relative_tolerance;
  job.seed = options.seed;
  auto const method =
      n == 0 ? FactorMethod::spectral
             : impl::factor_method<E>(options, n, columns, int(basis.vectors.extent(1)));
  if constexpr (impl::runs_on_host<E>) {
    if (method == FactorMethod::packed) impl::factor_packed(space, job);
    if (method == FactorMethod::blocked || method == FactorMethod::mixed)
      impl::factor_blocked(space, job, method == FactorMethod::mixed);
    if (method == FactorMethod::pivoted) impl::factor_pivoted(space, job);
  }
  if (method == FactorMethod::team) impl::factor_team(space, job);
  if (method == FactorMethod::spectral) Kokkos::deep_copy(space, job.undecided, 1);
  impl::factor_spectral(space, job);
  impl::store_output(space, job.z, z);
}

}  // namespace minfold

#endif
