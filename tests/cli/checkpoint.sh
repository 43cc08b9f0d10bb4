# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

same() {
  python3 - "$1" "$2" <<'PYTHON' || fail "$1 and $2 differ"
import json, sys
def strip(v):
    if isinstance(v, dict): return {k: strip(w) for k, w in v.items() if k != "seconds"}
    return [strip(w) for w in v] if isinstance(v, list) else v
a, b = (strip(json.load(open(path))) for path in sys.argv[1:3])
for key in a: assert a[key] == b.get(key), key
assert a.keys() == b.keys()
PYTHON
}

# A solve that is over, from its checkpoint: the same report.
expect 0 solve two-well --json whole.json
expect 0 solve two-well --json first.json --checkpoint run.ckpt --every 1
same whole.json first.json
expect 0 resume run.ckpt --json again.json
same whole.json again.json
prints '^two-well: converged'

# One that stopped at its limit goes on when it is given more.
expect 0 solve kinks --json whole.json
expect 1 solve kinks --max-iterations 2 --checkpoint run.ckpt --quiet
expect 0 resume run.ckpt --max-iterations 200 --json again.json
python3 "$support/check_json.py" again.json "r['result']['outcome'] == 'converged' and [i['iteration'] for i in r['iterations']] == list(range(r['result']['iterations'] + 1))" || fail "extended"

# Another build, or another number of threads, goes on with a warning.
expect 0 solve two-well --checkpoint run.ckpt --quiet
expect 0 resume run.ckpt --quiet
[ ! -s stderr.txt ] || fail "warns of the same program"
expect 0 resume run.ckpt --quiet --kokkos-num-threads=1
complains '^minfold: run.ckpt was made with 2 threads, this is 1: results may differ in rounding$'
expect 0 solve two-well --checkpoint run.ckpt --quiet
python3 - <<'PYTHON' || fail "no commit in a checkpoint"
import json, os, subprocess, zlib
commit = json.loads(subprocess.run([os.environ["MINFOLD"], "doctor", "--json"], capture_output=True).stdout)["build"]["commit"].encode()
data = open("run.ckpt", "rb").read()
image = data[512:].replace(commit + b", ", b"x" * len(commit) + b", ")
assert image != data[512:]
header = b"minfold checkpoint 1\ncrc32 %08x\nbytes %d\n" % (zlib.crc32(image), len(image))
open("run.ckpt", "wb").write(header.ljust(512, b"\0") + image)
PYTHON
expect 0 resume run.ckpt --quiet
complains '^minfold: run.ckpt was made by another build (xxx.*): results may differ in rounding$'

# Stopped by a signal: saved, and told by the exit status; resumed, it ends like the whole one.
long="line --method v-pbgd --tolerance 1e-300 --set step=0.001"
for signal in TERM INT HUP; do
  rm -f run.ckpt
  # An interactive shell's job: others start with SIGINT ignored.
  python3 - "$signal" $long <<'PYTHON' || fail "stopped by $signal"
