# SPDX-License-Identifier: Apache-2.0
"""What arrays are taken, that they are not copied, and what is refused with which sentence."""

import os

import minfold
import numpy as np
import pytest
from conftest import memory, planted, run_python


class Producer:
    """Has DLPack, and nothing else of an array."""

    def __init__(self, array):
        self.array, self.exports = array, 0

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        self.exports += 1
        return self.array.__dlpack__()

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class OldProducer(Producer):
    """Of a DLPack before its version 1."""

    def __dlpack__(self, stream=None):
        self.exports += 1
        return self.array.__dlpack__()


def address(a):
    return a.__array_interface__["data"][0]


@pytest.fixture
def seen(monkeypatch):
    """The addresses, shapes and strides that the compiled part is given for the first input."""
    from minfold import _core

    calls = []
    for name in ("kernel_and_pinv", "kernel_basis", "pinv", "pinv_cg", "range_finder"):
        original = getattr(_core, name)

        def recorder(*arguments, original=original):
            a = next(x for x in arguments if isinstance(x, np.ndarray))
            calls.append((address(a), a.shape, a.strides))
            return original(*arguments)

        monkeypatch.setattr(_core, name, recorder)
    return calls


@pytest.mark.parametrize("producer", [lambda a: a, Producer, OldProducer])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_compiled_part_is_given_the_callers_memory(rng, seen, producer, dtype):
    h, b = planted(rng, 9, 2, items=3, dtype=dtype), rng.standard_normal((3, 9)).astype(dtype)
    expected = minfold.pinv_solve(h, b).x
    given = producer(h)
    for call in (
        lambda: minfold.pinv_solve(given, producer(b)),
        lambda: minfold.pinv_solve(given, producer(b), method="direct"),
        lambda: minfold.kernel_and_pinv(given, producer(b)),
    ):
        np.testing.assert_array_equal(call().x.dtype, dtype)
        np.testing.assert_allclose(call().x, expected, rtol=1e-2 if dtype == np.float32 else 1e-9)
    minfold.kernel_basis(given)
    minfold.range_finder(given, rank=2)
    assert len(seen) == 9
    assert all(call == (address(h), (3, 9, 9), h.strides) for call in seen)


def test_no_copy_is_made_of_a_contiguous_matrix():
    """By the memory that a fresh process needs at most; a strided matrix, which is copied, shows that
    the measure can tell."""
    code = """
import sys; sys.path.insert(0, {here!r})
import numpy as np, minfold
from conftest import memory
n = 1500
warm = np.eye(n); b = np.ones(n)  # stays, so that its memory is no room for a copy
big = np.zeros((2 * n, 2 * n)); big.fill(0); big[np.arange(2 * n), np.arange(2 * n)] = 2
h = {matrix}
minfold.pinv_solve(warm, b, method="cg")
before = memory("VmHWM")
x = minfold.pinv_solve(h, b, method="cg").require().x
assert np.all(x == 0.5), x
print(memory("VmHWM") - before)
"""
    memory()  # skips where there is no such measure
    here = os.path.dirname(__file__)
    contiguous, fortran, strided = (
        run_python(code.format(matrix=matrix, here=here))
        for matrix in ("np.ascontiguousarray(big[:n, :n])", "np.asfortranarray(big[:n, :n])", "big[::2, ::2]")
    )
    assert contiguous.returncode == fortran.returncode == strided.returncode == 0, strided.stderr
    assert float(contiguous.stdout) < 8 and float(fortran.stdout) < 8
    assert float(strided.stdout) > 15  # of 18 MB


def variants(a):
    """The same numbers in other places."""
    yield "C", np.ascontiguousarray(a)
    yield "Fortran", np.asfortranarray(a)
    wide = np.zeros(tuple(2 * n for n in a.shape), a.dtype)
    every_other = tuple(slice(None, None, 2) for _ in a.shape)
    wide[every_other] = a
    yield "strided", wide[every_other]
    reverse = tuple(slice(None, None, -1) for _ in a.shape)
    yield "negative strides", np.ascontiguousarray(a[reverse])[reverse]
    read_only = a.copy()
    read_only.flags.writeable = False
    yield "read-only", read_only


