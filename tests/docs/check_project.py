#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the files about the project say is what it is: the version in CITATION.cff and the changelog; the
Spack recipe parses, sets options that CMake has, and asks for the versions that CMake asks for; what is marked
as deprecated is in the changelog; formats that SECURITY.md does not trust are fuzzed, and HDF5 is not one of them."""
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

if "`git` below" in text and "    git = " not in text:
    errors.append("the recipe speaks of `git` below and has none")
homepage = re.search(r'homepage = "(.*?)"', text)
if not homepage or homepage.group(1).startswith("https://arxiv.org") and "There is none" not in text:
    errors.append("the homepage of the recipe is a paper, and no comment says why")

# The policy of CONTRIBUTING.md, as far as it can be seen.
policy = (root / "CONTRIBUTING.md").read_text()
if "## What may change, and how it is announced" not in policy or "CONTRIBUTING.md" not in changes.split("## Unreleased")[0]:
    errors.append("CONTRIBUTING.md does not say what may change, or CHANGELOG.md not where that is said")
announced = "".join(part for part in re.split(r"^(?=### )", changes, flags=re.M) if part.startswith("### Deprecated"))
for folder, pattern, mark in (("core", "*.hpp", r"\[\[deprecated[^\]]*\]\]\s+(?:[\w:<>&*]+\s+)*(\w+)"),
                              ("kernels", "*.hpp", r"\[\[deprecated[^\]]*\]\]\s+(?:[\w:<>&*]+\s+)*(\w+)"),
                              ("drivers", "*.hpp", r"\[\[deprecated[^\]]*\]\]\s+(?:[\w:<>&*]+\s+)*(\w+)"),
                              ("drivers/python/minfold", "*.py", r"(DeprecationWarning)")):
    for path in (root / folder).rglob(pattern):
        for name in re.findall(mark, path.read_text()):
            if name not in announced:
                errors.append(f"{path.relative_to(root)}: {name} is deprecated and CHANGELOG.md does not say so")

fuzzed = {"IDX": "idx", "NPY": "npy", "CSV": "csv", "MatrixMarket": "matrix_market", "TOML": "config", "HDF5": None}
rule = re.search(r"^- Files in (.*?), packed by gzip or not, are not trusted", (root / "SECURITY.md").read_text(), re.M | re.S)
formats = re.split(r",\s+| and\s+", rule.group(1)) if rule else []
if not formats:
    errors.append("SECURITY.md does not say which files are not trusted")
for each in formats:
    target = fuzzed.get(each)
    if not target or not (root / f"tests/fuzz/fuzz_{target}.cpp").exists():
        errors.append(f"SECURITY.md does not trust files in {each}, but no fuzzer of ours reads them as they are")
print("\n".join(errors))
sys.exit(1 if errors else 0)
