# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"
export PYTHONPATH="$support" PYTHONDONTWRITEBYTECODE=1
python() { python3 - "$@" || fail "python: $*"; }

python <<'E'
from matrices import *
dimensions, matrices, inverses = batch()
write_npy("batch.npy", (3, 8, 8), flat(matrices))
write_npy("float.npy", (3, 8, 8), flat(matrices), "f")
write_npy("one.npy", (8, 8), flat(matrices[1]))
b = [(7 * i) % 5 - 2 for i in range(48)]
write_npy("items_n.npy", (3, 8), b[:24])
write_npy("items_n_r.npy", (3, 8, 2), b)
write_npy("n.npy", (8,), b[:8], "i")
write_npy("n_r.npy", (8, 3), b[:24])
E

# Kernels of a batch: dimensions 0, 3 and 8 in one file.
for method in automatic spectral products; do
  expect 0 tangent batch.npy --method $method --out basis.npy
  prints '^tangent: 3 matrices of order 8, double, .*: 3 converged'
  prints 'each basis has 8 columns in basis.npy: zeros beyond its dimension'
  python <<'E'
from matrices import *
dimensions, matrices, _ = batch()
type, shape, values = read_npy("basis.npy")
assert type == "<f8" and shape == (3, 8, 8), (type, shape)
for matrix, dimension, basis in zip(matrices, dimensions, cubed(values, 3, 8, 8)):
    require_kernel(matrix, basis, dimension, 1e-13)
E
  python3 "$support/check_records.py" basis.npy.json "r['schema'] == 'minfold-tangent-1'" \
    "[i['dimension'] for i in records] == [0, 3, 8]" \
    "all(i['outcome'] == 'converged' and i['kernel_residual'] < 1e-14 for i in records)" \
    "records[1]['gap'] > 1e12 and r['converged'] and r['options']['tolerance'] == 1e-6" ||
    fail "records"
  rm basis.npy basis.npy.json
done

# The precision of the file, and another one; the records where --json says.
expect 0 tangent float.npy --out basis.npy --json records.json
prints '^tangent: 3 matrices of order 8, float'
python3 "$support/check_records.py" records.json "r['precision'] == 'float'" || fail "records"
[ ! -e basis.npy.json ] || fail "records in two files"
python <<'E'
from matrices import *
type, shape, values = read_npy("basis.npy")
assert type == "<f4"
require_kernel(batch()[1][1], cubed(values, 3, 8, 8)[1], 3, 1e-5)
E
expect 0 tangent one.npy --precision float --quiet
[ "$(wc -l <stdout.txt)" = 1 ] || fail "not quiet"
rm basis.npy records.json

# HDF5: written, and read again as a matrix; matrix_hdf5.sh looks at all that is in such files.
expect 0 pinv one.npy --out inverse.h5
expect 2 tangent inverse.h5
complains 'one of its .* datasets, as in FILE.h5:records/'
expect 0 pinv inverse.h5:solution --out again.npy
python <<'E'
from matrices import *
type, shape, values = read_npy("again.npy")
assert shape == (8, 8)
near(values, flat(batch()[1][1]), 1e-12)
E
rm inverse.h5 again.npy again.npy.json

# H^+ and H^+ b, against the closed form. Parts of b in the kernel are left out.
python <<'E'
from matrices import *
_, matrices, inverses = batch()
def product(a, b): return [sum(x * y for x, y in zip(row, b)) for row in a]
b = [(7 * i) % 5 - 2 for i in range(48)]
write_npy("want-items_n.npy", (3, 8), flat([product(inverses[i], b[8*i:8*i+8]) for i in range(3)]))
write_npy("want-n.npy", (3, 8), flat([product(inverses[i], b[:8]) for i in range(3)]))
columns = [[product(inverses[i], b[16*i+c:16*i+16:2]) for c in range(2)] for i in range(3)]
write_npy("want-items_n_r.npy", (3, 8, 2), [columns[i][c][j] for i in range(3) for j in range(8) for c in range(2)])
E
for method in automatic spectral products; do
  for rhs in items_n n items_n_r; do
    expect 0 pinv batch.npy --rhs $rhs.npy --method $method --out z.npy
    python $rhs <<'E'
import sys
from matrices import *
_, shape, values = read_npy("z.npy")
_, wanted_shape, wanted = read_npy("want-%s.npy" % sys.argv[1])
assert shape == wanted_shape, shape
near(values, wanted, 1e-12)
E
  done
  expect 0 pinv batch.npy --method $method --out z.npy
  python <<'E'
