# SPDX-License-Identifier: Apache-2.0
"""Pseudoinverse solves and bases of symmetric matrices and operators."""

from __future__ import annotations

from typing import Any, Union

import numpy as np

from . import _arguments, _arrays, _core, _records
from ._operator import Operator, as_operator
from ._records import KERNEL_RECORD, RANGE_RECORD, SOLVE_RECORD, Outcome
from ._results import KernelAndPinv, KernelBasis, PinvSolution, RangeBasis

_METHODS = ("automatic", "factor", "direct", "cg")


Matrices = Union[np.ndarray, Operator, Any]


def _trimmed(basis: Any, used: np.ndarray, batch: bool, out: Any) -> Any:
    """Without rows that no item uses, and, of an array that nobody else has, most of their memory."""
    width = int(used.max(initial=0))
    kept = basis[:, :width]
    if out is None and _arrays.on_host() and 2 * width < basis.shape[1]:
        kept = kept.copy()
    return kept if batch else kept[0]


def _room(function: str, capacity: int | None, out: Any, n: int, name: str = "out") -> int | None:
    """For how many vectors, by `capacity` or by the array that takes them; None: nobody says."""
    if capacity is not None:
        capacity = _arguments.integer(function, "capacity", capacity, 1, n)
    if out is None:
        return capacity
    room = int(out.shape[-2])
    if not 1 <= room <= n:
        raise ValueError(
            f"minfold: {function}: {name} has room for {room} vectors, expected 1 to {n}"
        )
    if capacity not in (None, room):
        raise ValueError(
            f"minfold: {function}: capacity is {capacity}, but {name} has room for {room} vectors"
        )
    return room


def _pair(function: str, out: Any, second: str) -> tuple:
    """The two arrays of an `out`, each may be None."""
    if out is None:
        return None, None
    if not isinstance(out, tuple) or len(out) != 2:
        raise TypeError(
            f"minfold: {function}: out is a {type(out).__name__}, expected (basis, {second}), "
            "either may be None"
        )
    return out


def _lead(items: int, batch: bool) -> tuple:
    return (items,) if batch else ()


