# SPDX-License-Identifier: Apache-2.0
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"
export PYTHONPATH="$support" PYTHONDONTWRITEBYTECODE=1

python3 - <<'E'
from matrices import *
matrix = batch()[1][1]
write_npy("one.npy", (8, 8), flat(matrix))
write_npy("batch.npy", (2, 8, 8), 2 * flat(matrix))
skew = [list(row) for row in matrix]
skew[1][4] += 0.5
write_npy("skew.npy", (8, 8), flat(skew))
write_npy("skew_batch.npy", (2, 8, 8), flat([matrix, skew]))
write_npy("wide.npy", (4, 16), flat(matrix))
write_npy("vector.npy", (64,), flat(matrix))
write_npy("four.npy", (1, 1, 8, 8), flat(matrix))
write_npy("empty.npy", (0, 8, 8), [])
write_npy("small.npy", (8, 8), [1e-40 * v for v in flat(matrix)])
write_npy("seven.npy", (7,), [1] * 7)
write_npy("eight.npy", (8,), [1e35] * 8)
write_npy("large.npy", (2049, 2049), [0] * 2049 ** 2, "f")
open("large.mtx", "w").write("%%MatrixMarket matrix coordinate real general\n2000000 2000000 1\n1 1 1\n")
open("skew.mtx", "w").write("%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 1\n2 1 1\n2 2 1\n")
content = open("one.npy", "rb").read()
open("cut.npy", "wb").write(content[:-1])
E

expect 2 tangent
complains 'FILE'
expect 2 tangent none.npy
complains '^minfold: none.npy: expected a file, found nothing there'
expect 2 tangent wide.npy
complains '^minfold: wide.npy: expected a matrix n x n or a batch items x n x n, found 4 x 16$'
expect 2 tangent vector.npy
complains '^minfold: vector.npy: expected a matrix n x n or a batch items x n x n, found 64$'
expect 2 tangent four.npy
complains 'found 1 x 1 x 8 x 8$'
expect 2 tangent empty.npy
complains '^minfold: empty.npy: expected matrices, found 0 x 8 x 8, which has no entries$'
expect 2 tangent cut.npy
complains '^minfold: cut.npy: expected 8 x 8 elements of 8 bytes after the header, found 511 bytes$'

# Not symmetric: refused, or the symmetric part where that is asked for.
expect 2 tangent skew.npy
complains '^minfold: skew.npy: the matrix is not symmetric: at row 4, column 1 (from 0) .*--symmetrize'
expect 2 pinv skew_batch.npy
complains '^minfold: skew_batch.npy: item 1 is not symmetric'
expect 2 tangent skew.mtx
complains '^minfold: skew.mtx: the matrix is not symmetric: at row 0, column 1'
expect 0 tangent skew.mtx --symmetrize --json records.json
python3 "$support/check_records.py" records.json "records[0]['asymmetry'] == 1" \
  "records[0]['dimension'] == 0 and r['options']['symmetrize']" || fail "records"
rm records.json

# Out of the range of float is no zero.
expect 0 tangent small.npy
expect 2 tangent small.npy --precision float
complains '^minfold: small.npy: the largest entry of the matrix is .*e-40, expected 1e-30 to 1e30 in float'
expect 2 pinv one.npy --rhs eight.npy --precision float
complains '^minfold: eight.npy: the largest entry of b is 1e+35'

expect 2 pinv one.npy --rhs seven.npy
complains '^minfold: seven.npy: expected n or n x r with n = 8, found 7$'
expect 2 pinv batch.npy --rhs one.npy
complains '^minfold: one.npy: expected items x n, items x n x r or n with items = 2, n = 8, found 8 x 8$'
expect 2 pinv large.npy
complains '^minfold: large.npy: H^+ itself is computed for n up to 2048, found n = 2049: give --rhs FILE$'
expect 2 tangent large.mtx --method factor
complains '^minfold: large.mtx: --method factor needs all n x n entries, expected n up to 16384'
expect 2 pinv one.npy --rhs large.mtx
complains '^minfold: large.mtx: expected n x r numbers with n = 8 and r up to 1024, found 2000000 x 2000000$'

# More memory than there is: a system would end the process, or another one.
printf '%%%%MatrixMarket matrix coordinate real general\n2147483647 2147483647 1\n1 1 1\n' >endless.mtx
expect 2 tangent endless.mtx
complains '^minfold: endless.mtx: a matrix of order 2147483647 takes .* GiB of memory or more, .* GiB can be had$'
rm endless.mtx

# Options.
expect 2 tangent one.npy --seed -1
complains 'expected an integer from 0 to 2^64 - 1, got -1'
expect 2 tangent one.npy --method sgd
complains 'method'
expect 2 tangent one.npy --tolerance 0
complains 'expected a positive number, got 0'
expect 2 tangent one.npy --precision half
complains 'precision'
expect 2 tangent one.npy --rhs seven.npy
complains 'rhs'
expect 2 tangent one.npy --out basis.txt
complains '^minfold: --out basis.txt: expected a name that ends in .npy, .h5 or .hdf5$'
expect 2 tangent one.npy --out no/such/folder/basis.npy
complains 'no/such/folder/basis.npy'
expect 2 tangent one.npy --out basis.h5 --json basis.h5
complains 'are both basis.h5'
expect 2 tangent one.npy --out basis.npy --json ./basis.npy
complains '^minfold: --out and --json are both basis.npy, expected two files$'
expect 2 tangent one.npy --json ''
complains 'empty'
only one.npy batch.npy skew.npy skew_batch.npy wide.npy vector.npy four.npy empty.npy small.npy \
  seven.npy eight.npy large.npy large.mtx skew.mtx cut.npy
