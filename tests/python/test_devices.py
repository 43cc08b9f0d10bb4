# SPDX-License-Identifier: Apache-2.0
"""Memory of devices: refused unread where minfold works on the host, and the path that a minfold for a
device takes, with arrays of a library that is not NumPy."""

import ctypes
import sys
import types

import minfold
import numpy as np
import pytest
from conftest import planted
from minfold import _arrays, _core


class OnDevice:
    def __init__(self, device):
        self.device = device

    def __dlpack_device__(self):
        return (self.device, 0)

    def __dlpack__(self, **_):
        raise AssertionError("memory of a device was asked for")


@pytest.mark.parametrize("device, name", [(2, "a CUDA device"), (10, "a ROCm device"), (13, "managed memory of CUDA"), (99, "device 99")])
def test_memory_of_devices_is_refused_unread(device, name):
    a, sentence = OnDevice(device), f"is on {name}, .* copy it to the host first"
    for call, what in (
        (lambda: minfold.kernel_basis(a), "kernel_basis: H"),
        (lambda: minfold.range_finder(a), "range_finder: A"),
        (lambda: minfold.pinv_solve(np.eye(3), a), "pinv_solve: b"),
        (lambda: minfold.pinv_solve(np.eye(3), np.ones(3), out=a), "pinv_solve: out"),
        (lambda: minfold.kernel_and_pinv(np.eye(3), np.ones(3), out=(a, None)), r"kernel_and_pinv: out\[0\]"),
    ):
        with pytest.raises(ValueError, match=f"{what} {sentence}"):
            call()


class DLTensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("device_type", ctypes.c_int32), ("device_id", ctypes.c_int32),
                ("ndim", ctypes.c_int32), ("code", ctypes.c_uint8), ("bits", ctypes.c_uint8),
                ("lanes", ctypes.c_uint16), ("shape", ctypes.POINTER(ctypes.c_int64)),
                ("strides", ctypes.POINTER(ctypes.c_int64)), ("byte_offset", ctypes.c_uint64)]  # fmt: skip


class DLManagedTensor(ctypes.Structure):
    _fields_ = [("tensor", DLTensor), ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p)]


class Capsule:
    """A producer by hand. Its memory is at an address that nothing may be read from."""

    def __init__(self, device, says=None, shape=(3, 3)):
        self.shape = (ctypes.c_int64 * len(shape))(*shape)
        tensor = DLTensor(16, device, 0, len(shape), 2, 64, 1, self.shape, None, 0)
        self.managed = DLManagedTensor(tensor, None, None)
        if says is not None:
            self.__class__ = type("Capsule", (Capsule,), {"__dlpack_device__": lambda _: (says, 0)})

    def __dlpack__(self, **_):
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return new(ctypes.addressof(self.managed), b"dltensor", None)


def test_a_capsule_of_a_device_is_refused_unread():
    with pytest.raises(ValueError, match="H is on a CUDA device, .* copy it to the host first"):
        minfold.kernel_basis(Capsule(2, says=2))
    with pytest.raises(ValueError, match="H does not say which device it is on"):
        minfold.kernel_basis(Capsule(2))
    with pytest.raises(ValueError, match="H does not give its memory to the host"):
        minfold.kernel_basis(Capsule(2, says=1))  # it lies, its capsule does not
    # The compiled part itself takes no memory but the host's.
    records = np.zeros(100, np.uint8)
    for shape in ((1, 3, 3),):
        with pytest.raises(TypeError, match="incompatible function arguments"):
            _core.kernel_basis(Capsule(2, says=2, shape=shape).__dlpack__(), np.ones(shape), records, records)


class Broken:
    def __dlpack_device__(self):
        return (1, 0)

    def __dlpack__(self, **_):
        raise BufferError("it needs a gradient")


def test_a_producer_that_refuses_has_its_say():
    with pytest.raises(ValueError, match="pinv_solve: H does not give its memory to the host: it needs a gradient"):
        minfold.pinv_solve(Broken(), np.ones(3))


# What follows runs the path of a minfold for a device on memory of the host.


class Tensor:
    """An array of the library `otherlib`: what the path of devices may use, and nothing else of NumPy."""

    def __init__(self, memory, device=(1, 0)):
        self.memory, self.device = memory, device
        self.exports = 0

    shape = property(lambda self: self.memory.shape)
    ndim = property(lambda self: self.memory.ndim)
    dtype = property(lambda self: f"otherlib.{self.memory.dtype}")

    def __dlpack_device__(self):
        return self.device

    def __dlpack__(self, stream=None):
        assert self.device == (1, 0), "memory of another device was asked for"
        self.exports += 1
        return self.memory.__dlpack__()

    def reshape(self, shape):
        return Tensor(self.memory.reshape(shape))

    def __getitem__(self, index):
        parts = index if isinstance(index, tuple) else (index,)
        assert all(p is None or p is Ellipsis or isinstance(p, (int, slice)) for p in parts)
        return Tensor(self.memory[index])

    def __setitem__(self, index, number):
        self[index].memory[...] = number


