// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_FILES_HDF5_MAKE_HPP
#define MINFOLD_FILES_HDF5_MAKE_HPP

#include <minfold/core/require.hpp>

#include "hdf5_handle.hpp"

#include <algorithm>
#include <string>

namespace minfold::impl {

inline void require_made(bool good, std::string const& what) {
  MINFOLD_REQUIRE(good, "HDF5 cannot make ", what, ": ", Hdf5Silence::reason());
}

/// UTF-8 of a fixed length, padded by zeros; HDF5 has no strings of length 0.
inline Hdf5Handle text_type(std::size_t length) {
  Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  require_made(type.valid() && H5Tset_size(type.id(), std::max<std::size_t>(length, 1)) >= 0 &&
                   H5Tset_strpad(type.id(), H5T_STR_NULLPAD) >= 0 &&
                   H5Tset_cset(type.id(), H5T_CSET_UTF8) >= 0,
               "a type of text");
  return type;
}

}  // namespace minfold::impl

#endif
