#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a private Debian root: provision.sh CACHE_DIR [hip], prints the root's path on stdout. It is
# Debian 13 with packages.txt or, with `hip`, Debian unstable with packages-hip.txt.
#
# Only apt-get and dpkg-deb of the host are used, on lists and folders of our own, so that neither
# root rights nor an installed package are needed and nothing of the host changes. The packages are
# extracted, not configured: a compiler and a few libraries need no maintainer script, except for
# the links and the three small files at the end of this script.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=$1
case ${2:-} in
  '')
    release="Debian 13"
    suites="trixie sid"
    list=packages.txt
    name=debian13
    ;;
  hip)
    release="Debian unstable"
    suites=sid
    list="packages-hip.txt"
    name=debian-hip
    ;;
  *)
    echo "minfold: provision.sh: no root is called $2" >&2
    exit 1
    ;;
esac

say() { printf 'minfold: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

for tool in apt-get dpkg dpkg-deb flock sha256sum; do
  command -v "$tool" >/dev/null 2>&1 || die "a private Debian root needs $tool, which a Debian machine has"
done

arch=$(dpkg --print-architecture)
stamp=$(cat "$here/$list" "$here/provision.sh" | sha256sum | cut -c1-12)
root=$cache/$name-$arch-$stamp

# The finished root gets its name last, in one rename: what has the name is whole.
if [ -d "$root" ]; then
  printf '%s\n' "$root"
  exit 0
fi

mkdir -p "$cache"
exec 9>"$cache/provision.lock"
if ! flock -n 9; then
  say "another run is making a Debian root; waiting for it"
  flock 9
fi
if [ -d "$root" ]; then
  printf '%s\n' "$root"
  exit 0
fi

# Every address in the host's apt configuration, the likeliest Debian archives first. Both formats are
# read: one-line `deb [...] ADDRESS suite` and the `URIs:` of a .sources file. A mirror of Ubuntu often
# has Debian next to it.
mirrors() {
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
    [ -r "$file" ] || continue
    case $file in
      *.sources) sed -n 's/^URIs:[[:space:]]*//p' "$file" | tr ' ' '\n' ;;
      *.list) sed -n 's/^deb[[:space:]]\{1,\}\(\[[^]]*][[:space:]]*\)\{0,1\}\([^[:space:]]*\).*/\2/p' "$file" ;;
    esac
  done | sed -e 's,/*$,,' -e 's,/ubuntu$,/debian,' |
    awk '!seen[$0]++ { if (/\/debian$/) print; else rest = rest $0 "\n" } END { printf "%s", rest }'
}

keyring=
for file in /usr/share/keyrings/debian-archive-keyring.gpg \
  /usr/share/keyrings/debian-archive-keyring.pgp /etc/apt/trusted.gpg.d/debian-archive-*.gpg; do
  if [ -r "$file" ]; then
    keyring=$file
    break
  fi
done
[ -n "$keyring" ] || die "a private Debian root needs the archive keys: install the package debian-archive-keyring"

work=$cache/provision
rm -rf "$work"
mkdir -p "$work/state/lists/partial" "$work/cache/archives/partial" "$work/root"
: >"$work/status"

cat >"$work/apt.conf" <<EOF
// Hooks of the host are for the host's own package lists.
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
#clear APT::Default-Release;
Dir::State "$work/state";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Dir::Cache::archives "archives";
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "$work/preferences";
Dir::Etc::PreferencesParts "/dev/null";
Acquire::Languages "none";
// A mirror may serve an index of sid past its validity date; its signature is checked all the same.
Acquire::Check-Valid-Until "false";
Acquire::Retries "3";
APT::Install-Recommends "false";
// The folders are private, so the download user of the host could not write into them.
APT::Sandbox::User "root";
EOF
# Kokkos is in sid only; everything else, and what Kokkos needs, stays with Debian 13 where that is
# among the suites.
cat >"$work/preferences" <<EOF
Package: *
Pin: release n=sid
Pin-Priority: 100
EOF

