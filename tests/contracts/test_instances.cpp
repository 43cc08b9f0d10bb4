// SPDX-License-Identifier: Apache-2.0
// All work is on the execution space instance that is passed, and only that one is waited for.
#include "all_work.hpp"
#include "instances.hpp"
#include "openmp_regions.hpp"
#include "support/watch.hpp"
#include <catch2/catch_test_macros.hpp>

#include <vector>

using namespace minfold;
using namespace minfold::test;

namespace {

/// The initialisation of the test's own Views is on the default instance.
bool by_the_test(std::string const& kernel) {
  return kernel.find("[test::") != std::string::npos;
}

/// What was launched elsewhere than on `space`.
std::vector<std::string> strays(Space const& space) {
  std::vector<std::string> found;
  for (auto const& [device, kernels] : Watch::seen.launches)
    for (auto const& kernel : kernels)
      if (device != id_of(space) && !by_the_test(kernel)) found.push_back(kernel);
  return found;
}

/// Everything that a test's Views need is done on the default instance before it is watched.
struct Prepared {
  AllWork work;
  Fingerprint ignored{Fingerprint::Look::no};

  void run(Space const& space) { work.run(space, ignored); }
};

}  // namespace

// By its device id: on devices each instance has its own. All OpenMP instances of Kokkos have the same, so
// there only the number of threads of each region tells them apart, in the test after this one.
TEST_CASE("every kernel launches on the instance that is passed, and on no other") {
  auto const space = another_instance();
  Prepared prepared;
  {
    Watch const watch;
    prepared.run(space);
  }
  CHECK(strays(space) == std::vector<std::string>());
  CHECK(Watch::seen.launches[id_of(space)].size() > 20);
}

#if defined(MINFOLD_TEST_SEES_REGIONS)

TEST_CASE("every parallel region has the threads of the instance that is passed") {
  Prepared prepared;
  for (int const threads : {3, 4}) {
    Space const space(threads);
    {
      Regions const regions;
      prepared.run(space);
    }
    CHECK(Regions::kernels[unsigned(threads)].size() > 100);
    for (auto const& [size, kernels] : Regions::kernels)
      for (auto const& kernel : kernels) {
        CAPTURE(kernel, size);
        CHECK((size == unsigned(threads) || by_the_test(kernel)));
      }
  }
}

#endif

TEST_CASE("every kernel waits for the instance that is passed, and for no other") {
  auto const space = another_instance();
  Prepared prepared;
  {
    Watch const watch;
    prepared.run(space);
  }
  int waits = 0;
  for (auto const& fence : Watch::seen.fences) {
    CAPTURE(fence.name, fence.id);
    if (fence.before_free() || by_the_test(fence.name)) continue;
    CHECK(fence.id == id_of(space));
    ++waits;
  }
  CHECK(waits > 0);
}
