# SPDX-License-Identifier: Apache-2.0
"""Pseudoinverse solves and bases of symmetric matrices and operators."""

from __future__ import annotations

from typing import Any, Union

import numpy as np

from . import _arrays, _core, _records
from ._operator import Operator, as_operator
from ._records import KERNEL_RECORD, RANGE_RECORD, SOLVE_RECORD, Outcome
from ._results import KernelAndPinv, KernelBasis, PinvSolution, RangeBasis

_METHODS = ("automatic", "factor", "direct", "cg")


Matrices = Union[np.ndarray, Operator, Any]


def _trimmed(basis: np.ndarray, used: np.ndarray, batch: bool) -> np.ndarray:
    """Without rows that no item uses, and without most of their memory."""
    width = int(used.max(initial=0))
    kept = basis[:, :width]
    if 2 * width < basis.shape[1]:
        kept = kept.copy()
    return kept if batch else kept[0]


def _capacity(function: str, capacity: int | None, n: int) -> int | None:
    if capacity is not None and not 1 <= capacity <= n:
        raise ValueError(f"minfold: {function}: capacity is {capacity}, expected 1 to {n}")
    return capacity


def _known(kernel: KernelBasis | None, items: int, n: int, dtype) -> tuple:
    """Basis and records of a kernel that is given, as the compiled part takes them."""
    if kernel is None:
        return None, None
    if not isinstance(kernel, KernelBasis):
        raise TypeError(
            f"minfold: pinv_solve: kernel is a {type(kernel).__name__}, expected a KernelBasis"
        )
    basis = kernel.basis if kernel.basis.ndim == 3 else kernel.basis[None]
    if basis.shape[0] != items or basis.shape[2] != n or basis.dtype != dtype:
        raise ValueError(
            f"minfold: pinv_solve: kernel is {_arrays.shape_text(basis.shape)} of {basis.dtype}, "
            f"expected {items} x vectors x {n} of {np.dtype(dtype)}"
        )
    if basis.shape[1] == 0:
        basis = np.zeros((items, 1, n), dtype)
    return basis, _records.memory(np.ascontiguousarray(kernel.records))


def pinv_solve(
    H: Matrices,
    b: Any,
    *,
    method: str = "automatic",
    tolerance: float | None = None,
    kernel_tolerance: float | None = None,
    minimum_gap: float | None = None,
    max_iterations: int | None = None,
    kernel: KernelBasis | None = None,
    seed: int | None = None,
) -> PinvSolution:
    """z = H^+ b: of all z with H z = P b, the one of least norm; P the orthogonal projector onto range H.

    H       (n, n) or (items, n, n), symmetric; one triangle may be read only. Or an Operator.
    b       (n,) or (columns, n); for a batch (items, n) or (items, columns, n). Vectors are rows.
    method  "factor"    H positive semidefinite, by a Cholesky factorization, n^3 / 3 flops; where it says
                        less than all the item goes on as "direct". Default for matrices.
            "direct"    any symmetric H, by its eigenvalues, 9 n^3 flops.
            "cg"        conjugate gradients, H positive semidefinite and b in range H, unless `kernel`,
                        as of kernel_basis, says what to project out. Default for an Operator.
    tolerance          on ||H z - P b|| / ||P b||: 1e-12, float32 1e-5
    kernel_tolerance   |eigenvalue| <= this ||H|| counts as zero: 1e-6, float32 1e-3
    minimum_gap        least ratio of kept to dropped |eigenvalues| that is trusted: 10
    max_iterations     of "cg": 10 n + 100

    The memory of H and b is read where it is if it is C contiguous, or H Fortran contiguous; other
    strides are copied once.
    """
    if method not in _METHODS:
        raise ValueError(
            f"minfold: pinv_solve: method is {method!r}, expected one of {', '.join(_METHODS)}"
        )
    options = _records.options(
        "pinv_solve",
        relative_tolerance=tolerance,
        kernel_tolerance=kernel_tolerance,
        minimum_gap=minimum_gap,
        max_iterations=max_iterations,
        seed=seed,
    )
    operator = as_operator(H)
    if operator is not None:
        if method not in ("automatic", "cg"):
            raise ValueError(
                f"minfold: pinv_solve: method {method!r} needs a matrix, not an operator"
            )
        method, a, dtype = "cg", None, np.dtype(np.float64)
        batch = operator.items is not None
        items, n = operator.items if batch else 1, operator.n
    else:
        a, batch = _arrays.matrices("pinv_solve", "H", H)
        items, n, dtype = a.shape[0], a.shape[1], a.dtype
    if kernel is not None and method != "cg":
        raise ValueError("minfold: pinv_solve: a kernel is for method 'cg'; others find it")
    b, shape = _arrays.sides("pinv_solve", "b", b, items, n, batch, dtype)
    z = np.empty(b.shape, dtype)
    solves = np.zeros(b.shape[:2], SOLVE_RECORD)
    kernels = np.zeros(items, KERNEL_RECORD)
    into = (z, _records.memory(solves))
    if method == "cg":
        known = _known(kernel, items, n, dtype)
        if operator is not None:
            message = _core.pinv_operator(operator._product, b, *into, options, *known)
        else:
            message = _core.pinv_cg(a, b, *into, options, *known)
        kernels = None
    elif method == "direct":
        message = _core.pinv(a, b, *into, _records.memory(kernels), options)
    else:
        # Room for all of it: with less the record would not say the whole dimension.
        basis = np.empty((items, n, n), dtype)
        message = _core.kernel_and_pinv(
            "pinv_solve", a, b, z, basis, into[1], _records.memory(kernels), options
        )
    if kernels is not None:
        kernels["vectors"] = 0
        kernels = kernels if batch else kernels.reshape(())
    return PinvSolution(z.reshape(shape + (n,)), solves.reshape(shape), kernels, message)


