# SPDX-License-Identifier: Apache-2.0
# Warnings are the business of this project's own sources: targets take this list PRIVATE, so that
# nobody who links minfold inherits it.
set(minfold_warnings -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual
  -Wunused -Wextra-semi)
if(NOT Kokkos_ENABLE_CUDA AND NOT Kokkos_ENABLE_HIP)
  # The code that device compilers generate is not pedantic.
  list(APPEND minfold_warnings -Wpedantic)
endif()
if(Minfold_WERROR)
  list(APPEND minfold_warnings -Werror)
endif()
if(Kokkos_COMPILE_LANGUAGE STREQUAL "CUDA")
  # nvcc hands host options on one by one.
  list(TRANSFORM minfold_warnings PREPEND "-Xcompiler=")
endif()
