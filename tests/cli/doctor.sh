# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

# doctor ARGUMENTS...: as JSON in doctor.json, the exit status in $status.
doctor() {
  status=0
  "$@" doctor --json >doctor.json 2>stderr.txt || status=$?
  [ ! -s stderr.txt ] || fail "says something on stderr"
}
holds() {
  python3 "$support/check_doctor.py" doctor.json $status "$@" || fail "doctor"
}
unset OMP_PROC_BIND OMP_PLACES OPENBLAS_NUM_THREADS KOKKOS_NUM_THREADS

export OMP_PROC_BIND=false OMP_NUM_THREADS=1
doctor "$MINFOLD"
holds "d['threads']['kokkos'] == 1" "not any('share' in w for w in d['warnings'])"
# More threads than processors.
export OMP_NUM_THREADS=64
doctor env KOKKOS_NUM_THREADS=64 "$MINFOLD"
holds "d['threads']['kokkos'] == 64" \
  "d['processors']['usable'] >= 64 or any('64 threads share' in w for w in d['warnings'])"
backend=$(python3 -c "import json; print(json.load(open('doctor.json'))['build']['kokkos']['default'])")
if [ "$backend" = OpenMP ]; then
  # Binding: missing, refused by the user, and there.
  export OMP_NUM_THREADS=2
  doctor env -u OMP_PROC_BIND "$MINFOLD"
  holds "any('not bound' in w for w in d['warnings'])" "not d['threads']['bound']"
  doctor env OMP_PROC_BIND=false "$MINFOLD"
  holds "not any('not bound' in w for w in d['warnings'])" \
    "any('OMP_PROC_BIND=false asks' in n for n in d['notes'])" \
    "d['environment']['OMP_PROC_BIND'] == 'false' and d['environment']['OMP_NUM_THREADS'] == '2'"
  doctor env OMP_PROC_BIND=close OMP_PLACES=threads "$MINFOLD"
  holds "not any('not bound' in w for w in d['warnings'])" "d['threads']['bound']" \
    "d['threads']['processors_of_a_thread'] == 1 or d['processors']['allowed'] == 1"
  # One processor for two threads, as a batch system may give.
  if command -v taskset >/dev/null && first=$(python3 -c 'import os; print(min(os.sched_getaffinity(0)))'); then
    doctor env OMP_PROC_BIND=false KOKKOS_NUM_THREADS=2 taskset -c "$first" "$MINFOLD"
    holds "d['processors']['allowed'] == 1 and d['processors']['usable'] == 1" \
      "any('2 threads share 1 usable processor:' in w for w in d['warnings'])"
  fi
fi

# For people: the same warnings, and a status that tells of them.
status=0
KOKKOS_NUM_THREADS=64 "$MINFOLD" doctor >stdout.txt 2>stderr.txt || status=$?
for text in '^minfold [0-9]' '^  build  ' '^  Kokkos  ' '^  processors  ' '^  threads  ' '^  BLAS  ' \
  '^  memory  ' '^  GPU  ' '^  libraries  .*hdf5 [0-9]' 'OMP_PROC_BIND=false'; do
  prints "$text"
done
if grep -q 'warning:' stdout.txt; then [ $status = 1 ]; else [ $status = 0 ]; fi ||
  fail "exit status $status"
expect 2 doctor two-well
complains 'two-well'
