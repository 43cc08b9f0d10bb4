// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_FILES_TEXT_HPP
#define MINFOLD_FILES_TEXT_HPP

#include <string>
#include <string_view>

namespace minfold::impl {

/// At most 40 bytes of a file in quotation marks, for a sentence; what cannot be printed becomes '?',
/// so that a file has no say over a terminal.
std::string quoted(std::string_view text);

}  // namespace minfold::impl

#endif
