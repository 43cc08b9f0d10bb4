// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_KOKKOS_FLAGS_HPP
#define MINFOLD_CLI_KOKKOS_FLAGS_HPP

#include <string>
#include <vector>

namespace minfold::cli {

/// Kokkos::initialize ends the process where it cannot read a flag or one of its environment
/// variables. This looks at them first.
///
/// Errors: std::invalid_argument with one sentence that names the flag or the variable.
void require_readable_kokkos_flags(std::vector<std::string> const& flags);

}  // namespace minfold::cli

#endif
