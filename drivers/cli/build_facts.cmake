# SPDX-License-Identifier: Apache-2.0
# Writes OUTPUT from TEMPLATE at build time, and only where it says something new: a new commit compiles
# one small file and links. MINFOLD_COMMIT, which ./run sets, outranks what git says here.
if(NOT "$ENV{MINFOLD_COMMIT}" STREQUAL "")
  set(commit "$ENV{MINFOLD_COMMIT}")
else()
  set(commit unknown)
  execute_process(COMMAND git -C "${SOURCE}" rev-parse --show-toplevel --short=12 HEAD
    OUTPUT_VARIABLE said RESULT_VARIABLE status ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE)
  # A copy of the source within the tree of another project has no commit of its own.
  if(status EQUAL 0 AND said MATCHES "^(.*)\n([0-9a-f]+)$" AND CMAKE_MATCH_1 STREQUAL SOURCE)
    set(commit "${CMAKE_MATCH_2}")
    execute_process(COMMAND git -C "${SOURCE}" status --porcelain -- ":!bench/results"
      OUTPUT_VARIABLE changes ERROR_QUIET)
    if(NOT changes STREQUAL "")
      string(APPEND commit -dirty)
    endif()
  endif()
endif()
string(REGEX REPLACE "[^A-Za-z0-9._-]" "?" commit "${commit}")
string(STRIP "${FLAGS}" flags)
configure_file("${TEMPLATE}" "${OUTPUT}" @ONLY)