def test_layouts_give_the_same_bits(rng):
    h, b = planted(rng, 11, 3, items=4), rng.standard_normal((4, 2, 11))
    for method in ("automatic", "direct"):
        expected = minfold.pinv_solve(h, b, method=method)
        for name, other in variants(h):
            for side_name, side in variants(b):
                found = minfold.pinv_solve(other, side, method=method)
                np.testing.assert_array_equal(found.x, expected.x, f"{name}, {side_name}")
                np.testing.assert_array_equal(found.records, expected.records)
    kernel = minfold.kernel_basis(h)
    for name, other in variants(h):
        np.testing.assert_array_equal(minfold.kernel_basis(other).basis, kernel.basis, name)


def test_one_matrix_for_all_items(rng):
    h, b = planted(rng, 8, 2), rng.standard_normal((5, 8))
    shared = np.broadcast_to(h, (5, 8, 8))
    assert shared.strides[0] == 0
    np.testing.assert_allclose(minfold.pinv_solve(shared, b).x, b @ np.linalg.pinv(h), atol=1e-12)


def test_inputs_are_not_written_to(rng):
    h, b = planted(rng, 8, 2), rng.standard_normal(8)
    kept = h.copy(), b.copy()
    minfold.pinv_solve(h, b)
    minfold.kernel_and_pinv(h, b)
    minfold.range_finder(h)
    np.testing.assert_array_equal(h, kept[0])
    np.testing.assert_array_equal(b, kept[1])


def test_a_matrix_of_numpy_is_an_array(rng):
    h, b = planted(rng, 5, 2), rng.standard_normal(5)
    found = minfold.pinv_solve(np.matrix(h), b)
    assert type(found.x) is np.ndarray and found.x.shape == (5,)
    np.testing.assert_array_equal(found.x, minfold.pinv_solve(h, b).x)


def test_results_are_arrays_for_everybody(rng):
    x = minfold.pinv_solve(planted(rng, 4, 1), np.ones(4)).x
    assert address(np.from_dlpack(x)) == address(x)


