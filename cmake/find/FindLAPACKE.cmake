# SPDX-License-Identifier: Apache-2.0
# The C interface of LAPACK. Gives LAPACKE::lapacke. Some LAPACK libraries contain it; others,
# Debian's among them, have it in one of its own (liblapacke).
include(CheckCXXSourceCompiles)
include(CMakePushCheckState)
include(FindPackageHandleStandardArgs)

find_package(LAPACK QUIET)
find_path(LAPACKE_INCLUDE_DIR lapacke.h PATH_SUFFIXES openblas lapacke)
find_library(LAPACKE_LIBRARY lapacke)
mark_as_advanced(LAPACKE_INCLUDE_DIR LAPACKE_LIBRARY)

if(LAPACK_FOUND AND LAPACKE_INCLUDE_DIR)
  cmake_push_check_state(RESET)
  set(CMAKE_REQUIRED_QUIET ON)
  set(CMAKE_REQUIRED_INCLUDES "${LAPACKE_INCLUDE_DIR}")
  set(CMAKE_REQUIRED_LIBRARIES ${LAPACK_LIBRARIES} ${LAPACK_LINKER_FLAGS})
  check_cxx_source_compiles("
    #include <lapacke.h>
    int main() { double a = 1, w; return LAPACKE_dsyev(LAPACK_ROW_MAJOR, 'N', 'U', 1, &a, 1, &w); }"
    LAPACKE_IN_LAPACK)
  cmake_pop_check_state()
  if(LAPACKE_IN_LAPACK)
    set(LAPACKE_LIBRARIES ${LAPACK_LIBRARIES})
  elseif(LAPACKE_LIBRARY)
    set(LAPACKE_LIBRARIES ${LAPACKE_LIBRARY} ${LAPACK_LIBRARIES})
  endif()
endif()

find_package_handle_standard_args(LAPACKE REQUIRED_VARS LAPACKE_LIBRARIES LAPACKE_INCLUDE_DIR)
if(LAPACKE_FOUND AND NOT TARGET LAPACKE::lapacke)
  add_library(LAPACKE::lapacke INTERFACE IMPORTED)
  target_include_directories(LAPACKE::lapacke SYSTEM INTERFACE "${LAPACKE_INCLUDE_DIR}")
  target_link_libraries(LAPACKE::lapacke INTERFACE ${LAPACKE_LIBRARIES} ${LAPACK_LINKER_FLAGS})
endif()
