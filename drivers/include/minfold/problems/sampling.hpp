// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_PROBLEMS_SAMPLING_HPP
#define MINFOLD_PROBLEMS_SAMPLING_HPP

#include <minfold/core/random.hpp>

namespace minfold::impl {

/// Sample i of `count` drawn of `total`: a number of [i, i+1) times total / count, rounded down.
/// Every one of the `total` is expected count / total times, so that (total / count) times the sum over
/// the drawn ones is an unbiased estimate of the sum over all, with less variance than independent
/// draws have. In ascending order; with count <= total only neighbours can be the same.
KOKKOS_INLINE_FUNCTION int drawn_sample(Place place, int i, int count, int total) {
  place.row += std::uint32_t(i);
  int const drawn = int((double(i) + uniform(place)) * double(total) / double(count));
  return drawn < total ? drawn : total - 1;
}

}  // namespace minfold::impl

#endif
