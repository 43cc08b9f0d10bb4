#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every code block on the pages is one that something compiles or runs, or docs/commands.toml says why nothing does.

  literalinclude   of a file that the build compiles or a test runs
  console          run by run_blocks.py in a folder that a test runs, or in docs/commands.toml, command by command
  toml             read by the executable, run_blocks.py
  python           run by run_python.py
  {include}        of a file that is checked here as well
  {code-block}     of another library, in docs/commands.toml with the reason why it is not run
Outside of docs/ (README.md and the like) a block without a language is commands, one a line, all of them in
docs/commands.toml, or it stands there as a block. What is no code: formula, and the directives of the pages. Every
public header is on a page, every problem on that of problems.
"""
import re
import sys

from blocks import commands, listed, of_page, others, pages, root, table

# Files that pages quote: by their folder, who compiles or runs all of them, and the words that say so.
compiled = {"docs/snippets/": ("docs/CMakeLists.txt", "file(GLOB snippets CONFIGURE_DEPENDS snippets/*.cpp)"),
            "drivers/examples/": ("drivers/CMakeLists.txt", "file(GLOB examples CONFIGURE_DEPENDS examples/*.cpp)"),
            "drivers/python/examples/": ("tests/CMakeLists.txt", "drivers/python/examples/*.py"),
            "tests/consumer/plain/": ("tests/CMakeLists.txt", "consumer_test(C consumer/plain"),
            "tests/consumer/": ("tests/CMakeLists.txt", "consumer_test(find_package consumer "),
            "tests/plain/": ("tests/CMakeLists.txt", "file(GLOB plain CONFIGURE_DEPENDS plain/*.c)"),
            "core/include/": (".ci/run", "all_verify_interface_header_sets"),
            "kernels/include/": (".ci/run", "all_verify_interface_header_sets"),
            "drivers/include/": (".ci/run", "all_verify_interface_header_sets")}
prose = ("{toctree}", "{eval-rst}", "{formula}", "{note}")
folders_run = re.findall(r"foreach\(folder IN ITEMS (.*?)\)", (root / "docs/CMakeLists.txt").read_text())[0].split()
errors, shown = [], set()


def check_literal(block):
    path = (block.page.parent / block.info.split()[1]).resolve()
    name = str(path.relative_to(root))
    folder = next((folder for folder in compiled if name.startswith(folder)), None)
    if not path.is_file():
        errors.append(f"{block}: there is no {name}")
        return
    if folder is None:
        errors.append(f"{block}: nothing compiles {name}")
    for tag in re.findall(r":(?:start-after|end-before|start-at): '(.*)'", block.text):
        if tag not in path.read_text():
            errors.append(f"{block}: {name} has no {tag}")


def check_listed(block, command):
    shown.add(command)
    if command not in listed:
        errors.append(f"{block}: who runs '{command}'? docs/commands.toml should say it")


def check(block):
    kind = block.info.split()[0] if block.info else ""
    if kind in prose:
        return
    if kind == "{literalinclude}":
        check_literal(block)
    elif kind == "{include}":
        path = (block.page.parent / block.info.split()[1]).resolve()
        if path not in others:
            errors.append(f"{block}: blocks of {path.name} are not checked")
    elif kind == "console":
        steps = [command for command, _, _ in commands(block)]
        if not steps:
            errors.append(f"{block}: no command")
        outside = [command for command in steps if command in listed or command.startswith(("./run", "cmake", "ctest"))]
        for command in outside:
            check_listed(block, command)
        if outside and len(outside) < len(steps):
            errors.append(f"{block}: run_blocks.py runs all of a block or nothing of it")
        if not outside and str(block.page.parent.relative_to(root)) not in folders_run:
            errors.append(f"{block}: no test runs the console blocks of this folder")
    elif kind == "{code-block}":
        if not in_table(block):
            errors.append(f"{block}: only a block that docs/commands.toml has may be code that nothing runs")
    elif kind not in ("python", "toml"):
        errors.append(f"{block}: a block of kind '{block.info}', which nothing compiles or runs")


def in_table(block):
    """Whether docs/commands.toml has the block, by its first line."""
    first = block.text.split("\n")[0]
    found = any((root / entry["page"], entry["shown"]) == (block.page, first) for entry in table["block"])
    if found:
        shown.add(first)
    return found


def check_other(block):
    """A block outside of docs/."""
    if in_table(block):
        return
    if block.info not in ("", "sh", "console"):
        errors.append(f"{block}: a block of kind '{block.info}', which nothing compiles or runs")
    else:
        for line in block.text.splitlines():
            if line.strip():
                check_listed(block, re.sub(r"\s+#.*$", "", line.removeprefix("$ ")).strip())


def check_table():
    for entry in [*table["command"], *table["block"]]:
        what = entry["shown"]
        if what not in shown:
            errors.append(f"docs/commands.toml: no page shows '{what}'")
        if "not_run" in entry:
            if not entry["not_run"] or "by" in entry:
                errors.append(f"docs/commands.toml: '{what}' is run by {entry.get('by')} or not run, and needs a reason")
            continue
        path = root / entry["by"]
        lines = [line.strip() for line in path.read_text().splitlines()] if path.is_file() else []
        if entry["line"] not in lines:
            errors.append(f"docs/commands.toml: {entry['by']} has no line '{entry['line']}', which should run '{what}'")
        if "page" not in entry and what not in entry["line"] and not entry.get("differs"):
            errors.append(f"docs/commands.toml: '{what}' is not in that line, and nothing says what differs")
    for folder, (file, words) in compiled.items():
        if words not in (root / file).read_text():
            errors.append(f"{file} does not say '{words}', which should compile or run {folder}")


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
for page in others:
    for block in of_page(page):
        check_other(block)
check_table()
check_headers()
print("\n".join(errors))
sys.exit(1 if errors else 0)