apt() { apt-get -q -y -c "$work/apt.conf" "$@" >"$work/log" 2>&1; }

mirror=
say "making a private root of $release, once (half a minute): package lists"
for candidate in $(mirrors); do
  for suite in $suites; do
    printf 'deb [signed-by=%s arch=%s] %s %s main\n' "$keyring" "$arch" "$candidate" "$suite"
  done >"$work/sources.list"
  if apt -o APT::Update::Error-Mode=any update; then
    mirror=$candidate
    break
  fi
done
if [ -z "$mirror" ]; then
  [ ! -s "$work/log" ] || tail -n 5 "$work/log" >&2
  die "no address in /etc/apt/sources.list or /etc/apt/sources.list.d gives $release"
fi

say "making a private root of $release: downloading packages"
packages=$(sed 's/#.*//' "$here/$list")
# shellcheck disable=SC2086  # one word a package
if ! apt install --download-only $packages; then
  tail -n 20 "$work/log" >&2
  die "apt-get could not fetch the packages of cmake/debian/$list"
fi

say "making a private root of $release: extracting"
# base-files has the links /bin, /lib, /sbin -> usr/..., which must lie there before the others.
for deb in "$work"/cache/archives/base-files_*.deb "$work"/cache/archives/*.deb; do
  dpkg-deb -x "$deb" "$work/root"
done

# What the maintainer scripts would have done.
root_new=$work/root
triplet=$(cd "$root_new/usr/lib" && echo *-linux-gnu*)
lib=$root_new/usr/lib/$triplet
for link in gawk:awk gcc:cc g++:c++; do
  if [ -e "$root_new/usr/bin/${link%:*}" ] && [ ! -e "$root_new/usr/bin/${link#*:}" ]; then
    ln -s "${link%:*}" "$root_new/usr/bin/${link#*:}"
  fi
done
# The bundle of certificates, without which pip does not start.
if [ -d "$root_new/usr/share/ca-certificates/mozilla" ]; then
  mkdir -p "$root_new/etc/ssl/certs"
  cat "$root_new"/usr/share/ca-certificates/mozilla/*.crt >"$root_new/etc/ssl/certs/ca-certificates.crt"
fi
# Nothing reads these.
rm -rf "$root_new/usr/share/locale" "$root_new/usr/share/man"
# BLAS and LAPACK: the OpenMP build of OpenBLAS. The pthread build would run threads of its own
# next to those of Kokkos.
for folder in lib include; do
  base=$root_new/usr/$folder/$triplet
  for file in "$base"/openblas-openmp/*; do
    case ${file##*/} in *.h | *.so | *.so.* | *.a) ln -sfn "openblas-openmp/${file##*/}" "$base/${file##*/}" ;; esac
  done
done
# The CMake files of libkokkos-dev name two archives that the package does not ship.
for archive in kokkosalgorithms kokkossimd; do
  [ -e "$lib/lib$archive.a" ] || printf '!<arch>\n' >"$lib/lib$archive.a"
done
# Names for the files' owners, so that git and the shell find the one who calls.
printf 'root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n' \
  >"$root_new/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root_new/etc/group"
if [ "$(id -u)" != 0 ]; then
  printf '%s:x:%s:%s::%s:/bin/bash\n' "$(id -un)" "$(id -u)" "$(id -g)" "${HOME:-/}" >>"$root_new/etc/passwd"
  printf '%s:x:%s:\n' "$(id -gn)" "$(id -g)" >>"$root_new/etc/group"
fi

mv "$work/root" "$root"
rm -rf "$work"
say "made $root ($(du -sh "$root" | cut -f1))"
for other in "$cache/$name-$arch"-*; do
  [ "$other" = "$root" ] || say "no longer used by this version, may be removed: $other"
done
printf '%s\n' "$root"
