# SPDX-License-Identifier: Apache-2.0
# The five kinds of target: minfold_add_module, _test, _benchmark, _example, _plain.
#
# Sources are found by GLOB with CONFIGURE_DEPENDS, which re-checks the folders at every build: a
# file that is there is built, and no list has to be kept in step by everyone who adds one.

# Kokkos may have been built to be compiled as CUDA or HIP; sources that include it follow.
macro(minfold_set_language)
  if(Kokkos_COMPILE_LANGUAGE STREQUAL "CUDA" OR Kokkos_COMPILE_LANGUAGE STREQUAL "HIP")
    set_source_files_properties(${ARGN} PROPERTIES LANGUAGE ${Kokkos_COMPILE_LANGUAGE})
  endif()
endmacro()

# minfold_add_module(<name> [FOLDERS <folder>...] [GENERATED <header>...] [DEPENDS <target>...])
# The library minfold_<name>, minfold::<name> for users, of the headers in ./include and the sources
# in FOLDERS (./src). Without sources it has headers only. GENERATED headers lie in the build folder.
function(minfold_add_module name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "FOLDERS;GENERATED;DEPENDS")
  set(target minfold_${name})
  list(TRANSFORM arg_GENERATED PREPEND "${CMAKE_CURRENT_BINARY_DIR}/")
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS include/*.hpp include/*.h)
  if(NOT arg_FOLDERS)
    set(arg_FOLDERS src)
  endif()
  list(TRANSFORM arg_FOLDERS APPEND "/*.cpp")
  file(GLOB sources CONFIGURE_DEPENDS ${arg_FOLDERS})
  if(NOT Minfold_EXTERN_TEMPLATES)
    list(FILTER sources EXCLUDE REGEX "/instantiate[^/]*\\.cpp$")
  endif()
  if(sources)
    set(scope PUBLIC)
    add_library(${target} ${sources})
    minfold_set_language(${sources})
    target_compile_options(${target} PRIVATE ${minfold_warnings})
    set_target_properties(${target} PROPERTIES
      VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
    if(Minfold_ENABLE_PYTHON)
      # The objects go into the extension of Python too. Inlining stays as in an executable.
      set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON)
      target_compile_options(${target} PRIVATE
        $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-semantic-interposition>)
    endif()
  else()
    set(scope INTERFACE)
    add_library(${target} INTERFACE)
  endif()
  add_library(minfold::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(${target} ${scope} cxx_std_20)
  target_link_libraries(${target} ${scope} ${arg_DEPENDS})
  target_sources(${target} ${scope} FILE_SET HEADERS
    BASE_DIRS "${CMAKE_CURRENT_SOURCE_DIR}/include" "${CMAKE_CURRENT_BINARY_DIR}/include"
    FILES ${headers} ${arg_GENERATED})
endfunction()

# minfold_add_test(<folder> [DEPENDS <target>...] [THREADS <number>...])
# One Catch2 executable minfold_test_<folder> of ./<folder>/*.cpp; every test case is a ctest test
# "<folder>: <name>" with the label <folder>, or <folder>-slow for the tag [slow]. THREADS registers
# them once for each number of threads.
function(minfold_add_test folder)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS;THREADS")
  file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  if(NOT sources)
    return()
  endif()
  set(target minfold_test_${folder})
  add_executable(${target} ${sources})
  minfold_set_language(${sources})
  target_compile_options(${target} PRIVATE ${minfold_warnings})
  target_link_libraries(${target} PRIVATE ${arg_DEPENDS})
  if(NOT arg_THREADS)
    set(arg_THREADS 2)
  endif()
  list(LENGTH arg_THREADS variants)
  foreach(threads IN LISTS arg_THREADS)
    set(prefix "${folder}: ")
    if(variants GREATER 1)
      set(prefix "${folder}, ${threads} thread(s): ")
    endif()
    foreach(speed IN ITEMS "" "-slow")
      if(speed)
        set(tests "[slow]")
      else()
        set(tests "~[slow]")
      endif()
      # OUTPUT_SUFFIX only keeps the files of two registrations of one executable apart.
      catch_discover_tests(${target} DISCOVERY_MODE PRE_TEST
        TEST_SPEC "${tests}" TEST_PREFIX "${prefix}" OUTPUT_SUFFIX "-${threads}"
        PROPERTIES LABELS ${folder}${speed} PROCESSORS ${threads}
        ENVIRONMENT KOKKOS_NUM_THREADS=${threads})
    endforeach()
  endforeach()
endfunction()

# minfold_add_benchmark(<file> [DEPENDS <target>...])
# An executable of Google Benchmark, and a ctest test with the label bench that runs it so briefly, on
# so few arguments, that it only shows that it still works. Google Benchmark itself ends with 0 where
# a benchmark says that its answer is wrong.
function(minfold_add_benchmark file)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS")
  cmake_path(GET file STEM name)
  set(target minfold_${name})
  add_executable(${target} ${file})
  minfold_set_language(${file})
  target_compile_options(${target} PRIVATE ${minfold_warnings})
  target_link_libraries(${target} PRIVATE ${arg_DEPENDS})
  if(Minfold_ENABLE_TESTS)
    add_test(NAME "bench: ${name}" COMMAND ${target} --benchmark_min_time=0.01s)
    set_tests_properties("bench: ${name}" PROPERTIES LABELS bench PROCESSORS 2
      ENVIRONMENT "KOKKOS_NUM_THREADS=2;MINFOLD_BENCH_SMOKE=1"
      FAIL_REGULAR_EXPRESSION "ERROR OCCURRED")
  endif()
endfunction()

# minfold_add_example(<file> [DEPENDS <target>...])
# An executable of one file, and a ctest test with the label example that it ends with 0; 77 means
# skipped.
function(minfold_add_example file)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPENDS")
  cmake_path(GET file STEM name)
  set(target minfold_example_${name})
  add_executable(${target} ${file})
  minfold_set_language(${file})
  target_compile_options(${target} PRIVATE ${minfold_warnings})
  target_link_libraries(${target} PRIVATE ${arg_DEPENDS})
  if(Minfold_ENABLE_TESTS)
    add_test(NAME "example: ${name}" COMMAND ${target})
    set_tests_properties("example: ${name}" PROPERTIES LABELS example PROCESSORS 2
      SKIP_RETURN_CODE 77 ENVIRONMENT KOKKOS_NUM_THREADS=2)
  endif()
endfunction()

# minfold_add_plain(<label> <file>)
# An executable of one file in C, Fortran or C++ that knows the C API only, and a ctest test
# "<label>: <name>" that it ends with 0; 77 means skipped.
function(minfold_add_plain label file)
  cmake_path(GET file STEM name)
  set(target minfold_${label}_${name})
  add_executable(${target} ${file})
  set_target_properties(${target} PROPERTIES C_STANDARD 99 C_EXTENSIONS OFF
    Fortran_MODULE_DIRECTORY "${CMAKE_CURRENT_BINARY_DIR}/${target}.modules")
  if(file MATCHES "\\.cpp$")
    minfold_set_language(${file})
    target_compile_options(${target} PRIVATE ${minfold_warnings})
    target_link_libraries(${target} PRIVATE minfold_drivers)
  else()
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic
      $<$<COMPILE_LANGUAGE:Fortran>:-Wno-unused-dummy-argument> $<$<BOOL:${Minfold_WERROR}>:-Werror>)
    target_link_libraries(${target} PRIVATE minfold_plain)
  endif()
  if(UNIX AND file MATCHES "\\.c$")
    target_link_libraries(${target} PRIVATE m)
  endif()
  if(Minfold_ENABLE_TESTS)
    add_test(NAME "${label}: ${name}" COMMAND ${target})
    set_tests_properties("${label}: ${name}" PROPERTIES LABELS ${label} PROCESSORS 2
      SKIP_RETURN_CODE 77 ENVIRONMENT KOKKOS_NUM_THREADS=2)
  endif()
endfunction()
