# SPDX-License-Identifier: Apache-2.0
"""Arguments as arrays over the caller's memory, in the shapes of the kernels.

Where minfold works on the host every array is, or becomes, a NumPy array over the same memory. Where
it works on a device arrays stay what they are, of CuPy or PyTorch for example, and are handed on by
DLPack; what is used of them is shape, dtype, reshape and indexing by slices, None and Ellipsis.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from . import _core

_DEVICES = {2: "a CUDA device", 4: "an OpenCL device", 7: "a Vulkan device", 8: "a Metal device",
            10: "a ROCm device", 13: "managed memory of CUDA", 14: "a oneAPI device",
            15: "a WebGPU device"}
_HOST = (1, 3, 11)  # plain, and pinned for CUDA and ROCm
#: Libraries whose arrays never change; not all of them say so by DLPack.
_IMMUTABLE = ("jax", "jaxlib", "tensorflow")
#: Where minfold works, as DLPack numbers it.
DEVICE: int = _core.device_type
#: The stream that a producer orders its work before: the legacy default one, which that of Kokkos waits for.
_STREAM = {2: 1, 10: 0}


def on_host() -> bool:
    return DEVICE in _HOST


def _place(device: int) -> str:
    return "the host" if device in _HOST else _DEVICES.get(device, f"device {device}")


def is_array(a: Any) -> bool:
    return isinstance(a, np.ndarray) or hasattr(a, "__dlpack__")


def _check_place(function: str, name: str, a: Any) -> None:
    """Before anything is asked of the memory of another array."""
    if not hasattr(a, "__dlpack_device__"):
        raise ValueError(f"minfold: {function}: {name} does not say which device it is on")
    device, number = map(int, a.__dlpack_device__())
    if on_host():
        if device not in _HOST:
            raise ValueError(
                f"minfold: {function}: {name} is on {_place(device)}, and this package works on the "
                "host: copy it to the host first"
            )
    elif device != DEVICE:
        raise ValueError(
            f"minfold: {function}: {name} is on {_place(device)}, and this package works on "
            f"{_place(DEVICE)}: copy it there first"
        )
    elif number != _core.device_number():
        raise ValueError(
            f"minfold: {function}: {name} is on number {number} of the devices, and this package "
            f"works on number {_core.device_number()}: copy it there first"
        )


def dtype_of(a: Any) -> Any:
    """As NumPy has it, or what it is called where NumPy has none such."""
    if isinstance(a, np.ndarray):
        return a.dtype
    name = str(a.dtype).rpartition(".")[2]
    try:
        return np.dtype(name)
    except TypeError:
        return name


def as_array(function: str, name: str, a: Any) -> Any:
    """The array itself, or a view of the memory of another one. Nothing is copied."""
    if isinstance(a, np.ma.MaskedArray):
        raise TypeError(
            f"minfold: {function}: {name} is a masked array, whose mask would be lost: fill it first"
        )
    if not is_array(a):
        raise TypeError(
            f"minfold: {function}: {name} is a {type(a).__name__}, expected a NumPy array or "
            "another one with __dlpack__"
        )
    if not isinstance(a, np.ndarray) or not on_host():
        _check_place(function, name, a)
    if on_host():
        if not isinstance(a, np.ndarray):
            try:
                a = np.from_dlpack(a)
            except (BufferError, RuntimeError) as error:
                raise ValueError(
                    f"minfold: {function}: {name} does not give its memory to the host: {error}"
                ) from error
        elif type(a) is not np.ndarray:
            a = a.view(np.ndarray)  # a matrix has rules of its own
    dtype = dtype_of(a)
    if dtype not in (np.float64, np.float32, np.dtype(">f8"), np.dtype(">f4")):
        raise ValueError(
            f"minfold: {function}: {name} has numbers of type {dtype}, expected float64 or float32"
        )
    if on_host() and (
        not dtype.isnative or not a.flags.aligned or any(s % a.itemsize for s in a.strides)
    ):
        raise ValueError(
            f"minfold: {function}: {name} has numbers that are not aligned or not in the byte order "
            "of this machine"
        )
    return a


def memory_of(a: Any) -> Any:
    """What the compiled part takes: an array on the host, what DLPack hands out on a device."""
    return a if on_host() or a is None else a.__dlpack__(stream=_STREAM.get(DEVICE))


class _Fresh:
    """New memory of the compiled part, for the library that makes an array of it."""

    def __init__(self, shape: tuple, single: bool):
        self.capsule = _core.empty(list(shape), single)

    def __dlpack__(self, **_: Any) -> Any:
        return self.capsule

    def __dlpack_device__(self) -> tuple:
        return DEVICE, _core.device_number()


def empty(shape: tuple, dtype: np.dtype, like: Any) -> Any:
    """A new array, of the kind of `like`."""
    if on_host():
        return np.empty(shape, dtype)
    module = importlib.import_module(type(like).__module__.partition(".")[0])
    return module.from_dlpack(_Fresh(shape, dtype == np.float32))


def shape_text(shape: tuple) -> str:
    return " x ".join(map(str, shape)) if len(shape) else "a single number"


def numbers_text(shape: tuple) -> str:
    return shape_text(shape) + (" numbers" if len(shape) else "")


def matrices(function: str, name: str, a: Any) -> tuple[Any, bool]:
    """(items, n, n) over the memory of `a`, and whether `a` was a batch."""
    a = as_array(function, name, a)
    if a.ndim not in (2, 3) or a.shape[-1] != a.shape[-2]:
        raise ValueError(
            f"minfold: {function}: {name} is {shape_text(a.shape)}, expected n x n or items x n x n"
        )
    if a.shape[-1] == 0:
        raise ValueError(f"minfold: {function}: {name} has matrices of order 0")
    return (a[None], False) if a.ndim == 2 else (a, True)


def sides(
    function: str, name: str, b: Any, items: int, n: int, batch: bool, dtype: np.dtype
) -> tuple[Any, tuple]:
    """(items, columns, n) over the memory of `b`, and the shape of what there is one of a column."""
    b = as_array(function, name, b)
    if dtype_of(b) != dtype:
        raise ValueError(
            f"minfold: {function}: {name} has numbers of type {dtype_of(b)}, expected {dtype}"
        )
    lead = (items,) if batch else ()
    block = len(lead) + 2
    given = tuple(b.shape)
    if b.ndim not in (block - 1, block) or given[-1] != n or given[: len(lead)] != lead:
        one, more = shape_text(lead + (n,)), " x ".join(map(str, lead + ("columns", n)))
        raise ValueError(
            f"minfold: {function}: {name} is {shape_text(given)}, expected {one} or {more}"
        )
    return as_blocks(b, batch, b.ndim == block), given[:-1]


def as_blocks(a: Any, batch: bool, many: bool) -> Any:
    """(items, rows, n) over the memory of an array that may have no axis of items, or none of rows."""
    if not many:
        a = a[..., None, :]
    return a if batch else a[None]


def output(function: str, name: str, out: Any, shape: tuple, dtype: np.dtype) -> Any:
    """An array that is written to. A None in `shape` is an extent that the caller chooses."""
    a = as_array(function, name, out)
    if dtype_of(a) != dtype:
        raise ValueError(
            f"minfold: {function}: {name} has numbers of type {dtype_of(a)}, expected {dtype}"
        )
    given = tuple(a.shape)
    if len(given) != len(shape) or any(e not in (None, g) for e, g in zip(shape, given)):
        expected = " x ".join("vectors" if e is None else str(e) for e in shape)
        raise ValueError(f"minfold: {function}: {name} is {shape_text(given)}, expected {expected}")
    fixed = type(out).__module__.partition(".")[0] in _IMMUTABLE
    if on_host() and not fixed:
        if not isinstance(out, np.ndarray):
            a = _core.writable(out)
        fixed = a is None or not a.flags.writeable
    if fixed:
        raise ValueError(f"minfold: {function}: {name} is read-only")
    return a


def check_outputs(function: str, outputs: dict, inputs: dict) -> None:
    """Refuses outputs, (items, rows, n), with two entries in one place, and those that overlap."""
    seen = {name: a for name, a in inputs.items() if a is not None}
    for name, a in outputs.items():
        if a is None:
            continue
        _core.check_output(f"{function}: {name}", memory_of(a))
        for other_name, other in seen.items():
            _core.refuse_overlap(
                f"{function}: {name}", memory_of(a), other_name, memory_of(other)
            )
        seen[name] = a


def zero_beyond(a: Any, used: np.ndarray) -> None:
    """a(item, j) := 0 for j >= used(item)."""
    if on_host():
        a[np.arange(a.shape[1]) >= used[:, None]] = 0
    else:
        for item, count in enumerate(used):
            a[item, int(count) :] = 0
