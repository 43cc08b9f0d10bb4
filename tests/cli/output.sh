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

# A terminal: one line that is rewritten, in colour unless NO_COLOR is set.
if command -v script >/dev/null 2>&1; then
  script -q -e -c "env -u NO_COLOR TERM=xterm '$MINFOLD' solve two-well" terminal.txt </dev/null >/dev/null
  grep -q "${escape}\[2K" terminal.txt || fail "the progress line is not rewritten"
  grep -q "${escape}\[32m" terminal.txt || fail "no colour on a terminal"
  script -q -e -c "env NO_COLOR=1 TERM=xterm '$MINFOLD' solve two-well" terminal.txt </dev/null >/dev/null
  ! grep -q "${escape}\[32m" terminal.txt || fail "colour in spite of NO_COLOR"
fi
