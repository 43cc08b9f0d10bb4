# SPDX-License-Identifier: Apache-2.0
"""Symmetric operators that are only multiplied with."""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from . import _arguments, _arrays


class Operator:
    """A symmetric operator A of order n, given by its products, in float64.

    apply   X -> A X, called with a block of vectors as rows: X is (columns, n), or (items, columns, n)
            for a batch; so is the result. `columns` differs from call to call. The array may be kept.
            Equal X must give equal results.
    items   number of operators of a batch; None: one operator.

    What an apply raises ends the call and comes out of it. SciPy's sparse matrices and linear
    operators, and all else that has `shape` and `A @ Y`, are taken where an Operator is expected.
    """

    def __init__(self, apply: Callable[[np.ndarray], Any], n: int, items: int | None = None):
        if not callable(apply):
            raise TypeError(
                f"minfold: Operator: apply is a {type(apply).__name__}, expected a callable"
            )
        self.apply = apply
        self.n = _arguments.integer("Operator", "n", n, 1)
        self.items = None if items is None else _arguments.integer("Operator", "items", items, 0)

    def _product(self, x: np.ndarray) -> np.ndarray:
        """Both (items, columns, n), as the library asks for it."""
        given = x if self.items is not None else x[0]
        y = np.asarray(self.apply(given))
        if y.shape != given.shape:
            raise ValueError(
                f"minfold: apply has returned {_arrays.numbers_text(y.shape)}, expected "
                f"{_arrays.shape_text(given.shape)}"
            )
        if y.dtype.kind not in "fiu":
            raise ValueError(f"minfold: apply has returned numbers of type {y.dtype}")
        return np.ascontiguousarray(y, np.float64)


def as_operator(function: str, name: str, a: Any) -> Operator | None:
    """None for an array."""
    if not isinstance(a, Operator):
        if _arrays.is_array(a) or not (hasattr(a, "shape") and hasattr(a, "__matmul__")):
            return None
        shape = tuple(a.shape)
        if len(shape) != 2 or shape[0] != shape[1]:
            raise ValueError(
                f"minfold: {function}: {name} is {_arrays.shape_text(shape)}, expected n x n"
            )
        matrix = a
        a = Operator(lambda x: (matrix @ x.T).T, shape[0])
    if not _arrays.on_host():
        raise ValueError(
            f"minfold: {function}: {name} is an operator, and products in Python are for a minfold "
            "that works on the host"
        )
    return a
