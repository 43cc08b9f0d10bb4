# SPDX-License-Identifier: Apache-2.0
# The studies: runs are not repeated, not even after an interruption, and are the same bit for bit when they
# are. MINFOLD is the executable study.
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"
report=$MINFOLD_SOURCE_DIR/bench/study/report.py
# As complains, among other lines.
says() {
  grep -q -e "$1" stderr.txt || fail "stderr does not have: $1"
}

expect 0 --list
prints '^selection .* min, --quick'
prints '^all '
expect 2 no-such-study
complains 'there is no study no-such-study; there are selection'
expect 2
complains 'no study is named'
expect 2 selection --no-such-option

# Stopped as soon as there is a finished run; what is finished stays, nothing is half written.
"$MINFOLD" selection --quick --runs runs >/dev/null 2>log.txt &
process=$!
for _ in $(seq 600); do
  [ -z "$(find runs -name '*.json' 2>/dev/null)" ] || break
  sleep 0.1
done
kill -INT $process 2>/dev/null
status=0
wait $process || status=$?
[ $status = 130 ] || fail "an interrupted study ends with status $status"
before=$(find runs -name '[0-9a-f]*.json' | wc -l)
[ "$before" -ge 1 ] || fail 'nothing was finished before the interruption'
[ ! -e runs/selection.index.json ] || fail 'an interrupted study has left an index'

# The rest: each finished run is read, not repeated.
expect 0 selection --quick --runs runs
after=$(find runs -name '[0-9a-f]*.json' | wc -l)
says "^$((after - before)) runs done, "
expect 0 selection --quick --runs runs
says '^0 runs done, '
# Of another commit: done again, or taken on demand.
export MINFOLD_COMMIT=another
expect 0 regularity --quick --runs runs
export MINFOLD_COMMIT=third
expect 0 regularity --quick --runs runs
says '^[1-9][0-9]* runs done, 0 were finished before'
export MINFOLD_COMMIT=fourth
expect 0 regularity --quick --runs runs --reuse
says '^0 runs done, '

# Half a file is no finished run.
some=$(find runs -name '[0-9a-f]*.json' | sort | head -n 1)
head -c 100 "$some" >half && mv half "$some"
expect 0 selection regularity --quick --runs runs --reuse
says '^1 runs done, '

# Bit for bit; and a changed bit is noticed.
for file in $(find runs -name '[0-9a-f]*.json' | sort | head -n 12); do
  expect 0 --replay "$file"
done
some=$(grep -l '"iterations"' runs/[0-9a-f]*.json | head -n 1)
python3 - "$some" changed.json <<'PYTHON'
import json, math, sys
run = json.load(open(sys.argv[1]))
run["result"]["end"]["x"][0] = math.nextafter(run["result"]["end"]["x"][0], 10)
json.dump(run, open(sys.argv[2], "w"))
PYTHON
expect 1 --replay changed.json
says 'not the same: .*/end/x/0'

# Tables and claims, and figures where there is a gnuplot by any of its names.
have_gnuplot=no
for program in gnuplot gnuplot-nox gnuplot-qt gnuplot-x11; do
  if command -v $program >/dev/null 2>&1; then have_gnuplot=yes; fi
done
if [ $have_gnuplot = no ]; then
  echo 'no gnuplot: the report of the studies is not tested'
  exit 77
fi
python3 "$report" runs out >stdout.txt 2>stderr.txt || fail 'no report'
for name in selection regularity; do
  for kind in json csv md; do
    [ -s "out/$name.$kind" ] || fail "there is no $name.$kind"
  done
done
! grep 'not met' out/selection.md out/regularity.md || fail 'a claim is not met'
[ -s out/figures/regularity_exponents.svg ] || fail 'there is no figure'
