# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

# The whole table, from solves that are cut short.
expect 1 demo --max-iterations 1 --seed 3
for text in 'hyper-cleaning' 'accuracy on test images' 'wrong labels among them' 'redundant-arm' \
  'mean posture effort' 'verdict' 'of 1000 targets' 'minfold solve two-well'; do
  prints "$text"
done
prints '900 images of digits; corruption 40.0 % nominal, 40.0 % effective: 360 wrong labels'
expect 1 demo --max-iterations 0 --corruption-rule with-replacement --quiet
prints 'corruption 40.0 % nominal, 3[0-9]\.[0-9] % effective: 3[0-9][0-9] wrong labels'
expect 2 demo --seed x
complains 'seed'
only
