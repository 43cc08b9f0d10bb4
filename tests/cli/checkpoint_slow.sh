# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"
: >stdout.txt
: >stderr.txt

# Killed at 50 random moments, and the end is that of the solve that was left alone, bit for bit.
python3 "$support/kill_and_resume.py" 25 3 killed.ckpt 50 line --method v-pbgd \
  --max-iterations 10000 --tolerance 1e-300 || fail "killed v-pbgd"
python3 "$support/kill_and_resume.py" 15 4 killed.ckpt 1 redundant-arm --set targets=20 \
  --set candidates=4 || fail "killed hgms"
python3 "$support/kill_and_resume.py" 10 5 killed.ckpt 5 hyper-cleaning --method hgms-minibatch \
  --set loss=squared --set pool=4 --set train=24 --set validation=12 --set batch=6 \
  --set assess=false --max-iterations 200 || fail "killed hgms-minibatch"
