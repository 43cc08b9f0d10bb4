# SPDX-License-Identifier: Apache-2.0
"""Bilevel problems."""

from __future__ import annotations

import dataclasses
import json
import os
import warnings
from typing import Any, Callable, Mapping

import numpy as np

from . import _arguments, _core, _problem, _records
from ._records import CERTIFICATE, ITERATION, NotCertifiedError

_PRECISIONS = {"double": np.float64, "float": np.float32}


@dataclasses.dataclass(frozen=True, eq=False)
class Solution:
    """Where a solve ended, what that rests on, and how it got there."""

    x: np.ndarray  #: (dim_x,), or (targets, dim_x) for a problem with own_upper
    y: np.ndarray  #: (targets, dim_y): selected points, or the y of the method
    hypergradient: np.ndarray  #: as x, at the end
    upper: float  #: F(x); of methods other than hgms what their assessment found
    outcome: str  #: "converged", "iteration limit", "stalled", "stopped", "failed"
    verdict: str  #: of the certificate: "certified", "uncertain", "refused"
    reasons: list  #: sentences: why not certified
    iterations: np.ndarray  #: ITERATION, as many as were recorded
    certificates: np.ndarray  #: CERTIFICATE, one a target, at the end
    report: dict  #: what `minfold solve --json` writes: options in force, stages, truth, metrics, ...
    certified: bool  #: converged, and all targets certified

    def require(self) -> "Solution":
        """This solution; raises NotCertifiedError unless it is certified."""
        if not self.certified:
            why = "; ".join([self.outcome, self.verdict, *self.reasons])
            raise NotCertifiedError(f"minfold: solve: {why}")
        return self


def problems() -> dict:
    """Name and summary of every problem that comes with minfold."""
    return _core.problems()


def methods() -> dict:
    """Name and summary of every method, hgms first."""
    return _core.methods()


def _texts(settings: Mapping[str, Any]) -> list:
    """As key=value, the way the command line has them."""

    def text(value: Any) -> str:
        if isinstance(value, (bool, np.bool_)):
            return "true" if value else "false"
        if isinstance(value, (float, np.floating)):
            return repr(float(value))
        if isinstance(value, (list, tuple, np.ndarray)):
            return ",".join(text(part) for part in value)
        return str(value)

    if not isinstance(settings, Mapping) or not all(isinstance(key, str) for key in settings):
        raise TypeError(
            f"minfold: solve: settings is a {type(settings).__name__}, expected a dict with texts as keys"
        )
    return [f"{key.replace('_', '-')}={text(value)}" for key, value in settings.items()]


def _file(name: str, path: Any) -> str:
    """The name of a file, "" for None."""
    if path is None:
        return ""
    try:
        text = os.fsdecode(path)
    except TypeError:
        raise TypeError(f"minfold: solve: {name} is a {type(path).__name__}, expected the name of a file") from None
    if not text:
        raise ValueError(f"minfold: solve: the name of the file {name} is empty")
    return text


