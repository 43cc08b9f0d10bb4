# SPDX-License-Identifier: Apache-2.0
import subprocess
import sys

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def planted(rng, n, kernel, items=None, dtype=np.float64, condition=100.0, negative=0):
    """Symmetric matrices with a kernel of this dimension, the other eigenvalues from 1 to `condition`,
    and `negative` of them below 0. Symmetric to the last bit."""
    out = np.empty((items or 1, n, n), dtype)
    for one in out:
        q, _ = np.linalg.qr(rng.standard_normal((n, n)))
        values = np.zeros(n)
        values[kernel:] = np.geomspace(1, condition, n - kernel)
        values[kernel : kernel + negative] *= -1
        h = (q * values) @ q.T
        one[:] = np.tril(h) + np.tril(h, -1).T
    return out if items is not None else out[0]


def memory(name="VmRSS"):
    """MB of this process: VmRSS now, VmHWM at most. Not of getrusage, whose maximum a process inherits."""
    try:
        lines = open("/proc/self/status").readlines()
    except OSError:
        pytest.skip("this system does not say how much memory a process has")
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024


def run_python(code, **environment):
    """A fresh interpreter; what it leaves: returncode, stdout, stderr."""
    import os

    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environment},
    )
