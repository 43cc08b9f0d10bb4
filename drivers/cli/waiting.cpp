// SPDX-License-Identifier: Apache-2.0
#include "waiting.hpp"

#if defined(__linux__) && defined(_OPENMP)

#include <sys/auxv.h>
#include <unistd.h>

#include <cstdlib>
#include <initializer_list>

extern "C" void _start();  // where the kernel enters this program

namespace minfold::cli {

void wait_briefly(char** argv) {
  // The first one also ends this: the new program finds it set.
  for (char const* const said : {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"})
    if (std::getenv(said)) return;
  // Started by way of another program, a dynamic loader for example, /proc/self/exe is that one.
  if (getauxval(AT_ENTRY) != reinterpret_cast<unsigned long>(&_start)) return;
  if (setenv("GOMP_SPINCOUNT", "2000", 1) != 0) return;
  execv("/proc/self/exe", argv);
}

}  // namespace minfold::cli

#else

namespace minfold::cli {
void wait_briefly(char**) {}
}  // namespace minfold::cli

#endif
