// SPDX-License-Identifier: Apache-2.0
// The C API started Kokkos, a C++ part of the same program holds a Runtime: whoever goes last ends it.
#include <minfold/core/batch.hpp>
#include <minfold/plain.h>

#include "check.hpp"

int main() {
  CHECK(minfold_initialize(1, -1) == MINFOLD_OK);
  {
    minfold::Runtime const held;
    CHECK(minfold::Runtime::owns_kokkos());
    CHECK(minfold_finalize() == MINFOLD_OK);
    CHECK(Kokkos::is_initialized());
    CHECK(minfold::make_scalars<double>(Kokkos::DefaultExecutionSpace(), "v", 2).extent(0) == 2);
  }
  CHECK(Kokkos::is_finalized());
  return failures != 0;
}
