# SPDX-License-Identifier: Apache-2.0
# installed.sh SCRATCH BINDIR DATADIR: the executable of SCRATCH/installed works where it is moved to,
# with the data that were installed with it.
set -eu
rm -rf "$1/moved" "$1/run"
cp -R "$1/installed" "$1/moved"
mkdir "$1/run"
cd "$1/run"
MINFOLD=$1/moved/$2/minfold
data=$1/moved/$3/minfold/data
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

expect 0 list
prints '^hyper-cleaning '
expect 1 solve hyper-cleaning --max-iterations 0
prints 'test_accuracy_true_labels'
# The build has a source tree with data of its own; these are the ones that were read.
: >"$data/digits.csv.gz"
expect 2 solve hyper-cleaning --max-iterations 0
complains "moved/$3/minfold/data/digits.csv.gz"
