# SPDX-License-Identifier: Apache-2.0
"""Solves that are saved, end by what a problem does wrong, and go on from a file to the bit."""

import shutil
import warnings

import minfold
import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    not minfold.config()["checkpoints"], reason="this package was built without HDF5"
)

CALLBACKS = ("upper_value", "lower_value", "upper_gradient", "lower_gradient", "lower_hessian", "mixed_transpose")


class Ring:
    """g = 1/4 (|y|^2 - x^2)^2, f = 1/2 |y - (3, 4)|^2 + 1/2 x^2: x* = 2.5. From the call number `sound` of a
    callback on it is broken."""

    dim_x, dim_y = 1, 2
    goal = np.array([3.0, 4.0])

    def __init__(self, broken=None, sound=0, fault=None):
        self.broken, self.sound, self.fault = broken, sound, fault
        self.calls = dict.fromkeys(CALLBACKS, 0)

    def done(self, name, *results):
        self.calls[name] += 1
        if name == self.broken and self.calls[name] > self.sound:
            if self.fault is not None and not isinstance(self.fault, str):
                raise self.fault
            if self.fault == "nan":
                results = tuple(np.full(np.shape(r), np.nan) for r in results)
            else:  # one entry less
                results = tuple(r[..., :-1] for r in results)
        return results if len(results) > 1 else results[0]

    def excess(self, x, y):
        return (y * y).sum(1) - x[:, 0] ** 2

    def upper_value(self, x, y):
        return self.done("upper_value", 0.5 * ((y - self.goal) ** 2).sum(1) + 0.5 * x[:, 0] ** 2)

    def lower_value(self, x, y):
        return self.done("lower_value", 0.25 * self.excess(x, y) ** 2)

    def upper_gradient(self, x, y):
        return self.done("upper_gradient", np.broadcast_to(x, (len(y), 1)), y - self.goal)

    def lower_gradient(self, x, y):
        return self.done("lower_gradient", self.excess(x, y)[:, None] * y)

    def lower_hessian(self, x, y, v):
        s = self.excess(x, y)[:, None, None]
        return self.done("lower_hessian", s * v + 2 * np.einsum("pi,pci->pc", y, v)[:, :, None] * y[:, None, :])

    def mixed_transpose(self, x, y, z):
        return self.done("mixed_transpose", (-2 * x[:, 0] * (y * z).sum(1))[:, None])

    def lower_gradient_x(self, x, y):
        return -(self.excess(x, y) * x[:, 0])[:, None]


SLOW = {"method": "hgms", "settings": {"step_rule": "fixed", "step": 0.2, "candidates": 2}, "tolerance": 1e-6}
PENALTY = {"method": "v-pbgd", "settings": {"penalty": 5, "step": 0.01, "assess": False}, "max_iterations": 60, "tolerance": 0}


def same_bits(one, other):
    assert one.x.tobytes() == other.x.tobytes() and one.y.tobytes() == other.y.tobytes()
    assert one.upper == other.upper and one.outcome == other.outcome
    assert one.iterations[-1]["iteration"] == other.iterations[-1]["iteration"]


def whole_run(how):
    problem = Ring()
    return minfold.solve(problem, x0=[1.0], **how), problem.calls


