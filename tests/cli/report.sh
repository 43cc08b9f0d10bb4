# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

expect 0 solve two-well --json one.json
expect 1 solve line --method bome --max-iterations 20 --json two.json
expect 1 solve kink --set x0=0 --max-iterations 0 --json three.json
# What the page is drawn from, and what identifies the program.
python3 "$support/check_json.py" one.json "all(it['target'] > 0 for it in r['iterations'])" \
  "all(it['values'] > 0 and 'reasons' not in it for it in r['iterations'])" \
  "r['build']['version'] and r['build']['commit'] and r['build']['compiler']" \
  "'-O' in r['build']['flags'] or r['build']['build_type'] == 'Debug'" \
  "r['build']['kokkos']['default'] in r['build']['kokkos']['backends']" \
  "r['build']['kokkos']['configuration']['CPU architecture']" || fail "one.json"
python3 "$support/check_json.py" three.json "r['iterations'][-1]['reasons'] == r['result']['reasons']" ||
  fail "three.json"

have_gnuplot=no
for program in gnuplot gnuplot-nox gnuplot-qt gnuplot-x11; do
  if command -v $program >/dev/null; then have_gnuplot=yes; fi
done

# page FILE EXPRESSION...: well formed, self-contained, without scripts; p is what it says.
page() {
  python3 "$support/check_page.py" "$@" || fail "page $1"
}
expect 0 report one.json two.json three.json --out page.html
if [ $have_gnuplot = yes ]; then
  [ ! -s stderr.txt ] || fail "complains in spite of gnuplot"
  # Three quantities by three abscissas, kernel and gap, three of work, one of verdicts.
  page page.html "p.pictures == 15" "'two-well' in p.text and 'bome' in p.text" \
    "p.headings[1:6] == ['Convergence', 'Manifold of minimizers', 'Work', 'Verdicts', 'Verdicts and their reasons']" \
    "'Upper objective' in p.svg or 'F above its smallest value' in p.svg" \
    "all(t in p.svg for t in ('outer iteration', 'seconds', 'gradient equivalents'))" \
    "all(t in p.svg for t in ('|hypergradient|', 'Kernel dimension of H', 'Spectral gap', 'Time by stage'))" \
    "'not assessed' in p.svg" "p.curves >= 3 * 3 * 3"
fi
page page.html "all(reason in p.text for reason in json.load(open('three.json'))['result']['reasons'])" \
  "all(word in p.text for word in ('iteration_limit', 'kernel-tolerance', 'gradient_error'))"
expect 0 report one.json
page report.html "'1 run' in p.text and 'certified' in p.text"
rm report.html page.html

# Without gnuplot: a page without figures that says so.
status=0
PATH=/nonexistent "$MINFOLD" report one.json --out bare.html >stdout.txt 2>stderr.txt || status=$?
[ $status = 0 ] || fail "exit status $status without gnuplot"
complains '^minfold: bare.html has no figures: there is no gnuplot in PATH$'
page bare.html "p.pictures == 0" "'No figures: there is no gnuplot in PATH' in p.text"
# With one that fails.
mkdir bin
printf '#!/bin/sh\necho "out of ink" >&2\nexit 3\n' >bin/gnuplot
chmod +x bin/gnuplot
PATH=$PWD/bin:$PATH expect 0 report one.json --out bare.html
complains '^minfold: bare.html has no figures: gnuplot failed: out of ink'
rm -r bin bare.html

# Texts of a report are texts, wherever they stand: in HTML and before gnuplot.
python3 "$support/hostile_report.py" one.json hostile.json
expect 0 report hostile.json one.json --out hostile.html
page hostile.html "'<script>' in p.text and 'system(' in p.text and '&lt;' not in p.text" \
  "p.pictures in (0, 15)" "'touch' not in p.svg and 'script' not in p.svg"
[ ! -e owned ] || fail "a text of the report was run"

# What is no report: one sentence, exit 2, no page.
broken() {
  expect 2 report "$1" --out broken.html
  complains "^minfold: $2"
  [ ! -e broken.html ] || fail "a page of $1"
}
head -c 3000 one.json >cut.json
broken cut.json 'cut.json: not JSON, or only a part of it: it breaks off at byte 30'
: >empty.json
broken empty.json 'empty.json: not JSON'
echo '{"schema": "something-else-1"}' >foreign.json
broken foreign.json 'foreign.json: not a report of minfold solve: its schema is not minfold-solve-1$'
echo '[1, 2]' >array.json
broken array.json 'array.json: not a report of minfold solve: the file is not an object$'
echo '{"schema": "minfold-solve-1"}' >bare.json
broken bare.json 'bare.json: not a report of minfold solve: the file has no problem$'
head -c 100000 /dev/zero | tr '\0' '[' >deep.json
broken deep.json 'deep.json: not JSON'
broken no-such.json 'cannot read no-such.json: No such file'
mkdir folder
broken folder 'cannot read folder: it is a directory$'
rmdir folder
for change in "r['iterations'] = 3" "r['iterations'][0] = 3" "r['iterations'][0]['upper'] = 'x'" \
  "del r['iterations'][0]['seconds']" "r['result']['reasons'] = [1]" "r['result'] = None" \
  "r['stages'] = []" "r['stages']['refine'] = 1" "r['problem'] = 1" "r['build'] = 2"; do
  python3 -c "
import json
r = json.load(open('one.json'))
$change
json.dump(r, open('changed.json', 'w'))"
  broken changed.json 'changed.json: not a report of minfold solve: '
done
expect 2 report
complains 'FILE'
expect 2 report one.json --out no/such/folder/page.html
complains 'no/such/folder/page.html'