def kernel_basis(
    H: Matrices,
    *,
    capacity: int | None = None,
    kernel_tolerance: float | None = None,
    minimum_gap: float | None = None,
    seed: int | None = None,
) -> KernelBasis:
    """Orthonormal basis of ker H, H positive semidefinite, as rows.

    H         (n, n) or (items, n, n), symmetric; or an Operator, which is only multiplied with.
    capacity  room for so many vectors an item. None: for n, or, of an Operator, for as many as it takes:
              16, and twice as many again while that is not enough, each time from the beginning.
    kernel_tolerance   |eigenvalue| <= this ||H|| counts as zero: 1e-6, float32 1e-3
    minimum_gap        least ratio of kept to dropped |eigenvalues| that is trusted: 10

    A kernel is certified where the spectral gap backs its dimension and ||H q|| / ||H||, recomputed,
    agrees. The default for matrices costs 9 n^3 flops an item.
    """
    options = _records.options(
        "kernel_basis", kernel_tolerance=kernel_tolerance, minimum_gap=minimum_gap, seed=seed
    )
    operator = as_operator(H)
    if operator is None:
        a, batch = _arrays.matrices("kernel_basis", "H", H)
        items, n, dtype = a.shape[0], a.shape[1], a.dtype
        room = _capacity("kernel_basis", capacity, n) or n
    else:
        a, batch, dtype = None, operator.items is not None, np.dtype(np.float64)
        items, n = operator.items if batch else 1, operator.n
        room = _capacity("kernel_basis", capacity, n) or min(n, 16)
    while True:
        basis = np.empty((items, room, n), dtype)
        records = np.zeros(items, KERNEL_RECORD)
        if operator is None:
            message = _core.kernel_basis(a, basis, _records.memory(records), options)
        else:
            message = _core.kernel_basis_operator(
                operator._product, basis, _records.memory(records), options
            )
        enough = not np.any(records["outcome"] == Outcome.RANK_LIMIT)
        if capacity is not None or enough or room == n:
            break
        room = min(n, 2 * room)
    return KernelBasis(
        _trimmed(basis, records["vectors"], batch),
        records if batch else records.reshape(()),
        message,
    )


