# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

# waiting_of VARIABLES: what the environment of a solve says of waiting that was started with these and
# no others that concern it.
waiting_of() {
  rm -f stderr.txt # that of the solve before would end the wait below
  env -u OMP_WAIT_POLICY -u GOMP_SPINCOUNT -u KMP_BLOCKTIME "$@" "$MINFOLD" solve redundant-arm \
    --set targets=100 --tolerance 1e-30 --max-iterations 1000000 >stdout.txt 2>stderr.txt &
  solver=$!
  until grep -q '^redundant-arm  0/' stderr.txt 2>/dev/null; do
    kill -0 $solver || fail "ended by itself"
    sleep 0.1
  done
  tr '\0' '\n' <"/proc/$solver/environ" | sed -n '/^OMP_WAIT_POLICY=/p;/^GOMP_SPINCOUNT=/p' >waiting.txt
  kill -TERM $solver
  wait $solver || true
  cat waiting.txt
}

expect 0 solve two-well --quiet --json /dev/stdout
grep -q '"backend": "OpenMP"' stdout.txt && [ -r /proc/self/environ ] || exit 77

# Threads do not spin for long, unless the user has said how they shall wait.
[ "$(waiting_of)" = GOMP_SPINCOUNT=2000 ] || fail "threads spin"
for said in OMP_WAIT_POLICY=active GOMP_SPINCOUNT=1000; do
  [ "$(waiting_of $said)" = $said ] || fail "$said is changed"
done

# What was started anew has the same arguments, exit status and process.
unset OMP_WAIT_POLICY GOMP_SPINCOUNT KMP_BLOCKTIME
expect 2 solve 'no such  problem'
complains 'no such  problem'
expect 1 solve two-well --max-iterations 0
expect 0 solve two-well
