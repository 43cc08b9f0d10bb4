#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/kernels/cost-model.md has every constant of tuning.hpp with its value, a section for every kernel with a choice
`automatic`, and every value of the enumerations that are chosen from."""
import re
import sys

from blocks import root

page = (root / "docs/kernels/cost-model.md").read_text()
tuning = (root / "core/include/minfold/core/impl/tuning.hpp").read_text()
errors, seen = [], set()


def value_in(source, name):
    """Of a variable, a member or a function of one line; several variables may stand in one declaration."""
    for pattern in (rf"\b{name}\([^)]*\) \{{.*?return ([^;]*);\s*\}}", rf"\b{name} = ([^,;]+)[,;]"):
        found = re.search(pattern, source, re.S)
        if found:
            # Functions of host and device: the page has what a device gets.
            whole = re.search(rf"\b{name}\([^)]*\) \{{.*?\n\}}", source, re.S)
            values = re.findall(r"return ([^;]*);", whole.group(0)) if whole else [found.group(1)]
            return values[-1].strip()
    return None


for name, value, where in re.findall(r"^\| `(\w+)(?:\(n\))?` \| (.+?) \| (.+?) \|$", page.split("## The constants")[1], re.M):
    source = tuning if where.startswith("tuning") else (root / where.strip("`")).read_text()
    found = value_in(source, name)
    if where.startswith("tuning"):
        seen.add(name)
    if found != value:
        errors.append(f"{name} is {found}, the page says {value}")

declared = set(re.findall(r"^inline int (\w+)\(|^int (\w+)\(", tuning, re.M))
names = {a or b for a, b in declared}
for line in re.findall(r"^inline constexpr (?:int|double) (.*);", tuning, re.M):
    names |= set(re.findall(r"(\w+) = ", line))
for name in sorted(names - seen):
    errors.append(f"tuning.hpp has {name}, which the page does not")
if not names:
    errors.append("nothing found in tuning.hpp: this check is out of date")
text = page.split("## The constants")[0]
for name in sorted(seen):
    if not re.search(rf"`[^`]*\b{name}\b", text) and name != "vector_length":
        errors.append(f"no rule on the page goes by {name}")

# Every choice with a value `automatic`, and its values.
for path in sorted((root / "kernels/include/minfold/kernels").glob("*.hpp")):
    for enum, body in re.findall(r"^enum class (\w+) \{(.*?)\};", path.read_text(), re.M | re.S):
        values = re.findall(r"(\w+)\s*(?:,|$)", re.sub(r"//.*", "", body).strip(), re.M)
        if "automatic" not in values:
            continue
        for value in values:
            if value != "automatic" and not re.search(rf"`(?:\w+::)?{value}`", text) and value.lower() not in ("jacobi", "lapack"):
                errors.append(f"{path.name}: {enum}::{value} is on no line of the page")
        if enum == "EigenMethod" and not ("Jacobi" in text and "LAPACK" in text):
            errors.append("the page does not choose between Jacobi and LAPACK")
print(f"{len(names)} constants")
print("\n".join(errors))
sys.exit(1 if errors else 0)
