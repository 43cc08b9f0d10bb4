# SPDX-License-Identifier: Apache-2.0
# Disks that are full or read-only, folders and files without permission: as any user meets them, also where
# the tests run as root.
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"
program=$MINFOLD
tried=0

# confined STATUS KIND ARGUMENTS -- ARGUMENTS OF MINFOLD: false where the system does not allow it.
confined() {
  wanted=$1
  shift
  kind=$*
  kind=${kind%% -- *}
  while [ "$1" != -- ]; do shift; done
  shift
  status=0
  # shellcheck disable=SC2086 # words
  python3 "$support/confined.py" $kind "$program" "$@" >stdout.txt 2>stderr.txt </dev/null || status=$?
  if [ $status = 77 ]; then
    cat stderr.txt
    return 1
  fi
  [ $status = "$wanted" ] || fail "$kind, minfold $*: exit status $status, expected $wanted"
  tried=$((tried + 1))
}

expect 0 solve two-well --checkpoint good.ckpt --json good.json
python3 - <<'PYTHON'
with open("diagonal.mtx", "w") as file:
    file.write("%%MatrixMarket matrix coordinate real symmetric\n80 80 80\n")
    file.write("".join(f"{i} {i} {i % 3}\n" for i in range(1, 81)))
PYTHON

# Folders and files that one may not write to.
mkdir locked
cp good.ckpt good.json locked
chmod 444 locked/good.json
chmod 555 locked
if confined 2 unprivileged -- solve two-well --checkpoint locked/run.ckpt; then
  complains 'cannot write locked/run.ckpt: Permission denied$'
  confined 2 unprivileged -- solve two-well --json locked/new.json
  complains 'cannot write locked/new.json: Permission denied$'
  confined 2 unprivileged -- resume locked/good.ckpt
  complains 'cannot write locked/good.ckpt: Permission denied$'
  chmod 755 locked
  confined 2 unprivileged -- solve two-well --json locked/good.json
  complains 'cannot write locked/good.json: Permission denied$'
  chmod 555 locked
fi
chmod 755 locked
[ "$(ls -A locked | tr '\n' ' ')" = 'good.ckpt good.json ' ] || fail "left behind: $(ls -A locked)"
cmp locked/good.ckpt good.ckpt && cmp locked/good.json good.json || fail 'a file without permission has changed'

# A disk that is read-only.
if confined 2 read-only locked -- solve two-well --checkpoint locked/good.ckpt; then
  complains 'cannot write locked/good.ckpt: Read-only file system$'
  confined 2 read-only locked -- solve two-well --checkpoint locked/new.ckpt
  complains 'cannot write locked/new.ckpt: Read-only file system$'
  confined 2 read-only locked -- tangent diagonal.mtx --out locked/basis.h5
  complains 'cannot write locked/basis.h5: Read-only file system$'
  confined 2 read-only locked -- tangent diagonal.mtx --json locked/records.json
  complains 'cannot write locked/records.json: Read-only file system$'
fi
cmp locked/good.ckpt good.ckpt || fail 'a file on a read-only disk has changed'

# A folder that is locked in the middle of a run: the last checkpoint survives, and the run goes on from it.
mkdir folder
status=0
python3 - "$support/confined.py" <<'PYTHON' || status=$?
import os, signal, subprocess, sys, time
solve = subprocess.Popen([sys.executable, sys.argv[1], "unprivileged", os.environ["MINFOLD"], "solve", "line",
                          "--method", "v-pbgd", "--tolerance", "1e-300", "--set", "step=0.001",
                          "--max-iterations", "4000000", "--checkpoint", "folder/run.ckpt", "--every", "100"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
while not os.path.exists("folder/run.ckpt"):
    if solve.poll() is not None:
        sys.exit(solve.returncode if solve.returncode == 77 else "ended by itself")
    time.sleep(0.01)
os.chmod("folder", 0o500)
while b"the solve goes on" not in (line := solve.stderr.readline()):
    assert line, "no word of the folder that is locked"
assert b"cannot write folder/run.ckpt: Permission denied; the solve goes on" in line, line
kept = open("folder/run.ckpt", "rb").read()
solve.send_signal(signal.SIGTERM)
solve.stderr.read()
assert solve.wait() == 2, solve.returncode
assert open("folder/run.ckpt", "rb").read() == kept and os.listdir("folder") == ["run.ckpt"]
PYTHON
chmod 700 folder
case $status in
  0)
    tried=$((tried + 1))
    expect 1 resume folder/run.ckpt --max-iterations 1000 --quiet
    ;;
  77) ;;
  *) fail 'a folder that is locked in the middle of a run' ;;
esac

# A disk that is full: what it has, and 8 KiB.
mkdir disk
cp good.ckpt disk/run.ckpt
cp good.json disk/run.json
space() { echo $((8192 + $(cat disk/* | wc -c) / 4096 * 4096 + 8192)); }
[ "$(wc -c <good.ckpt)" -gt 12000 ] || fail 'a checkpoint is too small for this test'
if confined 2 small-disk disk "$(space)" -- solve kinks --checkpoint disk/run.ckpt --every 1; then
  prints '^kinks: converged'
  grep -q 'cannot write disk/run.ckpt: No space left on device; the solve goes on' stderr.txt ||
    fail 'a full disk is not named'
  [ "$(ls -A disk.after | tr '\n' ' ')" = 'run.ckpt run.json ' ] || fail "left behind: $(ls -A disk.after)"
  cmp disk.after/run.ckpt good.ckpt || fail 'the last good checkpoint is lost'
  expect 0 resume disk.after/run.ckpt --quiet
  rm -r disk.after

  # Long records, and a basis.
  confined 2 small-disk disk "$(space)" -- solve line --method v-pbgd --max-iterations 200 --tolerance 1e-300 \
    --json disk/run.json
  grep -q 'cannot write disk/run.json: No space left on device$' stderr.txt || fail 'a full disk is not named'
  cmp disk.after/run.json good.json || fail 'the last good report is lost'
  rm -r disk.after
  for file in basis.h5 basis.npy; do
    confined 2 small-disk disk "$(space)" -- tangent diagonal.mtx --max-dimension 40 --out disk/$file
    complains "cannot write disk/$file: No space left on device$"
    [ "$(ls -A disk.after | tr '\n' ' ')" = 'run.ckpt run.json ' ] || fail "left behind: $(ls -A disk.after)"
    rm -r disk.after
  done
fi

if [ $tried = 0 ]; then
  echo 'neither permissions nor mounts can be changed here'
  exit 77
fi
echo "$tried refusals of the file system"
