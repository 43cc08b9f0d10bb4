// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_FILES_TEXT_HPP
#define MINFOLD_FILES_TEXT_HPP

#include <cstddef>
#include <string>
#include <string_view>

namespace minfold::impl {

/// At most so many bytes of a file, for a sentence; what is not printable ASCII becomes '?', so that a
/// file has no say over a terminal and a sentence is UTF-8, which JSON has to be.
std::string printable(std::string_view text, std::size_t most = 200);
/// At most 40 bytes in quotation marks.
std::string quoted(std::string_view text);

}  // namespace minfold::impl

#endif
