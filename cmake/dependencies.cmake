# SPDX-License-Identifier: Apache-2.0
# What minfold stands on: the installed package if there is one, else (Minfold_FETCH_DEPENDENCIES)
# the pinned upstream release. A CMake variable FETCHCONTENT_SOURCE_DIR_<NAME> names a source tree
# for machines without network.
#
# BLAS, LAPACK, HDF5 and zlib are never downloaded: every machine that computes has its own build.

list(APPEND CMAKE_MODULE_PATH "${CMAKE_CURRENT_LIST_DIR}/find")
include(FetchContent)

# minfold_dependency(<package> <url> <sha256> [find_package arguments]...)
macro(minfold_dependency package url sha256)
  if(Minfold_FETCH_DEPENDENCIES)
    FetchContent_Declare(${package} URL ${url} URL_HASH SHA256=${sha256} SYSTEM
      FIND_PACKAGE_ARGS ${ARGN})
    FetchContent_MakeAvailable(${package})
    if(DEFINED ${package}_SOURCE_DIR)
      list(APPEND minfold_fetched ${package})
    endif()
  else()
    find_package(${package} ${ARGN} REQUIRED)
  endif()
endmacro()

set(minfold_fetched)

minfold_dependency(Kokkos
  https://github.com/kokkos/kokkos/releases/download/5.0.0/kokkos-5.0.0.tar.gz
  c45f3e19c3eb71fc8b7210cb04cac658015fc1839e7cc0571f7406588ff9bcef
  4.6...<6)
if(Kokkos_COMPILE_LANGUAGE STREQUAL "CUDA" OR Kokkos_COMPILE_LANGUAGE STREQUAL "HIP")
  enable_language(${Kokkos_COMPILE_LANGUAGE})
endif()
if(Kokkos_ENABLE_CUDA)
  find_package(CUDAToolkit REQUIRED)  # cuBLAS
endif()

find_package(CBLAS REQUIRED)
find_package(LAPACKE REQUIRED)
find_package(ZLIB REQUIRED)
if(Minfold_ENABLE_FILES)
  find_package(HDF5C REQUIRED)
endif()

if(Minfold_FETCH_DEPENDENCIES)
  find_package(Random123 QUIET)
  if(NOT Random123_FOUND)
    # Headers only, without a CMake package of its own: fetched, then found like an installed one.
    FetchContent_Declare(Random123
      URL https://github.com/DEShawResearch/random123/archive/refs/tags/v1.14.0.tar.gz
      URL_HASH SHA256=effafd8656b18030b2a5b995cd3650c51a7c45052e6e1c21e48b9fa7a59d926e
      SOURCE_SUBDIR headers-only)
    FetchContent_MakeAvailable(Random123)
    set(Random123_INCLUDE_DIR "${random123_SOURCE_DIR}/include" CACHE PATH "" FORCE)
    list(APPEND minfold_fetched Random123)
  endif()
endif()
find_package(Random123 REQUIRED)

set(JSON_BuildTests OFF CACHE INTERNAL "")
minfold_dependency(nlohmann_json
  https://github.com/nlohmann/json/archive/refs/tags/v3.11.3.tar.gz
  0d8ef5af7f9794e3263480193c491549b2ba6cc74bb018906202ada498a79406
  3.10)
minfold_dependency(fmt
  https://github.com/fmtlib/fmt/releases/download/11.1.4/fmt-11.1.4.zip
  49b039601196e1a765e81c5c9a05a61ed3d33f23b3961323d7322e4fe213d3e6
  8...<13)

if(Minfold_ENABLE_CLI)
  set(SPDLOG_FMT_EXTERNAL ON CACHE INTERNAL "")
  minfold_dependency(spdlog
    https://github.com/gabime/spdlog/archive/refs/tags/v1.15.2.tar.gz
    7a80896357f3e8e920e85e92633b14ba0f229c506e6f978578bdc35ba09e9a5d
    1.10)
  set(CLI11_BUILD_TESTS OFF CACHE INTERNAL "")
  set(CLI11_BUILD_EXAMPLES OFF CACHE INTERNAL "")
  minfold_dependency(CLI11
    https://github.com/CLIUtils/CLI11/archive/refs/tags/v2.4.2.tar.gz
    f2d893a65c3b1324c50d4e682c0cdc021dd0477ae2c048544f39eed6654b699a
    2.1)
  minfold_dependency(tomlplusplus
    https://github.com/marzer/tomlplusplus/archive/refs/tags/v3.4.0.tar.gz
    8517f65938a4faae9ccf8ebb36631a38c1cadfb5efa85d9a72e15b9e97d25155
    3)
endif()

if(Minfold_ENABLE_TESTS)
  minfold_dependency(Catch2
    https://github.com/catchorg/Catch2/archive/refs/tags/v3.7.1.tar.gz
    c991b247a1a0d7bb9c39aa35faf0fe9e19764213f28ffba3109388e62ee0269c
    3.3)
  if(Catch2_SOURCE_DIR)
    list(APPEND CMAKE_MODULE_PATH "${Catch2_SOURCE_DIR}/extras")
  endif()
endif()

if(Minfold_ENABLE_BENCHMARKS AND EXISTS "${CMAKE_CURRENT_LIST_DIR}/../bench/CMakeLists.txt")
  set(BENCHMARK_ENABLE_TESTING OFF CACHE INTERNAL "")
  minfold_dependency(benchmark
    https://github.com/google/benchmark/archive/refs/tags/v1.9.4.tar.gz
    b334658edd35efcf06a99d9be21e4e93e092bd5f95074c1673d5c8705d95c104
    1.7)
endif()
