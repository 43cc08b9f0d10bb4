// SPDX-License-Identifier: Apache-2.0
#include "openmp_regions.hpp"

#if defined(MINFOLD_TEST_SEES_REGIONS)

#include <dlfcn.h>

namespace {

/// A region whose threads say that they work in it.
struct Heard {
  void (*body)(void*);
  void* data;
  minfold::test::RegionListener const* listener;
  std::thread::id beginner;
};
void hear(void* heard) {
  auto const& region = *static_cast<Heard const*>(heard);
  region.listener->worked(region.beginner);
  region.body(region.data);
}

}  // namespace

/// What GCC makes of `#pragma omp parallel`; this one stands before that of libgomp.
extern "C" void GOMP_parallel(void (*body)(void*), void* data, unsigned threads, unsigned flags) {
  using Function = void (*)(void (*)(void*), void*, unsigned, unsigned);
  static auto const next = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "GOMP_parallel"));
  if (minfold::test::Regions::watching) minfold::test::Regions::began(threads);
  if (auto const* const listener = minfold::test::RegionListener::current.load()) {
    listener->began(threads);
    Heard heard{body, data, listener, std::this_thread::get_id()};
    return next(hear, &heard, threads, flags);
  }
  next(body, data, threads, flags);
}

#endif
