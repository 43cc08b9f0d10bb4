# SPDX-License-Identifier: Apache-2.0
# pkg_config.sh SCRATCH LIBDIR COMPILER: a host without CMake compiles, links and runs by minfold.pc, also
# where the installation is moved to. Exit status 77: there is no pkg-config.
set -eu
command -v pkg-config >/dev/null 2>&1 || exit 77
[ -e "$1/installed/$2/pkgconfig/minfold.pc" ] || exit 77
sources=$(cd "$(dirname "$0")" && pwd)
scratch=$1/pkg_config
rm -rf "$scratch"
mkdir -p "$scratch"
cp -R "$1/installed" "$scratch/elsewhere"
export PKG_CONFIG_PATH="$scratch/elsewhere/$2/pkgconfig"
pkg-config --validate minfold
if pkg-config --atleast-version=99 minfold; then
  echo "minfold.pc says that it is version 99" && exit 1
fi
case $(pkg-config --cflags minfold) in
  *"$1/installed"*) echo "minfold.pc names the place that it was moved from" && exit 1 ;;
esac
# shellcheck disable=SC2046 # options, to be split
"$3" -std=c++20 $(pkg-config --cflags minfold) "$sources/pkg_config.cpp" $(pkg-config --libs minfold) \
  -o "$scratch/host"
"$scratch/host"
