# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

for problem in sphere affine stiefel orthogonal-orbit phase-orbit line two-well reweighting kink \
  kinks hoelder flat; do
  expect 0 check $problem
  prints 'grad_y g '
  prints 'G^T z '
  prints 'H v is symmetric'
done
expect 0 check redundant-arm --set targets=30 --points 2
expect 0 check redundant-arm --set kind=spatial --set targets=30 --points 2
expect 0 check hyper-cleaning --set train=60 --set validation=40 --points 2
expect 0 check hyper-cleaning --set train=60 --set validation=40 --set loss=squared --points 2
expect 0 check sphere --precision float --quiet
[ "$(wc -l <stdout.txt)" = 1 ] || fail "more than the result"
only
