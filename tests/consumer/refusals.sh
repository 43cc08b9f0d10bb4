# SPDX-License-Identifier: Apache-2.0
# refusals.sh SCRATCH COMPILER FLAGS: what an installed minfold cannot give, find_package refuses with
# a sentence, and what is dangerous it warns of.
set -u
scratch=$1/refusals
installed=$1/installed
shift
rm -rf "$scratch"
mkdir -p "$scratch"
failures=0
compiler=$1
flags=$2

# configure NAME ARGUMENTS-OF-FIND_PACKAGE FLAGS
configure() {
  mkdir -p "$scratch/$1"
  printf 'cmake_minimum_required(VERSION 3.25)\nproject(consumer LANGUAGES CXX)\nfind_package(minfold %s)\n' \
    "$2" >"$scratch/$1/CMakeLists.txt"
  cmake -S "$scratch/$1" -B "$scratch/$1/build" "-DCMAKE_PREFIX_PATH=$installed" \
    "-DCMAKE_CXX_COMPILER=$compiler" "-DCMAKE_CXX_FLAGS=$3" >"$scratch/$1/log" 2>&1
}
# refused NAME SENTENCE ARGUMENTS-OF-FIND_PACKAGE [FLAGS]
refused() {
  if configure "$1" "$3" "${4:-$flags}"; then
    echo "$1: accepted"
    failures=$((failures + 1))
  else
    says "$1" "$2"
  fi
}
# says NAME SENTENCE: the log has it, however its lines are broken.
says() {
  if ! tr -s ' \n' ' ' <"$scratch/$1/log" | grep -q -e "$2"; then
    echo "$1: does not say \"$2\":"
    cat "$scratch/$1/log"
    failures=$((failures + 1))
  fi
}

if ! configure accepted "0.1 REQUIRED COMPONENTS core kernels drivers plain" "$flags"; then
  cat "$scratch/accepted/log"
  failures=1
fi
refused version 'compatible with requested version "99"' "99 REQUIRED"
# Before 1.0 a minor version may change anything.
refused minor 'compatible with requested version "0.0.9"' "0.0.9 REQUIRED"
refused component 'this minfold has no component "tensors"; there are core, kernels' \
  "0.1 REQUIRED COMPONENTS core tensors"
# Code for other vector registers than the library's is possible, and dangerous.
other=
case $(uname -m) in
  x86_64)
    other=-mavx512f
    case " $flags " in
      *-march=native*) if grep -qs ' avx ' /proc/cpuinfo; then other=-msse2; fi ;;
      *avx* | *-march*) other= ;;
    esac
    ;;
esac
if [ -n "$other" ]; then
  if configure vectors "0.1 REQUIRED" "$other"; then
    says vectors 'was compiled for vector registers of .* compile both for the same processor'
  else
    cat "$scratch/vectors/log"
    failures=$((failures + 1))
  fi
fi
exit "$failures"
