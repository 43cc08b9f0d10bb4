// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_FILES_MATRIX_MARKET_HPP
#define MINFOLD_FILES_MATRIX_MARKET_HPP

#include <minfold/files/array.hpp>

#include <string>
#include <string_view>

namespace minfold {

/// The text format of the Matrix Market: an Array from `array`, a SparseMatrix from `coordinate`.
///
/// Requires  real, integer or pattern (all entries 1); general or symmetric, where the file has the
///           entries on and below the diagonal only; as many entries as its size line says, each place
///           once; finite numbers. Comments stand before the size line, empty lines anywhere.
/// Gives     of a symmetric matrix both halves. Memory is taken for entries that are there, not
///           for those that are announced.
/// Source    Boisvert, Pozo, Remington, The Matrix Market Exchange Formats, NISTIR 5935 (1996). Complex,
///           Hermitian and skew-symmetric matrices of it are refused; that a place is named twice is
///           left open there and refused here.
///
/// Errors: std::invalid_argument with one sentence that has `name`, the line, what was found and what
/// was expected.
FileMatrix read_matrix_market(std::string_view text, std::string const& name);

}  // namespace minfold

#endif
