# SPDX-License-Identifier: Apache-2.0
"""Bilevel problems: those of the catalog and those in Python, against closed forms."""

import os
import signal
import threading
import time

import minfold
import numpy as np
import pytest


def dot(a, b):
    return np.sum(a * b, axis=-1, keepdims=True)


class Rings:
    """For each target g = 1/4 (|y|^2 - x^2)^2, f = 1/2 |y - c|^2 + 1/2 x^2, so that
    F = sum of 1/2 (|c| - x)^2 + 1/2 x^2 and y* = x c / |c|."""

    dim_x, dim_y = 1, 2

    def __init__(self, centers, own_upper=False):
        self.centers = np.atleast_2d(np.asarray(centers, float))
        self.targets, self.own_upper = len(self.centers), own_upper
        self.norms = np.linalg.norm(self.centers, axis=1)

    def c(self, target):
        return self.centers if target is None else self.centers[target]

    def upper_value(self, x, y, target=None):
        return 0.5 * np.sum((y - self.c(target)) ** 2, axis=-1) + 0.5 * x[:, 0] ** 2

    def lower_value(self, x, y, target=None):
        return 0.25 * (dot(y, y) - x**2)[:, 0] ** 2

    def upper_gradient(self, x, y, target=None):
        return np.broadcast_to(x, (len(y), 1)), y - self.c(target)

    def lower_gradient(self, x, y, target=None):
        return (dot(y, y) - x**2) * y

    def lower_hessian(self, x, y, v, target=None):
        y = y[:, None]
        return (dot(y, y) - x[:, None] ** 2) * v + 2 * dot(y, v) * y

    def mixed_transpose(self, x, y, z, target=None):
        return -2 * x * dot(y, z)

    def upper_hessian(self, x, y, v, target=None):
        return v

    def third_product(self, x, y, l, v, target=None):
        y, l = y[:, None], l[:, None]
        return 2 * (dot(y, v) * l + dot(l, v) * y + dot(y, l) * v)


class RingsForAll(Rings):
    """With what methods other than HG-MS ask for."""

    def lower_gradient_x(self, x, y, target=None):
        return -x * (dot(y, y) - x**2)

    def mixed_product(self, x, y, u, target=None):
        return -2 * x * u * y


class Shift:
    """g = 1/2 |y - x|^2, f = 1/2 |y - c|^2, x <= 2: y* = x, and the optimum is min(c, 2)."""

    dim_x = dim_y = 3
    c = np.array([1.0, -2.0, 5.0])

    def upper_value(self, x, y):
        return 0.5 * np.sum((y - self.c) ** 2, axis=1)

    def lower_value(self, x, y):
        return 0.5 * np.sum((y - x) ** 2, axis=1)

    def upper_gradient(self, x, y):
        return np.zeros_like(y), y - self.c

    def lower_gradient(self, x, y):
        return y - x

    def lower_gradient_x(self, x, y):
        return x - y

    def lower_hessian(self, x, y, v):
        return v

    def mixed_transpose(self, x, y, z):
        return -z

    def mixed_product(self, x, y, u):
        return -np.broadcast_to(u, y.shape)

    def project_upper(self, x):
        return np.minimum(x, 2.0)


CENTERS = [[3.0, 4.0], [0.0, 1.0], [-6.0, 8.0]]


def test_a_problem_of_the_catalog():
    found = minfold.solve("sphere", seed=3).require()
    truth = found.report["truth"]
    assert found.certified and found.outcome == "converged" and found.verdict == "certified"
    assert truth["upper_error"] < 1e-9 and truth["final_gradient_error"] < 1e-6
    assert found.report["problem"] == "sphere" and found.report["seed"] == 3
    assert found.upper == pytest.approx(truth["upper"], rel=1e-9)
    its = found.iterations
    assert its["iteration"].tolist() == list(range(len(its))) and len(its) > 1
    assert (np.diff(its["upper"]) <= 1e-12).all() and (np.diff(its["gradients"]) >= 0).all()
    assert its["verdict"][-1] == minfold.Verdict.CERTIFIED
    assert its["hypergradient_norm"][-1] <= its["target"][-1]
    assert found.certificates.shape == (len(found.y),)
    assert (found.certificates["gap"] > 10).all()


