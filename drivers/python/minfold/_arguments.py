# SPDX-License-Identifier: Apache-2.0
"""Numbers among the arguments, and what is said of those that are none."""

from __future__ import annotations

import math
import numbers
import operator
from typing import Any


def integer(function: str, name: str, value: Any, low: int, high: int = 2**31 - 1) -> int:
    """An int of low ... high, also one of NumPy; no bool and no float, whatever its value."""
    try:
        if type(value).__name__ in ("bool", "bool_"):
            raise TypeError
        value = operator.index(value)
    except TypeError:
        raise TypeError(
            f"minfold: {function}: {name} is {value!r}, expected an integer"
        ) from None
    if not low <= value <= high:
        raise ValueError(f"minfold: {function}: {name} is {value}, expected {low} to {high}")
    return value


def number(function: str, name: str, value: Any) -> float:
    """A float; no bool, and no text that could be read as one."""
    if type(value).__name__ in ("bool", "bool_") or not isinstance(value, numbers.Real):
        raise TypeError(f"minfold: {function}: {name} is {value!r}, expected a number")
    return float(value)


def positive(function: str, name: str, value: Any) -> float:
    value = number(function, name, value)
    if not (0 < value < math.inf):
        raise ValueError(f"minfold: {function}: {name} is {value}, must be positive")
    return value
