// SPDX-License-Identifier: Apache-2.0
#include "support/machine.hpp"

#include <minfold/core/version.hpp>

#include <Kokkos_Core.hpp>

#include "support/ceilings.hpp"
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

/// OpenBLAS names the kernels that it has chosen; another BLAS does not have it.
extern "C" char* openblas_get_config() __attribute__((weak));

namespace minfold::bench {
namespace {

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  utsname name;
  return uname(&name) == 0 ? name.machine : "unknown";
}

std::string environment(char const* name, char const* otherwise) {
  char const* const value = std::getenv(name);
  return value && *value ? value : otherwise;
}

std::string kib(std::size_t bytes) {
  return bytes ? std::to_string(bytes >> 10) + " KiB" : "unknown";
}

}  // namespace

std::map<std::string, std::string> machine() {
  using Space = Kokkos::DefaultExecutionSpace;
  std::map<std::string, std::string> m;
  m["minfold"] = version;
  m["commit"] = environment("MINFOLD_COMMIT", "unknown");
  m["processor"] = processor();
  m["processors"] = std::to_string(sysconf(_SC_NPROCESSORS_ONLN));
  m["cache_l1"] = kib(cache_bytes(1));
  m["cache_l2"] = kib(cache_bytes(2));
  m["cache_l3"] = kib(cache_bytes(3));
  m["memory"] =
      std::to_string(std::size_t(sysconf(_SC_PHYS_PAGES)) * std::size_t(sysconf(_SC_PAGESIZE)) >>
                     30) +
      " GiB";
  utsname name;
  if (uname(&name) == 0) m["system"] = std::string(name.sysname) + " " + name.release;
#if defined(__VERSION__)
  m["compiler"] = __VERSION__;
#endif
  m["kokkos"] = std::to_string(KOKKOS_VERSION / 10000) + "." +
                std::to_string(KOKKOS_VERSION / 100 % 100) + "." +
                std::to_string(KOKKOS_VERSION % 100);
  m["backend"] = Space::name();
  m["threads"] = std::to_string(Kokkos::DefaultHostExecutionSpace().concurrency());
  m["blas"] = openblas_get_config ? openblas_get_config() : "not OpenBLAS";
  m["omp_proc_bind"] = environment("OMP_PROC_BIND", "not set");
  m["gomp_spincount"] = environment("GOMP_SPINCOUNT", "not set");
#if defined(KOKKOS_ENABLE_CUDA)
  m["device"] = Space().cuda_device_prop().name;
#endif
  return m;
}

}  // namespace minfold::bench
