# SPDX-License-Identifier: Apache-2.0
# Random123 has headers only and no CMake package. Gives Random123::random123.
find_path(Random123_INCLUDE_DIR Random123/philox.h)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Random123 REQUIRED_VARS Random123_INCLUDE_DIR)
mark_as_advanced(Random123_INCLUDE_DIR)
if(Random123_FOUND AND NOT TARGET Random123::random123)
  add_library(Random123::random123 INTERFACE IMPORTED)
  target_include_directories(Random123::random123 SYSTEM INTERFACE "${Random123_INCLUDE_DIR}")
endif()
