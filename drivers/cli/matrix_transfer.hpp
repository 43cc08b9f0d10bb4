// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_MATRIX_TRANSFER_HPP
#define MINFOLD_CLI_MATRIX_TRANSFER_HPP

#include <minfold/kernels/basis.hpp>

#include "matrix_kernels.hpp"

#include <algorithm>
#include <vector>

/// Between the numbers of files, doubles on the host, and the arrays of the kernels.
namespace minfold::cli {

using MatrixSpace = Kokkos::DefaultExecutionSpace;

/// Fills a contiguous array.
template <class V, class N>
void from_host(MatrixSpace const& space, std::vector<N> const& numbers, V const& view) {
  using T = typename V::non_const_value_type;
  auto const host = Kokkos::create_mirror_view(view);
  std::transform(numbers.begin(), numbers.end(), host.data(), [](N v) { return T(v); });
  Kokkos::deep_copy(space, view, host);
  space.fence("minfold::cli::from_host: host copy goes out of scope");
}

template <class V>
std::vector<double> numbers_of(MatrixSpace const& space, V const& view) {
  auto const host = to_host(space, view);
  return {host.data(), host.data() + host.size()};
}

template <class T>
KernelRecord<double> in_double(KernelRecord<T> const& r) {
  return {r.outcome,       r.dimension, r.products,      r.norm_estimate, r.kernel_residual,
          r.orthogonality, r.gap,       r.smallest_kept, r.most_negative};
}
template <class T>
SolveRecord<double> in_double(SolveRecord<T> const& r) {
  return {r.outcome, r.iterations, r.products, r.rhs_norm, r.residual, r.leakage, r.operator_norm};
}
template <class Records>
auto records_of(MatrixSpace const& space, Records const& records) {
  auto const host = to_host(space, records);
  std::vector<decltype(in_double(host(0)))> found;
  for (std::size_t i = 0; i < host.extent(0); ++i) found.push_back(in_double(host(i)));
  return found;
}

/// Keeps of each item as many vectors as the largest kernel has.
template <class T>
void keep_basis(MatrixSpace const& space, Basis<T, MatrixSpace> const& basis, Found& found) {
  for (auto const& record : found.kernels)
    found.capacity =
        std::max(found.capacity, std::min(record.dimension, int(basis.vectors.extent(1))));
  auto const kept = std::pair(0, found.capacity);
  auto const copy = make_blocks<T>(space, "minfold::cli::basis", int(basis.vectors.extent(0)),
                                   found.capacity, int(basis.vectors.extent(2)));
  Kokkos::deep_copy(space, copy, Kokkos::subview(basis.vectors, Kokkos::ALL, kept, Kokkos::ALL));
  found.basis = numbers_of(space, copy);
}

}  // namespace minfold::cli

#endif
