# SPDX-License-Identifier: Apache-2.0
# minfold_vector_width(<variable>): bytes of the vector registers that host code is compiled for, with
# the options that hold where this is called. Inline functions of minfold are different ones for
# each width (core/impl/pack.hpp); a program must not mix them.
include(CheckCXXSourceCompiles)

function(minfold_vector_width variable)
  string(MD5 options "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${CMAKE_BUILD_TYPE}}")
  set(CMAKE_REQUIRED_QUIET ON)
  set(width 16)
  foreach(macro_and_width IN ITEMS "__AVX__ 32" "__AVX512F__ 64")
    separate_arguments(macro_and_width)
    list(GET macro_and_width 0 macro)
    check_cxx_source_compiles("
      #if !defined(${macro})
      #error
      #endif
      int main() {}" minfold_has_${macro}_${options})
    if(minfold_has_${macro}_${options})
      list(GET macro_and_width 1 width)
    endif()
  endforeach()
  set(${variable} ${width} PARENT_SCOPE)
endfunction()
