#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Spack recipe parses, sets options that CMakeLists.txt has, and names the oldest CMake that it takes."""
import ast
import re
import sys

from blocks import root

text = (root / "cmake/spack/package.py").read_text()
tree = ast.parse(text)
cmake = "".join(path.read_text() for path in [root / "CMakeLists.txt", *(root / "cmake").glob("*.cmake")])
errors = []
if [node.name for node in tree.body if isinstance(node, ast.ClassDef)] != ["Minfold"]:
    errors.append("the recipe is not a class Minfold")
for option in set(re.findall(r'"(Minfold_\w+)"', text)):
    if not re.search(rf"option\({option}\b", cmake) and option != "Minfold_ENABLE_PYTHON":
        errors.append(f"there is no option {option}")
needed = re.search(r"cmake_minimum_required\(VERSION ([\d.]+)\)", cmake).group(1)
if f"cmake@{needed}:" not in text:
    errors.append(f"CMake {needed} is needed, the recipe says otherwise")
kokkos = re.search(r'find_package\(Kokkos ([\d.]+)', cmake)
if kokkos and f"kokkos@{kokkos.group(1)}:" not in text:
    errors.append(f"Kokkos {kokkos.group(1)} is needed, the recipe says otherwise")
print("\n".join(errors))
sys.exit(1 if errors else 0)
