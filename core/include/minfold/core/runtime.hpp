// SPDX-License-Identifier: Apache-2.0
#ifndef MINFOLD_CORE_RUNTIME_HPP
#define MINFOLD_CORE_RUNTIME_HPP

#include <Kokkos_Core.hpp>

namespace minfold {

/// Kokkos for as long as this lives, for a part of a program that does not know who starts it.
///
/// A Kokkos that runs is adopted and left running. One that does not run yet is started, and ended by
/// the last Runtime of the process to go, in whatever order they go. What others have started is never
/// ended here, and what they have ended is not ended again.
///
/// Requires  Views, execution spaces and problems to be gone before the Runtime that started Kokkos is:
///           declare it before them. Not for static objects, which may outlive what Kokkos needs.
/// Gives     std::invalid_argument with a sentence where Kokkos has ended: it cannot start twice in a
///           process.
class Runtime {
 public:
  /// The settings are for a Kokkos that is started here; one that runs has its own. Without them its
  /// warnings are off: binding of threads is the business of the process.
  Runtime();
  explicit Runtime(Kokkos::InitializationSettings const& settings);
  ~Runtime();
  Runtime(Runtime const&) = delete;
  Runtime& operator=(Runtime const&) = delete;

  /// Whether a Runtime has started the Kokkos that runs.
  static bool owns_kokkos();
};

/// Throws std::invalid_argument("minfold: " + what + ": ...") where Kokkos has not started or has ended.
/// Every function that makes arrays on an execution space asks this first.
void require_kokkos(char const* what);

}  // namespace minfold

#endif
