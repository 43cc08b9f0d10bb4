// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_BENCH_PLANTED_HPP
#define MINFOLD_BENCH_PLANTED_HPP

#include <minfold/core/batch.hpp>

namespace minfold::bench {

using Space = Kokkos::DefaultExecutionSpace;
using HostSpace = Kokkos::DefaultHostExecutionSpace;
using HostBlocks = Blocks<double, HostSpace>;
using HostVectors = Vectors<double, HostSpace>;

/// Order of the batch and what its matrices are like.
struct Shape {
  int items = 1, n = 1;
  int kernel = 0;  ///< dimension of ker H
  double condition =
      1;             ///< nonzero eigenvalues are log-uniform in [1/condition, 1], both ends taken
  int columns = 1;   ///< right-hand sides an item
  double decay = 0;  ///< > 0: instead max(decay^j, 1/condition), j = 0, 1, ...
  /// b lies in range H. Otherwise it has a part in ker H, of 1/condition of its size: H^+ b is then
  /// as well conditioned as in range H, by kappa; a part of its own size would make it kappa^2.
  bool consistent = true;

  bool operator==(Shape const&) const = default;
};

/// A batch H = V^T diag(values) V with V random orthogonal (Haar: QR of normals), and the solutions of
/// H z = P b that were there before b was. All on the host.
struct Planted {
  Shape shape;
  HostBlocks matrix;    ///< (items, n, n)
  HostBlocks vectors;   ///< (items, j, :) the eigenvectors, the first `kernel` of them span ker H
  HostVectors values;   ///< (items, j)
  HostBlocks rhs;       ///< (items, columns, n)
  HostBlocks solution;  ///< (items, columns, n): H^+ b
};

/// The same for every number of threads. The eigenvectors of one (items, n) are made once.
Planted planted(Shape const& shape);

/// On the device; the same memory where that is the host's.
template <class V>
auto on_device(V const& host) {
  return Kokkos::create_mirror_view_and_copy(typename Space::memory_space(), host);
}

}  // namespace minfold::bench

#endif