Tensor.__module__ = "otherlib.tensors"


def from_dlpack(producer):
    """Unlike that of NumPy the result may be written to."""
    seen = np.from_dlpack(producer)
    if seen.size == 0:
        return Tensor(np.empty(seen.shape, seen.dtype))
    place = (ctypes.c_char * seen.nbytes).from_address(seen.__array_interface__["data"][0])
    place.keep = seen
    return Tensor(np.frombuffer(place, seen.dtype).reshape(seen.shape))


@pytest.fixture
def device(monkeypatch):
    """As if the host were the device."""
    library = types.ModuleType("otherlib")
    library.from_dlpack = from_dlpack
    monkeypatch.setitem(sys.modules, "otherlib", library)
    monkeypatch.setattr(_arrays, "on_host", lambda: False)
    monkeypatch.setattr(_arrays, "DEVICE", 1)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("items", [None, 3])
def test_arrays_of_a_device_stay_what_they_are(rng, device, dtype, items):
    n = 9
    h = planted(rng, n, 2, items, dtype)
    b = rng.standard_normal((n,) if items is None else (items, n)).astype(dtype)
    expected = np.einsum("...ab,...b->...a", np.linalg.pinv(h.astype(float), rcond=1e-4, hermitian=True), b)
    atol = 1e-9 if dtype == np.float64 else 1e-2
    kernel = minfold.kernel_basis(Tensor(h)).require()
    assert isinstance(kernel.basis, Tensor) and kernel.basis.shape == h.shape[:-2] + (2, n)
    assert np.abs(np.einsum("...ab,...kb->...ka", h, kernel.basis.memory)).max() < atol
    for options in ({}, {"method": "direct"}, {"method": "cg", "kernel": kernel}):
        x = minfold.pinv_solve(Tensor(h), Tensor(b), **options).require().x
        assert isinstance(x, Tensor) and x.shape == b.shape
        np.testing.assert_allclose(x.memory, expected, atol=atol)
        out = Tensor(np.full(b.shape, np.nan, dtype))
        assert minfold.pinv_solve(Tensor(h), Tensor(b), out=out, **options).require().x is out
        np.testing.assert_allclose(out.memory, expected, atol=atol)
    both = minfold.kernel_and_pinv(Tensor(h), Tensor(b)).require()
    np.testing.assert_allclose(both.x.memory, expected, atol=atol)
    found = minfold.range_finder(Tensor(h))
    assert (found.rank == n - 2).all() and found.values.shape == h.shape[:-2] + (n - 2,)
    assert found.basis.shape == h.shape[:-2] + (n - 2, n)


def test_where_ranks_differ_a_device_has_zeros_too(rng, device):
    q = np.linalg.qr(rng.standard_normal((12, 12)))[0]
    a = np.stack([q[:, :r] @ q[:, :r].T for r in (2, 4)])
    found = minfold.range_finder(Tensor((a + a.transpose(0, 2, 1)) / 2)).require()
    assert found.rank.tolist() == [2, 4]
    assert not found.basis.memory[0, 2:].any() and not found.values.memory[0, 2:].any()


def test_a_device_refuses_what_is_elsewhere(monkeypatch, device):
    monkeypatch.setattr(_arrays, "DEVICE", 2)
    monkeypatch.setattr(_core, "device_number", lambda: 0)
    with pytest.raises(ValueError, match="H is on the host, and this package works on a CUDA device: copy it there first"):
        minfold.kernel_basis(np.eye(3))
    with pytest.raises(ValueError, match="H is on the host"):
        minfold.kernel_basis(Tensor(np.eye(3)))
    with pytest.raises(ValueError, match="H is on a ROCm device, and this package works on a CUDA device"):
        minfold.kernel_basis(OnDevice(10))
    with pytest.raises(ValueError, match="H is on number 1 of the devices, and this package works on number 0"):
        minfold.kernel_basis(Tensor(np.eye(3), (2, 1)))
    with pytest.raises(ValueError, match="H is an operator, and products in Python are for a minfold that works on the host"):
        minfold.kernel_basis(minfold.Operator(lambda x: x, 3))
    with pytest.raises(ValueError, match="H has numbers of type bfloat16, expected float64 or float32"):
        odd = type("Odd", (Tensor,), {"dtype": "otherlib.bfloat16", "__module__": "otherlib"})
        minfold.kernel_basis(odd(np.eye(3), (2, 0)))


def test_memory_for_a_device_lives_as_long_as_its_array():
    made = [from_dlpack(_arrays._Fresh((50, 40), single)).memory for single in (False, True) for _ in range(20)]
    for i, a in enumerate(made):
        a[...] = i
    assert all((a == i).all() and a.shape == (50, 40) for i, a in enumerate(made))
    assert {str(a.dtype) for a in made} == {"float64", "float32"}
    assert np.from_dlpack(_arrays._Fresh((0, 4), False)).shape == (0, 4)
