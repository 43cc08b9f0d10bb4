# SPDX-License-Identifier: Apache-2.0
# All studies in short: every method and problem that is built takes part, and reports are made of them.
# MINFOLD is the executable study.
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

expect 0 --all --quick --runs runs
! grep -q 'refused' stderr.txt || fail 'a method refuses a problem of the studies'
! grep -q 'is not built' stderr.txt || fail 'a method or problem of the studies is not built'
have_gnuplot=no
for program in gnuplot gnuplot-nox gnuplot-qt gnuplot-x11; do
  if command -v $program >/dev/null 2>&1; then have_gnuplot=yes; fi
done
if [ $have_gnuplot = no ]; then
  echo 'no gnuplot: the reports of the studies are not tested'
  exit 77
fi
python3 "$MINFOLD_SOURCE_DIR/bench/study/report.py" runs out >stdout.txt 2>stderr.txt || fail 'no report'
for name in selection regularity rates global comparison; do
  prints "out/$name.md"
done
