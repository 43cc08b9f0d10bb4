# SPDX-License-Identifier: Apache-2.0
"""Results in arrays of the caller: `out`."""

import minfold
import numpy as np
import pytest
from conftest import planted

NAN = np.nan


def room(shape, dtype=np.float64):
    return np.full(shape, NAN, dtype)


def strided(shape, dtype=np.float64):
    """An array with gaps in every direction, reversed along the last, and the memory that it lies in."""
    memory = room(tuple(2 * n for n in shape), dtype)
    return memory[tuple(slice(None, None, 2) for _ in shape[:-1]) + (slice(None, None, -2),)], memory


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("method", ["automatic", "factor", "direct", "cg"])
@pytest.mark.parametrize("h_shape, b_shape", [((), (7,)), ((), (2, 7)), ((3,), (3, 7)), ((3,), (3, 2, 7))])
def test_pinv_solve_writes_into_the_callers_array(rng, dtype, method, h_shape, b_shape):
    h = planted(rng, 7, 2, h_shape[0] if h_shape else None, dtype)
    b = rng.standard_normal(b_shape).astype(dtype)
    options = {"method": method}
    if method == "cg":
        options["kernel"] = minfold.kernel_basis(h)
    expected = minfold.pinv_solve(h, b, **options)
    for make in (room, lambda *a: strided(*a)[0], lambda *a: np.asfortranarray(room(*a))):
        out = make(b_shape, dtype)
        found = minfold.pinv_solve(h, b, out=out, **options)
        assert found.x is out and found.certified
        np.testing.assert_array_equal(out, expected.x)
        np.testing.assert_array_equal(found.records, expected.records)


def test_what_lies_between_the_entries_is_not_touched(rng):
    out, memory = strided((2, 6))
    minfold.pinv_solve(planted(rng, 6, 1), rng.standard_normal((2, 6)), out=out)
    assert np.isfinite(out).all() and np.isnan(memory).sum() == memory.size - out.size


def test_no_other_array_is_made(rng, monkeypatch):
    """A solve with "direct" allocates nothing in Python that is as large as the result."""
    h, b, out = planted(rng, 6, 1), rng.standard_normal((40, 6)), room((40, 6))
    shapes, empty = [], np.empty
    monkeypatch.setattr(np, "empty", lambda shape, *more: shapes.append(shape) or empty(shape, *more))
    minfold.pinv_solve(h, b, method="direct", out=out)
    assert shapes == []
    minfold.pinv_solve(h, b, method="direct")
    assert shapes == [(1, 40, 6)]


