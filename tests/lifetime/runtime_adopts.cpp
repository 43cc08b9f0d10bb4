// SPDX-License-Identifier: Apache-2.0
// A host that runs Kokkos itself: a Runtime adopts it, never ends it, and outlives its end.
#include <minfold/core/batch.hpp>
#include <minfold/plain.h>

#include "check.hpp"

#include <optional>

using minfold::Runtime;

int main(int argc, char** argv) {
  Kokkos::initialize(argc, argv);
  {
    Runtime const adopted;
    CHECK(!Runtime::owns_kokkos());
    Runtime const twice;
    // The C API and the C++ one, in one process.
    CHECK(minfold_initialize(0, -1) == MINFOLD_OK);
    CHECK(minfold_finalize() == MINFOLD_OK);
    CHECK(Kokkos::is_initialized());
  }
  CHECK(Kokkos::is_initialized());

  std::optional<Runtime> late(std::in_place);
  Kokkos::finalize();
  CHECK(!Runtime::owns_kokkos());
  late.reset();  // nothing is left to end
  CHECK(has(refusal([] { minfold::require_kokkos("solve"); }), "minfold: solve: Kokkos has ended"));
  return failures != 0;
}
