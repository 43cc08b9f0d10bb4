# SPDX-License-Identifier: Apache-2.0
# The C interface of BLAS. Gives CBLAS::cblas. Most BLAS libraries contain it; the reference
# library has it in one of its own (libcblas). BLA_VENDOR and BLA_STATIC work as for FindBLAS.
include(CheckCXXSourceCompiles)
include(CMakePushCheckState)
include(FindPackageHandleStandardArgs)

find_package(BLAS QUIET)
find_path(CBLAS_INCLUDE_DIR cblas.h
  PATH_SUFFIXES openblas openblas-openmp openblas-pthread openblas-serial blis cblas)
find_library(CBLAS_LIBRARY cblas)
mark_as_advanced(CBLAS_INCLUDE_DIR CBLAS_LIBRARY)

if(BLAS_FOUND AND CBLAS_INCLUDE_DIR)
  cmake_push_check_state(RESET)
  set(CMAKE_REQUIRED_QUIET ON)
  set(CMAKE_REQUIRED_INCLUDES "${CBLAS_INCLUDE_DIR}")
  set(CMAKE_REQUIRED_LIBRARIES ${BLAS_LIBRARIES} ${BLAS_LINKER_FLAGS})
  check_cxx_source_compiles("
    #include <cblas.h>
    int main() { double x = 1; return int(cblas_ddot(1, &x, 1, &x, 1)); }" CBLAS_IN_BLAS)
  cmake_pop_check_state()
  if(CBLAS_IN_BLAS)
    set(CBLAS_LIBRARIES ${BLAS_LIBRARIES})
  elseif(CBLAS_LIBRARY)
    set(CBLAS_LIBRARIES ${CBLAS_LIBRARY} ${BLAS_LIBRARIES})
  endif()
endif()

find_package_handle_standard_args(CBLAS REQUIRED_VARS CBLAS_LIBRARIES CBLAS_INCLUDE_DIR)
if(CBLAS_FOUND AND NOT TARGET CBLAS::cblas)
  add_library(CBLAS::cblas INTERFACE IMPORTED)
  target_include_directories(CBLAS::cblas SYSTEM INTERFACE "${CBLAS_INCLUDE_DIR}")
  target_link_libraries(CBLAS::cblas INTERFACE ${CBLAS_LIBRARIES} ${BLAS_LINKER_FLAGS})
endif()
