# SPDX-License-Identifier: Apache-2.0
# Environment of every test, unless the caller has set it. Tests run side by side and with fewer
# threads than cores: binding would stack them on the same cores, and long spinning would steal
# from the others (drivers/cli/waiting.hpp).
if(NOT DEFINED ENV{OMP_PROC_BIND})
  set(ENV{OMP_PROC_BIND} false)
endif()
if(NOT DEFINED ENV{OMP_WAIT_POLICY} AND NOT DEFINED ENV{GOMP_SPINCOUNT})
  set(ENV{GOMP_SPINCOUNT} 2000)
endif()