def _known(kernel: KernelBasis | None, items: int, n: int, dtype: np.dtype) -> tuple:
    """Basis and records of a kernel that is given, as the compiled part takes them."""
    if kernel is None:
        return None, None
    if not isinstance(kernel, KernelBasis):
        raise TypeError(
            f"minfold: pinv_solve: kernel is a {type(kernel).__name__}, expected a KernelBasis"
        )
    basis = kernel.basis if kernel.basis.ndim == 3 else kernel.basis[None]
    found = _arrays.dtype_of(basis)
    if basis.shape[0] != items or basis.shape[2] != n or found != dtype:
        raise ValueError(
            f"minfold: pinv_solve: kernel is {_arrays.shape_text(basis.shape)} of {found}, "
            f"expected {items} x vectors x {n} of {dtype}"
        )
    used = np.ascontiguousarray(kernel.records).reshape(-1)
    if used.shape != (items,) or not np.all((0 <= used["vectors"]) & (used["vectors"] <= basis.shape[1])):
        raise ValueError("minfold: pinv_solve: the records of kernel are not those of its basis")
    if basis.shape[1] == 0:
        basis = _arrays.empty((items, 1, n), dtype, basis)
        _arrays.zero_beyond(basis, used["vectors"])
    return basis, _records.memory(used)


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
    out: Any = None,
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
    kernel_tolerance   |eigenvalue| <= this ||H|| counts as zero: 1e-6, float32 1e-3; not of "cg"
    minimum_gap        least ratio of kept to dropped |eigenvalues| that is trusted: 10; not of "cg"
    max_iterations     of "cg": 10 n + 100
    out                takes z: an array of the shape and precision of b, `x` of the result. It may have
                       any strides, and overlaps neither H nor b.

    The memory of H and b is read where it is if it is C contiguous, or H Fortran contiguous; other
    strides are copied once.
    """
    name = "pinv_solve"
    if method not in _METHODS:
        raise ValueError(
            f"minfold: {name}: method is {method!r}, expected one of {', '.join(_METHODS)}"
        )
    options = _records.options(
        name,
        tolerance=tolerance,
        kernel_tolerance=kernel_tolerance,
        minimum_gap=minimum_gap,
        max_iterations=max_iterations,
        seed=seed,
    )
    operator = as_operator(name, "H", H)
    if operator is not None:
        if method not in ("automatic", "cg"):
            raise ValueError(f"minfold: {name}: method {method!r} needs a matrix, not an operator")
        method, a, dtype = "cg", None, np.dtype(np.float64)
        batch = operator.items is not None
        items, n = operator.items if batch else 1, operator.n
    else:
        a, batch = _arrays.matrices(name, "H", H)
        items, n, dtype = int(a.shape[0]), int(a.shape[1]), _arrays.dtype_of(a)
    if method == "cg":
        if kernel_tolerance is not None or minimum_gap is not None:
            raise ValueError(
                f"minfold: {name}: method 'cg' takes no kernel_tolerance and no minimum_gap: it "
                "does not look for the kernel"
            )
    elif kernel is not None:
        raise ValueError(f"minfold: {name}: a kernel is for method 'cg'; others find it")
    elif max_iterations is not None:
        raise ValueError(f"minfold: {name}: max_iterations is for method 'cg'")
    b, shape = _arrays.sides(name, "b", b, items, n, batch, dtype)
    if b.shape[1] == 0:
        raise ValueError(f"minfold: {name}: b has no right-hand side")
    known = _known(kernel, items, n, dtype) if method == "cg" else (None, None)
    if out is None:
        z = _arrays.empty(tuple(b.shape), dtype, b)
        x = z.reshape(shape + (n,))
    else:
        x = _arrays.output(name, "out", out, shape + (n,), dtype)
        z = _arrays.as_blocks(x, batch, len(shape) > batch)
        _arrays.check_outputs(name, {"out": z}, {"H": a, "b": b, "kernel": known[0]})
    solves = np.zeros(tuple(b.shape[:2]), SOLVE_RECORD)
    kernels = np.zeros(items, KERNEL_RECORD)
    arrays = [_arrays.memory_of(b), _arrays.memory_of(z), _records.memory(solves)]
    if method == "cg":
        known = _arrays.memory_of(known[0]), known[1]
        if operator is not None:
            message = _core.pinv_operator(operator._product, *arrays, options, *known)
        else:
            message = _core.pinv_cg(_arrays.memory_of(a), *arrays, options, *known)
        kernels = None
    elif method == "direct":
        message = _core.pinv(_arrays.memory_of(a), *arrays, _records.memory(kernels), options)
    else:
        # Room for all of it: with less the record would not say the whole dimension.
        basis = _arrays.empty((items, n, n), dtype, a)
        message = _core.kernel_and_pinv(
            name,
            _arrays.memory_of(a),
            *arrays[:2],
            _arrays.memory_of(basis),
            arrays[2],
            _records.memory(kernels),
            options,
        )
    if kernels is not None:
        kernels["vectors"] = 0
        kernels = kernels if batch else kernels.reshape(())
    return PinvSolution(x, solves.reshape(shape), kernels, message)


def kernel_basis(
    H: Matrices,
    *,
    capacity: int | None = None,
    kernel_tolerance: float | None = None,
    minimum_gap: float | None = None,
    seed: int | None = None,
    out: Any = None,
) -> KernelBasis:
    """Orthonormal basis of ker H, H positive semidefinite, as rows.

    H         (n, n) or (items, n, n), symmetric; or an Operator, which is only multiplied with.
    capacity  room for so many vectors an item. None: for n, or, of an Operator, for as many as it takes:
              16, and twice as many again while that is not enough, each time from the beginning.
    kernel_tolerance   |eigenvalue| <= this ||H|| counts as zero: 1e-6, float32 1e-3
    minimum_gap        least ratio of kept to dropped |eigenvalues| that is trusted: 10
    out                takes the basis: (capacity, n) or (items, capacity, n), of the precision of H, zeros
                       beyond the vectors of an item. `basis` of the result is a view of it. It may have
                       any strides, and does not overlap H.

    A kernel is certified where the spectral gap backs its dimension and ||H q|| / ||H||, recomputed,
    agrees. The default for matrices costs 9 n^3 flops an item.
    """
    name = "kernel_basis"
    options = _records.options(
        name, kernel_tolerance=kernel_tolerance, minimum_gap=minimum_gap, seed=seed
    )
    operator = as_operator(name, "H", H)
    if operator is None:
        a, batch = _arrays.matrices(name, "H", H)
        items, n, dtype = int(a.shape[0]), int(a.shape[1]), _arrays.dtype_of(a)
    else:
        a, batch, dtype = None, operator.items is not None, np.dtype(np.float64)
        items, n = operator.items if batch else 1, operator.n
    if out is not None:
        out = _arrays.output(name, "out", out, _lead(items, batch) + (None, n), dtype)
    given = _room(name, capacity, out, n)
    room = given or (n if operator is None else min(n, 16))
    if out is not None:
        out = _arrays.as_blocks(out, batch, True)
        _arrays.check_outputs(name, {"out": out}, {"H": a})
    while True:
        basis = _arrays.empty((items, room, n), dtype, a) if out is None else out
        records = np.zeros(items, KERNEL_RECORD)
        into = (_arrays.memory_of(basis), _records.memory(records), options)
        if operator is None:
            message = _core.kernel_basis(_arrays.memory_of(a), *into)
        else:
            message = _core.kernel_basis_operator(operator._product, *into)
        enough = not np.any(records["outcome"] == Outcome.RANK_LIMIT)
        if given is not None or enough or room == n:
            break
        room = min(n, 2 * room)
    return KernelBasis(
        _trimmed(basis, records["vectors"], batch, out),
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
    out: tuple | None = None,
) -> KernelAndPinv:
    """Orthonormal basis of ker H and z = H^+ b from one factorization of H, positive semidefinite.

    Arguments as of pinv_solve and kernel_basis; `out` is (basis, x), either may be None.
    n^3 / 3 flops an item, and 9 n^3 where the factorization says less than all; then H may be any
    symmetric matrix.
    """
    name = "kernel_and_pinv"
    options = _records.options(
        name,
        tolerance=tolerance,
        kernel_tolerance=kernel_tolerance,
        minimum_gap=minimum_gap,
        seed=seed,
    )
    a, batch = _arrays.matrices(name, "H", H)
    items, n, dtype = int(a.shape[0]), int(a.shape[1]), _arrays.dtype_of(a)
    b, shape = _arrays.sides(name, "b", b, items, n, batch, dtype)
    basis, x = _pair(name, out, "x")
    given = basis
    if basis is not None:
        basis = _arrays.output(name, "out[0]", basis, _lead(items, batch) + (None, n), dtype)
    room = _room(name, capacity, basis, n, "out[0]") or n
    if basis is None:
        basis = _arrays.empty((items, room, n), dtype, a)
    else:
        basis = _arrays.as_blocks(basis, batch, True)
    if x is None:
        z = _arrays.empty(tuple(b.shape), dtype, b)
        x = z.reshape(shape + (n,))
    else:
        x = _arrays.output(name, "out[1]", x, shape + (n,), dtype)
        z = _arrays.as_blocks(x, batch, len(shape) > batch)
    if out is not None:
        _arrays.check_outputs(name, {"out[0]": basis, "out[1]": z}, {"H": a, "b": b})
    solves, records = np.zeros(tuple(b.shape[:2]), SOLVE_RECORD), np.zeros(items, KERNEL_RECORD)
    message = _core.kernel_and_pinv(
        name,
        _arrays.memory_of(a),
        _arrays.memory_of(b),
        _arrays.memory_of(z),
        _arrays.memory_of(basis),
        _records.memory(solves),
        _records.memory(records),
        options,
    )
    return KernelAndPinv(
        _trimmed(basis, records["vectors"], batch, given),
        records if batch else records.reshape(()),
        message,
        x,
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
    out: tuple | None = None,
) -> RangeBasis:
    """Orthonormal basis Q (rows) of range A, A symmetric, with eigenvalue estimates.

    A             (n, n) or (items, n, n), or an Operator.
    rank          so many vectors, of the eigenvalues of largest magnitude. None: as many as
                  ||(I - Q^T Q) A|| <= tolerance ||A|| takes, 1e-6 by default, float32 1e-3.
    capacity      room for so many vectors. None: `rank`, or n, or, of an Operator, as kernel_basis.
    semidefinite  for matrices: the caller vouches for A >= 0, and few columns need be read.
    out           (basis, values), either may be None: (capacity, n) and (capacity,), for a batch
                  (items, capacity, n) and (items, capacity), of the precision of A, zeros beyond the rank
                  of an item. `basis` and `values` of the result are views of them. They may have any
                  strides, and overlap neither A nor each other.

    A fixed tolerance costs about 2 (r + 16) products; the bound is from fresh random probes and holds
    with probability 1 - 1e-8.
    """
    name = "range_finder"
    operator = as_operator(name, "A", A)
    if operator is None:
        a, batch = _arrays.matrices(name, "A", A)
        items, n, dtype = int(a.shape[0]), int(a.shape[1]), _arrays.dtype_of(a)
    else:
        if semidefinite:
            raise ValueError(f"minfold: {name}: semidefinite is for explicit matrices")
        a, batch, dtype = None, operator.items is not None, np.dtype(np.float64)
        items, n = operator.items if batch else 1, operator.n
    if rank is not None:
        rank = _arguments.integer(name, "rank", rank, 1, n)
    options = _records.options(
        name,
        tolerance=tolerance,
        tolerance_of="range_tolerance",
        minimum_gap=minimum_gap,
        seed=seed,
        rank=rank,
        semidefinite=semidefinite,
    )
    basis_out, values_out = _pair(name, out, "values")
    lead = _lead(items, batch)
    if basis_out is not None:
        basis_out = _arrays.output(name, "out[0]", basis_out, lead + (None, n), dtype)
    given = _room(name, capacity, basis_out, n, "out[0]")
    if values_out is not None:
        values_out = _arrays.output(name, "out[1]", values_out, lead + (given,), dtype)
        if given is None:
            given = _arguments.integer(name, "length of out[1]", int(values_out.shape[-1]), 1, n)
        values_out = _arrays.as_blocks(values_out, batch, False)
    if basis_out is not None:
        basis_out = _arrays.as_blocks(basis_out, batch, True)
    if rank is not None and given is not None and rank > given:
        raise ValueError(
            f"minfold: {name}: rank is {rank}, but there is room for {given} vectors"
        )
    _arrays.check_outputs(name, {"out[0]": basis_out, "out[1]": values_out}, {"A": a})
    room = given or rank or (n if operator is None else min(n, 16))
    while True:
        basis = _arrays.empty((items, room, n), dtype, a) if basis_out is None else basis_out
        values = _arrays.empty((items, 1, room), dtype, a) if values_out is None else values_out
        records = np.zeros(items, RANGE_RECORD)
        into = (
            _arrays.memory_of(basis),
            _arrays.memory_of(values),
            _records.memory(records),
            options,
        )
        if operator is None:
            message = _core.range_finder(_arrays.memory_of(a), *into)
        else:
            message = _core.range_finder_operator(operator._product, *into)
        enough = not np.any(records["outcome"] == Outcome.RANK_LIMIT)
        if given is not None or rank is not None or enough or room == n:
            break
        room = min(n, 2 * room)
    # What is beyond the rank of an item is not specified.
    used = records["rank"]
    _arrays.zero_beyond(basis, used)
    _arrays.zero_beyond(values[:, 0], used)
    width = int(used.max(initial=0))
    values = values[:, 0, :width]
    return RangeBasis(
        _trimmed(basis, used, batch, basis_out),
        values if batch else values[0],
        records if batch else records.reshape(()),
        message,
    )
