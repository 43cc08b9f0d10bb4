# SPDX-License-Identifier: Apache-2.0
"""Problems in Python whose g is a mean over data, and methods that work on samples of it."""

import minfold
import numpy as np
import pytest


class Regression:
    """g = 1/(2N) sum over i of <s_i, W^T y - M x>^2 with orthonormal columns W, f = 1/2 |y - c|^2 + 1/2 |x|^2.
    S(x) is the affine space W^T y = M x, the same for every data term that is not 0, so that
    F = 1/2 |M x - W^T c|^2 + 1/2 |x|^2."""

    dim_x, dim_y, samples = 2, 6, 40

    def __init__(self, targets=1):
        rng = np.random.default_rng(3)
        self.targets = targets
        self.s = rng.standard_normal((self.samples, 3))
        self.w = np.linalg.qr(rng.standard_normal((6, 3)))[0]
        self.m, self.c = rng.standard_normal((3, 2)), rng.standard_normal(6)
        self.drawn, self.targets_seen = [], set()

    def optimum(self):
        m = self.m
        return np.linalg.solve(m.T @ m + np.eye(2), m.T @ self.w.T @ self.c)

    def of(self, sample, target=None):
        """S^T S / count of the sample."""
        if sample is not None:
            assert sample.dtype == np.int64
            self.drawn.append(sample.copy())
            sample[:] = -1  # it is a copy
        self.targets_seen.add(None if target is None else target.tobytes())
        s = self.s if sample is None else self.s[self.drawn[-1]]
        return s.T @ s / len(s)

    def residual(self, x, y):
        return y @ self.w - x @ self.m.T

    def upper_value(self, x, y, target=None):
        return 0.5 * ((y - self.c) ** 2).sum(1) + 0.5 * (x * x).sum(1)

    def upper_gradient(self, x, y, target=None):
        return np.broadcast_to(x, (len(y), 2)), y - self.c

    def upper_hessian(self, x, y, v, target=None):
        return v

    def lower_value(self, x, y, sample, target=None):
        r = self.residual(x, y)
        return 0.5 * (r @ self.of(sample, target) * r).sum(1)

    def lower_gradient(self, x, y, sample, target=None):
        return self.residual(x, y) @ self.of(sample, target) @ self.w.T

    def lower_gradient_x(self, x, y, sample, target=None):
        return -self.residual(x, y) @ self.of(sample, target) @ self.m

    def lower_hessian(self, x, y, v, sample, target=None):
        return v @ self.w @ self.of(sample, target) @ self.w.T

    def mixed_transpose(self, x, y, z, sample, target=None):
        return -z @ self.w @ self.of(sample, target) @ self.m

    def mixed_product(self, x, y, u, sample, target=None):
        return -np.broadcast_to(u @ self.m.T @ self.of(sample, target) @ self.w.T, y.shape)

    def third_product(self, x, y, l, v, sample, target=None):
        return np.zeros_like(v)


def test_without_samples_the_whole_is_asked():
    problem = Regression()
    found = minfold.solve(problem, x0=[0.0, 0.0]).require()
    np.testing.assert_allclose(found.x, problem.optimum(), atol=1e-6)
    assert problem.drawn == []


@pytest.mark.parametrize("method, iterations, settings", [
    ("hgms-minibatch", 80, {"batch": 8, "warm-up": 60, "horizon": 40, "inner-step": 0.3}),
    ("stocbio", 15, {"batch": 8, "inner-step": 0.2, "products": 10}),
    ("soba", 100, {"batch": 8}),
])
def test_methods_work_on_samples(method, iterations, settings):
    problem = Regression()
    found = minfold.solve(problem, method=method, settings={**settings, "assess": False}, x0=[0.0, 0.0],
                          max_iterations=iterations, record_every=iterations)
    sizes = {len(sample) for sample in problem.drawn}
    assert 8 in sizes and all(np.all(np.diff(s) >= 0) for s in problem.drawn)
    every = np.concatenate([s for s in problem.drawn if len(s) == 8])
    assert every.min() == 0 and every.max() == 39
    # Each data term is drawn as often as any other: of so many draws, within five deviations.
    counts = np.bincount(every, minlength=40)
    assert np.all(np.abs(counts - counts.mean()) < 5 * np.sqrt(counts.mean())), counts
    assert len({s.tobytes() for s in problem.drawn}) > 50
    if method == "hgms-minibatch":  # the others are biased where S(x) is a manifold
        np.testing.assert_allclose(found.x, problem.optimum(), atol=0.05)
    again = Regression()
    same = minfold.solve(again, method=method, settings={**settings, "assess": False}, x0=[0.0, 0.0],
                         max_iterations=iterations, record_every=iterations)
    np.testing.assert_array_equal(same.x, found.x)
    assert all(map(np.array_equal, again.drawn, problem.drawn))
    other = Regression()
    minfold.solve(other, method=method, settings={**settings, "assess": False}, x0=[0.0, 0.0],
                  max_iterations=1, seed=2)
    assert not np.array_equal(other.drawn[0], problem.drawn[0])


