#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every code block on the pages is one that something compiles or runs.

  literalinclude   of a file that the build compiles or a test runs
  console          run by run_blocks.py, or by the file that `<!-- run by FILE[: TEXT] -->` above it names, which
                   must contain TEXT, or else each command
  toml             read by the executable, run_blocks.py
  python           run by run_python.py
What is no code: formula, and the directives of the pages. Every public header is on a page.
"""
import re
import sys

from blocks import commands, of_page, pages, root

compiled = ["docs/snippets/", "drivers/examples/", "tests/consumer/", "core/include/", "kernels/include/",
            "drivers/include/", "python/examples/", "python/tests/"]
prose = ("{toctree}", "{eval-rst}", "{formula}", "{note}", "{include}")
errors = []


def check(block):
    kind = block.info.split()[0] if block.info else ""
    if kind in prose:
        return
    if kind == "{literalinclude}":
        path = (block.page.parent / block.info.split()[1]).resolve()
        name = str(path.relative_to(root))
        if not path.is_file():
            errors.append(f"{block}: there is no {name}")
        elif not name.startswith(tuple(compiled)):
            errors.append(f"{block}: nothing compiles {name}")
        for tag in re.findall(r":start-after: '(.*)'", block.text):
            if path.is_file() and tag not in path.read_text():
                errors.append(f"{block}: {name} has no {tag}")
    elif kind == "console":
        for command, _, _ in commands(block):
            if block.run_by:
                file, text = block.run_by
                path = root / file
                if not path.is_file() or (text or command) not in path.read_text():
                    errors.append(f"{block}: {file} does not run {text or command}")
            elif command.startswith("./run"):
                errors.append(f"{block}: who runs {command}? <!-- run by FILE --> says it")
    elif kind not in ("python", "toml"):
        errors.append(f"{block}: a block of kind '{block.info}', which nothing compiles or runs")


def check_headers():
    text = "\n".join(page.read_text() for page in pages)
    for folder, prefix in (("kernels/include/minfold/kernels", "minfold/kernels/"),
                           ("drivers/include/minfold/drivers", "minfold/drivers/"),
                           ("drivers/include/minfold/drivers/baselines", "baselines/"),
                           ("drivers/include/minfold/problems", "minfold/problems/"),
                           ("drivers/files/include/minfold/files", "minfold/files/"),
                           ("core/include/minfold/core", "minfold/core/"),
                           ("drivers/include/minfold", "minfold/")):
        headers = sorted((root / folder).glob("*.h*"))
        if not headers:
            errors.append(f"there is no header in {folder}: this check is out of date")
        for header in headers:
            if prefix + header.name.removesuffix(".in") not in text:
                errors.append(f"no page names {folder}/{header.name}")
    # The page of problems has every problem of the catalog.
    names = [name for path in (root / "drivers/problems").glob("*.cpp")
             for name in re.findall(r'^  return \{"([a-z0-9-]+)",', path.read_text(), re.M)]
    if not names:
        errors.append("no problem found in drivers/problems: this check is out of date")
    problems = (root / "docs/problems.md").read_text()
    for name in names:
        if not re.search(rf"^\| \[[^\]]*\b{name}\b", problems, re.M):
            errors.append(f"docs/problems.md has no line for {name}")


for page in pages:
    for block in of_page(page):
        check(block)
check_headers()
print("\n".join(errors))
sys.exit(1 if errors else 0)
