# SPDX-License-Identifier: Apache-2.0
# minfold.pc, for builds without CMake: all of minfold's libraries, static or shared, with what they stand
# on. For host backends; CUDA and HIP need the compiler that Kokkos was built with, which pkg-config
# cannot name.
if(Kokkos_ENABLE_CUDA OR Kokkos_ENABLE_HIP OR Kokkos_ENABLE_SYCL)
  message(STATUS "No minfold.pc: Kokkos has a device backend; use the CMake package")
  return()
endif()

# The options that decide what inline functions are (cmake/vector_width.cmake).
separate_arguments(flags NATIVE_COMMAND "${CMAKE_CXX_FLAGS}")
list(FILTER flags INCLUDE REGEX "^-(m|f(openmp|sanitize))")
if(Kokkos_ENABLE_OPENMP)
  separate_arguments(openmp NATIVE_COMMAND "${OpenMP_CXX_FLAGS}")
  list(APPEND flags ${openmp})
endif()
if(Minfold_EXTERN_TEMPLATES)
  list(APPEND flags -DMINFOLD_EXTERN_TEMPLATES)
endif()
list(REMOVE_DUPLICATES flags)

set(folders "${CBLAS_INCLUDE_DIR}" "${LAPACKE_INCLUDE_DIR}" "${Random123_INCLUDE_DIR}" ${ZLIB_INCLUDE_DIRS})
foreach(target IN ITEMS Kokkos::kokkoscore fmt::fmt nlohmann_json::nlohmann_json)
  get_target_property(more ${target} INTERFACE_INCLUDE_DIRECTORIES)
  if(more)
    list(APPEND folders ${more})
  endif()
endforeach()
list(REMOVE_DUPLICATES folders)
# Where a compiler looks anyway must not be named: -I changes the order.
list(REMOVE_ITEM folders ${CMAKE_CXX_IMPLICIT_INCLUDE_DIRECTORIES})
list(TRANSFORM folders PREPEND "-I")

set(libraries)
foreach(component IN ITEMS containers core)
  list(APPEND libraries $<TARGET_FILE:Kokkos::kokkos${component}>)
endforeach()
list(APPEND libraries ${LAPACKE_LIBRARIES} ${CBLAS_LIBRARIES} $<TARGET_FILE:fmt::fmt> ${ZLIB_LIBRARIES}
  ${openmp} -ldl)
list(REMOVE_DUPLICATES libraries)

list(JOIN flags " " minfold_pc_flags)
list(JOIN folders " " minfold_pc_folders)
list(JOIN libraries " " minfold_pc_libraries)
# Found from where the file is, so that a moved installation works.
file(RELATIVE_PATH minfold_pc_prefix
  "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
configure_file(cmake/minfold.pc.in minfold.pc.genex @ONLY)
file(GENERATE OUTPUT "${PROJECT_BINARY_DIR}/minfold.pc" INPUT "${PROJECT_BINARY_DIR}/minfold.pc.genex")
install(FILES "${PROJECT_BINARY_DIR}/minfold.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
