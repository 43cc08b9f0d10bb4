# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

python3 "$support/make_idx.py" good
small="--set train=60 --set validation=40 --set pool=7"
expect 1 solve hyper-cleaning --data good $small --max-iterations 1 --json good.json
python3 "$support/check_json.py" good.json "r['result']['metrics']['dataset'] == 'idx'" || fail "idx"

# Each fault: one sentence with the name of the file, exit status 2, no report.
for fault in missing truncated wrong-magic too-long count-mismatch label-out-of-range empty \
  bad-gzip; do
  python3 "$support/make_idx.py" $fault $fault
  expect 2 solve hyper-cleaning --data $fault $small --json out.json
  complains "$fault.*train-"
done
expect 2 solve hyper-cleaning --data no-such-folder --json out.json
complains 'no-such-folder'
[ ! -e out.json ] || fail "a report in spite of broken data"
