// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CLI_BUILD_FACTS_HPP
#define MINFOLD_CLI_BUILD_FACTS_HPP

#include <nlohmann/json.hpp>

/// What this executable is made of, for reports and for `minfold doctor`.
namespace minfold::cli {

/// Written at build time, see build_facts.cmake.
extern char const* const build_commit;  ///< "unknown" outside of a git tree; -dirty with changes
extern char const* const build_type;
extern char const* const build_flags;

/// {version, commit, build_type, compiler, flags, libraries: {blas, hdf5, ...}, kokkos: {version, backends,
/// default, configuration: what it prints of itself}}.
/// Requires an initialized Kokkos.
nlohmann::ordered_json build_json();

}  // namespace minfold::cli

#endif