def kernel_and_pinv(
    H: Any,
    b: Any,
    *,
    capacity: int | None = None,
    tolerance: float | None = None,
    kernel_tolerance: float | None = None,
    minimum_gap: float | None = None,
    seed: int | None = None,
) -> KernelAndPinv:
    """Orthonormal basis of ker H and z = H^+ b from one factorization of H, positive semidefinite.

    Arguments as of pinv_solve and kernel_basis. n^3 / 3 flops an item, and 9 n^3 where the
    factorization says less than all; then H may be any symmetric matrix.
    """
    options = _records.options(
        "kernel_and_pinv",
        relative_tolerance=tolerance,
        kernel_tolerance=kernel_tolerance,
        minimum_gap=minimum_gap,
        seed=seed,
    )
    a, batch = _arrays.matrices("kernel_and_pinv", "H", H)
    items, n = a.shape[:2]
    b, shape = _arrays.sides("kernel_and_pinv", "b", b, items, n, batch, a.dtype)
    room = _capacity("kernel_and_pinv", capacity, n) or n
    z, basis = np.empty(b.shape, a.dtype), np.empty((items, room, n), a.dtype)
    solves, records = np.zeros(b.shape[:2], SOLVE_RECORD), np.zeros(items, KERNEL_RECORD)
    message = _core.kernel_and_pinv(
        "kernel_and_pinv",
        a,
        b,
        z,
        basis,
        _records.memory(solves),
        _records.memory(records),
        options,
    )
    return KernelAndPinv(
        _trimmed(basis, records["vectors"], batch),
        records if batch else records.reshape(()),
        message,
        z.reshape(shape + (n,)),
        solves.reshape(shape),
    )


def range_finder(
    A: Matrices,
    *,
    rank: int | None = None,
    tolerance: float | None = None,
    capacity: int | None = None,
    semidefinite: bool = False,
    minimum_gap: float | None = None,
    seed: int | None = None,
) -> RangeBasis:
    """Orthonormal basis Q (rows) of range A, A symmetric, with eigenvalue estimates.

    A             (n, n) or (items, n, n), or an Operator.
    rank          so many vectors, of the eigenvalues of largest magnitude. None: as many as
                  ||(I - Q^T Q) A|| <= tolerance ||A|| takes, 1e-6 by default, float32 1e-3.
    capacity      room for so many vectors. None: `rank`, or n, or, of an Operator, as kernel_basis.
    semidefinite  for matrices: the caller vouches for A >= 0, and few columns need be read.

    A fixed tolerance costs about 2 (r + 16) products; the bound is from fresh random probes and holds
    with probability 1 - 1e-8.
    """
    options = _records.options(
        "range_finder",
        range_tolerance=tolerance,
        rank=rank,
        semidefinite=int(semidefinite),
        minimum_gap=minimum_gap,
        seed=seed,
    )
    operator = as_operator(A)
    if operator is None:
        a, batch = _arrays.matrices("range_finder", "A", A)
        items, n, dtype = a.shape[0], a.shape[1], a.dtype
        room = n
    else:
        if semidefinite:
            raise ValueError("minfold: range_finder: semidefinite is for explicit matrices")
        a, batch, dtype = None, operator.items is not None, np.dtype(np.float64)
        items, n = operator.items if batch else 1, operator.n
        room = min(n, 16)
    if rank is not None:
        if not 1 <= rank <= n:
            raise ValueError(f"minfold: range_finder: rank is {rank}, expected 1 to {n}")
        room = rank
    room = _capacity("range_finder", capacity, n) or room
    while True:
        basis = np.empty((items, room, n), dtype)
        values = np.empty((items, 1, room), dtype)
        records = np.zeros(items, RANGE_RECORD)
        if operator is None:
            message = _core.range_finder(a, basis, values, _records.memory(records), options)
        else:
            message = _core.range_finder_operator(
                operator._product, basis, values, _records.memory(records), options
            )
        enough = not np.any(records["outcome"] == Outcome.RANK_LIMIT)
        if capacity is not None or rank is not None or enough or room == n:
            break
        room = min(n, 2 * room)
    # What is beyond the rank of an item is not specified.
    unused = np.arange(room) >= records["rank"][:, None]
    basis[unused] = 0
    values[:, 0][unused] = 0
    width = int(records["rank"].max(initial=0))
    values = values[:, 0, :width]
    return RangeBasis(
        _trimmed(basis, records["rank"], batch),
        values if batch else values[0],
        records if batch else records.reshape(()),
        message,
    )
