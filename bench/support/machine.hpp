// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_BENCH_MACHINE_HPP
#define MINFOLD_BENCH_MACHINE_HPP

#include <map>
#include <string>

namespace minfold::bench {

/// Where a number was measured: processor, caches, memory, system, compiler, Kokkos and its
/// configuration, BLAS, threads, and the commit that MINFOLD_COMMIT names (./run sets it; a trailing
/// -dirty tells of changes that are not committed).
std::map<std::string, std::string> machine();

}  // namespace minfold::bench

#endif
