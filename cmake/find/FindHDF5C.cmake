# SPDX-License-Identifier: Apache-2.0
# The C library of HDF5, without the high-level one. Gives HDF5C::hdf5. CMake's own FindHDF5 asks the
# wrapper compiler h5cc and wants the language C; this asks neither. A serial build is preferred to a
# parallel one, which would bring MPI along; Debian has both, in folders of their own.
include(FindPackageHandleStandardArgs)

find_path(HDF5C_INCLUDE_DIR hdf5.h PATH_SUFFIXES hdf5/serial)
find_library(HDF5C_LIBRARY NAMES hdf5_serial hdf5)
mark_as_advanced(HDF5C_INCLUDE_DIR HDF5C_LIBRARY)

find_package_handle_standard_args(HDF5C REQUIRED_VARS HDF5C_LIBRARY HDF5C_INCLUDE_DIR)
if(HDF5C_FOUND AND NOT TARGET HDF5C::hdf5)
  add_library(HDF5C::hdf5 UNKNOWN IMPORTED)
  set_target_properties(HDF5C::hdf5 PROPERTIES IMPORTED_LOCATION "${HDF5C_LIBRARY}")
  target_include_directories(HDF5C::hdf5 SYSTEM INTERFACE "${HDF5C_INCLUDE_DIR}")
endif()
