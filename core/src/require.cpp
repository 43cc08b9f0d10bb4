// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/require.hpp>

#include <stdexcept>

namespace minfold::impl {

void refuse(std::string const& sentence) {
  throw std::invalid_argument("minfold: " + sentence);
}

}  // namespace minfold::impl
