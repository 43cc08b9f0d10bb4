// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_OUTPUT_NAMES_HPP
#define MINFOLD_CLI_OUTPUT_NAMES_HPP

#include <string>

namespace minfold::cli {

/// Refuses that an output would replace another file of the same command. Both are named as `what` and path,
/// for a sentence. Devices and pipes may be named twice, and so may nothing, an empty path.
void require_two_files(std::string const& what_a, std::string const& a, std::string const& what_b,
                       std::string const& b);

}  // namespace minfold::cli

#endif
