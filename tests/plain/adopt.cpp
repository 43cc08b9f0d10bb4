// SPDX-License-Identifier: Apache-2.0
// A host that runs Kokkos itself: minfold adopts it, does not end it, and notices its end.
#include <Kokkos_Core.hpp>

#include "check.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

int main(int argc, char** argv) {
  minfold_context *context = nullptr, *late = nullptr;
  Kokkos::initialize(argc, argv);
  CHECK_REFUSED(minfold_context_create(nullptr, &context), MINFOLD_NOT_INITIALIZED,
                "minfold_initialize has not been called");
  CHECK(minfold_initialize(0, -1) == MINFOLD_OK);
  CHECK(minfold_context_create(nullptr, &context) == MINFOLD_OK);
  CHECK(minfold_context_wait(context) == MINFOLD_OK);
  minfold_context_destroy(context);
  CHECK(minfold_finalize() == MINFOLD_OK);
  CHECK(Kokkos::is_initialized());

  // Kokkos was not ended, so that there is a second time.
  CHECK(minfold_initialize(0, -1) == MINFOLD_OK);
  CHECK(minfold_context_create(nullptr, &late) == MINFOLD_OK);
  Kokkos::finalize();
  CHECK_REFUSED(minfold_context_wait(late), MINFOLD_NOT_INITIALIZED, "Kokkos was finalized");
#if defined(__SANITIZE_ADDRESS__)
  __lsan_ignore_object(late);  // given up, as documented: what it holds cannot be freed any more
#endif
  minfold_context_destroy(late);
  CHECK(minfold_finalize() == MINFOLD_OK);
  if (failures) std::printf("%d checks failed\n", failures);
  return failures != 0;
}
