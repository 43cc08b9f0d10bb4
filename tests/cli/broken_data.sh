# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

python3 "$support/make_idx.py" good
small="--set train=60 --set validation=40 --set pool=7"
expect 1 solve hyper-cleaning --data good $small --max-iterations 1 --json good.json
python3 "$support/check_json.py" good.json "r['result']['metrics']['dataset'] == 'idx'" || fail "idx"

# Each fault: one sentence with the name of the file, exit status 2, no report.
for fault in missing truncated wrong-magic too-long count-mismatch empty bad-gzip; do
  python3 "$support/make_idx.py" $fault $fault
  expect 2 solve hyper-cleaning --data $fault $small --json out.json
  complains "$fault.*train-"
done
python3 "$support/make_idx.py" bad stray-label
expect 2 solve hyper-cleaning --data bad $small --json out.json
complains '^minfold: bad: expected images of every label from 0 to 77.*found none of 10$'
python3 "$support/make_idx.py" bad unknown-test-label
expect 2 solve hyper-cleaning --data bad $small --json out.json
complains 'bad.*t10k-labels.*labels from 0 to 9, found 77'
expect 2 solve hyper-cleaning --data no-such-folder --json out.json
complains 'no-such-folder'
# Neither layout is there: both are named. A name that no file can have is a name, not a bug.
mkdir nothing
expect 2 solve hyper-cleaning --data nothing
complains '^minfold: nothing: .*train-images-idx3-ubyte.*digits.csv'
long=$(printf '%300s' '' | tr ' ' x)
for dataset in '' '--set dataset=digits' '--set dataset=idx'; do
  # shellcheck disable=SC2086  # none or two words
  expect 2 solve hyper-cleaning --data "$long" $dataset --json out.json
  complains 'xxx: expected a directory'
done

# As many classes as the files have, whatever the first label is.
python3 "$support/make_idx.py" letters '' 26 1
expect 1 solve hyper-cleaning --data letters $small --max-iterations 0 --json letters.json
python3 "$support/check_json.py" letters.json "r['result']['metrics']['classes'] == 26" \
  "r['options']['data'] == 'letters'" || fail "letters"
[ ! -e out.json ] || fail "a report in spite of broken data"
