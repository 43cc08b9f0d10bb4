# SPDX-License-Identifier: Apache-2.0
"""Arguments as NumPy arrays over the caller's memory, in the shapes of the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

_DEVICES = {2: "a CUDA device", 4: "an OpenCL device", 7: "a Vulkan device", 8: "a Metal device",
            10: "a ROCm device", 14: "a oneAPI device", 15: "a WebGPU device"}
_HOST = (1, 3, 11)  # plain, and pinned for CUDA and ROCm


def is_array(a: Any) -> bool:
    return isinstance(a, np.ndarray) or hasattr(a, "__dlpack__")


def as_array(function: str, name: str, a: Any) -> np.ndarray:
    """The array itself, or a view of the memory of another one. Nothing is copied."""
    if not isinstance(a, np.ndarray):
        if not hasattr(a, "__dlpack__"):
            raise TypeError(
                f"minfold: {function}: {name} is a {type(a).__name__}, expected a NumPy array or "
                "another one with __dlpack__"
            )
        if hasattr(a, "__dlpack_device__"):
            device = int(a.__dlpack_device__()[0])
            if device not in _HOST:
                raise ValueError(
                    f"minfold: {function}: {name} is on {_DEVICES.get(device, f'device {device}')}, "
                    "and this package works on the host: copy it to the host first"
                )
        a = np.from_dlpack(a)
    if a.dtype.kind != "f" or a.itemsize not in (4, 8):
        raise ValueError(
            f"minfold: {function}: {name} has numbers of type {a.dtype}, expected float64 or float32"
        )
    if not a.dtype.isnative or not a.flags.aligned or any(s % a.itemsize for s in a.strides):
        raise ValueError(
            f"minfold: {function}: {name} has numbers that are not aligned or not in the byte order "
            "of this machine"
        )
    return a


def shape_text(shape: tuple) -> str:
    return " x ".join(map(str, shape)) if shape else "a single number"


def matrices(function: str, name: str, a: Any) -> tuple[np.ndarray, bool]:
    """(items, n, n) over the memory of `a`, and whether `a` was a batch."""
    a = as_array(function, name, a)
    if a.ndim not in (2, 3) or a.shape[-1] != a.shape[-2]:
        raise ValueError(
            f"minfold: {function}: {name} is {shape_text(a.shape)}, expected n x n or items x n x n"
        )
    return (a[None], False) if a.ndim == 2 else (a, True)


def sides(
    function: str, name: str, b: Any, items: int, n: int, batch: bool, dtype: np.dtype
) -> tuple[np.ndarray, tuple]:
    """(items, columns, n) over the memory of `b`, and the shape of what there is one of a column."""
    b = as_array(function, name, b)
    if b.dtype != dtype:
        raise ValueError(
            f"minfold: {function}: {name} has numbers of type {b.dtype}, expected {dtype}"
        )
    lead = (items,) if batch else ()
    block = len(lead) + 2
    if b.ndim not in (block - 1, block) or b.shape[-1] != n or b.shape[: len(lead)] != lead:
        one, more = shape_text(lead + (n,)), " x ".join(map(str, lead + ("columns", n)))
        raise ValueError(
            f"minfold: {function}: {name} is {shape_text(b.shape)}, expected {one} or {more}"
        )
    shape = b.shape[:-1]
    if b.ndim == block - 1:
        b = b[..., None, :]
    return (b if batch else b[None]), shape
