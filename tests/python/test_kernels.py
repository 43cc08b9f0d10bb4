# SPDX-License-Identifier: Apache-2.0
"""The kernels against NumPy and SciPy."""

import minfold
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg
from conftest import planted

TOLERANCE = {np.float64: 1e-10, np.float32: 2e-3}


def pinv(h):
    return np.linalg.pinv(h.astype(np.float64), rcond=1e-4, hermitian=True)


def close(found, expected, dtype):
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, atol=TOLERANCE[dtype] * scale)


def null_projector(h):
    q = scipy.linalg.null_space(h.astype(np.float64), rcond=1e-4)
    return q @ q.T


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", ["automatic", "factor", "direct"])
@pytest.mark.parametrize("n, kernel", [(5, 2), (40, 0), (40, 7), (300, 30)])
def test_pinv_solve_one_matrix(rng, dtype, method, n, kernel):
    h = planted(rng, n, kernel, dtype=dtype)
    b = rng.standard_normal(n).astype(dtype)
    found = minfold.pinv_solve(h, b, method=method)
    assert found.x.dtype == dtype and found.x.shape == (n,)
    assert found.certified and found.converged.shape == () and found.require() is found
    close(found.x, pinv(h) @ b, dtype)
    assert found.kernels["dimension"] == kernel
    p = np.eye(n) - null_projector(h)
    leakage = np.linalg.norm(b - p @ b) / np.linalg.norm(b)
    assert found.records["leakage"] == pytest.approx(leakage, abs=TOLERANCE[dtype])
    assert found.records["rhs_norm"] == pytest.approx(np.linalg.norm(b), rel=1e-5)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", ["automatic", "direct"])
@pytest.mark.parametrize("columns", [None, 3])
def test_pinv_solve_batch(rng, dtype, method, columns):
    items, n = 6, 17
    h = planted(rng, n, 4, items, dtype)
    b = rng.standard_normal((items, n) if columns is None else (items, columns, n)).astype(dtype)
    found = minfold.pinv_solve(h, b, method=method)
    assert found.certified and found.records.shape == b.shape[:-1]
    assert found.converged.all() and (found.kernels["dimension"] == 4).all()
    close(found.x, np.einsum("iab,i...b->i...a", pinv(h), b), dtype)


def test_a_block_of_right_hand_sides(rng):
    h, b = planted(rng, 12, 3), rng.standard_normal((5, 12))
    found = minfold.pinv_solve(h, b)
    assert found.x.shape == (5, 12) and found.records.shape == (5,)
    close(found.x, b @ pinv(h), np.float64)


def test_indefinite_matrices_go_by_their_eigenvalues(rng):
    h, b = planted(rng, 30, 5, negative=6), rng.standard_normal(30)
    found = minfold.pinv_solve(h, b, method="direct")
    close(found.x, pinv(h) @ b, np.float64)
    assert found.records["outcome"] == minfold.Outcome.CONVERGED
    assert found.kernels["outcome"] == minfold.Outcome.INDEFINITE_OPERATOR
    assert not found.certified


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("items", [None, 5])
def test_cg_needs_the_range_or_a_kernel(rng, dtype, items):
    n = 24
    h = planted(rng, n, 3, items, dtype)
    b = rng.standard_normal((n,) if items is None else (items, n)).astype(dtype)
    expected = np.einsum("...ab,...b->...a", pinv(h), b)
    kernel = minfold.kernel_basis(h).require()
    close(minfold.pinv_solve(h, b, method="cg", kernel=kernel).require().x, expected, dtype)
    in_range = np.einsum("...ab,...b->...a", h, b).astype(dtype)
    found = minfold.pinv_solve(h, in_range, method="cg").require()
    close(found.x, np.einsum("...ab,...b->...a", pinv(h), in_range), dtype)
    assert found.kernels is None
    alone = minfold.pinv_solve(h, b, method="cg")
    assert (alone.records["outcome"] != minfold.Outcome.CONVERGED).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n, kernel", [(4, 4), (9, 0), (33, 6), (120, 50)])
