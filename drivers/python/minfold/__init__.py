# SPDX-License-Identifier: Apache-2.0
"""Hypergradients of bilevel problems whose lower level has a manifold of minimizers.

    min_x F(x),   F(x) = sum over targets of min { f(x, y) : y minimizes g(x, .) }

The lower Hessian of such a problem is singular. What that takes is here as well: batched
pseudoinverse solves, kernel and range bases of symmetric matrices and operators, each with a record
of what its numbers are worth.

Arrays      NumPy arrays and whatever has __dlpack__ on the host, float64 or float32, read where they
            are. Items first, then vectors, then components: the vectors of a block are its *rows*.
            Results are NumPy arrays of the same precision, new ones or, with `out`, the caller's.
Records     One an item, as structured arrays. A result that is not to be trusted is no exception:
            its record says so, and `certified` is False.
Threads     Calls release the GIL; calls of several threads take turns. Kokkos starts at the first
            call; `initialize` chooses its number of threads before that.
Errors      ValueError and TypeError for what a caller can mend, MemoryError, and minfold.Error.
"""

from __future__ import annotations

import atexit as _atexit
import os as _os

from . import _arguments, _core
from ._core import Error, InternalError, NotInitializedError
from ._kernels import kernel_and_pinv, kernel_basis, pinv_solve, range_finder
from ._operator import Operator
from ._problem import Check, CheckLine, check
from ._records import (
    CERTIFICATE,
    ITERATION,
    KERNEL_RECORD,
    RANGE_RECORD,
    SOLVE_RECORD,
    NotCertifiedError,
    Outcome,
    Verdict,
)
from ._results import KernelAndPinv, KernelBasis, PinvSolution, RangeBasis
from ._solve import Solution, methods, problems, solve

__version__: str = _core.version

__all__ = [
    "CERTIFICATE",
    "Check",
    "CheckLine",
    "Error",
    "ITERATION",
    "InternalError",
    "KERNEL_RECORD",
    "KernelAndPinv",
    "KernelBasis",
    "NotCertifiedError",
    "NotInitializedError",
    "Operator",
    "Outcome",
    "PinvSolution",
    "RANGE_RECORD",
    "RangeBasis",
    "SOLVE_RECORD",
    "Solution",
    "Verdict",
    "check",
    "config",
    "data_directory",
    "initialize",
    "kernel_and_pinv",
    "kernel_basis",
    "methods",
    "pinv_solve",
    "problems",
    "range_finder",
    "solve",
]


def initialize(threads: int = 0) -> None:
    """Starts Kokkos with so many threads, 0: as KOKKOS_NUM_THREADS or OMP_NUM_THREADS say, else all.

    Not needed: the first call does it. A Kokkos that runs already in this process is adopted, and not
    ended by minfold; what minfold started ends with the interpreter.

    Raises ValueError where Kokkos runs with another number of threads, which cannot be changed, and
    NotInitializedError where it has ended.
    """
    _core.initialize(_arguments.integer("initialize", "threads", threads, 0))


def config() -> dict:
    """What runs here: version, kokkos, backend, compiler, initialized, threads (None before the
    start), owns_kokkos (whether minfold has started Kokkos, and will end it), checkpoints (whether it was
    built with HDF5, which `checkpoint` and `resume` of `solve` need)."""
    return {**_core.config(), "checkpoints": _core.has_checkpoints}


def data_directory() -> str | None:
    """The data files that come with the package, for `data` of `solve`; None where they do not."""
    folder = _os.path.join(_os.path.dirname(_os.path.abspath(__file__)), "data")
    return folder if _os.path.isdir(folder) else None


_atexit.register(_core.shut_down)
if hasattr(_os, "register_at_fork"):
    _os.register_at_fork(after_in_child=_core.after_fork)
