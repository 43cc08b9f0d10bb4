# SPDX-License-Identifier: Apache-2.0
"""The fenced blocks of the pages in docs/, and of those outside that people read too."""
import re
import sys
from pathlib import Path

try:
    import tomllib
except ImportError:
    print("skipped: Python 3.11 is needed")
    sys.exit(77)

root = Path(__file__).resolve().parents[2]
pages = sorted((root / "docs").rglob("*.md"))
others = [path for path in sorted(root.rglob("*.md"))
          if not {"docs", "build"} & set(path.relative_to(root).parts) and "results" not in path.parts]
# Commands that run_blocks.py does not run, and who does.
table = tomllib.loads((root / "docs/commands.toml").read_text())
listed = {entry["shown"] for entry in table["command"]}


class Block:
    def __init__(self, page, line, info, text, before):
        self.page, self.line, self.info, self.text = page, line, info, text
        # A command of the executable that it may have been built without.
        needs = re.fullmatch(r"<!-- needs (\S+) -->", before)
        self.needs = needs.group(1) if needs else None

    def __str__(self):
        return f"{self.page.relative_to(root)}:{self.line}"


def of_page(page):
    found, lines, i = [], page.read_text(encoding="utf-8").splitlines(), 0
    while i < len(lines):
        fence = re.match(r"^\s*(`{3,}|~{3,}|:{3,})(.*)$", lines[i])
        if fence:
            first, mark = i, fence.group(1)
            while i + 1 < len(lines) and lines[i + 1].strip() != mark:
                i += 1
            before = next((line for line in reversed(lines[:first]) if line.strip()), "")
            found.append(Block(page, first + 1, fence.group(2).strip(), "\n".join(lines[first + 1:i + 1]), before.strip()))
            i += 1
        i += 1
    return found


def commands(block):
    """(command, expected output, expected status) of a console block; `$ echo $?` says a status that is not 0."""
    found = []
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append([line[2:], [], 0])
        elif found:
            found[-1][1].append(line)
        else:
            raise ValueError(f"{block}: a console block begins with a command, `$ ...`")
    result = []
    for command, output, status in found:
        if command == "echo $?":
            result[-1][2] = int(output[0])
        else:
            result.append([command, output, status])
    return result
