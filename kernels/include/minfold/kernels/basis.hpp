// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_BASIS_HPP
#define MINFOLD_KERNELS_BASIS_HPP

#include <minfold/core/batch.hpp>

/// What several kernels share.
namespace minfold {

/// Orthonormal vectors of each item, vectors(item, j, :) for j < dimension(item).
template <std::floating_point T, ExecutionSpace E>
struct Basis {
  Blocks<T, E> vectors;
  Scalars<int, E> dimension;
};

/// How a batch is worked: one launch for the whole solve (`fused`, needs a TeamOperator), or one launch
/// a step with block products between them (`bulk`). For explicit matrices on a host there are two
/// more launches for the whole solve: one system a thread with products that read half of each
/// matrix (`halves`), and several systems a thread, one in each lane of its registers (`packed`).
enum class Path { automatic, fused, bulk, halves, packed };

}  // namespace minfold

#endif
