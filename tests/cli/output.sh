# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

# Not a terminal: plain lines of progress on stderr, results on stdout, no escape sequence anywhere.
expect 0 solve two-well
grep -q '^two-well  0/' stderr.txt || fail "no progress"
prints '^two-well: converged after'
escape=$(printf '\033')
! grep -q "$escape" stdout.txt stderr.txt || fail "escape sequences in a file"
! grep -q 'Kokkos' stderr.txt || fail "Kokkos warns"

# Quiet: one line.
expect 0 solve two-well --quiet
[ "$(wc -l <stdout.txt)" = 1 ] || fail "more than the result"
[ ! -s stderr.txt ] || fail "not quiet"

# Flags of Kokkos; the number of threads changes nothing.
for threads in 1 2; do
  expect 0 solve sphere --kokkos-num-threads=$threads --json threads$threads.json
  cp stdout.txt threads$threads.txt
done
python3 "$support/check_json.py" threads1.json "r['threads'] == 1" || fail "threads"
python3 - <<'PYTHON' || fail "results depend on the number of threads"
import json
a, b = (json.load(open(f"threads{n}.json")) for n in (1, 2))
assert a["result"]["x"] == b["result"]["x"] and a["result"]["upper"] == b["result"]["upper"]
for one, two in zip(a["iterations"], b["iterations"], strict=True):
    assert {k: v for k, v in one.items() if k != "seconds"} == {
        k: v for k, v in two.items() if k != "seconds"}
PYTHON
expect 0 --kokkos-help
prints 'kokkos-num-threads'

# A terminal: one line that is rewritten and never wider than the terminal, in colour unless NO_COLOR
# is set. The first two need the room.
for columns in 80 50 20 0; do
  env -u NO_COLOR TERM=xterm python3 "$support/terminal.py" $columns "$MINFOLD" solve reweighting \
    --max-iterations 30 >terminal.txt || [ $? = 1 ] || fail "exit status on a terminal"
  python3 - $columns <<'PYTHON' || fail "the progress line on a terminal of $columns columns"
import sys
columns = int(sys.argv[1]) or 80
text = open("terminal.txt", newline="").read()
progress, _, results = text.rpartition("\r\x1b[2K")
lines = progress.split("\r\x1b[2K")[1:]
assert len(lines) > 1, "not rewritten"
assert all("\n" not in line and "\x1b" not in line for line in lines), lines
assert max(map(len, lines)) < columns, lines
assert all(line.startswith("reweighting  "[: columns - 1]) for line in lines), lines
if columns == 80:
    assert any("|grad F|" in line and " left" in line for line in lines), lines
assert results.splitlines()[0].startswith("\x1b[1mreweighting\x1b[0m: \x1b[3"), results
PYTHON
done
NO_COLOR=1 TERM=xterm python3 "$support/terminal.py" 80 "$MINFOLD" solve two-well >terminal.txt
! grep -q "${escape}\[3" terminal.txt || fail "colour in spite of NO_COLOR"
TERM=dumb python3 "$support/terminal.py" 80 "$MINFOLD" solve two-well >terminal.txt
! grep -q "$escape" terminal.txt || fail "escape sequences on a dumb terminal"