def test_settings_reach_problem_and_method():
    found = minfold.solve("sphere", settings={"dim": 5, "candidates": 6, "manifold_dim": 2}, max_iterations=1)
    assert found.y.shape[1] == 5 and found.report["options"]["candidates"] == 6
    assert found.certificates["kernel_dimension"].tolist() == [2]
    with pytest.raises(ValueError, match="candidatse: unknown key.*candidates"):
        minfold.solve("sphere", settings={"candidatse": 6})
    with pytest.raises(ValueError, match="no problem shpere; did you mean sphere"):
        minfold.solve("shpere")
    with pytest.raises(ValueError, match="no method hgsm; did you mean hgms"):
        minfold.solve("sphere", method="hgsm")
    assert "sphere" in minfold.problems() and next(iter(minfold.methods())) == "hgms"


def test_a_run_is_reproducible():
    one, two = (minfold.solve("two-well", seed=5) for _ in range(2))
    np.testing.assert_array_equal(one.x, two.x)
    np.testing.assert_array_equal(one.iterations["upper"], two.iterations["upper"])


@pytest.mark.parametrize("precision, error", [("double", 1e-6), ("float", 1e-2)])
def test_a_ring(precision, error):
    found = minfold.solve(Rings([3.0, 4.0]), x0=[1.0], precision=precision).require()
    assert found.x.dtype == (np.float64 if precision == "double" else np.float32)
    np.testing.assert_allclose(found.x, [2.5], atol=error)
    np.testing.assert_allclose(found.y, [[1.5, 2.0]], atol=error)
    assert found.upper == pytest.approx(6.25, abs=error)
    assert found.certificates["kernel_dimension"].tolist() == [1]


def test_one_x_for_several_targets():
    problem = Rings(CENTERS)
    found = minfold.solve(problem, x0=[1.0]).require()
    x = problem.norms.sum() / 6
    np.testing.assert_allclose(found.x, [x], atol=1e-6)
    directions = problem.centers / problem.norms[:, None]
    np.testing.assert_allclose(found.y, x * directions, atol=1e-6)
    assert found.certificates.shape == (3,) and found.iterations["certified"][-1] == 3


def test_one_x_for_each_target():
    problem = Rings(CENTERS, own_upper=True)
    found = minfold.solve(problem, x0=[[1.0], [1.0], [1.0]]).require()
    np.testing.assert_allclose(found.x[:, 0], problem.norms / 2, atol=1e-6)
    assert found.hypergradient.shape == (3, 1)


def test_the_hypergradient_at_a_point():
    found = minfold.solve(Rings([3.0, 4.0]), x0=[1.0], max_iterations=0)
    np.testing.assert_allclose(found.hypergradient, [-(5 - 1.0) + 1.0], atol=1e-9)
    assert found.x == [1.0] and len(found.iterations) == 1


def test_a_start_for_the_lower_level():
    seen = []
    minfold.solve(
        Rings([3.0, 4.0]), x0=[1.0], y0=[0.6, 0.8], settings={"candidates": 1}, max_iterations=0,
        callback=lambda it, x, y: seen.append(y),
    )
    np.testing.assert_allclose(seen[0], [[0.6, 0.8]], atol=1e-9)


