# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

# Usage.
expect 2 solv two-well
complains 'solv'
expect 2 solve
complains 'PROBLEM'
expect 2 solve two-well --iterations 3
complains 'iterations'
expect 2 solve two-well --max-iterations many
complains 'max-iterations'
expect 2 solve two-well --max-iterations -1
complains 'max-iterations'
expect 2 solve two-well --tolerance nan
complains 'tolerance'
for seed in -1 1.5 18446744073709551616 one; do
  expect 2 solve two-well --seed $seed
  complains "^minfold: --seed: expected an integer from 0 to 2^64 - 1, got $seed"
done
expect 2 solve two-well --precision half
complains 'precision'
expect 2 solve two-well --method sgd
complains 'method'
expect 2 solve two-well --kokkos-no-such-flag=1
grep -q 'kokkos-no-such-flag' stderr.txt || fail "the Kokkos flag is not named"
# Kokkos ends the process over these, without a chance for anybody else.
for flag in --kokkos-num-threads --kokkos-num-threads= --kokkos-num-threads=abc \
  --kokkos-num-threads=0 --kokkos-num-threads=-1 --kokkos-num-threads=2x \
  --kokkos-num-threads=99999999999 --kokkos-num-threads=513 --kokkos-device-id=one --kokkos-map-device-id-by=luck \
  --kokkos-print-configuration=on --kokkos-tools-libs; do
  expect 2 solve two-well "$flag"
  complains "^minfold: $flag: expected"
done
for value in '' abc 0 -1 2x; do
  (export KOKKOS_NUM_THREADS="$value" && expect 2 solve two-well)
  complains "^minfold: KOKKOS_NUM_THREADS=$value: expected"
done
expect 2 solve two-well --tolerance 1e-50 --precision float
complains '^minfold: --tolerance 1e-50: '
expect 2 list --set candidates=3
complains '^minfold: list: --set candidates=3 .*PROBLEM'
expect 2 solve hyper-cleaning --corruption-rule sometimes
complains 'corruption-rule'
expect 2 solve two-well --corruption-rule exclusive
complains 'corruption-rule'
long=$(printf '%300s' '' | tr ' ' x)
expect 2 solve two-well --json "$long"
complains 'xxx: File name too long'

# Problems and their keys.
expect 2 solve two-wells
complains 'did you mean two-well?'
expect 2 solve two-well --set candidate=3
complains 'did you mean candidates?'
expect 2 solve two-well --set candidates=0
complains 'candidates=0: expected an integer from 1'
expect 2 solve two-well --set candidates=two
complains 'candidates=two'
expect 2 solve two-well --set candidates
complains 'expected key=value'
expect 2 solve two-well --set candidates=3 --set candidates=4
complains 'given twice'
expect 2 solve two-well --set x0=nan
complains 'x0=nan'
expect 2 solve redundant-arm --set far=0.95
complains 'far=0.95: expected at most'
expect 2 check two-well --set candidates=3
complains 'candidates'
expect 2 check two-well --points 0
complains 'points'
only
