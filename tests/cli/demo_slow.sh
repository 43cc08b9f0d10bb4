# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

# The demo as it is shown: it ends well, within a minute, and cleaning is worth at least 5 points.
begin=$(date +%s)
expect 0 demo
seconds=$(($(date +%s) - begin))
# Other work on the machine takes wall-clock time from the demo, but no processor time.
times >times.txt
busy=$(sed -n 's/^\([0-9]*\)m\([0-9]*\)[^ ]* \([0-9]*\)m\([0-9]*\).*/\1 \2 \3 \4/p' times.txt |
  awk 'END { print 60 * ($1 + $3) + $2 + $4 }')
echo "demo: $seconds s, of the processors $busy s"
[ "$seconds" -lt 60 ] || [ "$busy" -lt 60 ] || fail "the demo took $seconds s"
awk '/accuracy on test images/ { found = 1; gain = $(NF - 3) - $(NF - 5); wins = gain >= 5 }
  END { exit !(found && wins) }' stdout.txt || fail "cleaning gains less than 5 points"
