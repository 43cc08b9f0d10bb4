# SPDX-License-Identifier: Apache-2.0
# All studies in short: every method and problem that is built takes part, and reports are made of them.
# MINFOLD is the executable study.
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

expect 0 --all --quick --runs runs
! grep -q 'refused' stderr.txt || fail 'a method refuses a problem of the studies'
! grep -q 'is not built' stderr.txt || fail 'a method or problem of the studies is not built'
if ! command -v gnuplot >/dev/null 2>&1; then exit 0; fi
python3 "$MINFOLD_SOURCE_DIR/bench/study/report.py" runs out >stdout.txt
for name in selection regularity rates global comparison; do
  prints "out/$name.md"
done