def test_kernel_basis(rng, dtype, n, kernel):
    h = planted(rng, n, kernel, dtype=dtype)
    found = minfold.kernel_basis(h)
    assert found.certified and found.dimension == kernel
    assert found.basis.shape == (kernel, n) and found.basis.dtype == dtype
    q = found.basis.astype(np.float64)
    np.testing.assert_allclose(q @ q.T, np.eye(kernel), atol=TOLERANCE[dtype])
    np.testing.assert_allclose(q.T @ q, null_projector(h) if kernel < n else np.eye(n),
                               atol=TOLERANCE[dtype])


def test_kernels_of_different_dimensions(rng):
    h = np.stack([planted(rng, 10, k) for k in (0, 3, 1)])
    found = minfold.kernel_basis(h).require()
    assert found.dimension.tolist() == [0, 3, 1] and found.basis.shape == (3, 3, 10)
    assert not found.basis[0].any() and not found.basis[2, 1:].any()
    np.testing.assert_allclose(found.basis[1].T @ found.basis[1], null_projector(h[1]), atol=1e-12)


def test_a_kernel_that_does_not_fit_says_so(rng):
    found = minfold.kernel_basis(planted(rng, 10, 4), capacity=2)
    assert found.records["outcome"] == minfold.Outcome.RANK_LIMIT and found.basis.shape == (2, 10)
    assert not found.certified
    with pytest.raises(minfold.NotCertifiedError, match="rank limit"):
        found.require()


def test_a_rank_without_a_gap_is_no_success(rng):
    q, _ = np.linalg.qr(rng.standard_normal((8, 8)))
    h = (q * np.array([0, 3e-7, 8e-7, 2e-6, 5e-6, 0.1, 1, 1])) @ q.T
    found = minfold.kernel_basis((h + h.T) / 2)
    assert found.records["outcome"] == minfold.Outcome.AMBIGUOUS_RANK and not found.certified
    assert "ambiguous" in found.message and str(minfold.Outcome.AMBIGUOUS_RANK) == "ambiguous rank"


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("items", [None, 4])
def test_kernel_and_pinv(rng, dtype, items):
    n = 21
    h = planted(rng, n, 5, items, dtype)
    b = rng.standard_normal((n,) if items is None else (items, n)).astype(dtype)
    found = minfold.kernel_and_pinv(h, b).require()
    close(found.x, np.einsum("...ab,...b->...a", pinv(h), b), dtype)
    assert (found.dimension == 5).all() and found.solves.shape == b.shape[:-1]
    for one, q in zip(h.reshape(-1, n, n), found.basis.reshape(-1, 5, n)):
        np.testing.assert_allclose(q.T @ q, null_projector(one), atol=TOLERANCE[dtype])


def low_rank(rng, n, rank, items=None):
    """Positive semidefinite, eigenvalues 1, 1/2, 1/4, ... and the projectors onto their spaces."""
    q = [np.linalg.qr(rng.standard_normal((n, rank)))[0] for _ in range(items or 1)]
    h = np.stack([(one * 0.5 ** np.arange(rank)) @ one.T for one in q])
    h = (h + h.transpose(0, 2, 1)) / 2
    return (h[0], q[0]) if items is None else (h, q)


@pytest.mark.parametrize("semidefinite", [False, True])
def test_range_finder_by_tolerance(rng, semidefinite):
    a, q = low_rank(rng, 60, 9)
    found = minfold.range_finder(a, semidefinite=semidefinite).require()
    assert found.rank == 9 and found.basis.shape == (9, 60) and found.values.shape == (9,)
    np.testing.assert_allclose(found.basis.T @ found.basis, q @ q.T, atol=1e-9)
    np.testing.assert_allclose(found.values, 0.5 ** np.arange(9), rtol=1e-9)
    assert found.records["range_residual"] <= 1e-6


