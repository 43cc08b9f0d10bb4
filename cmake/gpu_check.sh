#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles the library for GPUs, to objects only, where there is a compiler for them but no GPU and no
# Kokkos built for one: gpu_check.sh BACKEND INCLUDE CACHE. BACKEND is cuda (NVIDIA sm_90, by $nvcc) or
# hip (AMD gfx90a and gfx942, by clang++), INCLUDE holds the headers of Kokkos and of the other
# libraries, CACHE keeps the results.
#
# An installed Kokkos has the headers of all backends; its five configuration headers say which are
# on. A copy of the tree with those changed is all that compiling takes.
#
# What is compiled: one generated file a module that includes all its headers, and all sources of the
# libraries, for CUDA of the examples, of the comparison with its peers for the device and of the benchmarks,
# as a Kokkos built for the device would have it. A file is compiled unless names and content of everything it
# includes have passed before, in this clone or another; the warnings of that time are shown again.
set -eu

backend=$1
cd "$(dirname -- "$0")/.."
script=cmake/gpu_check.sh
work=build/gpu-check-$backend # below the project all paths are relative, so that clones share results

# What the compiler read, from its make rule, as one number.
digest() {
  sed -e 's/^[^:]*: *//' -e 's/\\$//' "$1" | tr ' ' '\n' | sed '/^$/d' | sort -u |
    xargs -d '\n' sha256sum 2>/dev/null | sha256sum | cut -c1-32
}

# compile FILE
compile() {
  source=$1
  name=$folder/results/$(printf '%s' "${source#"$work"/}" | tr / _)
  if [ -e "$name.d" ]; then
    passed=$name.$(digest "$name.d")
    if [ -e "$passed" ]; then
      cat "$passed" >&2
      echo "unchanged $source"
      return
    fi
  fi
  case $backend in
    cuda)
      set -- "$nvcc" -x cu -arch=sm_90 -Xptxas -O0 --extended-lambda --expt-relaxed-constexpr \
        -Xcompiler -fopenmp
      ;;
    hip) set -- clang++-21 -x hip --offload-arch=gfx90a --offload-arch=gfx942 ;;
  esac
  new=$name.new$$
  if ! "$@" -c -std=c++20 -O0 -DMINFOLD_EXTERN_TEMPLATES -MD -MF "$new.d" -I "$work/generated" \
    -I core/include -I kernels/include -I drivers/include -I bench -isystem "$folder/kokkos" \
    -isystem "$folder/libraries" -o "$new.o" "$source" 2>"$new.log"; then
    cat "$new.log" >&2
    rm -f "$new".*
    echo "FAILED    $source"
    exit 1
  fi
  cat "$new.log" >&2
  rm "$new.o"
  mv "$new.log" "$name.$(digest "$new.d")"
  mv "$new.d" "$name.d"
  echo "compiled  $source"
}

if [ "$2" = --one ]; then
  folder=$3
  compile "$4"
  exit
fi

include=$2
kokkos=$include/kokkos
[ -e "$kokkos/KokkosCore_config.h" ] || kokkos=$include

# switch_on NAME FILE, switch_off NAME FILE: a macro of a configuration header.
switch_on() { sed -i "s,^.*#undef $1 .*\$,#define $1," "$2"; }
switch_off() { sed -i "/define $1/d" "$2"; }

