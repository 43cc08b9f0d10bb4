// SPDX-License-Identifier: Apache-2.0
#include <minfold/core/impl/cache.hpp>

#include <fstream>
#include <string>

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

namespace minfold::impl {
namespace {

/// As Linux writes it: a number and K or M. 0 where there is no such file.
std::size_t told_by_linux(int level) {
  int const index = level == 1 ? 0 : level;  // index1 is for instructions
  std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/size");
  std::size_t size = 0;
  char unit = 0;
  if (!(file >> size >> unit)) return 0;
  return unit == 'K' ? size << 10 : unit == 'M' ? size << 20 : 0;
}

}  // namespace

std::size_t cache_bytes(int level) {
  if (auto const size = told_by_linux(level)) return size;
  // Second, since glibc before 2.37 gives the sum over all caches of an AMD processor.
#if defined(_SC_LEVEL1_DCACHE_SIZE)
  long const size = sysconf(level == 1   ? _SC_LEVEL1_DCACHE_SIZE
                            : level == 2 ? _SC_LEVEL2_CACHE_SIZE
                                         : _SC_LEVEL3_CACHE_SIZE);
  if (size > 0) return std::size_t(size);
#endif
  return 0;
}

std::size_t last_cache_bytes() {
  static std::size_t const size = [] {
    for (int const level : {3, 2})
      if (auto const told = cache_bytes(level)) return told;
    return std::size_t(16) << 20;
  }();
  return size;
}

}  // namespace minfold::impl
