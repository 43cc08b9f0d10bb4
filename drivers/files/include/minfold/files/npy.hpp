// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_FILES_NPY_HPP
#define MINFOLD_FILES_NPY_HPP

#include <minfold/files/array.hpp>

#include <string>
#include <string_view>

/// The format of numpy.save and numpy.load.
///
/// Source    NumPy enhancement proposal 1 and numpy.lib.format, versions 1.0, 2.0 and 3.0.
namespace minfold {

/// Requires  elements f4, f8, i1 to i8, u1 to u8 or b1, in either byte order; a header with the keys
///           descr, fortran_order and shape once each; exactly as many bytes as the shape asks for.
/// Gives     the numbers in C order, those of a file in Fortran order rearranged. NaN and infinite
///           numbers are given as they are.
///
/// Errors: std::invalid_argument with one sentence that has `name`, what was found and what was
/// expected; nothing is allocated for numbers that are not there.
Array read_npy(std::string_view bytes, std::string const& name);

/// Version 1.0, little-endian, C order.
std::string npy_bytes(Array const& array);

}  // namespace minfold

#endif
