#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/complaints.md: every row names tests that exist, by file and by title, or says what is open; no thread is
there twice. A file without a title is a test as a whole: a script, a program, an example."""
import re
import sys

from blocks import root

reference = re.compile(r'`([\w./-]+/[\w.-]+)`(?: "([^"]+)")?')
thread = re.compile(r"[\w.-]+#\d+")
errors, seen, named = [], {}, 0


def titles(path):
    """What can be named in a file: its test cases; None where the whole file is the test."""
    text = path.read_text()
    if path.suffix == ".py" and path.name.startswith("test_"):
        return set(re.findall(r"^def (test_\w+)\(", text, re.M))
    if path.suffix == ".cpp" and path.name.startswith("test_"):
        cases = re.findall(r'TEST_CASE\w*\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)', text)
        return {"".join(re.findall(r'"((?:[^"\\]|\\.)*)"', each)) for each in cases}
    return None


def check(line, row):
    global named
    threads, shown = thread.findall(row[0]), row[3]
    if not threads or re.sub(r"[\w.-]+#\d+|, ", "", row[0]):
        errors.append(f"line {line}: the first cell is a list of project#number, not {row[0]}")
    for each in threads:
        if each in seen:
            errors.append(f"line {line}: {each} stands in line {seen[each]} too")
        seen[each] = line
    if not row[1] or not row[2]:
        errors.append(f"line {line}: no complaint, or no answer")
    found = reference.findall(shown)
    if not found and not re.search(r"\bopen: ", shown):
        errors.append(f"line {line}: neither a test nor what is open")
    for name, title in found:
        named += 1
        path = next((each for each in (root / "tests" / name, root / name) if each.is_file()), None)
        if path is None:
            errors.append(f"line {line}: there is no test {name}")
            continue
        cases = titles(path)
        if title and title not in (cases or ()):
            errors.append(f"line {line}: {name} has no test '{title}'")
        elif not title and cases is not None:
            errors.append(f"line {line}: which test of {name}?")


for line, text in enumerate((root / "docs/complaints.md").read_text().splitlines(), 1):
    cells = [cell.strip() for cell in text.strip().strip("|").split("|")] if text.startswith("|") else []
    if cells and cells[0] != "thread" and not set(cells[0]) <= set("-"):
        if len(cells) != 4:
            errors.append(f"line {line}: {len(cells)} cells")
        else:
            check(line, cells)
if not named:
    errors.append("no test is named: this check is out of date")
print(f"{len(seen)} threads, {named} tests")
print("\n".join(errors))
sys.exit(1 if errors else 0)
