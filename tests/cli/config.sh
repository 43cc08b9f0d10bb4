# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

# The example, which is what the same command line is.
expect 0 solve --config "$MINFOLD_SOURCE_DIR/drivers/examples/run.toml" --json file.json
expect 0 solve redundant-arm --seed 7 --max-iterations 100 --tolerance 1e-6 --set kind=planar \
  --set targets=5 --set joints=4 --set links=0.4,0.3,0.2,0.1 --set candidates=16 --json line.json
python3 "$support/same_run.py" file.json line.json || fail "the file is another run"
python3 "$support/check_json.py" file.json "r['seed'] == 7 and r['options']['targets'] == 5" \
  "r['options']['max_iterations'] == 100 and r['options']['tolerance'] == 1e-6" || fail "options"

cat >run.toml <<'TOML'
problem = "two-well"
method = "bome"
seed = 3
precision = "float"
max-iterations = 7
tolerance = 1e-3
json = "run.json"
quiet = true
[set]
x0 = 0.5
assess = true
TOML
expect 1 solve --config run.toml
[ "$(wc -l <stdout.txt)" = 1 ] && [ ! -s stderr.txt ] || fail "not quiet"
python3 "$support/check_json.py" run.json "r['method'] == 'bome' and r['precision'] == 'float'" \
  "r['seed'] == 3 and r['options']['max_iterations'] == 7 and r['options']['x0'] == 0.5" ||
  fail "options of the file"
# assess is no key of hgms: what the file has in excess is refused, with its place.
expect 2 solve --config run.toml --method hgms
complains '^minfold: run.toml:11:10: assess: unknown key'
# The command line outranks the file, key by key.
sed -i /assess/d run.toml
expect 1 solve sphere --config run.toml --seed 5 --method hgms --precision double --max-iterations 0 \
  --tolerance 1e-2 --quiet=false --json line.json --set x0=1,0 --set dim=2
complains '^sphere  0/0'
python3 "$support/check_json.py" line.json "r['problem'] == 'sphere' and r['method'] == 'hgms'" \
  "r['seed'] == 5 and r['precision'] == 'double' and r['options']['max_iterations'] == 0" \
  "r['options']['tolerance'] == 1e-2 and r['options']['x0'] == '1,0'" || fail "outranked options"

# A file for solve serves check as well, whatever it says of the method.
expect 0 check --config run.toml --precision double
expect 2 check sphere --config run.toml --set bommerang=1
complains '^minfold: --set bommerang: unknown key'

# faulty TEXT SENTENCE: one sentence that names the place.
faulty() {
  printf '%b' "$1" >bad.toml
  expect 2 solve --config bad.toml
  complains "^minfold: bad.toml:$2"
}
run='problem = "two-well"\n'
faulty 'problem = ' '1:[0-9]*: Error while parsing'
faulty 'problem = "two-well' '1:20: Error while parsing string'
faulty "${run}seed = 1\nseed = 2" '3:.*cannot redefine existing integer .seed'
faulty "${run}sed = 1" '2:1: sed: unknown key; did you mean seed?$'
faulty "${run}candidates = 3" '2:1: candidates: unknown key; .* are for the table \[set\]$'
faulty 'problem = 3' '1:11: problem: expected a string in quotation marks, got an integer$'
faulty "${run}seed = -1" '2:8: seed: expected an integer from 0 to '
faulty "${run}seed = 1.5" '2:8: seed: expected an integer, got a number with a fraction$'
faulty "${run}quiet = 1" '2:9: quiet: expected true or false, got an integer$'
faulty "${run}tolerance = nan" '2:13: tolerance: expected a finite number$'
faulty "${run}tolerance = 0" '2:13: tolerance: expected a positive number, got 0$'
faulty "${run}precision = \"half\"" '2:13: precision: expected float or double, got half$'
faulty "${run}max-iterations = 99999999999" '2:18: max-iterations: expected an integer from 0 to'
faulty "${run}set = 3" '2:7: set: expected a table, \[set\], got an integer$'
faulty "${run}[set]\nx0 = [1, \"a\"]" '3:10: x0: expected finite numbers in the array, got a string$'
faulty "${run}[set]\nx0 = 1979-05-27" '3:6: x0: expected a number, .* got a date or a time$'
faulty "${run}[set]\n\"a=b\" = 1" '3:1: \[set\]: a key is empty or has an equals sign$'
faulty "${run}[set]\ncandidate = 3" '3:13: candidate: unknown key; did you mean candidates?$'
faulty "${run}[set]\ncandidates = 0" '3:14: candidates=0: expected an integer from 1'
faulty 'problem = "two-wells"' '1:11: there is no problem two-wells; did you mean two-well?$'
faulty "${run}method = \"bom\"" '2:10: there is no method bom; did you mean bome?$'
faulty "${run}precision = \"float\"\ntolerance = 1e-50" '3:13: tolerance 1e-50: not a number in this precision$'
faulty "${run}\"se\\\\ned\" = 1" '2:1: se?ed: unknown key'
faulty "${run}json = \"a\\\\u0000b\"" '2:8: json: the string holds a character of code 0$'
faulty "${run}# \\0377" '2:2: Encountered invalid utf-8'
# --set of the command line is named as such.
expect 2 solve --config run.toml --set x0=nan
complains '^minfold: --set x0=nan'

# The file itself.
expect 2 solve --config no-such-file.toml
complains '^minfold: cannot read no-such-file.toml: No such file'
mkdir folder
expect 2 solve --config folder
complains '^minfold: cannot read folder: it is a directory$'
rmdir folder
head -c 1100000 /dev/zero | tr '\0' '#' >large.toml
expect 2 solve --config large.toml
complains 'at most 1 MiB$'
: >empty.toml
expect 2 solve --config empty.toml
complains 'PROBLEM is required'
expect 0 solve two-well --config empty.toml --quiet
