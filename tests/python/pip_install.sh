#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pip installs the package on top of an installed minfold, without network, and what it has installed
# runs by itself: pip_install.sh PYTHON INSTALLED SCRATCH.
set -eu
python=$1
installed=$2
scratch=$3

rm -rf "$scratch"
mkdir -p "$scratch"
# Not every pip knows the protection of the system's packages, and it is off with a target anyway.
protection=$("$python" -m pip install --help | sed -n 's/.*\(--break-system-packages\).*/\1/p' | head -n 1)
"$python" -m pip install --no-build-isolation --no-deps --no-index --disable-pip-version-check \
  --no-cache-dir $protection --target "$scratch/packages" "$MINFOLD_SOURCE_DIR" \
  -C cmake.source-dir=drivers/python -C build-dir="$scratch/build" \
  -C cmake.define.CMAKE_PREFIX_PATH="$installed"

cd "$scratch"
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
CODE
[ -z "$(find "$scratch/packages" -name '*.hpp' -o -name '*.a')" ] # the library is no part of the package
