// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_KERNELS_ITEM_IDS_HPP
#define MINFOLD_KERNELS_ITEM_IDS_HPP

#include <Kokkos_Core.hpp>

namespace minfold {

/// Identities of the items for the random numbers: the sketch of an item depends on its identity
/// and not on its place, so that a reordered batch gives the same bits. Empty: the place.
using ItemIds = Kokkos::View<int const*, Kokkos::AnonymousSpace>;

}  // namespace minfold

#endif
