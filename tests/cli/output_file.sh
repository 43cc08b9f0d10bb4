# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

# What cannot be written is refused before the solve, which would take minutes here.
big="redundant-arm --set targets=1000000"
expect 2 solve $big --json no/such/folder/out.json
complains 'no/such/folder/out.json'
mkdir folder
expect 2 solve $big --json folder
complains 'folder.*directory'
rmdir folder
expect 2 solve two-well --json ''
complains 'empty'
if [ "$(id -u)" != 0 ]; then
  mkdir -m 500 locked
  expect 2 solve $big --json locked/out.json
  complains 'locked/out.json'
  rmdir locked
fi
only

# Bad input leaves nothing, and an older report as it was.
echo old >out.json
expect 2 solve two-well --set nosuchkey=1 --json out.json
[ "$(cat out.json)" = old ] || fail "a failed run changed its output file"
only out.json

# A good run replaces it, in one piece; a solve that does not converge writes its report too.
expect 0 solve two-well --json out.json
python3 "$support/check_json.py" out.json "r['result']['outcome'] == 'converged'" || fail "report"
expect 1 solve two-well --max-iterations 1 --json out.json
python3 "$support/check_json.py" out.json "r['result']['outcome'] == 'iteration_limit'" || fail "report"
only out.json

# Through a link, and to a pipe.
mkdir folder
ln -s folder/target.json link.json
expect 0 solve two-well --json link.json
[ -L link.json ] || fail "the link was replaced"
python3 "$support/check_json.py" folder/target.json || fail "report"
rm -r folder link.json out.json
expect 0 solve two-well --quiet --json /dev/stdout
prints '"schema"'

# What cannot be written at the end still leaves the result on the screen.
expect 2 solve two-well --json /dev/full
prints '^two-well: converged'
grep -q '^minfold: cannot write /dev/full: ' stderr.txt || fail "a full disk is not named"
# The name of the temporary file is no longer than a long name.
long=$(printf '%250s' '' | tr ' ' x)
expect 0 solve two-well --json "$long"
rm "$long"

# No output replaces another file of the same run.
cat >run.toml <<'TOML'
problem = "two-well"
json = "run.out"
checkpoint = "run.out"
TOML
cp run.toml run.before
expect 2 solve two-well --json same --checkpoint ./same
complains '^minfold: --json and --checkpoint are both same, expected two files$'
ln -s ./same link
expect 2 solve two-well --json link --checkpoint same
complains 'are both link'
expect 2 solve --config run.toml
complains '^minfold: run.toml:2:8: json and --checkpoint are both run.out, expected two files$'
expect 2 solve --config run.toml --checkpoint run.ckpt --json run.toml
complains '^minfold: --json and --config are both run.toml'
expect 2 solve --config run.toml --checkpoint run.toml
complains '^minfold: --checkpoint and --config are both run.toml'
cmp run.toml run.before
expect 0 solve two-well --checkpoint run.ckpt
cp run.ckpt run.before
expect 2 resume run.ckpt --json run.ckpt
complains '^minfold: --json and FILE are both run.ckpt'
cmp run.ckpt run.before
rm run.* link
only

# Results that cannot be printed are no success, whatever the command and however much it prints.
for command in "solve two-well --quiet" "list" "show-config two-well" "show-config two-well --method sgf" \
  "check two-well" "--help" "solve --help" "--version"; do
  status=0
  "$MINFOLD" $command >/dev/full 2>stderr.txt || status=$?
  [ $status = 2 ] || fail "$command to a full disk: exit status $status"
  tail -n 1 stderr.txt | grep -q '^minfold: cannot write to the standard output' || fail "$command to a full disk"
done
# Started without the standard streams.
expect 0 solve two-well --quiet --json with.json --checkpoint with.ckpt
status=0
"$MINFOLD" solve two-well --json without.json --checkpoint without.ckpt --every 1 <&- >&- 2>&- || status=$?
[ $status = 0 ] || fail "exit status $status without streams"
python3 "$support/check_json.py" without.json "r['result']['outcome'] == 'converged'" || fail "report without streams"
expect 0 resume without.ckpt --quiet
rm with.* without.*

# Ended by a signal: stops after the running iteration and reports what there is.
"$MINFOLD" solve redundant-arm --set targets=100 --tolerance 1e-30 --max-iterations 1000000 \
  --json stopped.json >stdout.txt 2>stderr.txt </dev/null &
solver=$!
until grep -q '^redundant-arm  0/' stderr.txt; do
  kill -0 $solver || fail "ended by itself"
  sleep 0.1
done
kill -TERM $solver
status=0
wait $solver || status=$?
[ $status = 143 ] || fail "ended by SIGTERM with exit status $status"
python3 "$support/check_json.py" stopped.json "r['result']['outcome'] == 'stopped'" || fail "stopped"
only stopped.json