# use_backend NAME: configures the copied Kokkos, with a host backend that its compiler knows.
use_backend() {
  config=$1/KokkosCore_config.h
  desul=$1/desul/atomics/Config.hpp
  switch_off KOKKOS_ENABLE_DEPRECAT "$config"
  case $backend in
    cuda)
      for name in KOKKOS_ENABLE_CUDA KOKKOS_ARCH_HOPPER KOKKOS_ARCH_HOPPER90; do
        switch_on "$name" "$config"
      done
      switch_on DESUL_ATOMICS_ENABLE_CUDA "$desul"
      add_include DeclareBackend decl/Kokkos_Declare_CUDA.hpp
      add_include FwdBackend fwd/Kokkos_Fwd_CUDA.hpp
      add_include SetupBackend setup/Kokkos_Setup_Cuda.hpp
      ;;
    hip)
      # Both architectures at once: what Kokkos derives from them is the same for both.
      for name in KOKKOS_ENABLE_SERIAL KOKKOS_ENABLE_HIP KOKKOS_ARCH_AMD_GPU \
        KOKKOS_ARCH_AMD_GFX90A KOKKOS_ARCH_AMD_GFX942; do
        switch_on "$name" "$config"
      done
      switch_off KOKKOS_ENABLE_OPENMP "$config"
      switch_on DESUL_ATOMICS_ENABLE_HIP "$desul"
      switch_off DESUL_ATOMICS_ENABLE_OPENMP "$desul"
      sed -i '/_OPENMP.hpp/d' "$1"/KokkosCore_Config_*.hpp
      add_include DeclareBackend decl/Kokkos_Declare_SERIAL.hpp
      add_include DeclareBackend decl/Kokkos_Declare_HIP.hpp
      add_include FwdBackend fwd/Kokkos_Fwd_SERIAL.hpp
      add_include FwdBackend fwd/Kokkos_Fwd_HIP.hpp
      add_include SetupBackend setup/Kokkos_Setup_HIP.hpp
      ;;
  esac
}
# After the host's backend, which the device's refers to.
add_include() { sed -i "s,^#endif,#include <$2>\n&," "$tree/kokkos/KokkosCore_Config_$1.hpp"; }

# Another Kokkos, compiler or script has a tree of its own.
case $backend in
  cuda) version=$("$nvcc" --version) ;;
  hip) version=$(clang++-21 --version) ;;
esac
folder=$3/$backend-$({
  cat "$script" "$kokkos/KokkosCore_config.h"
  printf '%s\n' "$include" "$version"
} | sha256sum | cut -c1-12)
if [ ! -d "$folder" ]; then
  tree=$folder.new$$
  mkdir -p "$tree/libraries" "$tree/results" "$tree/kokkos"
  if [ "$kokkos" = "$include" ]; then
    # Next to the headers of everybody else.
    for part in Kokkos Cuda HIP HPX NextSilicon OpenACC OpenMP SYCL Serial Threads View decl desul \
      experimental fwd impl mdspan setup sorting std_algorithms traits; do
      for path in "$kokkos/$part"*; do
        case $path in
          */"$part" | */Kokkos*.h | */Kokkos*.hpp) cp -r "$path" "$tree/kokkos" ;;
        esac
      done
    done
  else
    cp -r "$kokkos/." "$tree/kokkos"
  fi
  use_backend "$tree/kokkos"

  # One by one: the folder as a whole would put another C library in front of the host's.
  for header in Random123 nlohmann fmt benchmark zlib.h zconf.h cblas.h openblas_config.h lapack.h lapacke.h \
    lapacke_config.h lapacke_mangling.h lapacke_utils.h; do
    for path in "$include/$header" "$include"/*-linux-gnu*/"$header" "$include/openblas/$header"; do
      if [ -e "$path" ]; then
        ln -sfn "$(readlink -f "$path")" "$tree/libraries/$header"
        break
      fi
    done
  done
  mv -T "$tree" "$folder" 2>/dev/null || rm -rf "$tree" # another run was faster
fi

# write PATH: replaces a generated file only if its content is new.
write() {
  mkdir -p "$(dirname -- "$1")"
  cat >"$1.new"
  if cmp -s "$1" "$1.new"; then rm "$1.new"; else mv "$1.new" "$1"; fi
}

sed -e 's/@PROJECT_VERSION@/0.0.0/' -e 's/@PROJECT_VERSION_[A-Z]*@/0/' \
  core/include/minfold/core/version.hpp.in | write "$work/generated/minfold/core/version.hpp"
for module in core kernels drivers; do
  (cd "$module/include" && find . -name '*.hpp' | sort | sed 's,^\./\(.*\)$,#include <\1>,') |
    write "$work/generated/all_$module.cpp"
done

export nvcc="${nvcc:-}"
# 06_mdspan.cpp solves on a host space. nvcc 13.0 ends with an internal error over the vectors of host paths.
examples=
if [ "$backend" = cuda ]; then examples=drivers/examples; fi
# shellcheck disable=SC2086 # a folder or nothing
find "$work/generated" core/src kernels/src drivers/src drivers/problems $examples \
  bench/support bench/compare bench/benchmarks -maxdepth 1 -name '*.cpp' ! -name 06_mdspan.cpp \
  2>/dev/null | sort | xargs -d '\n' -n 1 -P "${jobs:-$(nproc)}" "$script" "$backend" --one "$folder"