def test_other_methods_take_what_they_need():
    for method in ("hgms", "aid-cg"):
        found = minfold.solve(Shift(), method=method, x0=[0.0, 0.0, 0.0])
        np.testing.assert_allclose(found.x, [1.0, -2.0, 2.0], atol=1e-5)
        assert found.outcome == "converged" and found.report["method"] == method
    assert found.report["result"]["assessment"]["upper"] == pytest.approx(4.5, abs=1e-4)
    found = minfold.solve(Shift(), method="v-pbgd", x0=[0.0, 0.0, 0.0], max_iterations=3)
    assert found.iterations["iteration"].tolist() == [0, 1, 2, 3]
    assert np.isfinite(found.iterations["lower_gradient_norm"]).all()
    with pytest.raises(ValueError, match="does not offer lower_gradient_x.* which this method needs"):
        minfold.solve(Rings([3.0, 4.0]), method="v-pbgd", x0=[1.0])
    check = minfold.check(RingsForAll(CENTERS), [1.0])
    assert check.ok and {"grad_x g", "<z, G u> = <G^T z, u>"} <= {line.what for line in check.lines}, str(check)
    assert minfold.check(Shift(), [0.0] * 3).ok


@pytest.mark.parametrize("on, stop", [(None, False), (True, np.False_), (np.True_, 0)])
def test_callback_sees_every_iteration_and_stops(on, stop):
    seen = []

    def callback(it, x, y):
        seen.append((int(it["iteration"]), x, y))
        return stop if len(seen) == 2 else on

    found = minfold.solve(Rings(CENTERS), x0=[1.0], callback=callback)
    assert [i for i, _, _ in seen] == [0, 1] and found.outcome == "stopped"
    assert not found.certified
    with pytest.raises(minfold.NotCertifiedError, match="stopped"):
        found.require()
    assert seen[0][1].tolist() == [1.0] and seen[0][2].shape == (3, 2)
    np.testing.assert_array_equal(seen[1][1], found.x)


class Mine(Exception):
    pass


@pytest.mark.parametrize("name", ["upper_value", "lower_gradient", "lower_hessian", "mixed_transpose",
                                  "upper_hessian", "third_product"])
@pytest.mark.parametrize("error", [Mine("no"), KeyboardInterrupt(), ValueError("theirs")])
def test_what_a_callback_raises_comes_out_as_it_is(name, error):
    problem = Rings([3.0, 4.0])

    def broken(*_, **__):
        raise error

    setattr(problem, name, broken)
    with pytest.raises(type(error)) as info:
        minfold.solve(problem, x0=[1.0])
    assert info.value is error
    assert minfold.solve(Rings([3.0, 4.0]), x0=[2.5], max_iterations=0).certified  # nothing is left


def test_what_the_observer_raises_comes_out_as_it_is():
    error = Mine()

    def callback(*_):
        raise error

    with pytest.raises(Mine) as info:
        minfold.solve("sphere", callback=callback)
    assert info.value is error


def test_keyboard_interrupt_ends_a_problem_of_the_catalog():
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    started = time.perf_counter()
    try:
        with pytest.raises(KeyboardInterrupt):
            timer.start()
            minfold.solve("quadratic", method="aid-cg", max_iterations=10**8, tolerance=0,
                          record_every=10)
    finally:
        timer.cancel()
    assert time.perf_counter() - started < 10


WRONG = [
    ("upper_value", lambda x, y: y, r"callback upper_value has returned \d+ x 2 numbers, expected \d+$"),
    ("lower_gradient", lambda x, y: y[0], r"callback lower_gradient has returned 2 numbers, expected \d+ x 2"),
    ("upper_gradient", lambda x, y: y, "upper_gradient has to return two arrays"),
    ("upper_gradient", lambda x, y: (y, y), r"upper_gradient \(df/dx\) has returned"),
    ("lower_hessian", lambda x, y, v: v * 1j, "lower_hessian has returned numbers of type complex128"),
    ("lower_value", None, "the problem has no callback lower_value"),
    ("third_product", None, "needs both upper_hessian and third_product, or neither"),
    ("dim_y", 0, "dim_y of the problem is 0, must be an integer from 1"),
    ("dim_x", 0, "dim_x of the problem is 0, must be an integer from 1"),
    ("dim_x", 1.5, "dim_x of the problem is 1.5, must be an integer"),
    ("length_scale", -1.0, "length_scale is -1.0, must be positive"),
]


