# SPDX-License-Identifier: Apache-2.0
"""Problems that are written in Python."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from . import _arguments, _arrays, _core

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
    try:
        numbers = np.asarray(given)
    except ValueError as error:
        raise ValueError(f"minfold: {function}: {name} is no array of numbers: {error}") from None
    if numbers.dtype.kind not in "fiu":
        raise ValueError(f"minfold: {function}: {name} has numbers of type {numbers.dtype}")
    numbers = np.ascontiguousarray(numbers, dtype)
    return numbers.reshape(1, -1) if numbers.ndim < 2 else numbers


class Adapter:
    """A user's problem as the compiled part asks it: positional arguments, results checked."""

    def __init__(self, function: str, problem: Any, dtype):
        if isinstance(problem, type):
            raise TypeError(
                f"minfold: {function}: the problem is the class {problem.__name__}, expected an "
                f"object of it: {problem.__name__}(...)"
            )
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
        #: Data terms of g; 0: it is no sum over data.
        self.samples = self._integer(function, problem, "samples", 0, 0)
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
    def _integer(
        function: str, problem: Any, name: str, default: int | None = None, low: int = 1
    ) -> int:
        value = getattr(problem, name, default)
        if not isinstance(value, (int, np.integer)) or not low <= value < 2**31:
            raise ValueError(
                f"minfold: {function}: {name} of the problem is {value!r}, must be an integer from "
                f"{low}"
            )
        return int(value)

    def offers(self, name: str) -> bool:
        return self._has(self._problem, name)

    def _checked(self, name: str, value: Any, shape: tuple) -> np.ndarray:
        value = np.asarray(value)
        if value.shape != shape:
            raise ValueError(
                f"minfold: the callback {name} has returned {_arrays.numbers_text(value.shape)}, "
                f"expected {_arrays.shape_text(shape)}"
            )
        if value.dtype.kind not in "fiu":
            raise ValueError(
                f"minfold: the callback {name} has returned numbers of type {value.dtype}"
            )
        return np.ascontiguousarray(value, self._dtype)

    def _ask(self, name: str, *arguments, target, **sample) -> Any:
        """Of one target nothing is said about targets, and without data terms nothing about samples."""
        if target is not None:
            sample["target"] = target
        return getattr(self._problem, name)(*arguments, **sample)

    def _lower(self, name: str, *arguments_target_and_sample) -> Any:
        *arguments, target, sample = arguments_target_and_sample
        if self.samples == 0:
            return self._ask(name, *arguments, target=target)
        return self._ask(name, *arguments, target=target, sample=sample)

    def upper_value(self, x, y, target):
        out = self._ask("upper_value", x, y, target=target)
        return self._checked("upper_value", out, y.shape[:1])

    def upper_gradient(self, x, y, target):
        both = self._ask("upper_gradient", x, y, target=target)
        if not isinstance(both, (tuple, list)) or len(both) != 2:
            raise ValueError(
                "minfold: the callback upper_gradient has to return two arrays, df/dx and df/dy"
            )
        return (
            self._checked("upper_gradient (df/dx)", both[0], (len(y), self.dim_x)),
            self._checked("upper_gradient (df/dy)", both[1], y.shape),
        )

    def upper_hessian(self, x, y, v, target):
        return self._checked("upper_hessian", self._ask("upper_hessian", x, y, v, target=target), v.shape)

    # What follows belongs to g: `sample` names the data terms that it is estimated from, None: all.

    def lower_value(self, x, y, target, sample):
        out = self._lower("lower_value", x, y, target, sample)
        return self._checked("lower_value", out, y.shape[:1])

    def lower_gradient(self, x, y, target, sample):
        out = self._lower("lower_gradient", x, y, target, sample)
        return self._checked("lower_gradient", out, y.shape)

    def lower_gradient_x(self, x, y, target, sample):
        out = self._lower("lower_gradient_x", x, y, target, sample)
        return self._checked("lower_gradient_x", out, (len(y), self.dim_x))

    def lower_hessian(self, x, y, v, target, sample):
        out = self._lower("lower_hessian", x, y, v, target, sample)
        return self._checked("lower_hessian", out, v.shape)

    def third_product(self, x, y, l, v, target, sample):
        out = self._lower("third_product", x, y, l, v, target, sample)
        return self._checked("third_product", out, v.shape)

    def mixed_transpose(self, x, y, z, target, sample):
        out = self._lower("mixed_transpose", x, y, z, target, sample)
        return self._checked("mixed_transpose", out, (len(y), self.dim_x))

    def mixed_product(self, x, y, u, target, sample):
        out = self._lower("mixed_product", x, y, u, target, sample)
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


def _check_samples(adapter: Adapter, x: np.ndarray, points: int, seed: int) -> list:
    """That the estimates of g and its derivatives from samples are right in the mean: those from two
    halves of the data, weighted by their sizes, make the whole."""
    rng, n, d, targets = np.random.default_rng(seed), adapter.samples, adapter.dim_y, adapter.targets
    cuts = [0, n // 2, n] if n > 1 else [0, 1]
    parts = [np.arange(*ends, dtype=np.int64) for ends in zip(cuts, cuts[1:])]
    target = np.arange(targets, dtype=np.int32) if targets > 1 else None
    worst: dict = {}
    for _ in range(points):
        y = adapter.length_scale * rng.standard_normal((targets, d))
        v, z = rng.standard_normal((targets, 2, d)), rng.standard_normal((targets, d))
        more = {
            "lower_value": (), "lower_gradient": (), "lower_hessian": (v,), "mixed_transpose": (z,),
            "lower_gradient_x": (), "mixed_product": (rng.standard_normal(x.shape),),
            "third_product": (z, v),
        }  # fmt: skip
        for name, arguments in more.items():
            if not adapter.offers(name):
                continue

            def ask(sample, name=name, arguments=arguments, y=y):
                copies = [None if a is None else a.copy() for a in (x, y, *arguments, target, sample)]
                return getattr(adapter, name)(*copies)

            whole = ask(None)
            mean = sum(len(part) / n * ask(part) for part in parts)
            size = max(np.linalg.norm(whole), np.linalg.norm(mean))
            error = np.linalg.norm(mean - whole) / size if size > 0 else 0.0
            worst[name] = max(worst.get(name, 0.0), float(error))
    return [
        CheckLine(f"{name} on samples", error, 1e-9, float("nan"), error <= 1e-9, "two halves of the data")
        for name, error in worst.items()
    ]


def check(problem: Any, x0: Any, *, points: int = 4, seed: int = 1) -> Check:
    """Compares every derivative of a problem in Python with differences of what it is derived from, and
    what a problem with `samples` gives for parts of its data with the whole.

    problem, x0   as of `solve`; the points are random, x about x0.
    """
    if isinstance(problem, str):
        raise TypeError("minfold: check: a name was given; check is for problems in Python")
    points = _arguments.integer("check", "points", points, 1)
    seed = _arguments.integer("check", "seed", seed, 0, 2**64 - 1)
    adapter = Adapter("check", problem, np.float64)
    x = start("check", "x0", x0, np.float64)
    lines = [CheckLine(*line) for line in _core.check(adapter, x, seed, points)]
    if adapter.samples:
        lines += _check_samples(adapter, x, points, seed)
    return Check(tuple(lines))
