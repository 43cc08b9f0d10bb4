#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs a command inside a private Debian root: enter.sh ROOT COMMAND [ARGS...].
#
# The system folders (/usr, /etc, ...) are those of the root. Every other top-level folder of the
# host, and wherever the project, the home and the current folder are, is there under its own name:
# paths mean the same inside and outside. The command runs as the calling user.
#
# bwrap does it with namespaces of the kernel. Where those are forbidden, as in most containers,
# proot does it by watching the system calls: the same, somewhat slower.
set -eu

root=$1
shift
project=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)

for folder in "$project" "$PWD"; do
  case $folder/ in
    /bin/* | /boot/* | /etc/* | /lib/* | /lib32/* | /lib64/* | /libx32/* | /sbin/* | /sys/* | /usr/*)
      printf 'minfold: the Debian root has system folders of its own, so %s is not there: %s\n' \
        "$folder" "keep the project, and call it, elsewhere" >&2
      exit 1
      ;;
  esac
done

# tool NAME ARGS...: a program of the root, for whose C library the host's may be too old.
tool() {
  for loader in "$root"/usr/lib64/ld-linux-*.so.* "$root"/usr/lib/*/ld-linux-*.so.*; do
    [ ! -e "$loader" ] || break
  done
  libraries=$(echo "$root"/usr/lib/*-linux-gnu*)
  name=$1
  shift
  # A host that limits namespaces makes an exception for its own bwrap.
  if [ "$name" = bwrap ] && [ -x /usr/bin/bwrap ]; then
    exec /usr/bin/bwrap "$@"
  fi
  exec "$loader" --library-path "$libraries" "$root/usr/bin/$name" "$@"
}

# What the host sets for its own compilers and libraries would mislead those of the root.
unset LC_ALL LD_LIBRARY_PATH LD_PRELOAD LIBRARY_PATH CPATH C_INCLUDE_PATH CPLUS_INCLUDE_PATH CC CXX \
  CMAKE_PREFIX_PATH CMAKE_TOOLCHAIN_FILE Kokkos_ROOT Kokkos_DIR PYTHONPATH PYTHONHOME
export LANG=C.UTF-8 CMAKE_GENERATOR=Ninja

if (tool bwrap --ro-bind "$root/usr" /usr --symlink usr/lib /lib --symlink usr/lib64 /lib64 \
  --proc /proc --dev /dev true) 2>/dev/null; then
  entry=bwrap
else
  entry=proot
fi

# The arguments of either are put in front of the command, the last ones first.
set -- env PATH=/usr/bin:/usr/sbin "$@"
for folder in "$PWD" "$project" "${HOME:-/}" "$(dirname -- "$root")" /* /.[!.]*; do
  case $folder in
    / | //) continue ;; # it would hide the Debian root
    /dev/shm/?* | /run/?* | /var/?*) ;;
    /bin | /boot | /dev | /etc | /lib | /lib32 | /lib64 | /libx32 | /lost+found) continue ;;
    /proc | /run | /sbin | /sys | /usr | /var) continue ;;
    /*/*) continue ;; # comes with its top-level folder
  esac
  if [ -d "$folder" ] && [ -r "$folder" ]; then
    case $entry in
      bwrap) set -- --bind "$folder" "$folder" "$@" ;;
      proot) set -- -b "$folder" "$@" ;;
    esac
  fi
done
if [ $entry = bwrap ]; then
  for link in bin lib lib64 sbin; do
    [ ! -e "$root/usr/$link" ] || set -- --symlink "usr/$link" "/$link" "$@"
  done
  tool bwrap --die-with-parent --unshare-ipc --chdir "$PWD" --proc /proc --dev /dev \
    --ro-bind-try /sys /sys --dir /var/tmp --ro-bind "$root/usr" /usr --ro-bind "$root/etc" /etc "$@"
else
  tool proot -r "$root" -w "$PWD" -b /proc -b /dev -b /sys "$@"
fi
