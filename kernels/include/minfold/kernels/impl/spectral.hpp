// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_IMPL_SPECTRAL_HPP
#define MINFOLD_KERNELS_IMPL_SPECTRAL_HPP

#include <minfold/kernels/impl/assemble.hpp>
#include <minfold/kernels/pinv_cg.hpp>
#include <minfold/kernels/symmetric_eigen.hpp>

namespace minfold::impl {

/// All eigenpairs of each item, and which of them span the kernel.
template <std::floating_point T, ExecutionSpace E>
struct Spectral {
  Blocks<T, E> vectors;  ///< (item, j, :) belongs to values(item, j), ascending
  Vectors<T, E> values;
  Scalars<int, E> first;  ///< kernel = values [first, first + records.dimension)
  Scalars<KernelRecord<T>, E> records;
  int products = 0;  ///< of every item
};

/// max_j ||A q_j|| / norm and max |Q^T Q - I| over rows [first, first + count) of q, with
/// product(j, :) = A q_j for the same rows.
template <class Team, class Q, class AQ, std::floating_point T>
KOKKOS_INLINE_FUNCTION void measure_basis(Team const& team, int n, Q const& q, AQ const& product,
                                          int first, int count, KernelRecord<T>& record) {
  T residual = 0, orthogonality = 0;
  for (int j = first; j < first + count; ++j) {
    T const r = team_norm(team, n, [&](int i) { return product(j, i); });
    if (!(r <= residual)) residual = r;
    for (int l = first; l <= j; ++l) {
      T const dot = team_sum(team, n, [&](int i) { return q(j, i) * q(l, i); });
      T const off = Kokkos::abs(dot - (l == j ? T(1) : T(0)));
      if (!(off <= orthogonality)) orthogonality = off;
    }
  }
  record.kernel_residual = record.norm_estimate > T(0) ? residual / record.norm_estimate : residual;
  record.orthogonality = orthogonality;
}

/// Assembles, decomposes and splits every item.
template <ExecutionSpace E, class A>
Spectral<typename A::scalar_type, E> decompose(E const& space, A const& a,
                                               typename A::scalar_type tolerance,
                                               typename A::scalar_type minimum_gap) {
  using T = typename A::scalar_type;
  int const items = a.batch_size(), n = a.dim();
  int_product("spectrum", n, "rows", n, "columns of a matrix");
  Spectral<T, E> s{make_blocks<T>(space, "minfold::spectral::vectors", items, n, n),
                   make_vectors<T>(space, "minfold::spectral::values", items, n),
                   make_scalars<int>(space, "minfold::spectral::first", items),
                   make_scalars<KernelRecord<T>>(space, "minfold::spectral::records", items)};
  if (n == 0) {
    KernelRecord<T> nothing;
    nothing.outcome = Outcome::converged;
    nothing.gap = Kokkos::Experimental::infinity_v<T>;
    Kokkos::deep_copy(space, s.records, nothing);
    Kokkos::deep_copy(space, s.first, 0);
  }
  if (items == 0 || n == 0) return s;
  auto const matrix = make_blocks<T>(space, "minfold::spectral::matrix", items, n, n);
  auto const product = make_blocks<T>(space, "minfold::spectral::product", items, n, n);
  auto const eigen = make_scalars<EigenRecord<T>>(space, "minfold::spectral::eigen", items);
  int const products = s.products = assemble(space, a, matrix);
  Kokkos::deep_copy(space, s.vectors, matrix);
  symmetric_eigen(space, s.vectors, s.values, eigen, {.verify = false});
  batched_gemm(space, Transpose::no, Transpose::no, T(1), s.vectors, matrix, T(0), product);
  for_each_item(
      "minfold::spectral::split", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        KernelRecord<T> record;
        auto const w = Kokkos::subview(s.values, item, Kokkos::ALL);
        auto const split = split_spectrum(w, n, T(0), n, tolerance, minimum_gap);
        record.outcome =
            eigen(item).outcome == Outcome::converged ? split.outcome : eigen(item).outcome;
        record.dimension = split.dimension;
        record.products = products;
        record.norm_estimate = split.norm;
        record.gap = split.gap;
        record.smallest_kept = split.smallest_kept;
        record.most_negative = split.most_negative;
        if (record.outcome == Outcome::not_finite) record.dimension = 0;
        measure_basis(team, n, Kokkos::subview(s.vectors, item, Kokkos::ALL, Kokkos::ALL),
                      Kokkos::subview(product, item, Kokkos::ALL, Kokkos::ALL), split.first,
                      record.dimension, record);
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          s.first(item) = split.first;
          s.records(item) = record;
        });
      });
  return s;
}

/// Bytes of a Spectral.
template <std::floating_point T>
std::size_t spectral_bytes(std::size_t items, std::size_t n) {
  return array_bytes<T>(items * n * n) + array_bytes<T>(items * n) + array_bytes<int>(items) +
         array_bytes<KernelRecord<T>>(items);
}

/// Bytes that decompose allocates at its peak, its result included; `product`: what the operator does for
/// a block.
template <std::floating_point T, ExecutionSpace E>
std::size_t decompose_bytes(int items, int n, bool explicit_matrices, E const& space = E(),
                            std::size_t product = 0) {
  if (n == 0) return spectral_bytes<T>(items, 0);
  std::size_t const count = items, order = n;
  // Either the columns of the identity and their products, or what the eigensolver takes.
  std::size_t const columns =
      explicit_matrices ? 0
                        : 2 * array_bytes<T>(count * std::min(n, assembly_block) * order) + product;
  return spectral_bytes<T>(count, order) + 2 * array_bytes<T>(count * order * order) +
         array_bytes<EigenRecord<T>>(count) +
         std::max(columns, symmetric_eigen_bytes<T, E>(items, n, {.verify = false}, space));
}

/// basis.vectors(item, j, :) := kernel rows of the decomposition, as many as fit.
template <ExecutionSpace E, std::floating_point T, class Records>
void copy_kernel(E const& space, Spectral<T, E> const& s, Basis<T, E> const& basis,
                 Records const& records) {
  int const items = int(basis.vectors.extent(0)), capacity = int(basis.vectors.extent(1)),
            n = int(basis.vectors.extent(2));
  for_each_item(
      "minfold::kernel_basis::copy", space, items, n,
      KOKKOS_LAMBDA(TeamMember<E> const& team, int item) {
        auto record = s.records(item);
        int const k = record.dimension < capacity ? record.dimension : capacity;
        if (record.dimension > capacity) record.outcome = Outcome::rank_limit;
        team_for(team, capacity * n, [&](int t) {
          int const j = t / n;
          basis.vectors(item, j, t % n) = j < k ? s.vectors(item, s.first(item) + j, t % n) : T(0);
        });
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          basis.dimension(item) = k;
          records(item) = record;
        });
      });
}

}  // namespace minfold::impl

#endif
