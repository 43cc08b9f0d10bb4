# SPDX-License-Identifier: Apache-2.0
"""The GIL, several threads, callbacks that call back, and what is left of all that."""

import concurrent.futures
import gc
import sys
import threading
import time

import minfold
import numpy as np
import pytest
from conftest import memory, planted


def ticks_during(call):
    """Seconds of a call, and how often another Python thread woke up meanwhile."""
    times, stop = [], threading.Event()

    def tick():
        while not stop.is_set():
            times.append(time.perf_counter())
            time.sleep(0.001)

    ticker = threading.Thread(target=tick)
    ticker.start()
    while not times:
        time.sleep(0.001)
    begin = time.perf_counter()
    call()
    end = time.perf_counter()
    stop.set()
    ticker.join()
    return end - begin, sum(begin < t < end for t in times)


def test_other_python_threads_run_during_a_kernel(rng):
    h = planted(rng, 300, 5, items=2)
    minfold.kernel_basis(h)
    h = np.concatenate([h] * 12)
    seconds, ticks = ticks_during(lambda: minfold.kernel_basis(h))
    assert seconds > 0.02  # else there is nothing to measure
    assert ticks >= 4, f"{ticks} ticks in {seconds:.3f} s"


def test_other_python_threads_run_during_a_solve():
    seconds, ticks = ticks_during(
        lambda: minfold.solve("quadratic", method="aid-cg", max_iterations=300, tolerance=0,
                              record_every=300, settings={"assess": False})
    )
    assert seconds > 0.02 and ticks >= 4, f"{ticks} ticks in {seconds:.3f} s"


def test_calls_of_several_threads_take_turns(rng):
    problems = [(planted(rng, n, 2), rng.standard_normal(n)) for n in range(5, 45)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda p: minfold.pinv_solve(*p).require().x, problems))
    for (h, b), x in zip(problems, found):
        np.testing.assert_allclose(x, np.linalg.pinv(h, rcond=1e-6) @ b, atol=1e-9)


def test_a_callback_may_call_the_library(rng):
    h, inner = planted(rng, 20, 2), []

    def apply(x):
        inner.append(minfold.pinv_solve(h, h[0]).require().x)
        return x @ h

    found = minfold.kernel_basis(minfold.Operator(apply, 20)).require()
    assert found.dimension == 2 and inner
    np.testing.assert_allclose(inner[-1], np.linalg.pinv(h, rcond=1e-6) @ h[0], atol=1e-9)


def test_a_callback_may_wait_for_a_thread_that_calls_the_library(rng):
    h = planted(rng, 20, 2)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:

        def apply(x):
            waited = pool.submit(minfold.pinv_solve, h, h[0])
            assert waited.result(timeout=20).certified
            return x @ h

        assert minfold.kernel_basis(minfold.Operator(apply, 20)).require().dimension == 2


@pytest.mark.parametrize("error", [RuntimeError("mine"), KeyboardInterrupt(), SystemExit(4)])
def test_what_an_operator_raises_comes_out_as_it_is(rng, error):
    calls = []

    def apply(x):
        calls.append(1)
        if len(calls) == 2:
            raise error
        return x @ planted(rng, 20, 2)

    for call in (minfold.kernel_basis, minfold.range_finder):
        calls.clear()
        with pytest.raises(type(error)) as info:
            call(minfold.Operator(apply, 20))
        assert info.value is error and len(calls) == 2


def test_an_argument_of_a_callback_may_be_kept(rng):
    h, kept = planted(rng, 20, 2), []

    def apply(x):
        kept.append((x, x.copy()))
        return x @ h

    minfold.kernel_basis(minfold.Operator(apply, 20))
    gc.collect()
    assert kept and all(np.array_equal(x, then) for x, then in kept)


def test_nothing_is_leaked(rng):
    n = 1000
    d = np.ones(n)
    d[:3] = 0

    def apply(x):
        return x * d

    h, b, basis = planted(rng, 60, 4), rng.standard_normal(60), None
    error = ZeroDivisionError()

    def broken(x):
        raise error

    def work():
        minfold.kernel_basis(minfold.Operator(apply, n))
        minfold.pinv_solve(h, b)
        with pytest.raises(ZeroDivisionError):
            minfold.range_finder(minfold.Operator(broken, n))
        error.__traceback__ = None

    for _ in range(5):
        work()
    gc.collect()
    counts = [sys.getrefcount(o) for o in (apply, broken, h, b, error)]
    before, objects = memory(), len(gc.get_objects())
    for _ in range(100):  # some 10 products of 160 kB in each
        work()
    gc.collect()
    assert [sys.getrefcount(o) for o in (apply, broken, h, b, error)] == counts
    assert len(gc.get_objects()) - objects < 50
    assert memory() - before < 20
