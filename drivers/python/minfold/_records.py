# SPDX-License-Identifier: Apache-2.0
"""Records as structured arrays, and what their numbers mean."""

from __future__ import annotations

import enum

import numpy as np

from . import _arguments, _core


class NotCertifiedError(_core.Error):
    """A result was required to be certified and is not; the sentence says why."""


class Outcome(enum.IntEnum):
    """The field `outcome` of the records of kernels."""

    NOT_RUN = 0
    CONVERGED = 1
    ITERATION_LIMIT = 2  #: stopped without reaching the tolerance
    INCONSISTENT_RHS = 3  #: b has a part outside range A that is not removed
    INDEFINITE_OPERATOR = 4  #: clearly negative curvature
    AMBIGUOUS_RANK = 5  #: no clear spectral gap: the dimension is a guess
    RANK_LIMIT = 6  #: the dimension exceeds the capacity
    NOT_FINITE = 7  #: NaN or infinity in the input or on the way

    def __str__(self) -> str:
        return _core.outcome_names[self]


class Verdict(enum.IntEnum):
    """The field `verdict` of certificates and iterations."""

    CERTIFIED = 0
    UNCERTAIN = 1
    REFUSED = 2

    def __str__(self) -> str:
        return self.name.lower()


SOLVE_RECORD = np.dtype(_core.solve_layout)
"""One solve z = A^+ b, P the orthogonal projector onto range A: outcome, iterations, products (with A),
rhs_norm ||b||, residual ||A z - P b|| / ||P b|| recomputed, leakage ||(I - P) b|| / ||b||,
operator_norm (lower bound of ||A|| from the products seen; 0 where none was needed)."""

KERNEL_RECORD = np.dtype(_core.kernel_layout)
"""One basis of ker A: outcome, dimension (a lower bound with RANK_LIMIT), vectors in the basis, products,
norm_estimate of ||A||, kernel_residual max_j ||A q_j|| / ||A|| recomputed, orthogonality
max |Q Q^T - I|, gap (smallest kept / largest dropped |eigenvalue|; infinite for dimension n),
smallest_kept, most_negative (smallest eigenvalue seen / ||A||, at most 0)."""

RANGE_RECORD = np.dtype(_core.range_layout)
"""One basis of range A: outcome, rank, products, norm_estimate of ||A||, range_residual (bound on
||(I - Q^T Q) A|| / ||A||), orthogonality, gap (smallest kept / largest dropped magnitude)."""

ITERATION = np.dtype(_core.iteration_layout)
"""One iteration of a solve. Numbers that a method does not know are NaN; counters and seconds are
since the start; the members of a certificate are the worst over all targets."""

CERTIFICATE = np.dtype(_core.certificate_layout)
"""What a hypergradient rests on at the selected point of one target."""

_OPTIONS = np.dtype(_core.options_layout)


def options(
    function: str,
    *,
    tolerance: float | None = None,
    tolerance_of: str = "relative_tolerance",
    kernel_tolerance: float | None = None,
    minimum_gap: float | None = None,
    max_iterations: int | None = None,
    seed: int | None = None,
    rank: int | None = None,
    semidefinite: bool = False,
) -> np.ndarray:
    """Options of a kernel as bytes; what is None keeps its default, which is 0 to the compiled part."""
    record = np.zeros(1, _OPTIONS)
    for name, member, value in (
        ("tolerance", tolerance_of, tolerance),
        ("kernel_tolerance", "kernel_tolerance", kernel_tolerance),
        ("minimum_gap", "minimum_gap", minimum_gap),
    ):
        if value is not None:
            record[member] = _arguments.positive(function, name, value)
    if max_iterations is not None:
        record["max_iterations"] = _arguments.integer(
            function, "max_iterations", max_iterations, 1
        )
    if seed is not None:
        record["seed"] = _arguments.integer(function, "seed", seed, 1, 2**64 - 1)
    if rank is not None:
        record["rank"] = rank
    record["semidefinite"] = bool(semidefinite)
    return record.view(np.uint8)


def memory(records: np.ndarray) -> np.ndarray:
    """The bytes of contiguous records."""
    return records.reshape(-1).view(np.uint8)


def from_bytes(data: bytes, dtype: np.dtype) -> np.ndarray:
    return np.frombuffer(bytearray(data), dtype)
