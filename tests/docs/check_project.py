#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the files about the project say is what it is: the version in CITATION.cff and the changelog; the
Spack recipe parses, sets options that CMake has, and asks for the versions that CMake asks for."""
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

version = re.search(r"project\(minfold VERSION (\S+)", cmake).group(1)
if f"\nversion: {version}\n" not in (root / "CITATION.cff").read_text():
    errors.append(f"CITATION.cff is not of version {version}")
changes = (root / "CHANGELOG.md").read_text()
headings = re.findall(r"^## (.*)$", changes, re.M)
if not headings or headings[0].strip("[]") != "Unreleased":
    errors.append("CHANGELOG.md does not begin with what is unreleased")
kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
if not set(re.findall(r"^### (.*)$", changes, re.M)) <= kinds:
    errors.append(f"CHANGELOG.md has other parts than {', '.join(sorted(kinds))}")
print("\n".join(errors))
sys.exit(1 if errors else 0)
