// SPDX-License-Identifier: Apache-2.0
#include <minfold/kernels/tangent_space.hpp>

namespace minfold {

char const* to_string(Representation representation) {
  switch (representation) {
    case Representation::automatic: return "automatic";
    case Representation::spectral: return "spectral";
    case Representation::kernel_basis: return "kernel basis";
    case Representation::range_basis: return "range basis";
    case Representation::implicit: return "implicit";
  }
  return "unknown representation";
}

}  // namespace minfold