def test_the_end_is_assessed_on_all_data():
    problem = Regression()
    found = minfold.solve(problem, method="hgms-minibatch", settings={"batch": 10, "inner-step": 0.3},
                          x0=[0.0, 0.0], max_iterations=20)
    assert found.report["result"]["assessment"]["upper"] == pytest.approx(found.upper)
    x, m = found.x, problem.m
    at_x = 0.5 * np.sum((m @ x - problem.w.T @ problem.c) ** 2) + 0.5 * x @ x
    assert found.upper == pytest.approx(at_x, rel=1e-6)


def test_samples_and_targets():
    problem = Regression(targets=3)
    minfold.solve(problem, method="hgms-minibatch", settings={"batch": 5, "candidates": 2, "assess": False},
                  x0=[0.0, 0.0], max_iterations=2)
    assert {len(s) for s in problem.drawn} >= {5} and None not in problem.targets_seen
    assert minfold.check(problem, [0.1, 0.2]).ok


def test_a_problem_without_data_refuses_a_batch():
    problem = Regression()
    problem.samples = 0
    for name in ("lower_value", "lower_gradient", "lower_gradient_x", "lower_hessian", "mixed_transpose", "third_product", "mixed_product"):
        callback = getattr(problem, name)
        setattr(problem, name, lambda *a, callback=callback: callback(*a, sample=None))
    with pytest.raises(ValueError, match="batch is 8, but g of this problem is no sum over data"):
        minfold.solve(problem, method="stocbio", settings={"batch": 8}, x0=[0.0, 0.0])
    with pytest.raises(ValueError, match="hgms-minibatch: g of this problem is no sum over data"):
        minfold.solve(problem, method="hgms-minibatch", x0=[0.0, 0.0])
    minfold.solve(problem, x0=[0.0, 0.0]).require()
    for wrong in (-1, 2.5, "many"):
        problem.samples = wrong
        with pytest.raises(ValueError, match="samples of the problem is .*, must be an integer from 0"):
            minfold.solve(problem, x0=[0.0, 0.0])


def test_what_a_callback_raises_on_a_sample_comes_out():
    problem, error = Regression(), KeyboardInterrupt()
    whole = problem.lower_hessian

    def broken(x, y, v, sample):
        if sample is not None:
            raise error
        return whole(x, y, v, sample)

    problem.lower_hessian = broken
    with pytest.raises(KeyboardInterrupt) as info:
        minfold.solve(problem, method="hgms-minibatch", x0=[0.0, 0.0])
    assert info.value is error


def test_check_finds_an_estimate_with_bias():
    fine = minfold.check(Regression(), [0.3, -0.2])
    assert fine.ok, str(fine)
    names = ("lower_value", "lower_gradient", "lower_gradient_x", "lower_hessian", "mixed_transpose", "mixed_product", "third_product")
    assert {f"{name} on samples" for name in names} <= {line.what for line in fine.lines}
    for name in names[:-1]:
        problem = Regression()
        callback = getattr(problem, name)

        def sums(*arguments, sample, callback=callback):  # over the sample, where a mean is meant
            scale = 1 if sample is None else len(sample) / 40
            return scale * callback(*arguments, sample=sample)

        setattr(problem, name, sums)
        found = minfold.check(problem, [0.3, -0.2])
        assert [line.what for line in found.lines if not line.ok] == [f"{name} on samples"]