from matrices import *
_, shape, values = read_npy("z.npy")
assert shape == (3, 8, 8)
near(values, flat(batch()[2]), 1e-12)
E
done
python3 "$support/check_records.py" z.npy.json "r['schema'] == 'minfold-pinv-1'" \
  "len(records[1]['solves']) == 8" \
  "all(s['residual'] < 1e-12 for i in records for s in i['solves'])" || fail "records"
expect 0 pinv one.npy --rhs n_r.npy --out z.npy
python <<'E'
from matrices import *
_, _, b = read_npy("n_r.npy")
_, shape, z = read_npy("z.npy")
assert shape == (8, 3), shape
near(z, [sum(row[j] * b[3 * j + c] for j in range(8)) for row in batch()[2][1] for c in range(3)], 1e-12)
E
rm want-* z.npy z.npy.json

# A sparse matrix of 2000 rows: five stars, whose Laplacian has a kernel of dimension 5. The
# difference of two leaves has the eigenvalue 1.
python <<'E'
with open("stars.mtx", "w") as file:
    file.write("%%MatrixMarket matrix coordinate real symmetric\n% five stars\n2000 2000 3995\n")
    for star in range(5):
        center = 400 * star + 1
        file.write("%d %d 399\n" % (center, center))
        for leaf in range(center + 1, center + 400):
            file.write("%d %d -1\n%d %d 1\n" % (leaf, center, leaf, leaf))
with open("leaves.mtx", "w") as file:
    file.write("%%MatrixMarket matrix array integer general\n2000 1\n")
    file.write("".join("%d\n" % {450: 1, 460: -1}.get(i, 0) for i in range(2000)))
E
expect 0 tangent stars.mtx --out basis.npy
prints '^tangent: 1 matrix of order 2000, double, products: 1 converged'
python <<'E'
from matrices import *
_, shape, values = read_npy("basis.npy")
assert shape == (2000, 5), shape
for star in range(5):
    rows = [values[5 * i:5 * i + 5] for i in range(400 * star, 400 * star + 400)]
    for row in rows: near(row, rows[0], 1e-12)
E
expect 0 pinv stars.mtx --rhs leaves.mtx --out z.npy
prints '^pinv: 1 matrix of order 2000, double, products: 1 converged'
python <<'E'
from matrices import *
_, shape, values = read_npy("z.npy")
assert shape == (2000, 1), shape
near(values, [{450: 1, 460: -1}.get(i, 0) for i in range(2000)], 1e-11)
E
# More vectors than there is room for: said, and not taken for the kernel.
expect 1 tangent stars.mtx --max-dimension 3
prints '1 rank limit'
rm stars.mtx leaves.mtx basis.npy basis.npy.json z.npy z.npy.json

# What is no answer says so, for the item that it is about, and the others are right.
python <<'E'
from matrices import *
matrix = batch()[1][1]
nan = [list(row) for row in matrix]
nan[2][5] = float("nan")
negative = [[-v for v in row] for row in matrix]
blurred = [[{1: 6e-6, 2: 1e-6}.get(i, 3) * (i == j) for j in range(8)] for i in range(8)]
write_npy("bad.npy", (5, 8, 8), flat([matrix, nan, negative, blurred, matrix]))
write_npy("nan_rhs.npy", (8,), [1, 2, float("inf"), 0, 0, 0, 0, 0])
E
for method in automatic spectral products; do
  expect 1 tangent bad.npy --method $method --json records.json
  prints '2 converged'
  python3 "$support/check_records.py" records.json \
    "[i['outcome'] for i in records] == ['converged', 'not_finite', 'indefinite_operator', 'ambiguous_rank', 'converged']" \
    "not r['converged'] and records[4]['dimension'] == 3" || fail "records"
done
expect 1 pinv bad.npy --json records.json
prints '2 converged'
expect 1 pinv one.npy --rhs nan_rhs.npy --json records.json
python3 "$support/check_records.py" records.json \
  "records[0]['outcome'] == 'converged' and records[0]['solves'][0]['outcome'] == 'not_finite'" ||
  fail "records"
# A threshold in another place has a gap around it.
expect 1 tangent bad.npy --tolerance 1e-4 --json records.json
prints '3 converged'
python3 "$support/check_records.py" records.json "records[3]['dimension'] == 2" || fail "records"
rm bad.npy nan_rhs.npy records.json

only batch.npy float.npy one.npy items_n.npy items_n_r.npy n.npy n_r.npy
