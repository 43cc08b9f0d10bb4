# SPDX-License-Identifier: Apache-2.0
"""Problems that are written in Python."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from . import _arrays, _core

_NEEDED = (
    "upper_value",
    "lower_value",
    "upper_gradient",
    "lower_gradient",
    "lower_hessian",
    "mixed_transpose",
)


def start(function: str, name: str, given: Any, dtype) -> np.ndarray:
    """Any numbers as (rows, dim); the compiled part knows which are expected."""
    numbers = np.asarray(given)
    if numbers.dtype.kind not in "fiu":
        raise ValueError(f"minfold: {function}: {name} has numbers of type {numbers.dtype}")
    numbers = np.ascontiguousarray(numbers, dtype)
    return numbers.reshape(1, -1) if numbers.ndim < 2 else numbers


class Adapter:
    """A user's problem as the compiled part asks it: positional arguments, results checked."""

    def __init__(self, function: str, problem: Any, dtype):
        for name in _NEEDED:
            if not callable(getattr(problem, name, None)):
                raise ValueError(f"minfold: {function}: the problem has no callback {name}")
        if self._has(problem, "upper_hessian") != self._has(problem, "third_product"):
            raise ValueError(
                f"minfold: {function}: the problem needs both upper_hessian and third_product, "
                "or neither"
            )
        self._problem, self._dtype = problem, np.dtype(dtype)
        self.targets = self._integer(function, problem, "targets", 1)
        self.dim_x = self._integer(function, problem, "dim_x")
        self.dim_y = self._integer(function, problem, "dim_y")
        self.own_upper = bool(getattr(problem, "own_upper", False))
        self.length_scale = float(getattr(problem, "length_scale", 1.0))
        if not (0 < self.length_scale < float("inf")):
            raise ValueError(
                f"minfold: {function}: length_scale is {self.length_scale}, must be positive"
            )

    @staticmethod
    def _has(problem: Any, name: str) -> bool:
        return callable(getattr(problem, name, None))

    @staticmethod
    def _integer(function: str, problem: Any, name: str, default: int | None = None) -> int:
        value = getattr(problem, name, default)
        if not isinstance(value, (int, np.integer)) or not 1 <= value < 2**31:
            raise ValueError(
                f"minfold: {function}: {name} of the problem is {value!r}, must be an integer from 1"
            )
        return int(value)

    def offers(self, name: str) -> bool:
        return self._has(self._problem, name)

    def _checked(self, name: str, value: Any, shape: tuple) -> np.ndarray:
        value = np.asarray(value)
        if value.shape != shape:
            raise ValueError(
                f"minfold: the callback {name} has returned {_arrays.shape_text(value.shape)} "
                f"numbers, expected {_arrays.shape_text(shape)}"
            )
        if value.dtype.kind not in "fiu":
            raise ValueError(
                f"minfold: the callback {name} has returned numbers of type {value.dtype}"
            )
        return np.ascontiguousarray(value, self._dtype)

    def _ask(self, name: str, x, y, *more_and_target) -> Any:
        *more, target = more_and_target
        callback = getattr(self._problem, name)
        return callback(x, y, *more) if target is None else callback(x, y, *more, target=target)

    def upper_value(self, x, y, target):
        return self._checked("upper_value", self._ask("upper_value", x, y, target), y.shape[:1])

    def lower_value(self, x, y, target):
        return self._checked("lower_value", self._ask("lower_value", x, y, target), y.shape[:1])

    def upper_gradient(self, x, y, target):
        both = self._ask("upper_gradient", x, y, target)
        if not isinstance(both, (tuple, list)) or len(both) != 2:
            raise ValueError(
                "minfold: the callback upper_gradient has to return two arrays, df/dx and df/dy"
            )
        return (
            self._checked("upper_gradient (df/dx)", both[0], (len(y), self.dim_x)),
            self._checked("upper_gradient (df/dy)", both[1], y.shape),
        )

    def lower_gradient(self, x, y, target):
        return self._checked("lower_gradient", self._ask("lower_gradient", x, y, target), y.shape)

    def lower_gradient_x(self, x, y, target):
        out = self._ask("lower_gradient_x", x, y, target)
        return self._checked("lower_gradient_x", out, (len(y), self.dim_x))

    def lower_hessian(self, x, y, v, target):
        out = self._ask("lower_hessian", x, y, v, target)
        return self._checked("lower_hessian", out, v.shape)

    def upper_hessian(self, x, y, v, target):
        out = self._ask("upper_hessian", x, y, v, target)
        return self._checked("upper_hessian", out, v.shape)

    def third_product(self, x, y, l, v, target):
        out = self._ask("third_product", x, y, l, v, target)
        return self._checked("third_product", out, v.shape)

    def mixed_transpose(self, x, y, z, target):
        out = self._ask("mixed_transpose", x, y, z, target)
        return self._checked("mixed_transpose", out, (len(y), self.dim_x))

    def mixed_product(self, x, y, u, target):
        out = self._ask("mixed_product", x, y, u, target)
        return self._checked("mixed_product", out, y.shape)

    def project_upper(self, x):
        return self._checked("project_upper", self._problem.project_upper(x), x.shape)


@dataclasses.dataclass(frozen=True)
class CheckLine:
    """One claim about a derivative and what became of it, the worst over all points."""

    what: str
    error: float  #: relative
    tolerance: float
    slope: float  #: order in h: 2 for a right derivative, 0 for a wrong one, NaN where it is exact
    ok: bool
    note: str


@dataclasses.dataclass(frozen=True)
class Check:
    """What `check` has found; str() of it has a line for each claim."""

    lines: tuple

    @property
    def ok(self) -> bool:
        return all(line.ok for line in self.lines)

    def __str__(self) -> str:
        return "\n".join(
            f"{'ok   ' if line.ok else 'WRONG'} {line.what}: error {line.error:.1e}"
            + (f" ({line.note})" if line.note else "")
            for line in self.lines
        )


def check(problem: Any, x0: Any, *, points: int = 4, seed: int = 1) -> Check:
    """Compares every derivative of a problem in Python with differences of what it is derived from.

    problem, x0   as of `solve`; the points are random, x about x0.
    """
    adapter = Adapter("check", problem, np.float64)
    lines = _core.check(adapter, start("check", "x0", x0, np.float64), seed, points)
    return Check(tuple(CheckLine(*line) for line in lines))