@pytest.mark.parametrize("name, value, sentence", WRONG)
def test_bad_problems_are_refused_with_a_sentence(name, value, sentence):
    problem = Rings([3.0, 4.0])
    setattr(problem, name, value)
    with pytest.raises(ValueError, match=sentence):
        minfold.solve(problem, x0=[1.0])


BAD_CALLS = [
    (dict(x0=[1.0, 2.0]), "solve: x0 is 1 x 2, expected 1 x 1"),
    (dict(x0=[float("nan")]), r"solve: x0\[0, 0\] is not finite"),
    (dict(x0=["1"]), "x0 has numbers of type"),
    (dict(x0=[[1.0], [2.0, 3.0]]), "x0 is no array of numbers"),
    (dict(x0=[1.0], seed=-1), "solve: seed is -1, expected 0 to 18446744073709551615"),
    (dict(x0=[1.0], max_iterations=-1), "solve: max_iterations is -1, expected 0 to"),
    (dict(x0=[1.0], max_iterations=10**12), "solve: max_iterations is 1000000000000, expected 0 to 2147483647"),
    (dict(x0=[1.0], tolerance=-1), "solve: tolerance is -1.0, must not be negative"),
    (dict(x0=[1.0], y0=[[1.0, 2.0]] * 2), "y0 is 2 x 2, expected 1 x 2"),
    (dict(), "needs a start x0"),
    (dict(x0=[1.0], precision="half"), "precision is 'half'"),
    (dict(x0=[1.0], record_every=0), "record_every is 0"),
    (dict(x0=[1.0], data="."), "data is for built-in problems"),
    (dict(x0=[1.0], settings={"step": "long"}), "step=long: expected a number"),
    (dict(x0=[1.0], tolerance=float("inf")), "not a number in this precision"),
]


