// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_PINV_DIRECT_IMPL_HPP
#define MINFOLD_KERNELS_IMPL_PINV_DIRECT_IMPL_HPP

#include <minfold/kernels/impl/krylov_driver.hpp>
#include <minfold/kernels/pinv_direct.hpp>

namespace minfold::impl {

/// z := A^+ b and kernel_part := P_ker b for blocks, from the eigenpairs. Scaled item by item, so
/// that coefficients of any size divide by eigenvalues of any size.
template <ExecutionSpace E, std::floating_point T>
void apply_spectral(E const& space, Spectral<T, E> const& s, Blocks<T const, E> const& b,
                    Blocks<T, E> const& z, Blocks<T, E> const& kernel_part) {
  int const items = int(b.extent(0)), columns = int(b.extent(1)), n = int(b.extent(2));
  auto const range = make_blocks<T>(space, "minfold::spectral::coefficients", items, columns, n);
  auto const kernel = make_blocks<T>(space, "minfold::spectral::kernel_part", items, columns, n);
  auto const scales = make_scalars<T>(space, "minfold::spectral::scales", items * columns);
  auto const unit = make_blocks<T>(space, "minfold::spectral::rhs", items, columns, n);
  for_each_item(
      "minfold::spectral::scale", space, items * columns, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
        int const item = system / columns, c = system % columns;
        T const largest = team_max(team, n, [&](int i) { return Kokkos::abs(b(item, c, i)); });
        T const scale = power_of_two_below(largest);
        team_for(team, n, [&](int i) { unit(item, c, i) = b(item, c, i) / scale; });
        Kokkos::single(Kokkos::PerTeam(team), [&] { scales(system) = scale; });
      });
  batched_gemm(space, Transpose::no, Transpose::yes, T(1), unit, s.vectors, T(0), range);
  for_each_item(
      "minfold::spectral::divide", space, items * columns, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
        int const item = system / columns, c = system % columns;
        int const first = s.first(item), last = first + s.records(item).dimension;
        T const norm = power_of_two_below(s.records(item).norm_estimate);
        team_for(team, n, [&](int j) {
          T const coefficient = range(item, c, j);
          bool const zero = j >= first && j < last;
          kernel(item, c, j) = zero ? coefficient : T(0);
          range(item, c, j) = zero ? T(0) : coefficient / (s.values(item, j) / norm);
        });
      });
  batched_gemm(space, Transpose::no, Transpose::no, T(1), range, s.vectors, T(0), z);
  batched_gemm(space, Transpose::no, Transpose::no, T(1), kernel, s.vectors, T(0), kernel_part);
  for_each_item(
      "minfold::spectral::unscale", space, items * columns, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
        int const item = system / columns, c = system % columns;
        T const norm = power_of_two_below(s.records(item).norm_estimate), scale = scales(system);
        team_for(team, n, [&](int i) {
          z(item, c, i) = (z(item, c, i) * scale) / norm;
          kernel_part(item, c, i) *= scale;
        });
      });
}

/// The solve of certify_solve by eigenpairs.
template <std::floating_point T, ExecutionSpace E>
struct SpectralSolve {
  E space;
  Spectral<T, E> spectral;

  void operator()(Blocks<T const, E> const& b, Blocks<T, E> const& z,
                  Blocks<T, E> const& kernel_part) const {
    apply_spectral(space, spectral, b, z, kernel_part);
  }
};