def test_range_finder_by_rank_in_a_batch(rng):
    a, q = low_rank(rng, 40, 12, items=3)
    found = minfold.range_finder(a, rank=4)
    assert found.basis.shape == (3, 4, 40) and found.values.shape == (3, 4)
    for item in range(3):
        p, expected = found.basis[item].T @ found.basis[item], q[item][:, :4] @ q[item][:, :4].T
        np.testing.assert_allclose(p, expected, atol=1e-2)  # a sketch with one power iteration
        np.testing.assert_allclose(found.values[item], 0.5 ** np.arange(4), rtol=1e-3)


def test_ranges_of_different_ranks(rng, monkeypatch):
    # What the compiled part leaves as it was must not come out.
    monkeypatch.setattr(np, "empty", lambda shape, dtype=float: np.full(shape, np.nan, dtype))
    a = np.stack([low_rank(rng, 30, rank)[0] for rank in (2, 6)])
    found = minfold.range_finder(a).require()
    assert found.rank.tolist() == [2, 6] and found.basis.shape == (2, 6, 30)
    assert not found.basis[0, 2:].any() and not found.values[0, 2:].any()


class Laplacian:
    """Of a ring of n nodes, as products only; its kernel is the constant vector."""

    def __init__(self, n):
        self.n, self.calls = n, 0

    def __call__(self, x):
        self.calls += 1
        return 2 * x - np.roll(x, 1, axis=-1) - np.roll(x, -1, axis=-1)

    def matrix(self):
        return self(np.eye(self.n))


def test_operators_are_only_multiplied_with(rng):
    ring = Laplacian(50)
    a, b = minfold.Operator(ring, 50), rng.standard_normal(50)
    kernel = minfold.kernel_basis(a).require()
    assert kernel.dimension == 1 and ring.calls > 0
    np.testing.assert_allclose(np.abs(kernel.basis), np.full((1, 50), 50**-0.5), atol=1e-10)
    found = minfold.pinv_solve(a, b, kernel=kernel).require()
    np.testing.assert_allclose(found.x, pinv(ring.matrix()) @ b, atol=1e-9)


def test_an_operator_of_a_batch(rng):
    h = planted(rng, 15, 2, items=4)
    shapes = set()

    def apply(x):
        shapes.add((x.ndim, x.shape[0], x.shape[2]))
        return np.einsum("iab,icb->ica", h, x)

    a = minfold.Operator(apply, 15, items=4)
    kernel = minfold.kernel_basis(a).require()
    assert shapes == {(3, 4, 15)} and kernel.dimension.tolist() == [2] * 4
    b = rng.standard_normal((4, 2, 15))
    found = minfold.pinv_solve(a, b, kernel=kernel).require()
    np.testing.assert_allclose(found.x, np.einsum("iab,icb->ica", pinv(h), b), atol=1e-9)


def test_scipy_operators(rng):
    a, q = low_rank(rng, 30, 5)
    for operator in (scipy.sparse.csr_matrix(a), scipy.sparse.linalg.aslinearoperator(a)):
        found = minfold.range_finder(operator).require()
        assert found.rank == 5
        np.testing.assert_allclose(found.basis.T @ found.basis, q @ q.T, atol=1e-9)


def test_the_room_for_the_basis_of_an_operator_grows(rng):
    h = planted(rng, 60, 37)
    found = minfold.kernel_basis(minfold.Operator(lambda x: x @ h, 60)).require()
    assert found.dimension == 37 and found.basis.shape == (37, 60)
    np.testing.assert_allclose(found.basis.T @ found.basis, null_projector(h), atol=1e-9)
    limited = minfold.kernel_basis(minfold.Operator(lambda x: x @ h, 60), capacity=20)
    assert limited.records["outcome"] == minfold.Outcome.RANK_LIMIT


def test_an_empty_batch(rng):
    found = minfold.pinv_solve(np.empty((0, 3, 3)), np.empty((0, 3)))
    assert found.x.shape == (0, 3) and found.records.shape == (0,) and found.certified
    assert minfold.kernel_basis(np.empty((0, 3, 3))).basis.shape == (0, 0, 3)
