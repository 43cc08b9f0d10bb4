// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_DRIVERS_IMPL_EDIT_DISTANCE_HPP
#define MINFOLD_DRIVERS_IMPL_EDIT_DISTANCE_HPP

#include <string>

namespace minfold::impl {

/// Levenshtein distance, for "did you mean".
int edit_distance(std::string const& a, std::string const& b);

}  // namespace minfold::impl

#endif