EYE = np.eye(3)
UNALIGNED = np.zeros(73, np.uint8)[1:].view(np.float64).reshape(3, 3)
REFUSED = [
    (lambda: minfold.pinv_solve([[1.0]], np.ones(1)), TypeError, "H is a list, expected a NumPy array"),
    (lambda: minfold.pinv_solve(EYE, "b"), TypeError, "b is a str"),
    (lambda: minfold.pinv_solve(np.eye(3, dtype=int), np.ones(3)), ValueError, "type int64, expected float64"),
    (lambda: minfold.pinv_solve(EYE + 0j, np.ones(3)), ValueError, "type complex128"),
    (lambda: minfold.pinv_solve(EYE.astype(">f8"), np.ones(3)), ValueError, "byte order"),
    (lambda: minfold.pinv_solve(UNALIGNED, np.ones(3)), ValueError, "not aligned"),
    (lambda: minfold.pinv_solve(EYE, np.ones(3, np.float32)), ValueError, "b has numbers of type float32, expected float64"),
    (lambda: minfold.pinv_solve(np.ones((2, 3)), np.ones(3)), ValueError, "H is 2 x 3, expected n x n"),
    (lambda: minfold.pinv_solve(np.ones(3), np.ones(3)), ValueError, "H is 3, expected n x n"),
    (lambda: minfold.pinv_solve(np.empty((0, 0)), np.empty(0)), ValueError, "H has matrices of order 0"),
    (lambda: minfold.pinv_solve(EYE, np.ones(4)), ValueError, "b is 4, expected 3 or columns x 3"),
    (lambda: minfold.pinv_solve(np.stack([EYE] * 2), np.ones((3, 3))), ValueError, "b is 3 x 3, expected 2 x 3 or 2 x columns x 3"),
    (lambda: minfold.pinv_solve(EYE, np.empty((0, 3)), method="direct"), ValueError, "pinv_solve: b has no right-hand side"),
    (lambda: minfold.pinv_solve(EYE, np.empty((0, 3))), ValueError, "pinv_solve: b has no right-hand side"),
    (lambda: minfold.pinv_solve(EYE, np.empty((0, 3)), method="cg"), ValueError, "pinv_solve: b has no right-hand side"),
    (lambda: minfold.pinv_solve(np.ma.masked_array(EYE, EYE > 0), np.ones(3)), TypeError, "H is a masked array, whose mask would be lost"),
    (lambda: minfold.kernel_and_pinv(EYE, np.ma.masked_array(np.ones(3))), TypeError, "b is a masked array"),
    (lambda: minfold.pinv_solve(np.array(3.0), np.ones(3)), ValueError, "H is a single number, expected n x n"),
    (lambda: minfold.pinv_solve(EYE.astype(object), np.ones(3)), ValueError, "type object, expected float64"),
    (lambda: minfold.pinv_solve(EYE.astype(np.float16), np.ones(3)), ValueError, "type float16, expected float64"),
    (lambda: minfold.pinv_solve(EYE.astype(np.float32), np.ones(3)), ValueError, "b has numbers of type float64, expected float32"),
    (lambda: minfold.pinv_solve(EYE, np.ones(3), max_iterations=5), ValueError, "max_iterations is for method 'cg'"),
    (lambda: minfold.pinv_solve(EYE, np.ones(3), method="cg", minimum_gap=5), ValueError, "'cg' takes no kernel_tolerance and no minimum_gap"),
    (lambda: minfold.pinv_solve(EYE, np.ones(3), method="cg", max_iterations=2.7), TypeError, "max_iterations is 2.7, expected an integer"),
    (lambda: minfold.pinv_solve(EYE, np.ones(3), tolerance="1e-3"), TypeError, "tolerance is '1e-3', expected a number"),
    (lambda: minfold.kernel_basis(EYE, seed=1.5), TypeError, "kernel_basis: seed is 1.5, expected an integer"),
    (lambda: minfold.kernel_basis(EYE, capacity=True), TypeError, "capacity is True, expected an integer"),
    (lambda: minfold.range_finder(EYE, rank=1.5), TypeError, "rank is 1.5, expected an integer"),
    (lambda: minfold.range_finder(EYE, rank=3, capacity=2), ValueError, "rank is 3, but there is room for 2 vectors"),
    (lambda: minfold.Operator(abs, "3"), TypeError, "Operator: n is '3', expected an integer"),
    (lambda: minfold.kernel_basis(minfold.Operator(lambda x: None, 3)), ValueError, "apply has returned a single number, expected"),
    (lambda: minfold.initialize(1.5), TypeError, "initialize: threads is 1.5, expected an integer"),
    (lambda: minfold.pinv_solve(EYE, np.ones(3), method="lu"), ValueError, "method is 'lu', expected one of automatic"),
    (lambda: minfold.pinv_solve(EYE, np.ones(3), kernel=minfold.kernel_basis(EYE)), ValueError, "is for method 'cg'"),
    (lambda: minfold.pinv_solve(EYE, np.ones(3), tolerance=-1.0), ValueError, "pinv_solve: tolerance is -1.0, must be positive"),
    (lambda: minfold.kernel_basis(EYE, kernel_tolerance=float("nan")), ValueError, "kernel_basis: kernel_tolerance is nan, must be positive"),
    (lambda: minfold.pinv_solve(EYE, np.ones(3), tolerance=0), ValueError, "tolerance is 0.0, must be positive"),
    (lambda: minfold.kernel_basis(EYE, seed=-1), ValueError, "kernel_basis: seed is -1, expected 1 to 18446744073709551615"),
    (lambda: minfold.range_finder(EYE, minimum_gap="wide"), TypeError, "range_finder: minimum_gap is 'wide', expected a number"),
    (lambda: minfold.kernel_basis(EYE, capacity=4), ValueError, "capacity is 4, expected 1 to 3"),
    (lambda: minfold.range_finder(EYE, rank=4), ValueError, "rank is 4, expected 1 to 3"),
    (lambda: minfold.range_finder(minfold.Operator(lambda x: x, 3), semidefinite=True), ValueError, "for explicit matrices"),
    (lambda: minfold.Operator(None, 3), TypeError, "apply is a NoneType"),
    (lambda: minfold.Operator(abs, 0), ValueError, "Operator: n is 0, expected 1 to"),
    (lambda: minfold.kernel_basis(minfold.Operator(lambda x: x[:, :2], 3)), ValueError, r"apply has returned \d+ x 2 numbers, expected \d+ x 3"),
    (lambda: minfold.kernel_basis(minfold.Operator(lambda x: x * 1j, 3)), ValueError, "type complex128"),
]


@pytest.mark.parametrize("call, error, sentence", REFUSED, ids=[r[2][:40] for r in REFUSED])
def test_bad_input_is_refused_with_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence) as info:
        call()
    assert str(info.value).startswith("minfold: ") and "minfold_" not in str(info.value)


def test_what_is_not_finite_is_an_outcome(rng):
    h = planted(rng, 6, 1, items=3)
    h[1, 2, 2] = np.nan
    found = minfold.pinv_solve(h, np.ones((3, 6)))
    assert found.records["outcome"].tolist() == [1, minfold.Outcome.NOT_FINITE, 1]
    assert not found.certified and np.isfinite(found.x[[0, 2]]).all()