def solve(
    problem: Any,
    *,
    method: str = "hgms",
    settings: Mapping[str, Any] | None = None,
    x0: Any = None,
    y0: Any = None,
    seed: int = 1,
    max_iterations: int | None = None,
    tolerance: float | None = None,
    precision: str = "double",
    callback: Callable | None = None,
    record_every: int = 1,
    data: Any = None,
    checkpoint: Any = None,
    checkpoint_every: int | None = None,
    resume: Any = None,
) -> Solution:
    """Minimizes F(x) = sum over targets of min { f(x, y) : y minimizes g(x, .) }.

    problem     the name of a built-in problem, see `problems`, or an object as below
    method      see `methods`; `hgms` certifies its hypergradients, the end of the others is assessed by it
    settings    {key: value} as of `minfold solve PROBLEM --set key=value`, of problem and method;
                "_" and "-" are the same, an unknown key is refused with the nearest known one
    x0, y0      start, (dim_x,) or (targets, dim_x), and (targets, dim_y). Without y0 the lower level
                starts from random points. x0 is needed for a problem in Python, but for `resume`.
    precision   "double" or "float"
    callback    called as callback(iteration, x, y) after each iteration (each `record_every`, except
                of hgms), iteration an ITERATION record, x and y copies; what is false, but None, stops
                the solve; what it raises ends it and comes out of it, as KeyboardInterrupt does
    data        directory of the data files of a built-in problem
    checkpoint  a file for the state of the solve: written each `checkpoint_every` iterations, without that
                each 30 seconds, and at the end, also where an exception ends the solve: then it is that of
                the last completed iteration. It is replaced as a whole or not at all; a file that cannot be
                written is a RuntimeWarning, and the solve goes on.
    resume      such a file, which may be `checkpoint` too: the solve goes on from it to the bit as if it had
                not ended, with the same problem, method, settings, seed and number of threads; x0 and y0
                are not looked at. `iterations` and `callback` get what comes after it.

    A problem in Python has
      dim_x, dim_y      integers
      targets           number of lower levels, 1 if absent
      own_upper         True: one x for each target, so many independent problems; False if absent
      length_scale      typical distance in y, 1 if absent
    and callbacks, of a batch of points: x is (1, dim_x), or (points, dim_x) with own_upper; y is
    (points, dim_y); both broadcast. With more than one target each is called with `target=`, too:
    (points,), the target that a point belongs to. Let H = d2g/dy2 and G = d(grad_y g)/dx.
      upper_value(x, y)             f,                       (points,)
      lower_value(x, y)             g,                       (points,)
      upper_gradient(x, y)          df/dx, df/dy,            (points, dim_x), (points, dim_y)
      lower_gradient(x, y)          dg/dy,                   (points, dim_y)
      lower_hessian(x, y, v)        H v,                     v and result (points, columns, dim_y)
      mixed_transpose(x, y, z)      G^T z,                   z (points, dim_y), result (points, dim_x)
    For Newton steps along the manifold, without which no point is certified as non-degenerate, both of
      upper_hessian(x, y, v)        (d2f/dy2) v,             v and result (points, columns, dim_y)
      third_product(x, y, l, v)     (d3g/dy3)[l, v],         l (points, dim_y), v and result as above
    What some methods need or use:
      lower_gradient_x(x, y)        dg/dx,                   (points, dim_x)
      mixed_product(x, y, u)        G u,                     u as x, result (points, dim_y)
      project_upper(x)              x on the feasible set,   (rows, dim_x)
    Where g is a sum or mean over data, methods with a setting `batch` and hgms-minibatch can work on
    samples of it. Then the problem has
      samples           number of data terms of g, 0 if absent
    and the callbacks of g, those named lower_, mixed_ and third_, are called with `sample=`, too: None for
    all data, or (count,) ascending numbers of data terms, of which some may be there twice. What they
    return is then an estimate without bias: of a mean over data the mean over the sample, of a sum
    samples / count times the sum over it.
    Arrays are copies that a callback may keep. `check` compares the derivatives with differences.
    """
    if not isinstance(precision, str) or precision not in _PRECISIONS:
        raise ValueError(f"minfold: solve: precision is {precision!r}, expected double or float")
    if callback is not None and not callable(callback):
        raise TypeError(f"minfold: solve: callback is a {type(callback).__name__}, not callable")
    if not isinstance(method, str):
        raise TypeError(f"minfold: solve: method is {method!r}, expected the name of one")
    record_every = _arguments.integer("solve", "record_every", record_every, 1)
    seed = _arguments.integer("solve", "seed", seed, 0, 2**64 - 1)
    if max_iterations is not None:
        max_iterations = _arguments.integer("solve", "max_iterations", max_iterations, 0)
    if tolerance is not None:
        tolerance = _arguments.number("solve", "tolerance", tolerance)
        if not tolerance >= 0:
            raise ValueError(f"minfold: solve: tolerance is {tolerance}, must not be negative")
    dtype = _PRECISIONS[precision]
    named = isinstance(problem, str)
    checkpoint = _file("checkpoint", checkpoint)
    resume = _file("resume", resume)
    if checkpoint_every is not None:
        checkpoint_every = _arguments.integer("solve", "checkpoint_every", checkpoint_every, 1)
        if not checkpoint:
            raise ValueError("minfold: solve: checkpoint_every is for a checkpoint, and there is none")
    if resume:
        x0 = y0 = None
    elif not named and x0 is None:
        raise ValueError("minfold: solve: a problem in Python needs a start x0")
    if not named and data is not None:
        raise ValueError("minfold: solve: data is for built-in problems")

    def observe(iteration: bytes, x: np.ndarray, y: np.ndarray) -> bool:
        record = _records.from_bytes(iteration, ITERATION)[0]
        answer = callback(record, x[0] if len(x) == 1 else x, y)
        return answer is None or bool(answer)

    end = _core.solve(
        problem if named else None,
        None if named else _problem.Adapter("solve", problem, dtype),
        method,
        _texts(settings or {}),
        precision,
        None if x0 is None else _problem.start("solve", "x0", x0, dtype),
        None if y0 is None else _problem.start("solve", "y0", y0, dtype),
        seed,
        max_iterations,
        tolerance,
        record_every,
        "" if data is None else os.fsdecode(data),
        None if callback is None else observe,
        checkpoint,
        resume,
        checkpoint_every,
        lambda sentence: warnings.warn(sentence, RuntimeWarning, stacklevel=3),
    )
    x, gradient = end["x"], end["hypergradient"]
    if len(x) == 1:
        x, gradient = x[0], gradient[0]
    return Solution(
        x=x,
        y=end["y"],
        hypergradient=gradient,
        upper=end["upper"],
        outcome=end["outcome"],
        verdict=end["verdict"],
        reasons=end["reasons"],
        iterations=_records.from_bytes(end["iterations"], ITERATION),
        certificates=_records.from_bytes(end["certificates"], CERTIFICATE),
        report=json.loads(end["report"]),
        certified=end["solved"],
    )
