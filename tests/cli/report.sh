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
# Nothing is drawn where there is nothing to draw, and that takes no other figure along; sizes and depths that
# no report has are refused.
changed() {
  python3 -c "
import json, sys
r = json.load(open('one.json'))
$1
json.dump(r, open('changed.json', 'w'))"
}
numbers="for k in o: o[k] = VALUE if isinstance(o[k], (int, float)) and k != 'iteration' else o[k]"
for change in "r['iterations'] = []" "r['iterations'] = r['iterations'][:1]" \
  "
for o in r['iterations']:
  $(echo "$numbers" | sed 's/VALUE/None/')" \
  "
for o in list(r['stages'].values()) + r['iterations']:
  $(echo "$numbers" | sed 's/VALUE/None/')" \
  "
for o in r['stages'].values():
  $(echo "$numbers" | sed 's/VALUE/1e300/')" \
  "
for o in r['stages'].values():
  $(echo "$numbers" | sed 's/VALUE/0/')" \
  "
for o in r['iterations']: o['upper'] = r['truth']['optimum']"; do
  changed "$change"
  expect 0 report changed.json --out changed.html
  if [ $have_gnuplot = yes ]; then
    [ ! -s stderr.txt ] || fail "no figures of: $change"
    page changed.html "p.pictures >= 1"
    expect 0 report one.json changed.json --out changed.html
    [ ! -s stderr.txt ] || fail "no figures with another run of: $change"
    page changed.html "p.pictures == 15"
  fi
done
changed "r['iterations'] = []; r['stages'] = {}"
expect 0 report changed.json --out changed.html
if [ $have_gnuplot = yes ]; then
  complains '^minfold: changed.html has no figures: no run has numbers to draw$'
fi
page changed.html "p.pictures == 0" "'iteration' in p.text"
sed 's/"seed": 1/"seed": 1e999/' one.json >changed.json
broken changed.json 'changed.json: not a report of minfold solve: it has a number that is too large$'
python3 -c "
text = open('one.json').read()
deep = 1000000
open('changed.json', 'w').write(text.replace('\"options\": {', '\"options\": {\"deep\": ' + '[' * deep + ']' * deep + ','))"
broken changed.json 'changed.json: not a report of minfold solve: it is nested more than 100 levels deep$'

# More runs than colours: lines of the second eight are dotted, and hatched in the legend.
expect 0 report $(for run in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo one.json; done) --out many.html
if [ $have_gnuplot = yes ]; then
  [ ! -s stderr.txt ] || fail "complains about many runs"
  page many.html "p.pictures == 15" "'20 runs' in p.text"
  python3 - <<'PYTHON' || fail "runs 1 and 9 look the same"
import re
page = open("many.html").read()
svg = re.search("<svg.*?</svg>", page, re.S)[0]
strokes = re.findall(r"<g id=\"f0_gnuplot_plot_\d+\".*?</g>\s*</g>", svg, re.S)
first = [" ".join(sorted(set(re.findall(r"stroke='rgb\([^']*'|stroke-dasharray=(?:'[^']*')", plot)))) for plot in strokes]
assert len(first) == 20 and len(set(first)) == 20, first
assert page.count("repeating-linear-gradient") >= 12
PYTHON
fi
rm -f many.html changed.html changed.json

# A page that would replace one of its reports.
cp one.json "with space.json"
expect 2 report two.json "with space.json" --out "./with space.json"
complains '^minfold: --out and FILE are both ./with space.json, expected two files$'
cmp one.json "with space.json" || fail "the report is gone"

# What gnuplot warns of does not hide why it failed.
mkdir bin
printf '#!/bin/sh\necho "Cannot read termcap database;" >&2\necho "         line 24: out of ink" >&2\necho >&2\nexit 3\n' >bin/gnuplot
chmod +x bin/gnuplot
PATH=$PWD/bin:$PATH expect 0 report one.json --out bare.html
complains '^minfold: bare.html has no figures: gnuplot failed: line 24: out of ink$'
rm -r bin bare.html

expect 2 report
complains 'FILE'
expect 2 report one.json --out no/such/folder/page.html
complains 'no/such/folder/page.html'
