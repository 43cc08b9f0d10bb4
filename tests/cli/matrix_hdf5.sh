# SPDX-License-Identifier: Apache-2.0
# What `minfold tangent` and `minfold pinv` write as HDF5, for one matrix and a batch from each format: read by
# the HDF5 library itself, compared with closed forms and with the records in JSON.
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"
export PYTHONPATH="$support" PYTHONDONTWRITEBYTECODE=1
status=0
python3 -m hdf5_by_library || status=$?
if [ $status != 0 ]; then
  echo 'there is no HDF5 library that Python could load'
  exit $status
fi
python() { python3 - "$@" || fail "python: $*"; }

python <<'E'
import hdf5_by_library as hdf5
from matrices import *
_, matrices, _ = batch()
b = [(7 * i) % 5 - 2 for i in range(48)]
write_npy("batch.npy", (3, 8, 8), flat(matrices))
write_npy("one.npy", (8, 8), flat(matrices[1]))
write_npy("b.npy", (3, 8, 2), b)
hdf5.write("batch.h5", {"H": ((3, 8, 8), flat(matrices)), "b": ((3, 8, 2), b)})
hdf5.write("one.h5", {"H": ((8, 8), flat(matrices[1]))})
with open("one.mtx", "w") as file:
    file.write("%%MatrixMarket matrix coordinate real symmetric\n8 8 36\n")
    for i in range(8):
        file.write("".join("%d %d %r\n" % (i + 1, j + 1, matrices[1][i][j]) for j in range(i + 1)))
with open("dense.mtx", "w") as file:
    file.write("%%MatrixMarket matrix array real general\n8 8\n")
    file.write("".join("%r\n" % v for v in flat(matrices[1])))
E

cat >check.py <<'CHECK'
"""check.py INPUT: out.h5 has everything that records.json has, and what both say is true."""
import json
import math
import sys

import hdf5_by_library as hdf5
from matrices import *

given = sys.argv[1]
file, r = hdf5.File("out.h5"), json.load(open("records.json"))
dimensions, matrices, inverses = batch()
items = range(3) if "batch" in given else [1]
count = len(items)
largest = [8, 9, 0]

for name in ("schema", "version", "file", "precision", "backend", "method"):
    assert file.attribute(name) == r[name], name
assert r["file"] == given and json.loads(file.attribute("options")) == r["options"]
assert not r["rhs"] or file.attribute("rhs") == r["rhs"]


def same(group, records, shape):
    """All numbers of the records, by name; null is what is not finite."""
    fields = [name for name in records[0] if name not in ("item", "solves")]
    assert len(fields) >= 6
    for name in fields:
        found_shape, values = file.dataset(group + "/" + name)
        assert found_shape == shape, (name, found_shape)
        if name != "outcome":
            assert file.is_float(group + "/" + name) != isinstance(records[0][name], int), name
            values = [v if math.isfinite(v) else None for v in values]
        assert values == [record[name] for record in records], (name, values)


same("records", r["records"], (count,))
for item, record in zip(items, r["records"]):
    assert record["outcome"] == "converged" and record["dimension"] == dimensions[item]
    assert record["kernel_residual"] < 1e-13 and record["asymmetry"] < 1e-15
    assert abs(record["norm_estimate"] - largest[item]) <= 0.5 * largest[item]
    if 0 < dimensions[item] < 8:
        assert record["gap"] > 1e12 and 1 - 1e-12 < record["smallest_kept"] < 2  # 1, from above

if r["schema"] == "minfold-tangent-1":
    assert not file.has("solves") and not file.has("solution")
    shape, values = file.dataset("basis")
    width = max(dimensions[item] for item in items)
    assert shape == ((3, 8, width) if count == 3 else (8, width)), shape
    for item, basis in zip(items, cubed(values, count, 8, width)):
        require_kernel(matrices[item], basis, dimensions[item], 1e-13)
else:
    assert not file.has("basis")
    columns = 2 if r["rhs"] else 8
    same("solves", [s for record in r["records"] for s in record["solves"]], (count, columns))
    shape, values = file.dataset("solution")
    assert shape == ((3, 8, columns) if count == 3 else (8, 8)), shape
    b = [(7 * i) % 5 - 2 for i in range(48)]
    wanted = [inverses[item] for item in items]
    if r["rhs"]:
        wanted = [[[sum(row[j] * b[16 * i + 2 * j + c] for j in range(8)) for c in range(2)] for row in inverses[i]]
                  for i in items]
    near(values, flat(wanted), 1e-12)
CHECK

for input in batch.npy batch.h5:H one.npy one.h5 one.mtx dense.mtx; do
  expect 0 tangent $input --out out.h5 --json records.json
  python3 check.py $input || fail "tangent $input"
  expect 0 pinv $input --out out.h5 --json records.json
  python3 check.py $input || fail "pinv $input"
  # And back: what was written is read as it is.
  expect 0 pinv out.h5:solution --out back.npy
  python $input <<'E'
import sys
from matrices import *
_, shape, values = read_npy("back.npy")
items = range(3) if "batch" in sys.argv[1] else [1]
assert shape == ((3, 8, 8) if len(items) == 3 else (8, 8)), shape
near(values, flat([batch()[1][item] for item in items]), 1e-11)
E
done
for files in 'batch.npy b.npy' 'batch.h5:H batch.h5:b'; do
  matrix=${files% *} rhs=${files#* }
  expect 0 pinv $matrix --rhs $rhs --out out.h5 --json records.json
  python3 check.py $matrix || fail "pinv $matrix --rhs $rhs"
done