@pytest.mark.parametrize("how", [SLOW, PENALTY], ids=["hgms", "v-pbgd"])
@pytest.mark.parametrize("fault", [RuntimeError("the simulator is gone"), KeyboardInterrupt(), "nan", "shrinks"], ids=str)
def test_a_problem_that_breaks_in_mid_run_is_saved(tmp_path, how, fault):
    whole, calls = whole_run(how)
    asked = [name for name in CALLBACKS if calls[name] > 20]
    assert len(asked) >= (5 if how is SLOW else 3)
    for name in asked:
        path = tmp_path / f"{name}.ckpt"
        broken = Ring(name, calls[name] // 2, fault)
        solve = lambda: minfold.solve(broken, x0=[1.0], checkpoint=path, **how)
        if fault == "nan":
            end = solve()
            # What only the records have of it is no failure.
            assert end.outcome == "failed" or (how is PENALTY and name == "lower_value"), name
            assert not end.certified
            if end.outcome != "failed":
                continue
        elif fault == "shrinks":
            with pytest.raises(ValueError, match=f"{name} .*expected"):
                solve()
        else:
            with pytest.raises(type(fault), match=str(fault)):
                solve()
        resumed = minfold.solve(Ring(), resume=path, **how)
        assert 0 < resumed.iterations[0]["iteration"] < whole.iterations[-1]["iteration"]
        if fault == "nan":  # in one candidate it is no failure yet, and the way is another one
            assert resumed.outcome == whole.outcome and abs(resumed.x - whole.x) < 1e-4
        else:
            same_bits(whole, resumed)


def test_a_built_in_problem_goes_on_from_its_end(tmp_path):
    path = str(tmp_path / "run.ckpt")
    whole = minfold.solve("kinks")
    first = minfold.solve("kinks", max_iterations=2, checkpoint=path, checkpoint_every=1)
    assert first.outcome == "iteration limit"
    same_bits(whole, minfold.solve("kinks", resume=path, checkpoint=path))
    over = minfold.solve("kinks", resume=path)
    assert len(over.iterations) == 0 and over.outcome == whole.outcome
    assert over.x.tobytes() == whole.x.tobytes() and over.certified == whole.certified


def test_when_it_is_written(tmp_path):
    path = tmp_path / "run.ckpt"
    seen = []
    watch = lambda iteration, x, y: seen.append(path.read_bytes() if path.exists() else None)
    minfold.solve(Ring(), x0=[1.0], checkpoint=path, callback=watch, **SLOW)
    assert set(seen) == {None} and path.exists()  # in less than 30 seconds: at the end
    path.unlink()
    seen.clear()
    minfold.solve(Ring(), x0=[1.0], checkpoint=path, checkpoint_every=2, callback=watch, **SLOW)
    # Iteration 1 and 2 see that of 0; 3 and 4 that of 2.
    assert seen[0] is None and seen[1] is not None and seen[2] == seen[1] and seen[3] != seen[2]
    assert seen[4] == seen[3]


def test_a_file_that_cannot_be_written_is_a_warning(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    lose = lambda iteration, x, y: shutil.rmtree(folder, ignore_errors=True)
    with pytest.warns(RuntimeWarning) as caught:
        found = minfold.solve(Ring(), x0=[1.0], checkpoint=folder / "run.ckpt", checkpoint_every=1, callback=lose, **SLOW)
    assert found.outcome == "converged"
    sentences = [str(w.message) for w in caught]
    assert len(sentences) == 2, sentences
    assert "No such file or directory; the solve goes on" in sentences[0]
    assert "not the end of this solve" in sentences[1]
    assert caught[0].filename == __file__
    folder.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeWarning, match="the solve goes on"):
            minfold.solve(Ring(), x0=[1.0], checkpoint=folder / "run.ckpt", checkpoint_every=1, callback=lose, **SLOW)


def test_refusals(tmp_path):
    path = tmp_path / "run.ckpt"
    solve = lambda **how: minfold.solve(Ring(), **{"x0": [1.0], **SLOW, **how})
    with pytest.raises(ValueError, match="cannot write no/such/run.ckpt: No such file"):
        solve(checkpoint="no/such/run.ckpt")
    with pytest.raises(ValueError, match="cannot write .*: it is a directory"):
        solve(checkpoint=tmp_path)
    with pytest.raises(TypeError, match="checkpoint is a int, expected the name of a file"):
        solve(checkpoint=3)
    with pytest.raises(ValueError, match="name of the file resume is empty"):
        solve(resume="")
    with pytest.raises(ValueError, match="checkpoint_every is for a checkpoint"):
        solve(checkpoint_every=3)
    with pytest.raises(ValueError, match="checkpoint_every is 0"):
        solve(checkpoint=path, checkpoint_every=0)
    with pytest.raises(ValueError, match="nothing.ckpt"):
        solve(resume=tmp_path / "nothing.ckpt")
    solve(checkpoint=path)
    with pytest.raises(ValueError, match="the seed of the checkpoint is 1, that of this run is 2"):
        solve(resume=path, seed=2)
    with pytest.raises(ValueError, match="the method of the checkpoint is hgms, that of this run is v-pbgd"):
        minfold.solve(Ring(), resume=path, **PENALTY)
    with pytest.raises(ValueError, match="the problem of the checkpoint is python, that of this run is two-well"):
        minfold.solve("two-well", resume=path)
    with pytest.raises(ValueError, match="the precision of the checkpoint is double"):
        solve(resume=path, precision="float")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        solve(resume=path)
