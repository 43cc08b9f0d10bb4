# SPDX-License-Identifier: Apache-2.0
# Environment of every test, unless the caller has set it. Tests run side by side and with fewer
# threads than cores: binding would stack them on the same cores, and spinning would steal from
# the others.
foreach(setting IN ITEMS OMP_PROC_BIND=false OMP_WAIT_POLICY=passive)
  string(REGEX MATCH "^([^=]+)=(.*)$" matched "${setting}")
  if(NOT DEFINED ENV{${CMAKE_MATCH_1}})
    set(ENV{${CMAKE_MATCH_1}} "${CMAKE_MATCH_2}")
  endif()
endforeach()
