#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pip installs the package, without network, and what it has installed runs by itself:
# pip_install.sh PYTHON SCRATCH SETTING..., settings as after -C of `pip install . -C SETTING`.
set -eu
python=$1
scratch=$2
shift 2

rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch"
if "$python" -m pip install --help >help.txt 2>&1; then
  # Not every pip knows the protection of the system's packages, which a target does not touch anyway.
  protection=$(sed -n 's/.*\(--break-system-packages\).*/\1/p' help.txt | head -n 1)
  left=$#
  while [ "$left" -gt 0 ]; do
    set -- "$@" -C "$1"
    shift
    left=$((left - 1))
  done
  # shellcheck disable=SC2086 # a word or nothing
  "$python" -m pip install --no-build-isolation --no-deps --no-index --disable-pip-version-check \
    --no-cache-dir $protection --target "$scratch/packages" "$MINFOLD_SOURCE_DIR" "$@"
else
  # A pip without certificates, as in a root without the scripts of its packages, does not even start.
  echo "pip does not start here; its build backend is called as pip would, and the wheel is unpacked"
  (cd "$MINFOLD_SOURCE_DIR" && "$python" - "$scratch" "$@" <<'CODE'
import sys
import zipfile

import scikit_build_core.build as backend

scratch, *settings = sys.argv[1:]
wheel = backend.build_wheel(scratch, dict(setting.split("=", 1) for setting in settings))
zipfile.ZipFile(f"{scratch}/{wheel}").extractall(f"{scratch}/packages")
CODE
  )
fi

PYTHONPATH=$scratch/packages "$python" "$MINFOLD_SOURCE_DIR/drivers/python/examples/ring.py" >ring.txt
PYTHONPATH=$scratch/packages "$python" - "$scratch" <<'CODE'
import importlib.metadata
import pathlib
import sys

import minfold

folder = pathlib.Path(minfold.__file__).parent
assert folder == pathlib.Path(sys.argv[1]) / "packages/minfold", folder
assert importlib.metadata.version("minfold") == minfold.__version__
assert (folder / "py.typed").exists() and (folder / "_core.pyi").exists()
assert (pathlib.Path(minfold.data_directory()) / "digits.csv.gz").exists()
if minfold.config()["checkpoints"]:
    whole = minfold.solve("two-well", checkpoint="run.ckpt")
    assert minfold.solve("two-well", resume="run.ckpt").x == whole.x
CODE
[ -z "$(find "$scratch/packages" -name '*.hpp' -o -name '*.a')" ] # the library is no part of the package
