# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

expect 0 list
for problem in sphere affine stiefel orthogonal-orbit phase-orbit line two-well reweighting kink \
  kinks hoelder flat redundant-arm hyper-cleaning convex-toy cosine-toy quadratic coreset example-1 \
  v-pbgd-toy representation diagonal-cleaning; do
  prints "^$problem "
done

# The keys of every problem, and of the method.
for problem in sphere redundant-arm hyper-cleaning; do
  expect 0 list $problem
  prints 'candidates='
done
# All methods, and the keys of one.
expect 0 list --methods
for method in hgms hgms-minibatch aid-cg bome v-pbgd g-pbgd f2sa stocbio soba galet iaptt pzobo \
  pbgd-free; do
  prints "^$method  *[a-z]"
done
expect 0 list line
prints 'the method hgms '
expect 0 list line --method stocbio
prints 'the method stocbio '
prints '  target=1 '
prints '  batch=0 '
prints '  assess='
if grep -q candidates= stdout.txt; then
  fail "the keys of another method"
fi
expect 2 list --method bome
complains 'bome is for a PROBLEM'
only
expect 2 list line --method bom
complains 'did you mean bome?'
expect 2 list line --methods

expect 0 list redundant-arm --set kind=spatial
prints '1000 targets, upper variable of 6, lower variable of 7'
prints '  joints=7 '

expect 0 list hyper-cleaning --corruption-rule with-replacement
prints '  corruption-rule=with-replacement '

expect 0 --help
prints 'Exit status: 0 solved'
expect 0 solve --help
prints '--max-iterations'
prints 'Exit status: 0 solved'
expect 0 --version
prints '^minfold [0-9]'
expect 0
prints 'solve'

expect 2 list spere
complains 'did you mean sphere?'
only