def test_an_operator_writes_into_the_callers_array(rng):
    h = planted(rng, 20, 2)
    a, b, out = minfold.Operator(lambda x: x @ h, 20), rng.standard_normal(20), room(20)
    kernel_out = room((4, 20))
    kernel = minfold.kernel_basis(a, out=kernel_out)
    assert kernel.basis.base is kernel_out and kernel.dimension == 2 and not kernel_out[2:].any()
    found = minfold.pinv_solve(a, b, kernel=kernel, out=out).require()
    assert found.x is out
    np.testing.assert_allclose(out, np.linalg.pinv(h, rcond=1e-6) @ b, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_kernel_basis_writes_into_the_callers_array(rng, dtype):
    h = np.stack([planted(rng, 9, k, dtype=dtype) for k in (3, 0, 1)])
    expected = minfold.kernel_basis(h)
    for make in (room, lambda *a: strided(*a)[0]):
        out = make((3, 5, 9), dtype)
        found = minfold.kernel_basis(h, out=out)
        assert found.certified and found.dimension.tolist() == [3, 0, 1]
        assert found.basis.shape == (3, 3, 9) and np.shares_memory(found.basis, out)
        np.testing.assert_array_equal(found.basis, expected.basis)
        assert not out[0, 3:].any() and not out[1].any() and not out[2, 1:].any()
    alone = room((9, 9), dtype)
    found = minfold.kernel_basis(h[0], out=alone)
    assert found.basis.shape == (3, 9) and found.basis.base is alone and not alone[3:].any()
    small = minfold.kernel_basis(h, out=room((3, 2, 9), dtype))
    assert small.records["outcome"].tolist() == [minfold.Outcome.RANK_LIMIT, 1, 1]


def test_kernel_and_pinv_writes_into_the_callers_arrays(rng):
    h, b = planted(rng, 8, 3, items=2), rng.standard_normal((2, 8))
    expected = minfold.kernel_and_pinv(h, b)
    basis, x = room((2, 4, 8)), room((2, 8))
    found = minfold.kernel_and_pinv(h, b, out=(basis, x)).require()
    assert found.x is x and found.basis.base is basis and not basis[:, 3:].any()
    np.testing.assert_array_equal(x, expected.x)
    np.testing.assert_allclose(basis[:, :3], expected.basis, atol=1e-12)
    for out in ((basis, None), (None, x)):
        basis[:], x[:] = NAN, NAN
        found = minfold.kernel_and_pinv(h, b, out=out)
        np.testing.assert_array_equal(found.x, expected.x)
        assert found.basis.shape == (2, 3, 8) and np.isfinite(found.basis).all()
        assert np.isnan(basis).all() == (out[0] is None) and np.isnan(x).all() == (out[1] is None)


def test_range_finder_writes_into_the_callers_arrays(rng):
    q = np.linalg.qr(rng.standard_normal((20, 20)))[0]
    a = np.stack([(q[:, :r] * 0.5 ** np.arange(r)) @ q[:, :r].T for r in (2, 4)])
    a = (a + a.transpose(0, 2, 1)) / 2
    basis, values = room((2, 6, 20)), strided((2, 6))[0]
    found = minfold.range_finder(a, out=(basis, values)).require()
    assert found.rank.tolist() == [2, 4] and found.basis.base is basis
    assert np.shares_memory(found.values, values) and found.values.shape == (2, 4)
    np.testing.assert_allclose(values[1, :4], 0.5 ** np.arange(4), rtol=1e-9)
    assert not basis[0, 2:].any() and not basis[1, 4:].any()
    assert not values[0, 2:].any() and not values[1, 4:].any()
    for out in ((basis, None), (None, values)):
        found = minfold.range_finder(a, out=out)
        assert found.rank.tolist() == [2, 4] and found.basis.shape == (2, 4, 20)
        np.testing.assert_allclose(found.values[0], [1, 0.5, 0, 0], rtol=1e-9)
    one = minfold.range_finder(minfold.Operator(lambda x: x @ a[0], 20), out=(basis[0, :3], values[0, :3]))
    assert one.rank == 2 and not basis[0, 2].any()


class Versioned:
    """Says by DLPack that its memory may be written to, or not."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **versions):
        return self.array.__dlpack__(**versions)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class Silent(Versioned):
    """Of a DLPack before its version 1, which has no word for it."""

    def __dlpack__(self, stream=None):
        return self.array.__dlpack__()


@pytest.mark.parametrize("producer", [Versioned, Silent])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_other_arrays_are_written_to(rng, producer, dtype):
    h, b = planted(rng, 6, 1, dtype=dtype), rng.standard_normal((2, 6)).astype(dtype)
    expected = minfold.pinv_solve(h, b).x
    for memory in (room((2, 6), dtype), strided((2, 6), dtype)[0]):
        found = minfold.pinv_solve(h, b, out=producer(memory))
        assert isinstance(found.x, np.ndarray) and np.shares_memory(found.x, memory)
        np.testing.assert_array_equal(memory, expected)
    alone = minfold.pinv_solve(h, b, out=producer(room((2, 6), dtype))).x  # nobody else has the memory
    junk = [room((2, 6), dtype) for _ in range(50)]
    np.testing.assert_array_equal(alone, expected)
    assert len(junk) == 50


def test_other_arrays_that_say_that_they_are_read_only_are_not(rng):
    h, memory = planted(rng, 6, 1), np.zeros(6)
    memory.flags.writeable = False
    for producer in (Versioned, Silent):
        with pytest.raises(ValueError, match="out is read-only$|out does not give its memory"):
            minfold.pinv_solve(h, np.ones(6), out=producer(memory))
    assert not memory.any()
    immutable = type("Array", (Silent,), {"__module__": "jaxlib.xla_extension"})
    with pytest.raises(ValueError, match="out is read-only$"):
        minfold.pinv_solve(h, np.ones(6), out=immutable(np.zeros(6)))


@pytest.mark.parametrize("given", [True, False])
def test_what_the_library_leaves_beyond_the_rank_is_cleared(monkeypatch, given):
    """It may be anything, so here it is."""
    original = minfold._core.range_finder

    def untidy(a, basis, values, records, options):
        message = original(a, basis, values, records, options)
        for item, rank in enumerate(records.view(minfold.RANGE_RECORD)["rank"]):
            basis[item, rank:], values[item, 0, rank:] = NAN, NAN
        return message

    monkeypatch.setattr(minfold._core, "range_finder", untidy)
    a = np.stack([np.diag([1.0, 0, 0, 0]), np.diag([2.0, 1, 0, 0])])
    basis, values = room((2, 3, 4)), room((2, 3))
    found = minfold.range_finder(a, out=(basis, values) if given else None).require()
    assert found.rank.tolist() == [1, 2] and found.basis.shape == (2, 2, 4)
    assert not found.basis[0, 1:].any() and not found.values[0, 1:].any()
    if given:
        assert not basis[:, 2:].any() and not values[:, 2:].any()


def test_an_empty_batch_takes_an_empty_array():
    out = np.empty((0, 3))
    assert minfold.pinv_solve(np.empty((0, 3, 3)), np.empty((0, 3)), out=out).x is out
    assert minfold.kernel_basis(np.empty((0, 3, 3)), out=np.empty((0, 2, 3))).basis.shape == (0, 0, 3)


def test_the_result_keeps_the_memory_alive(rng):
    h = planted(rng, 30, 4)
    found = minfold.kernel_basis(h, out=room((10, 30)))  # nobody else has the array
    kept, expected = found.basis, minfold.kernel_basis(h).basis
    del found
    junk = [room((10, 30)) for _ in range(20)]
    np.testing.assert_array_equal(kept, expected)
    assert len(junk) == 20


EYE, READ_ONLY = np.eye(3), np.ones(3)
READ_ONLY.flags.writeable = False
ONE_PLACE = np.lib.stride_tricks.as_strided(np.zeros(3), (2, 3), (0, 8))
REFUSED = [
    (lambda: minfold.pinv_solve(EYE, np.ones(3), out=[0.0] * 3), TypeError, "out is a list, expected a NumPy array"),
    (lambda: minfold.pinv_solve(EYE, np.ones(3), out=np.ones(3, np.float32)), ValueError, "out has numbers of type float32, expected float64"),
    (lambda: minfold.pinv_solve(EYE, np.ones(3), out=np.ones(3, int)), ValueError, "out has numbers of type int64"),
    (lambda: minfold.pinv_solve(EYE, np.ones(3), out=np.ones((1, 3))), ValueError, "out is 1 x 3, expected 3$"),
    (lambda: minfold.pinv_solve(EYE, np.ones((2, 3)), out=np.ones((3, 2))), ValueError, "out is 3 x 2, expected 2 x 3"),
    (lambda: minfold.pinv_solve(EYE, np.ones(3), out=READ_ONLY), ValueError, "out is read-only$"),
    (lambda: minfold.pinv_solve(EYE, np.ones(3), out=np.ones(3, ">f8")), ValueError, "out has numbers that are not aligned or not in the byte order"),
    (lambda: minfold.pinv_solve(EYE, np.ones((2, 3)), out=ONE_PLACE), ValueError, "out is written to, but its strides give two entries one place"),
    (lambda: minfold.pinv_solve(EYE, READ_ONLY, out=(READ_ONLY,)), TypeError, "out is a tuple"),
    (lambda: minfold.kernel_basis(EYE, out=np.ones(3)), ValueError, "out is 3, expected vectors x 3"),
    (lambda: minfold.kernel_basis(EYE, out=np.ones((4, 3))), ValueError, "out has room for 4 vectors, expected 1 to 3"),
    (lambda: minfold.kernel_basis(EYE, out=np.ones((0, 3))), ValueError, "out has room for 0 vectors"),
    (lambda: minfold.kernel_basis(EYE, capacity=1, out=np.ones((2, 3))), ValueError, "capacity is 1, but out has room for 2 vectors"),
    (lambda: minfold.kernel_basis(EYE[None], out=np.ones((2, 3))), ValueError, "out is 2 x 3, expected 1 x vectors x 3"),
    (lambda: minfold.kernel_and_pinv(EYE, np.ones(3), out=np.ones(3)), TypeError, r"out is a ndarray, expected \(basis, x\)"),
    (lambda: minfold.kernel_and_pinv(EYE, np.ones(3), out=(None, np.ones(2))), ValueError, r"out\[1\] is 2, expected 3"),
    (lambda: minfold.range_finder(EYE, out=np.ones((2, 3))), TypeError, r"out is a ndarray, expected \(basis, values\)"),
    (lambda: minfold.range_finder(EYE, out=(np.ones((2, 3)), np.ones(3))), ValueError, r"out\[1\] is 3, expected 2"),
    (lambda: minfold.range_finder(EYE, out=(None, np.ones(4))), ValueError, r"length of out\[1\] is 4, expected 1 to 3"),
    (lambda: minfold.range_finder(EYE, rank=3, out=(np.ones((2, 3)), None)), ValueError, "rank is 3, but there is room for 2"),
]  # fmt: skip


@pytest.mark.parametrize("call, error, sentence", REFUSED, ids=[r[2][:40] for r in REFUSED])
def test_what_cannot_be_written_to_is_refused(call, error, sentence):
    with pytest.raises(error, match=sentence) as info:
        call()
    assert str(info.value).startswith("minfold: ") and "minfold_" not in str(info.value)


def test_overlap_is_refused_and_nothing_is_written(rng):
    n = 6
    h, b = planted(rng, n, 2), rng.standard_normal((n, n))
    both = np.zeros((2, n, n))
    both[0], both[1] = h, b
    kernel = minfold.kernel_basis(h)
    before = both.copy(), kernel.basis.copy()
    operator = minfold.Operator(lambda x: x @ h, n)
    one = kernel.basis[0]
    calls = [
        (lambda: minfold.pinv_solve(both[0], b, out=both[0]), "pinv_solve: out overlaps H"),
        (lambda: minfold.pinv_solve(h, both[1], out=both[1]), "pinv_solve: out overlaps b"),
        (lambda: minfold.pinv_solve(h, both[1, 2], method="direct", out=both[1, 2]), "out overlaps b"),
        (lambda: minfold.pinv_solve(both[0], b[0], method="cg", out=both[0, 3]), "out overlaps H"),
        (lambda: minfold.pinv_solve(both[0].T, b[0], out=both[0, 3]), "out overlaps H"),
        (lambda: minfold.pinv_solve(h, both[1, 2], method="cg", kernel=kernel, out=both[1, 2]), "out overlaps b"),
        (lambda: minfold.pinv_solve(h, b[0], method="cg", kernel=kernel, out=one), "out overlaps kernel"),
        (lambda: minfold.pinv_solve(operator, both[1, 2], kernel=kernel, out=both[1, 2]), "out overlaps b"),
        (lambda: minfold.pinv_solve(operator, b[0], kernel=kernel, out=one), "out overlaps kernel"),
        (lambda: minfold.kernel_basis(both[0], out=both[0, 1:4]), "kernel_basis: out overlaps H"),
        (lambda: minfold.kernel_and_pinv(h, both[1], out=(both[1], None)), r"out\[0\] overlaps b"),
        (lambda: minfold.kernel_and_pinv(h, b, out=(both[1], both[1])), r"out\[1\] overlaps out\[0\]"),
        (lambda: minfold.range_finder(both[0], out=(both[0], None)), r"range_finder: out\[0\] overlaps A"),
        (lambda: minfold.range_finder(h, out=(both[1, :2], both[1, 1, :2])), r"out\[1\] overlaps out\[0\]"),
        (lambda: minfold.range_finder(operator, out=(both[1, :2], both[1, 1, :2])), r"out\[1\] overlaps out\[0\]"),
    ]
    for call, sentence in calls:
        with pytest.raises(ValueError, match=sentence + ", which is not allowed"):
            call()
    np.testing.assert_array_equal(both, before[0])
    np.testing.assert_array_equal(kernel.basis, before[1])


def test_neighbours_are_no_overlap(rng):
    h, b = planted(rng, 5, 1), rng.standard_normal((2, 5))
    expected = minfold.pinv_solve(h, b[0]).x
    found = minfold.pinv_solve(h, b[0], out=b[1]).x
    np.testing.assert_array_equal(found, expected)
    # Neither is worked in place: every other number of the same memory.
    pairs = rng.standard_normal((5, 2))
    expected = minfold.pinv_solve(h, pairs[:, 0]).x
    np.testing.assert_array_equal(minfold.pinv_solve(h, pairs[:, 0], out=pairs[:, 1]).x, expected)
