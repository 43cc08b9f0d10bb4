# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"

# round_trip STATUS ARGUMENTS: a solve with what show-config prints is the solve that it describes.
round_trip() {
  status_of_solve=$1
  shift
  expect 0 show-config "$@"
  cp stdout.txt effective.toml
  expect "$status_of_solve" solve "$@" --json direct.json
  expect "$status_of_solve" solve --config effective.toml --json again.json
  python3 "$support/same_run.py" direct.json again.json || fail "another run: $*"
  # It says the same of itself, but for where the values come from.
  expect 0 show-config --config effective.toml
  sed 's/  #.*//;/^#/d' effective.toml >first.txt
  sed 's/  #.*//;/^#/d' stdout.txt >second.txt
  cmp -s first.txt second.txt || fail "show-config of its own file differs: $*"
}
round_trip 0 two-well
round_trip 0 sphere --precision float --set dim=30 --seed 18446744073709551615
round_trip 0 redundant-arm --set kind=spatial --set targets=5 --set far=0.60 --tolerance 1e-5
round_trip 1 line --method stocbio --seed 9 --max-iterations 30 --set x0=1.5
round_trip 1 two-well --method pbgd --max-iterations 5 --precision float
round_trip 1 hyper-cleaning --method bome --set train=60 --set validation=40 --set pool=4 \
  --max-iterations 3 --set assess=false --data "$MINFOLD_SOURCE_DIR/drivers/data"

# Where values come from.
cat >run.toml <<'TOML'
problem = "hyper-cleaning"
method = "stocbio"
[set]
train = 80
batch = 3
TOML
expect 0 show-config --config run.toml --tolerance 1e-3 --set batch=4
prints '^problem = "hyper-cleaning"  # run.toml:1:11$'
prints '^method = "stocbio"  # run.toml:2:10; the default is hgms$'
prints '^seed = 1  # the default$'
prints '^tolerance = 0.001  # the command line$'
prints '^max-iterations = 1000  # the default of stocbio$'
prints '^# json = ""  # not chosen$'
prints '^train = 80  # run.toml:4:9; the default is 900$'
prints '^batch = 4  # the command line; the default is 0$'
prints '^corruption-rule = "exclusive"  # the default$'
prints '^step = [0-9.]*  # what hyper-cleaning prefers; the default of stocbio is 0.1$'
prints '^# training samples, one weight each$'

# It refuses what a solve would refuse.
expect 2 show-config
complains 'PROBLEM is required'
expect 2 show-config two-well --set candidate=3
complains 'did you mean candidates?'
expect 2 show-config two-well --tolerance 1e-50 --precision float
complains 'tolerance 1e-50'
