# SPDX-License-Identifier: Apache-2.0
"""What the kernels give."""

from __future__ import annotations

import dataclasses

import numpy as np

from ._records import NotCertifiedError, Outcome


class _Result:
    """What the results of all kernels say of themselves."""

    message: str

    @property
    def certified(self) -> bool:
        """Whether every record is a success."""
        return not self.message

    def require(self):
        """This result; raises NotCertifiedError unless it is certified."""
        if self.message:
            raise NotCertifiedError(self.message)
        return self


def _converged(records: np.ndarray) -> np.ndarray:
    return records["outcome"] == Outcome.CONVERGED


@dataclasses.dataclass(frozen=True, eq=False)
class PinvSolution(_Result):
    """x = H^+ b, with a record for each right-hand side."""

    x: np.ndarray  #: shape and precision of b
    records: np.ndarray  #: SOLVE_RECORD, one a right-hand side
    kernels: np.ndarray | None  #: KERNEL_RECORD, one an item; None for method "cg"
    message: str = ""  #: why not certified

    @property
    def converged(self) -> np.ndarray:
        """For each right-hand side."""
        return _converged(self.records)


@dataclasses.dataclass(frozen=True, eq=False)
class KernelBasis(_Result):
    """Orthonormal bases of kernels, with a record for each."""

    basis: np.ndarray  #: (k, n) or (items, k, n), rows orthonormal; zeros beyond the vectors of an item
    records: np.ndarray  #: KERNEL_RECORD, one an item
    message: str = ""  #: why not certified

    @property
    def dimension(self) -> np.ndarray:
        """Of each kernel."""
        return self.records["dimension"]

    @property
    def converged(self) -> np.ndarray:
        return _converged(self.records)


@dataclasses.dataclass(frozen=True, eq=False)
class KernelAndPinv(KernelBasis):
    """Both from one factorization."""

    x: np.ndarray = None  #: shape and precision of b
    solves: np.ndarray = None  #: SOLVE_RECORD, one a right-hand side


@dataclasses.dataclass(frozen=True, eq=False)
class RangeBasis(_Result):
    """Orthonormal bases of ranges with eigenvalue estimates, and a record for each."""

    basis: np.ndarray  #: (r, n) or (items, r, n), rows orthonormal
    values: np.ndarray  #: (r,) or (items, r): eigenvalue estimates, largest magnitude first
    records: np.ndarray  #: RANGE_RECORD, one an item
    message: str = ""  #: why not certified

    @property
    def rank(self) -> np.ndarray:
        return self.records["rank"]

    @property
    def converged(self) -> np.ndarray:
        return _converged(self.records)