@pytest.mark.parametrize("arguments, sentence", BAD_CALLS)
def test_bad_calls_are_refused_with_a_sentence(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        minfold.solve(Rings([3.0, 4.0]), **arguments)


BAD_TYPES = [
    (dict(seed=1.5), "seed is 1.5, expected an integer"),
    (dict(seed=True), "seed is True, expected an integer"),
    (dict(max_iterations="7"), "max_iterations is '7', expected an integer"),
    (dict(record_every=2.0), "record_every is 2.0, expected an integer"),
    (dict(tolerance="1e-3"), "tolerance is '1e-3', expected a number"),
    (dict(method=3), "method is 3, expected the name of one"),
    (dict(settings=["dim"]), "settings is a list, expected a dict"),
    (dict(settings="dim=5"), "settings is a str, expected a dict"),
    (dict(settings={1: 2}), "settings is a dict, expected a dict with texts as keys"),
    (dict(callback=3), "callback is a int, not callable"),
]


@pytest.mark.parametrize("arguments, sentence", BAD_TYPES)
def test_arguments_of_a_wrong_type_are_refused_with_a_sentence(arguments, sentence):
    with pytest.raises(TypeError, match="^minfold: solve: " + sentence):
        minfold.solve("sphere", **arguments)


def test_numbers_of_numpy_are_numbers():
    found = minfold.solve("sphere", seed=np.uint64(3), max_iterations=np.int32(1), tolerance=np.float32(1e-3),
                          record_every=np.int64(1), settings={"dim": np.int64(5), "x0": np.array([0.5, 0.25])})
    assert found.report["seed"] == 3 and found.y.shape[1] == 5 and len(found.iterations) == 2


def test_a_class_is_no_problem():
    with pytest.raises(TypeError, match=r"solve: the problem is the class Shift, expected an object of it: Shift\(...\)"):
        minfold.solve(Shift, x0=[0.0] * 3)
    with pytest.raises(TypeError, match="check is for problems in Python"):
        minfold.check("sphere", [0.0])
    for wrong, error in ((dict(points=0), ValueError), (dict(points=1.5), TypeError), (dict(seed=-1), ValueError)):
        with pytest.raises(error, match="minfold: check: (points|seed) is"):
            minfold.check(Shift(), [0.0] * 3, **wrong)


def test_records_have_what_the_library_has():
    """Names, and by the values that the report of the same run holds that each is in its place."""
    found = minfold.solve(Rings(CENTERS), x0=[1.0], max_iterations=3)
    for record in (minfold.ITERATION, minfold.CERTIFICATE):
        assert all(offset % kind.itemsize == 0 for kind, offset, *_ in record.fields.values())
        assert record.itemsize % 8 == 0
    assert set(minfold.CERTIFICATE.names) < set(minfold.ITERATION.names)
    lines = found.report["iterations"]
    assert len(lines) == len(found.iterations)
    for line, row in zip(lines, found.iterations):
        assert row["iteration"] == line["iteration"] and row["upper"] == line["upper"]
        assert row["step"] == line["step"] and row["hypergradient_norm"] == line["hypergradient_norm"]
    assert np.array_equal(found.iterations["kernel_dimension"], [1] * len(lines))
    assert (found.iterations["certified"] + found.iterations["uncertain"] + found.iterations["refused"] == 3).all()
    assert (found.certificates["verdict"] == minfold.Verdict.CERTIFIED).sum() == found.iterations["certified"][-1]
    # A column is an array for everybody, also for what needs aligned numbers.
    assert found.iterations["upper"].flags.aligned


def test_a_solve_in_a_callback_of_a_solve():
    inner = []

    class Nested(Shift):
        def upper_value(self, x, y):
            if not inner:
                inner.append(minfold.solve(Rings([3.0, 4.0]), x0=[1.0]).require().x[0])
            return super().upper_value(x, y)

    found = minfold.solve(Nested(), x0=[0.0] * 3, callback=lambda *_: minfold.kernel_basis(np.eye(2)).certified)
    np.testing.assert_allclose(found.x, [1.0, -2.0, 2.0], atol=1e-5)
    assert inner == [pytest.approx(2.5, abs=1e-6)]


def test_what_callbacks_are_given_is_theirs():
    """They may keep it, and write to it, and return lists, other precisions and strided arrays."""
    kept = []

    class Careless(Rings):
        def lower_gradient(self, x, y, target=None):
            kept.append((x, y, x.copy(), y.copy()))
            out = super().lower_gradient(x, y).tolist()
            return out

        def lower_hessian(self, x, y, v, target=None):
            out = np.asfortranarray(super().lower_hessian(x, y, v))
            x[:], y[:], v[:] = np.nan, np.nan, np.nan
            return out

        def upper_gradient(self, x, y, target=None):
            fx, fy = super().upper_gradient(x, y)
            return [fx, np.repeat(fy, 2, axis=1)[:, ::2]]

    careful = minfold.solve(Rings([3.0, 4.0]), x0=[1.0])
    found = minfold.solve(Careless([3.0, 4.0]), x0=[1.0], callback=lambda it, x, y: x.fill(7) or y.fill(7))
    np.testing.assert_array_equal(found.x, careful.x)
    np.testing.assert_array_equal(found.iterations["upper"], careful.iterations["upper"])
    assert kept and all(np.array_equal(a, c) and np.array_equal(b, d) for a, b, c, d in kept)


def test_nan_is_an_outcome():
    problem = Rings([3.0, 4.0])
    problem.upper_value = lambda x, y: np.full(len(y), np.nan)
    found = minfold.solve(problem, x0=[1.0])
    assert found.outcome == "failed" and not found.certified


def test_check_finds_a_wrong_derivative():
    problem = Rings([3.0, 4.0])
    problem.mixed_transpose = lambda x, y, z: -2.001 * x * dot(y, z)
    check = minfold.check(problem, [1.0])
    assert [line.what for line in check.lines if not line.ok] and not check.ok
    assert "WRONG" in str(check) and minfold.check(Rings([3.0, 4.0]), [1.0]).ok
