# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh disable=SC2154  # $project, $cache and $preset come from ./run
# Where the libraries come from: sourced by ./run, which sets $project, $cache and $preset.
#
#   route 1  Kokkos >= 4.6 and the other libraries are installed
#   route 2  what is missing comes from the upstream release archives (cmake/dependencies.cmake)
#   route 3  a private Debian 13 root, made from the package mirror this machine already uses
#
# choose_route sets $route and, for route 3, $debian_root; inside COMMAND runs a command there;
# keep_route remembers a route that has worked.

say() { printf 'minfold: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

others="cmake >= 3.25, a C++20 compiler, a BLAS with CBLAS, LAPACKE, zlib, HDF5, Random123, fmt, \
spdlog, CLI11, toml++, nlohmann-json and Catch2"

# What a caller can say about which libraries and compiler are meant. Inside the Debian root none of
# it counts.
selection() {
  printf '%s\n' "${CXX:-}" "${CMAKE_PREFIX_PATH:-}" "${Kokkos_ROOT:-}" "${Kokkos_DIR:-}"
}

route_key() {
  {
    selection
    printf '%s\n' "$cache" "$PATH"
    cat "$project/cmake/dependencies.cmake" "$project/cmake/probe/CMakeLists.txt" \
      "$project/cmake/route.sh"
  } | cksum | tr ' ' -
}

# installed_after FILE: whether a library may have come or gone since FILE was written. That changes
# the time of a folder that CMake looks into, which costs nothing to ask.
installed_after() {
  printf '%s\n' "${CMAKE_PREFIX_PATH:-}:${Kokkos_ROOT:-}:/usr/local:/usr:$PATH" |
    tr ':;' '\n' | sed -e '/^\//!d' -e 's|/s\{0,1\}bin/*$||' | sort -u |
    while read -r prefix; do
      for folder in "$prefix"/include "$prefix"/lib "$prefix"/lib64 "$prefix"/share/cmake \
        "$prefix"/lib*/cmake "$prefix"/lib/*-linux-gnu* "$prefix"/lib/*-linux-gnu*/cmake; do
        [ ! -d "$folder" ] || find "$folder" -prune -newer "$1"
      done
    done | grep -q .
}

# probe ARGUMENTS: configures cmake/probe and says what is missing; nothing if it configures.
probe() {
  if ! command -v cmake >/dev/null 2>&1; then
    echo "no cmake"
    return
  fi
  log=$project/build/probe.log
  folder=$(mktemp -d "$project/build/probe.XXXXXX")
  closed=0
  cmake -S "$project/cmake/probe" -B "$folder" "$@" >"$log" 2>&1 || closed=1
  rm -rf "$folder"
  [ $closed = 1 ] || return 0
  name=$(sed -n -e 's/.*configuration file provided by "\([^"]*\)".*/\1/p' \
    -e 's/.*Could NOT find \([A-Za-z0-9]*\).*/\1/p' \
    -e 's/.*configuration file for package "\([^"]*\)".*/\1/p' \
    -e 's/.*Kokkos has no backend \([A-Z]*\).*/\1/p' "$log" | head -n 1)
  case $name in
    Kokkos) echo "no installed Kokkos >= 4.6" ;;
    CUDA | HIP) echo "the Kokkos that is installed has no backend $name" ;;
    '') echo "CMake does not configure here, see build/probe.log" ;;
    *) echo "$name is not installed" ;;
  esac
}

# Why the archive that CMake would fetch first is out of reach; nothing if it is not.
upstream_missing() {
  url=$(sed -n 's,^ *\(https://[^ ]*\.tar\.gz\)$,\1,p' "$project/cmake/dependencies.cmake" | head -n 1)
  if command -v curl >/dev/null 2>&1; then
    curl -sfIL --max-time 3 -o /dev/null "$url" || echo "upstream archives not reachable"
  elif command -v wget >/dev/null 2>&1; then
    wget -q --spider --tries=1 --timeout=3 "$url" || echo "upstream archives not reachable"
  else
    echo "neither curl nor wget"
  fi
}

# A decision holds until what it depends on changes.
keep_route() {
  [ "$kept" = no ] || return 0
  # Two first runs may do this at once.
  printf '%s\n' "$key" "$route" "$reason" >"$decision.$$"
  mv "$decision.$$" "$decision"
  kept=yes
}

choose_route() {
  debian_root=
  kept=yes
  mkdir -p "$project/build"
  decision=$project/build/route
  key=$(route_key)
  case $preset in
    cuda | hip) device_route ;;
    *)
      if [ -n "${MINFOLD_ROUTE:-}" ]; then
        route=$MINFOLD_ROUTE
        reason="MINFOLD_ROUTE"
      elif [ -r "$decision" ] && [ "$(sed -n 1p "$decision")" = "$key" ] &&
        ! installed_after "$decision"; then
        route=$(sed -n 2p "$decision")
        reason=$(sed -n 3p "$decision")
      else
        find_route
        kept=no
        # Route 1 was tried by asking. Route 2 is kept when it has configured, route 3 when there is
        # a root.
        [ "$route" != 1 ] || keep_route
      fi
      ;;
  esac
  case $route in
    1) say "route 1: installed libraries ($reason)" ;;
    2) say "route 2: upstream release archives, pinned by hash ($reason)" ;;
    3)
      say "route 3: private Debian 13 root in $cache ($reason)"
      debian_root=$("$project/cmake/debian/provision.sh" "$cache") || die \
        "no route works. Install Kokkos >= 4.6, $others, and name where in CMAKE_PREFIX_PATH or Kokkos_ROOT \
unless it is a system folder; or give this machine a way to the upstream archives or to a Debian \
mirror."
      keep_route
      ;;
    *) die "MINFOLD_ROUTE=$route: the routes are 1, 2 and 3" ;;
  esac
}

# Only a Kokkos that somebody has built for the device will do: nothing is downloaded for these.
device_route() {
  case ${MINFOLD_ROUTE:-1} in
    1) ;;
    *) die "MINFOLD_ROUTE=$MINFOLD_ROUTE: preset $preset has route 1 only, an installed Kokkos with its backend" ;;
  esac
  route=1
  reason="preset $preset"
  backend=$(printf '%s' "$preset" | tr '[:lower:]' '[:upper:]')
  closed_1=$(probe -DMinfold_FETCH_DEPENDENCIES=OFF -DBACKEND="$backend")
  [ -z "$closed_1" ] || die "preset $preset needs an installed Kokkos >= 4.6 with its backend \
$backend, named in Kokkos_ROOT, and $others: $closed_1"
}

find_route() {
  closed_1=$(probe -DMinfold_FETCH_DEPENDENCIES=OFF)
  if [ -z "$closed_1" ]; then
    route=1
    reason="Kokkos >= 4.6 and all others found"
    return
  fi
  closed_2=$(upstream_missing)
  if [ -z "$closed_2" ]; then
    closed_2=$(probe -DSYSTEM_ONLY=ON)
  fi
  if [ -z "$closed_2" ]; then
    route=2
    reason=$closed_1
    return
  fi
  route=3
  reason="$closed_1; $closed_2"
}

inside() {
  if [ "$route" = 3 ]; then
    "$project/cmake/debian/enter.sh" "$debian_root" "$@"
  else
    "$@"
  fi
}
