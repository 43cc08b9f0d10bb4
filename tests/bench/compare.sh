# SPDX-License-Identifier: Apache-2.0
# The comparison: its JSON, and that a wrong answer is shown as wrong and not timed. MINFOLD is the
# executable compare.
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"
look=$MINFOLD_SOURCE_DIR/tests/bench/check_compare.py

expect 0 --only 1000x32k4 --only 1000x32r16 --only 1000x32c1e2 --rounds 2 --threads 2 \
  --json out.json --markdown out.md
prints '| 1000x32k4 | kernel_and_pinv | \*\*minfold\*\* |'
cmp -s stdout.txt out.md || fail 'the table in the file is another one'
prints '| 1000x32k4 | kernel_and_pinv | [0-9.]* | [0-9.]* | [0-9.]* ('
python3 "$look" out.json 'len(rows) == 3' '[s["threads"] for s in scaling] == [2, 2, 2]' 'all(row["threads"] == 2 for row in rows)' \
  'all(row["error"] < 1e-8 and "wrong" not in row for row in rows)' \
  '{p["name"] for p in rows[0]["peers"]} >= {"dsyevd", "dsyevr", "dpstrf", "dgelsy"}' \
  '{p["name"] for p in rows[1]["peers"]} >= {"dsyevr", "dpstrf", "gaussian_sketch"}' \
  '{p["name"] for p in rows[2]["peers"]} >= {"gemv_cg", "symv_cg"}' \
  'all(p["error"] < 2e-8 for row in rows for p in row["peers"] if "wrong" not in p)' \
  'all("wrong" not in p for row in rows for p in row["peers"] if p["name"] != "spectra")'

# A peer that is wrong has no ratio; the others keep theirs.
expect 0 --only 1000x32c1e2 --rounds 1 --break gemv_cg --json out.json
prints '| gemv_cg |  |  | .* \*\*wrong\*\*: error'
python3 "$look" out.json \
  '[p for p in rows[0]["peers"] if p["name"] == "gemv_cg"][0]["wrong"] is True' \
  '[p for p in rows[0]["peers"] if p["name"] == "symv_cg"][0]["ratio"] > 0'

# If minfold is wrong the run fails, and nobody has a ratio.
expect 1 --only 1000x32k4 --rounds 1 --threads 2 --break minfold --json out.json
python3 "$look" out.json 'rows[0]["wrong"] is True' \
  'all(p["ratio"] is None for p in rows[0]["peers"])' 'scaling[0]["wrong"] is True'

expect 0 --scaling --only 1000x32c1e2 --rounds 3 --threads 2 --json out.json
python3 "$look" out.json 'len(rows) == 0' 'scaling[0]["rounds"] == 3'

expect 2 --only no-such-case
complains 'no case or job is called that'
expect 2 --rounds x
complains 'expected an integer'
only out.json out.md
