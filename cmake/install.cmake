# SPDX-License-Identifier: Apache-2.0
# Installation with a CMake package: find_package(minfold) gives minfold::core, ::kernels,
# ::drivers and minfold::minfold for all of them, minfold::files for readers and checkpoints, and
# minfold::plain and ::plain_files for C and Fortran.
if(minfold_fetched)
  list(JOIN minfold_fetched ", " names)
  message(STATUS "No install rules: downloaded, not installed: ${names}")
  return()
endif()

include(CMakePackageConfigHelpers)
set(config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/minfold")

install(TARGETS minfold_core minfold_kernels minfold_drivers minfold_plain minfold EXPORT minfoldTargets
  FILE_SET HEADERS)
set(minfold_files OFF)
if(TARGET minfold_files)
  set(minfold_files ON)
  install(TARGETS minfold_files minfold_plain_files EXPORT minfoldTargets FILE_SET HEADERS)
  install(FILES cmake/find/FindHDF5C.cmake DESTINATION "${config_dir}")
endif()
if(TARGET minfold_cli)
  install(TARGETS minfold_cli)
endif()
if(EXISTS "${PROJECT_SOURCE_DIR}/drivers/data")
  install(DIRECTORY drivers/data DESTINATION "${CMAKE_INSTALL_DATADIR}/minfold")
endif()
install(EXPORT minfoldTargets NAMESPACE minfold:: DESTINATION "${config_dir}")

include(cmake/vector_width.cmake)
minfold_vector_width(minfold_width)
configure_package_config_file(cmake/minfoldConfig.cmake.in minfoldConfig.cmake
  INSTALL_DESTINATION "${config_dir}")
write_basic_package_version_file(minfoldConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/minfoldConfig.cmake"
  "${PROJECT_BINARY_DIR}/minfoldConfigVersion.cmake"
  cmake/vector_width.cmake
  cmake/find/FindCBLAS.cmake
  cmake/find/FindLAPACKE.cmake
  cmake/find/FindRandom123.cmake
  DESTINATION "${config_dir}")

include(cmake/pkgconfig.cmake)