/// Record of a solve from z, P_ker b and the product A z, all recomputed; clears what is not
/// finite. `products` are counted besides that one. iteration_limit: the residual exceeds `tolerance`
/// and what arithmetic allows.
template <ExecutionSpace E, std::floating_point T, class Records, class KernelRecords>
void record_solve(E const& space, Blocks<T const, E> const& b, Blocks<T, E> const& kernel_part,
                  Blocks<T, E> const& z, Blocks<T, E> const& product,
                  KernelRecords const& kernel_records, Records const& records, T tolerance,
                  T minimum_gap, int products) {
  int const items = int(b.extent(0)), columns = int(b.extent(1)), n = int(b.extent(2));
  for_each_item(
      "minfold::pinv::record", space, items * columns, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int system) {
        int const item = system / columns, c = system % columns;
        SolveRecord<T> record;
        record.rhs_norm = team_norm(team, n, Kokkos::subview(b, item, c, Kokkos::ALL));
        T const part = team_norm(team, n, Kokkos::subview(kernel_part, item, c, Kokkos::ALL));
        T const kept =
            team_norm(team, n, [&](int i) { return b(item, c, i) - kernel_part(item, c, i); });
        T const error = team_norm(team, n, [&](int i) {
          return product(item, c, i) - (b(item, c, i) - kernel_part(item, c, i));
        });
        T const z_norm = team_norm(team, n, Kokkos::subview(z, item, c, Kokkos::ALL));
        bool const nothing = !(kept > rounding<T>(n) * record.rhs_norm);
        record.residual = nothing ? T(0) : error / kept;
        record.leakage = record.rhs_norm > T(0) ? part / record.rhs_norm : T(0);
        record.products = products + 1;
        auto const& kernel = kernel_records(item);
        auto const outcome = kernel.outcome;
        record.operator_norm = kernel.norm_estimate;
        T const attainable = (T(8) * epsilon<T> * kernel.norm_estimate) * z_norm +
                             T(8) * epsilon<T> * record.rhs_norm;
        bool const good = nothing || error <= Kokkos::max(tolerance * kept, attainable);
        bool const finite = Kokkos::isfinite(error) && Kokkos::isfinite(z_norm) &&
                            Kokkos::isfinite(record.rhs_norm) && outcome != Outcome::not_finite;
        // The pseudoinverse of an indefinite matrix is as good as any, where its kernel is certain.
        bool const indefinite = outcome == Outcome::indefinite_operator;
        record.outcome = !finite                                  ? Outcome::not_finite
                         : indefinite && kernel.gap < minimum_gap ? Outcome::ambiguous_rank
                         : indefinite                             ? Outcome::converged
                                                                  : outcome;
        if (record.outcome == Outcome::converged && !good)
          record.outcome = Outcome::iteration_limit;
        team.team_barrier();
        if (!finite)
          team_for(team, n, [&](int i) { z(item, c, i) = kernel_part(item, c, i) = T(0); });
        Kokkos::single(Kokkos::PerTeam(team), [&] { records(system) = record; });
      });
}

// The kernels of certify_solve stand outside of it: nvcc takes no device lambda in a function that is
// instantiated with a local type, as that of a caller's lambda is.

/// Solves that missed the tolerance. Waits.
template <ExecutionSpace E, class Records>
int count_missed(E const& space, Records const& records) {
  int missed = 0;
  Kokkos::parallel_reduce(
      "minfold::pinv::missed", Kokkos::RangePolicy<E>(space, 0, int(records.extent(0))),
      KOKKOS_LAMBDA(int system, int& count) {
        count += records(system).outcome == Outcome::iteration_limit;
      },
      missed);
  return missed;
}

/// rest := P b - A z where the solve missed the tolerance, 0 elsewhere.
template <ExecutionSpace E, std::floating_point T, class Records>
void remaining(E const& space, Blocks<T const, E> const& b, Blocks<T, E> const& kernel_part,
               Blocks<T, E> const& product, Records const& records, Blocks<T, E> const& rest) {
  int const columns = int(b.extent(1));
  Kokkos::parallel_for(
      "minfold::pinv::rest",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(space, {0, 0, 0},
                                                {int(b.extent(0)), columns, int(b.extent(2))}),
      KOKKOS_LAMBDA(int item, int c, int i) {
        bool const again = records(item * columns + c).outcome == Outcome::iteration_limit;
        rest(item, c, i) =
            again ? (b(item, c, i) - kernel_part(item, c, i)) - product(item, c, i) : T(0);
      });
}

template <ExecutionSpace E, std::floating_point T>
void add_step(E const& space, Blocks<T, E> const& step, Blocks<T, E> const& z) {
  Kokkos::parallel_for(
      "minfold::pinv::refine",
      Kokkos::MDRangePolicy<E, Kokkos::Rank<3>>(
          space, {0, 0, 0}, {int(z.extent(0)), int(z.extent(1)), int(z.extent(2))}),
      KOKKOS_LAMBDA(int item, int c, int i) { z(item, c, i) += step(item, c, i); });
}

/// Records of the solves z = solve(b), with up to two steps of iterative refinement for those that
/// miss the tolerance: solve(rest, z, kernel_part) is the method that gave z.
template <ExecutionSpace E, class A, std::floating_point T, class Records, class KernelRecords,
          class Solve>
