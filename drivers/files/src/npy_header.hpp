// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_FILES_NPY_HEADER_HPP
#define MINFOLD_FILES_NPY_HEADER_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace minfold::impl {

struct NpyHeader {
  char kind = 'f';       ///< f, i, u or b
  std::size_t size = 8;  ///< bytes of an element
  bool big_endian = false;
  bool fortran_order = false;
  std::vector<std::uint64_t> shape;
  std::size_t data = 0;  ///< bytes before the numbers
};

/// Errors: as read_npy.
NpyHeader read_npy_header(std::string_view bytes, std::string const& name);

}  // namespace minfold::impl

#endif
