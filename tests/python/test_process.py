# SPDX-License-Identifier: Apache-2.0
"""Beginning and end: threads, who owns Kokkos, forks, exits, and what is installed."""

import ast
import copy
import inspect
import os
import pathlib
import pickle
import tempfile

import minfold
import numpy as np
import pytest
from conftest import run_python

WORK = "import minfold, numpy as np; r = minfold.pinv_solve(np.diag([1., 0.]), np.ones(2)); "


def succeeds(code, **environment):
    ran = run_python(code, **environment)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout + ran.stderr
    return ran.stdout.strip()


def test_import_starts_nothing():
    assert succeeds("import minfold; c = minfold.config(); "
                    "print(c['initialized'], c['threads'])") == "False None"


def test_threads_are_chosen_before_the_first_use():
    code = """
import minfold
minfold.initialize(threads=1)
c = minfold.config()
assert c["initialized"] and c["threads"] == 1 and c["owns_kokkos"], c
minfold.initialize(); minfold.initialize(1)
try:
    minfold.initialize(threads=2)
except ValueError as e:
    print(e)
"""
    assert "threads is 2, but Kokkos runs with 1 already" in succeeds(code)
    assert succeeds(WORK + "print(minfold.config()['threads'])", KOKKOS_NUM_THREADS="1") == "1"
    with pytest.raises(ValueError, match="initialize: threads is -1, expected 0 to 2147483647"):
        run = run_python("import minfold; minfold.initialize(-1)")
        raise ValueError(run.stderr)


@pytest.mark.parametrize("ending", ["", "import builtins; builtins.kept = r"])
def test_the_interpreter_ends_in_peace(ending):
    succeeds(WORK + ending)


def test_exit_codes_are_kept():
    assert run_python(WORK + "import sys; sys.exit(3)").returncode == 3
    failed = run_python(WORK + "raise KeyError('mine')")
    assert failed.returncode == 1 and failed.stderr.strip().endswith("KeyError: 'mine'")


def test_a_thread_inside_the_library_does_not_keep_the_interpreter_from_ending():
    kernel = """
import threading, time, numpy as np, minfold
h = np.zeros((40, 200, 200)); h[:] = np.diag(np.arange(200.0))
def work():
    while True: minfold.pinv_solve(h, h[:, 1], method="direct")
threading.Thread(target=work, daemon=True).start(); time.sleep(0.2)
"""
    callback = """
import threading, time, numpy as np, minfold
def apply(x):
    time.sleep(0.001); return x * np.arange(50.0)
def work():
    while True: minfold.kernel_basis(minfold.Operator(apply, 50))
threading.Thread(target=work, daemon=True).start(); time.sleep(0.2)
"""
    for code in (kernel, callback):
        ran = run_python(code)
        assert ran.returncode == 0, ran.stderr


def test_after_the_end_there_is_a_sentence():
    code = """
import atexit
def late():
    try:
        minfold.pinv_solve(np.eye(2), np.ones(2))
    except minfold.NotInitializedError as e:
        print(e)
atexit.register(late)  # runs after what is registered later
""" + WORK
    assert "the interpreter is ending" in succeeds(code)


def test_a_fork_is_refused_with_a_sentence():
    code = """
import os, sys, warnings; warnings.simplefilter("ignore")
import minfold, numpy as np
minfold.initialize({threads})
minfold.pinv_solve(np.eye(2), np.ones(2))
child = os.fork()
if child == 0:
    try:
        minfold.pinv_solve(np.eye(2), np.ones(2)).require()
        print("fine", flush=True)
    except minfold.NotInitializedError as e:
        print(e, flush=True)
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
minfold.pinv_solve(np.eye(2), np.ones(2)).require()
"""
    assert "was forked" in succeeds(code.format(threads=2), OMP_NUM_THREADS="2")
    assert succeeds(code.format(threads=1)) == "fine"


def kokkos_library():
    """The shared library of Kokkos that the extension uses; None where it is linked in."""
    minfold.initialize()
    maps = pathlib.Path("/proc/self/maps")
    if not maps.exists():
        return None
    paths = {line.split()[-1] for line in maps.read_text().splitlines()}
    return next((p for p in paths if "libkokkoscore" in p), None)


def test_a_kokkos_that_runs_already_is_adopted():
    library = kokkos_library()
    if library is None:
        pytest.skip("Kokkos is no shared library here: nobody else can have started it")
    code = f"""
import atexit, ctypes
kokkos = ctypes.CDLL({library!r})
def running(): return bool(kokkos._ZN6Kokkos14is_initializedEv() & 1)
kokkos._ZN6Kokkos14is_initializedEv.restype = ctypes.c_bool
kokkos._ZN6Kokkos10initializeERiPPc(ctypes.byref(ctypes.c_int(0)), None)
assert running()
def late():
    assert running()  # minfold has ended, and has not taken Kokkos along
    kokkos._ZN6Kokkos8finalizeEv()
    print("ended", flush=True)
atexit.register(late)
{WORK}
assert not minfold.config()["owns_kokkos"] and r.certified
"""
    assert succeeds(code, OMP_NUM_THREADS="2", KOKKOS_NUM_THREADS="2") == "ended"
    owner = code.replace("kokkos._ZN6Kokkos10initializeERiPPc(ctypes.byref(ctypes.c_int(0)), None)", "")
    owner = owner.replace("assert running()\n", "").replace("not minfold", "minfold")
    owner = owner.replace("assert running()", "assert not running()")
    owner = owner.replace("kokkos._ZN6Kokkos8finalizeEv()", "pass")
    assert succeeds(owner, OMP_NUM_THREADS="2", KOKKOS_NUM_THREADS="2") == "ended"


