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
std::size_t told_by_linux(int index) {
  std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/size");
  std::size_t size = 0;
  char unit = 0;
  if (!(file >> size >> unit)) return 0;
  return unit == 'K' ? size << 10 : unit == 'M' ? size << 20 : 0;
}

/// What the C library says comes second: before 2.37 glibc gave the sum over all caches of an AMD processor.
std::size_t told() {
  for (int const index : {3, 2})
    if (auto const size = told_by_linux(index)) return size;
#if defined(_SC_LEVEL3_CACHE_SIZE)
  for (int const name : {_SC_LEVEL3_CACHE_SIZE, _SC_LEVEL2_CACHE_SIZE})
    if (long const size = sysconf(name); size > 0) return std::size_t(size);
#endif
  return std::size_t(16) << 20;
}

}  // namespace

std::size_t last_cache_bytes() {
  static std::size_t const size = told();
  return size;
}

}  // namespace minfold::impl