void certify_solve(E const& space, A const& a, Blocks<T const, E> const& b,
                   Blocks<T, E> const& kernel_part, Blocks<T, E> const& z,
                   KernelRecords const& kernel_records, Records const& records, T tolerance,
                   T minimum_gap, int products, Solve const& solve) {
  int const items = int(b.extent(0)), columns = int(b.extent(1)), n = int(b.extent(2));
  auto const product = make_blocks<T>(space, "minfold::pinv::product", items, columns, n);
  Blocks<T, E> rest, step, ignored;
  for (int round = 0;; ++round) {
    apply_block(space, a, Blocks<T const, E>(z), product);
    record_solve(space, b, kernel_part, z, product, kernel_records, records, tolerance, minimum_gap,
                 products + round);
    if (round == 2 || count_missed(space, records) == 0) return;
    if (round == 0) {
      rest = make_blocks<T>(space, "minfold::pinv::rest", items, columns, n);
      step = make_blocks<T>(space, "minfold::pinv::step", items, columns, n);
      ignored = make_blocks<T>(space, "minfold::pinv::ignored", items, columns, n);
    }
    remaining(space, b, kernel_part, product, records, rest);
    solve(Blocks<T const, E>(rest), step, ignored);
    add_step(space, step, z);
  }
}

/// Bytes that certify_solve allocates at its peak for a solve by eigenpairs, in a step of refinement:
/// product, rest, step, ignored; and in apply_spectral range, kernel, unit and the scales.
template <std::floating_point T>
std::size_t certify_bytes(int items, int columns, int n) {
  std::size_t const systems = std::size_t(items) * columns;
  return 7 * array_bytes<T>(systems * n) + array_bytes<T>(systems);
}

}  // namespace minfold::impl

namespace minfold {

template <std::floating_point T, ExecutionSpace E>
std::size_t pinv_direct_bytes(int items, int columns, int n, bool explicit_matrices, E const& space,
                              int copies) {
  std::size_t const part = array_bytes<T>(std::size_t(items) * columns * n);
  return std::max(impl::decompose_bytes<T, E>(items, n, explicit_matrices, space),
                  impl::spectral_bytes<T>(items, n) + (1 + copies) * part +
                      impl::certify_bytes<T>(items, columns, n));
}

template <ExecutionSpace E, Operator<E> A, class B, class Z, class Records, class KernelRecords>
void pinv_direct(E const& space, A const& a, B const& b, Z const& z, Records const& records,
                 KernelRecords const& kernel_records,
                 PinvDirectOptions<typename A::scalar_type> const& options) {
  using T = typename A::scalar_type;
  static_assert(
      AccessibleFrom<B, E> && AccessibleFrom<Z, E> && AccessibleFrom<Records, E>,
      "minfold::pinv_direct: b, z and records must be accessible from the execution space");
  static_assert(B::rank() == Z::rank() && (B::rank() == 2 || B::rank() == 3),
                "minfold::pinv_direct: b and z are (items, n) or (items, columns, n)");
  int const items = a.batch_size(), n = a.dim(), columns = impl::columns_of(b),
            systems = impl::systems_of("pinv_direct", items, b);
  MINFOLD_REQUIRE(int(b.extent(0)) == items && int(b.extent(B::rank() - 1)) == n,
                  "pinv_direct: b has ", b.extent(0), " items of ", b.extent(B::rank() - 1),
                  " components, expected ", items, " of ", n);
  MINFOLD_REQUIRE(z.extent(0) == b.extent(0) && impl::columns_of(z) == columns &&
                      z.extent(B::rank() - 1) == b.extent(B::rank() - 1),
                  "pinv_direct: z is not of the shape of b");
  MINFOLD_REQUIRE(!impl::overlap(b, z), "pinv_direct: z must not alias b");
  MINFOLD_REQUIRE(!impl::overlaps_matrices(a, z), "pinv_direct: z must not alias the matrices");
  MINFOLD_REQUIRE(int(records.extent(0)) == systems && int(kernel_records.extent(0)) == items,
                  "pinv_direct: records must have ", systems, " and ", items, " entries");
  if (systems == 0) return;
  auto const s = impl::decompose(space, a, options.kernel_tolerance, options.minimum_gap);
  Kokkos::deep_copy(space, kernel_records, s.records);
  auto const kernel_part =
      make_blocks<T>(space, "minfold::pinv_direct::kernel_part", items, columns, n);
  Blocks<T const, E> const rhs = impl::house_input(space, "minfold::pinv_direct::rhs", b);
  Blocks<T, E> const solution = impl::house_output(space, "minfold::pinv_direct::solution", z);
  impl::SpectralSolve<T, E> const solve{space, s};
  solve(rhs, solution, kernel_part);
  impl::certify_solve(space, a, rhs, kernel_part, solution, s.records, records,
                      options.relative_tolerance, options.minimum_gap, impl::is_dense<A> ? 0 : n,
                      solve);
  impl::store_output(space, solution, z);
}

}  // namespace minfold

#endif
