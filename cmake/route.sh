# shellcheck shell=sh disable=SC2154  # $project and $cache come from ./run
# Where the libraries come from: sourced by ./run, which sets $project and $cache.
#
#   route 1  Kokkos >= 4.6 and the other libraries are installed
#   route 2  what is missing comes from the upstream release archives (cmake/dependencies.cmake)
#   route 3  a private Debian 13 root, made from the package mirror this machine already uses
#
# choose_route sets $route and, for route 3, $debian_root; inside COMMAND runs a command there.

say() { printf 'minfold: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# A decision holds until something that could change it changes.
route_key() {
  {
    printf '%s\n' "${MINFOLD_ROUTE:-}" "$cache" "${CXX:-}" "${CMAKE_PREFIX_PATH:-}" \
      "${Kokkos_ROOT:-}" "${Kokkos_DIR:-}" "$PATH"
    cat "$project/cmake/dependencies.cmake" "$project/cmake/route.sh"
  } | cksum | tr ' ' -
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
    -e 's/.*configuration file for package "\([^"]*\)".*/\1/p' "$log" | head -n 1)
  case $name in
    Kokkos) echo "no installed Kokkos >= 4.6" ;;
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

choose_route() {
  debian_root=
  mkdir -p "$project/build"
  decision=$project/build/route
  key=$(route_key)
  if [ -r "$decision" ] && [ "$(sed -n 1p "$decision")" = "$key" ]; then
    route=$(sed -n 2p "$decision")
    reason=$(sed -n 3p "$decision")
  else
    find_route
    printf '%s\n' "$key" "$route" "$reason" >"$decision.new"
    mv "$decision.new" "$decision"
  fi
  case $route in
    1) say "route 1: installed libraries ($reason)" ;;
    2) say "route 2: upstream release archives, pinned by hash ($reason)" ;;
    3)
      say "route 3: private Debian 13 root in $cache ($reason)"
      debian_root=$("$project/cmake/debian/provision.sh" "$cache") || die \
        "no route works. Install Kokkos >= 4.6 with the libraries of cmake/dependencies.cmake and \
name it in Kokkos_ROOT, or give this machine a way to the upstream archives or to a Debian mirror."
      ;;
    *) die "MINFOLD_ROUTE=$route: the routes are 1, 2 and 3" ;;
  esac
}

find_route() {
  if [ -n "${MINFOLD_ROUTE:-}" ]; then
    route=$MINFOLD_ROUTE
    reason="MINFOLD_ROUTE"
    return
  fi
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
