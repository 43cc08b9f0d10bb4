// SPDX-License-Identifier: Apache-2.0
#include "openmp_regions.hpp"

#if defined(MINFOLD_TEST_SEES_REGIONS)

#include <dlfcn.h>

/// What GCC makes of `#pragma omp parallel`; this one stands before that of libgomp.
extern "C" void GOMP_parallel(void (*body)(void*), void* data, unsigned threads, unsigned flags) {
  using Function = void (*)(void (*)(void*), void*, unsigned, unsigned);
  static auto const next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "GOMP_parallel"));
  if (minfold::test::Regions::watching) minfold::test::Regions::began(threads);
  next(body, data, threads, flags);
}

#endif