import os, signal, subprocess, sys, time
minfold = os.environ["MINFOLD"]
number = getattr(signal, "SIG" + sys.argv[1])
solve = subprocess.Popen([minfold, "solve"] + sys.argv[2:] +
                         ["--max-iterations", "4000000", "--checkpoint", "run.ckpt", "--every", "100"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while not os.path.exists("run.ckpt"):
    assert solve.poll() is None, "ended by itself"
    time.sleep(0.01)
solve.send_signal(number)
assert solve.wait() == 128 + number, solve.returncode
PYTHON
done
# Started to outlive its terminal, it does.
python3 - $long <<'PYTHON' || fail "ended by a hangup that it was to ignore"
import os, signal, subprocess, sys
solve = subprocess.Popen([os.environ["MINFOLD"], "solve"] + sys.argv[1:] + ["--max-iterations", "100000000"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                         preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
for count in range(2):
    # An iteration before the signal, and one after it.
    while b"/100000000" not in (line := solve.stderr.readline()):
        assert line, "ended by itself"
    solve.send_signal(signal.SIGHUP)
solve.kill()
assert solve.wait() == -signal.SIGKILL, solve.returncode
PYTHON
# ... the records of which are those of a run of that length
expect 1 solve $long --max-iterations 5000 --json whole.json
python3 - $long <<'PYTHON' || fail "killed by a signal"
import os, signal, subprocess, sys, time
minfold = os.environ["MINFOLD"]
os.remove("run.ckpt")
solve = subprocess.Popen([minfold, "solve"] + sys.argv[1:] +
                         ["--max-iterations", "5000", "--checkpoint", "run.ckpt", "--every", "100"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
while not os.path.exists("run.ckpt"):
    assert solve.poll() is None, "ended by itself"
    time.sleep(0.001)
solve.send_signal(signal.SIGTERM)
assert solve.wait() in (143, 1), solve.returncode
PYTHON
expect 1 resume run.ckpt --json again.json
same whole.json again.json

# Killed at random moments.
python3 "$support/kill_and_resume.py" 6 1 killed.ckpt 200 line --method v-pbgd \
  --max-iterations 4000 --tolerance 1e-300 || fail "killed v-pbgd"
python3 "$support/kill_and_resume.py" 4 2 killed.ckpt 1 redundant-arm --set targets=10 || fail "killed hgms"

# What is no checkpoint, or none any more, is refused by a sentence, and the file stays as it is.
expect 0 solve two-well --checkpoint run.ckpt
cp run.ckpt good.ckpt
expect 2 resume nothing.ckpt
complains 'nothing.ckpt.*nothing there'
expect 2 resume .
complains 'expected a checkpoint'
expect 2 resume whole.json
complains 'whole.json.*no checkpoint of minfold'
: >empty.ckpt
expect 2 resume empty.ckpt
complains 'empty.ckpt.*empty'
head -c 1000 good.ckpt >cut.ckpt
expect 2 resume cut.ckpt
complains 'cut.ckpt.*cut off'
python3 -c "
data = bytearray(open('good.ckpt', 'rb').read()); data[len(data) // 2] ^= 1
open('flipped.ckpt', 'wb').write(data)"
expect 2 resume flipped.ckpt
complains 'flipped.ckpt.*damaged'
sed '1s/checkpoint 1/checkpoint 7/' good.ckpt >newer.ckpt
expect 2 resume newer.ckpt
complains 'newer.ckpt.*schema 7'

# A disk that is full from some moment on: said at once, the result is there, the last good file survives.
expect 2 solve two-well --checkpoint no/such/folder/run.ckpt
complains 'no/such/folder/run.ckpt'
expect 2 solve two-well --every 3
complains '--checkpoint'
cp good.ckpt run.ckpt
status=0
(
  trap '' XFSZ
  ulimit -f 8 # 4 or 8 KiB, less than a checkpoint
  exec "$MINFOLD" solve kinks --checkpoint run.ckpt --every 1 >stdout.txt 2>stderr.txt
) || status=$?
[ $status = 2 ] || fail "a full disk: exit status $status"
prints '^kinks: converged'
grep -q 'cannot write run.ckpt: .*too large; the solve goes on' stderr.txt || fail "a full disk is not named"
cmp run.ckpt good.ckpt || fail "the last good checkpoint is lost"
# A kill while the file is written leaves no part of it.
mkdir folder
cp good.ckpt folder/run.ckpt
status=0
(
  ulimit -f 8 # the system ends the process by SIGXFSZ, while it writes
  cd folder
  exec "$MINFOLD" solve kinks --checkpoint run.ckpt --every 1 >/dev/null 2>&1
) || status=$?
[ $status -gt 128 ] || fail "not killed: exit status $status"
[ "$(ls -A folder)" = run.ckpt ] || fail "left behind: $(ls -A folder)"
cmp folder/run.ckpt good.ckpt || fail "the last good checkpoint is lost"
rm -r folder

# A second signal ends the solve at once, also if it is not the same as the first. Both come while the process
# is halted, so that no iteration ends in between.
python3 - $long <<'PYTHON' || fail "a second signal does not end the solve"
import os, signal, subprocess, sys
solve = subprocess.Popen([os.environ["MINFOLD"], "solve"] + sys.argv[1:] + ["--max-iterations", "100000000"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
# Iteration 0 has been seen: signals are waited for.
while b"  0/" not in (line := solve.stderr.readline()):
    assert line, "ended by itself"
for number in (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT):
    solve.send_signal(number)
assert solve.wait() in (-signal.SIGINT, -signal.SIGTERM), solve.returncode
PYTHON