def test_a_kokkos_that_has_ended_is_an_error():
    library = kokkos_library()
    if library is None:
        pytest.skip("Kokkos is no shared library here: nobody else can have ended it")
    code = f"""
import ctypes
kokkos = ctypes.CDLL({library!r})
{WORK}
kokkos._ZN6Kokkos8finalizeEv()
try:
    minfold.pinv_solve(np.eye(2), np.ones(2))
except minfold.NotInitializedError as e:
    print(e)
"""
    assert "Kokkos was finalized by the one who ran it" in succeeds(code)


def test_errors_are_one_family():
    for error in (minfold.NotInitializedError, minfold.InternalError, minfold.NotCertifiedError):
        assert issubclass(error, minfold.Error)
    assert issubclass(minfold.Error, RuntimeError)


def test_the_package_is_typed_and_documented():
    folder = pathlib.Path(minfold.__file__).parent
    assert (folder / "py.typed").exists()
    stub = ast.parse((folder / "_core.pyi").read_text())
    functions = {node.name: node for node in stub.body if isinstance(node, ast.FunctionDef)}
    names = set(functions) | {node.name for node in stub.body if isinstance(node, ast.ClassDef)}
    names |= {node.target.id for node in stub.body if isinstance(node, ast.AnnAssign)}
    assert names == {n for n in dir(minfold._core) if n[0] != "_"}
    # Parameters have the names by which they can be given.
    for name, node in functions.items():
        assert not node.args.posonlyargs, name
        assert getattr(minfold._core, name).__nb_signature__[0][0].startswith(f"def {name}(")
    for name in minfold.__all__:
        thing = getattr(minfold, name)
        if inspect.isfunction(thing) or inspect.isclass(thing):
            doc = inspect.getdoc(thing)
            assert doc and not doc.startswith(f"{name}("), f"{name} has no documentation"
        if inspect.isfunction(thing):
            signature = inspect.signature(thing)
            assert signature.return_annotation is not inspect.Signature.empty, name
            for parameter in signature.parameters.values():
                assert parameter.annotation is not inspect.Parameter.empty, f"{name}: {parameter}"


def copies(thing):
    yield pickle.loads(pickle.dumps(thing))
    yield copy.deepcopy(thing)


def test_results_can_be_pickled_and_are_themselves_alone():
    eye, one = np.eye(3), np.ones(3)
    for result in (minfold.pinv_solve(eye, one), minfold.kernel_basis(0 * eye), minfold.range_finder(eye),
                   minfold.kernel_and_pinv(eye, one), minfold.solve("sphere", max_iterations=1)):
        assert result == result and len({result, result}) == 1
        for other in copies(result):
            assert other != result  # never a comparison of arrays, whose truth is ambiguous
            for name, value in vars(result).items():
                again = getattr(other, name)
                if isinstance(value, np.ndarray):
                    assert again.dtype == value.dtype
                    for field in value.dtype.names or (...,):
                        np.testing.assert_array_equal(again[field], value[field])
                else:
                    assert again == value
    for value in (minfold.Outcome.CONVERGED, minfold.Verdict.REFUSED):
        assert all(other is value for other in copies(value))
    for error in (minfold.NotCertifiedError, minfold.Error, minfold.InternalError, minfold.NotInitializedError):
        for other in copies(error("a sentence")):
            assert type(other) is error and str(other) == "a sentence"


def test_a_process_of_a_pool_sends_results():
    code = """
import multiprocessing, numpy as np, minfold
def work(n):
    return minfold.pinv_solve(np.eye(n), np.ones(n)).require()
if __name__ == "__main__":
    minfold.initialize()
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        print([found.x.shape[0] for found in pool.map(work, [2, 3])])
"""
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder) / "pool.py"
        script.write_text(code)
        assert succeeds(f"import runpy; runpy.run_path({str(script)!r}, run_name='__main__')") == "[2, 3]"


def test_version():
    assert minfold.__version__ == minfold.config()["version"]
    project = pathlib.Path(os.environ.get("MINFOLD_SOURCE_DIR", "")) / "CMakeLists.txt"
    if "MINFOLD_SOURCE_DIR" in os.environ:
        assert f"project(minfold VERSION {minfold.__version__} " in project.read_text()
