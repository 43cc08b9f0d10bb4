// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_TESTS_INSTANCES_HPP
#define MINFOLD_TESTS_INSTANCES_HPP

#include "support/host.hpp"

#include <vector>

namespace minfold::test {

inline std::uint32_t id_of(Space const& space) {
  return Kokkos::Tools::Experimental::device_id(space);
}

/// An instance that is not the default one, and that shows: by its device id, or for OpenMP by a
/// number of threads that no other has.
inline Space another_instance() {
#if defined(KOKKOS_ENABLE_OPENMP)
  if constexpr (std::is_same_v<Space, Kokkos::OpenMP>) return Space(3);
#endif
  return Kokkos::Experimental::partition_space(Space(), std::vector<int>{1, 1})[1];
}

}  // namespace minfold::test

#endif
