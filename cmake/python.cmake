# SPDX-License-Identifier: Apache-2.0
# Whether the Python package is built. Before the dependencies: those that are downloaded must then be
# position independent too.

# A sanitizer must be loaded before the interpreter, which has none.
string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
if(NOT DEFINED Minfold_ENABLE_PYTHON)
  set(python_default OFF)
  if(PROJECT_IS_TOP_LEVEL AND NOT "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}}" MATCHES "-fsanitize")
    find_package(Python 3.9 QUIET COMPONENTS Interpreter Development.Module)
    if(Python_FOUND)
      find_package(nanobind 2.2 CONFIG QUIET)
    endif()
    if(nanobind_FOUND)
      set(python_default ON)
    else()
      message(STATUS "Python package: off, it needs Python 3.9 or newer with its headers, and nanobind")
    endif()
  endif()
endif()
option(Minfold_ENABLE_PYTHON "Build the Python package; needs nanobind" ${python_default})

if(Minfold_ENABLE_PYTHON)
  find_package(Python 3.9 REQUIRED COMPONENTS Interpreter Development.Module)
  find_package(nanobind 2.2 CONFIG REQUIRED)
  message(STATUS "Python package: on, for ${Python_EXECUTABLE} ${Python_VERSION}")
  # For the dependencies; the modules set it for themselves, and the tests are executables that need not
  # be compiled another way.
  if(NOT DEFINED CMAKE_POSITION_INDEPENDENT_CODE)
    set(minfold_sets_pic ON)
    set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  endif()
endif()
