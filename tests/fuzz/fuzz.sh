#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds and runs the fuzzers of the readers, with what `./run fuzz` has found out: fuzz.sh FOLDER
# [FORMAT...] [--seconds N]. FOLDER keeps the build, the corpora as they grow, and what was found.
set -eu
export LC_ALL=C # a report has bytes of the input in it

source=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
folder=$1
shift

# README.md says why not hdf5_raw, unless it is named.
formats=$(cd "$source" && ls fuzz_*.cpp | sed -n -e /hdf5_raw/d -e 's/^fuzz_\(.*\)\.cpp$/\1/p')
usage() {
  cat <<END
usage: ./run fuzz [FORMAT...] [--seconds N]

Fuzzes the readers of these formats, one after the other, for N seconds each (600), with the address
and undefined-behaviour sanitizers of Clang. Formats: $(echo $formats).
END
}

seconds=600
chosen=
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help)
      usage
      exit
      ;;
    --seconds)
      seconds=${2:-}
      case $seconds in '' | *[!0-9]*)
        echo "fuzz: --seconds needs a number" >&2
        exit 2
        ;;
      esac
      shift
      ;;
    *)
      if [ ! -e "$source/fuzz_$1.cpp" ]; then
        echo "fuzz: there is no format $1; there are:" $formats >&2
        exit 2
      fi
      chosen="$chosen $1"
      ;;
  esac
  shift
done
chosen=${chosen:-$formats}

for compiler in clang++-19 clang++ none; do
  if command -v $compiler >/dev/null 2>&1; then break; fi
done
if [ $compiler = none ]; then
  echo "fuzz: there is no clang++, which has libFuzzer" >&2
  exit 1
fi
set -- "-DCMAKE_CXX_COMPILER=$(command -v $compiler)"
if command -v ccache >/dev/null 2>&1; then set -- "$@" -DCMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
cmake -S "$source" -B "$folder" "$@" >"$folder.log" 2>&1 || {
  cat "$folder.log" >&2
  exit 1
}
# shellcheck disable=SC2046,SC2086
cmake --build "$folder" --parallel "${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}" \
  --target $(printf 'fuzz_%s ' $chosen) >&2

# Without llvm-symbolizer the names in a report come from binutils.
symbolizer=$(command -v llvm-symbolizer-19 || command -v llvm-symbolizer || command -v addr2line || true)
export ASAN_OPTIONS="external_symbolizer_path=$symbolizer:${ASAN_OPTIONS:-}"
export UBSAN_OPTIONS="external_symbolizer_path=$symbolizer:print_stacktrace=1:${UBSAN_OPTIONS:-}"

findings=0
for format in $chosen; do
  mkdir -p "$folder/corpus/$format" "$folder/findings"
  log=$folder/$format.log
  dictionary=
  [ ! -e "$source/$format.dict" ] || dictionary=-dict=$source/$format.dict
  # HDF5 leaks where it gives up, and asks for any size that a file names: malloc() says no then.
  options= megabytes=256
  case $format in
    hdf5_raw) options=detect_leaks=0:allocator_may_return_null=1 megabytes=8192 ;;
    hdf5 | checkpoint) options=detect_leaks=0 ;;
  esac
  outcome="nothing found"
  ASAN_OPTIONS="$ASAN_OPTIONS:$options" "$folder/bin/fuzz_$format" -max_total_time="$seconds" \
    -timeout=5 -rss_limit_mb=1024 -malloc_limit_mb=$megabytes -print_final_stats=1 $dictionary \
    -artifact_prefix="$folder/findings/$format-" \
    "$folder/corpus/$format" "$source/corpus/$format" >"$log" 2>&1 || {
    findings=$((findings + 1))
    outcome="FOUND: $(grep -a -m 1 -E 'ERROR: |runtime error: |: expected ' "$log" || echo "see the log")"
    outcome="$outcome; the input: $(sed -n 's/.*Test unit written to //p' "$log")"
  }
  printf '%s: %s executions, %s; %s; log %s\n' "$format" \
    "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" \
    "$(sed -n 's/.*\(cov: [0-9]* ft: [0-9]*\).*/\1/p' "$log" | tail -n 1)" "$outcome" "$log"
done
[ $findings = 0 ]
