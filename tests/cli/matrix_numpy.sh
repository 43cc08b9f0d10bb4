# SPDX-License-Identifier: Apache-2.0
# Files by NumPy, and results against its pseudoinverse and eigenvalues.
. "$MINFOLD_SOURCE_DIR/tests/cli/support/expect.sh"
python3 -c 'import numpy' 2>/dev/null || exit 77
python() { python3 - "$@" || fail "python: $*"; }

python <<'E'
import numpy as np
random = np.random.default_rng(1)
n, ranks = 40, [40, 33, 12, 1]
factors = [random.standard_normal((n, rank)) for rank in ranks]
h = np.stack([f @ f.T for f in factors])
h = (h + h.transpose(0, 2, 1)) / 2
np.save("h.npy", h)
np.save("fortran.npy", np.asfortranarray(h))
np.save("big.npy", h.astype(">f8"))
np.lib.format.write_array(open("v2.npy", "wb"), h, version=(2, 0))
np.lib.format.write_array(open("v3.npy", "wb"), h, version=(3, 0))
np.save("b.npy", random.standard_normal((4, n, 3)))
np.save("mask.npy", np.eye(n, dtype=bool))
E
for file in h fortran big v2 v3; do
  expect 0 pinv $file.npy --rhs b.npy --out $file.out.npy
  expect 0 tangent $file.npy --out $file.q.npy
  python $file <<'E'
import sys
import numpy as np
name = sys.argv[1]
h, b = np.load("h.npy"), np.load("b.npy")
z, q = np.load(name + ".out.npy"), np.load(name + ".q.npy")
want = np.linalg.pinv(h, rcond=1e-6, hermitian=True) @ b
assert np.abs(z - want).max() < 1e-9 * np.abs(want).max(), np.abs(z - want).max()
assert q.shape == (4, 40, 39), q.shape
for item, k in enumerate([0, 7, 28, 39]):
    basis = q[item]
    assert np.abs(basis[:, k:]).max(initial=0) == 0
    basis = basis[:, :k]
    assert np.abs(basis.T @ basis - np.eye(k)).max(initial=0) < 1e-13
    assert np.abs(h[item] @ basis).max(initial=0) < 1e-12 * np.abs(h[item]).max()
E
done
expect 0 tangent mask.npy --json records.json
python3 "$support/check_records.py" records.json "records[0]['dimension'] == 0" || fail "records"

if python3 -c 'import scipy.io' 2>/dev/null; then
  python <<'E'
import numpy as np
import scipy.io
import scipy.sparse
h = np.load("h.npy")[2]
scipy.io.mmwrite("dense.mtx", h)
scipy.io.mmwrite("sparse.mtx", scipy.sparse.coo_matrix(h), symmetry="symmetric")
E
  for file in dense sparse; do
    expect 0 tangent $file.mtx --json records.json
    python3 "$support/check_records.py" records.json "records[0]['dimension'] == 28" || fail "records"
  done
fi
