#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Compiles the library for an NVIDIA GPU, to objects only, where there is nvcc but no GPU and no
# Kokkos built for one: gpu_check.sh INCLUDE FOLDER, where INCLUDE holds the headers of Kokkos and of
# the other libraries and FOLDER keeps the results.
#
# An installed Kokkos has the headers of all backends; its four configuration headers say which are
# on. A copy of the tree with those four changed is all that compiling takes.
#
# What is compiled: one generated file a module that includes all its headers, and all sources of the
# libraries, as a Kokkos built for CUDA would have it. A file is compiled again if the content of
# anything it includes has changed.
set -eu

project=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)

# Content of all files that an earlier compilation read, from the make rule that nvcc wrote.
digest() {
  sed -e 's/^[^:]*: *//' -e 's/\\$//' "$1" | tr ' ' '\n' | sed '/^$/d' | sort -u |
    xargs -d '\n' cat 2>/dev/null | cksum
}

compile() {
  source=$1
  folder=$2
  name=$(printf '%s' "${source#"$project"/}" | tr / _)
  if [ -e "$folder/$name.o" ] && [ "$(digest "$folder/$name.d")" = "$(cat "$folder/$name.sum")" ]; then
    echo "unchanged ${source#"$project"/}"
    return
  fi
  rm -f "$folder/$name.o"
  "$nvcc" -x cu -c -arch=sm_90 -std=c++20 -O0 -Xptxas -O0 --extended-lambda --expt-relaxed-constexpr \
    -Xcompiler -fopenmp -DMINFOLD_EXTERN_TEMPLATES -MD -MF "$folder/$name.d" \
    -I "$folder/generated" -I "$project/core/include" -I "$project/kernels/include" \
    -I "$project/drivers/include" -isystem "$folder/kokkos" -isystem "$folder/libraries" \
    -o "$folder/$name.o" "$source"
  digest "$folder/$name.d" >"$folder/$name.sum"
  echo "compiled  ${source#"$project"/}"
}

if [ "$1" = --one ]; then
  compile "$3" "$2"
  exit
fi

include=$1
folder=$2
kokkos=$include/kokkos
[ -e "$kokkos/KokkosCore_config.h" ] || kokkos=$include

# The tree is made again if Kokkos, the compiler or this script is another.
stamp=$(cat "$0" "$kokkos/KokkosCore_config.h" | cksum)$("$nvcc" --version)
if [ "$(cat "$folder/stamp" 2>/dev/null)" != "$stamp" ]; then
  rm -rf "$folder"
  mkdir -p "$folder/libraries" "$folder/generated" "$folder/kokkos"
  if [ "$kokkos" = "$include" ]; then
    # Next to the headers of everybody else.
    for part in Kokkos Cuda HIP HPX NextSilicon OpenACC OpenMP SYCL Serial Threads View decl desul \
      experimental fwd impl mdspan setup sorting std_algorithms traits; do
      for path in "$kokkos/$part"*; do
        case $path in
          */"$part" | */Kokkos*.h | */Kokkos*.hpp) cp -r "$path" "$folder/kokkos" ;;
        esac
      done
    done
  else
    cp -r "$kokkos/." "$folder/kokkos"
  fi

  switch_on() { sed -i "s,^.*#undef $1 .*\$,#define $1," "$2"; }
  config=$folder/kokkos/KokkosCore_config.h
  for name in KOKKOS_ENABLE_CUDA KOKKOS_ARCH_HOPPER KOKKOS_ARCH_HOPPER90; do
    switch_on "$name" "$config"
  done
  sed -i '/define KOKKOS_ENABLE_DEPRECAT/d' "$config"
  switch_on DESUL_ATOMICS_ENABLE_CUDA "$folder/kokkos/desul/atomics/Config.hpp"
  # After the host's backend, which the device's refers to.
  add_include() {
    sed -i "s,^#endif,#include <$2>\n&," "$folder/kokkos/KokkosCore_Config_$1.hpp"
  }
  add_include DeclareBackend decl/Kokkos_Declare_CUDA.hpp
  add_include FwdBackend fwd/Kokkos_Fwd_CUDA.hpp
  add_include SetupBackend setup/Kokkos_Setup_Cuda.hpp

  # One by one: the folder as a whole would put another C library in front of the host's.
  for header in Random123 nlohmann fmt zlib.h zconf.h cblas.h openblas_config.h lapack.h lapacke.h \
    lapacke_config.h lapacke_mangling.h lapacke_utils.h; do
    for path in "$include/$header" "$include"/*-linux-gnu*/"$header" "$include/openblas/$header"; do
      if [ -e "$path" ]; then
        ln -sfn "$(readlink -f "$path")" "$folder/libraries/$header"
        break
      fi
    done
  done
  printf '%s\n' "$stamp" >"$folder/stamp"
fi

# write PATH: replaces a generated file only if its content is new.
write() {
  mkdir -p "$(dirname -- "$1")"
  cat >"$1.new"
  if cmp -s "$1" "$1.new"; then rm "$1.new"; else mv "$1.new" "$1"; fi
}

sed -e 's/@PROJECT_VERSION@/0.0.0/' -e 's/@PROJECT_VERSION_[A-Z]*@/0/' \
  "$project/core/include/minfold/core/version.hpp.in" |
  write "$folder/generated/minfold/core/version.hpp"
for module in core kernels drivers; do
  (cd "$project/$module/include" && find . -name '*.hpp' | sort | sed 's,^\./\(.*\)$,#include <\1>,') |
    write "$folder/generated/all_$module.cpp"
done

export nvcc
find "$folder/generated" "$project/core/src" "$project/kernels/src" "$project/drivers/src" \
  "$project/drivers/problems" -maxdepth 1 -name '*.cpp' 2>/dev/null | sort |
  xargs -d '\n' -n 1 -P "$(nproc)" "$0" --one "$folder"
