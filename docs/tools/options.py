#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes docs/options.md: options.py MINFOLD [--check].

Keys, defaults and meanings are what the executable MINFOLD says, when to change them is what
docs/options.toml says. With --check nothing is written: status 1 if the page is not current. A key
without a text, or a text without a key, is an error in both.
"""
import re
import subprocess
import sys
import tomllib
from pathlib import Path

docs = Path(__file__).resolve().parents[1]
# Settings under which a problem asks for more keys.
variants = {"hyper-cleaning": ["model=mlp"], "representation": ["dataset=digits"]}
head = """# Options

<!-- Made by docs/tools/options.py from the executable and docs/options.toml; do not edit. -->

Every key with its default, its meaning and when to change it. Most runs need none of them. `minfold list PROBLEM --method NAME` tells
the keys of one run; an unknown key is refused with the nearest known one. In C++ the same keys are members of the options structs; in C
they go into `minfold_hgms_options.settings`.

## How to read a result first

Change an option for a reason, and the reason is in the summary: the `not certified` lines name a stage, and the
[failure guide](failures.md) says which key belongs to it. Change one key at a time and keep the JSON of each run.

For kernels and stages in C++ there are the [options structs](struct_options.md), for `./run compare`, `study` and `fuzz`
[a page of their own](program_options.md).

"""


def output(minfold, *arguments):
    return subprocess.run([minfold, *arguments], capture_output=True, text=True, check=True).stdout


def names(text):
    return [line.split()[0] for line in text.split("\n\n")[0].splitlines()]


def commands(text):
    return re.findall(r"^  ([a-z-]+)  +\S", text.split("\nSubcommands:\n")[1].split("\n\n")[0], re.M)


def entries(text, title):
    """The lines `key=default  meaning` under a title of `minfold list`."""
    part = text.split(f"\n{title} (--set key=value):\n")
    if len(part) == 1:
        return []
    found = []
    for line in part[1].split("\n\n")[0].splitlines():
        match = re.match(r"^  ([^=\s]+)=(\S*)\s+(.*)$", line)
        if not match:
            sys.exit("options.py: cannot read " + line)
        found.append(match.groups())
    return found


def options_of(text):
    """(--option, argument and default, meaning) of a help text of CLI11, whose second column begins at 30."""
    found = []
    for line in text.split("\nOptions:\n")[1].split("\n\n")[0].splitlines():
        # A name and type that fill the first column have their meaning in the next line.
        fits = line[29:30] in (" ", "") and line[:30].count("[") == line[:30].count("]")
        match = re.match(r"^  (?:-\w,\s*)?(--[a-z-]+)(.*)$", line[:30] if fits else line)
        if match:
            found.append([match.group(1), match.group(2).strip(), [line[30:]] if fits and line[30:] else []])
        elif line.startswith(" " * 30):
            found[-1][2].append(line.strip())
        else:
            sys.exit("options.py: cannot read " + line)
    for row in found:
        many = len(row[2]) > 10 and row[2][0] == "one of"
        row[2] = "a name of [methods](methods/index.md)" if many else cell("; ".join(row[2]) if row[2][0] == "one of" else " ".join(row[2]))
        row[2] = row[2].replace("one of; ", "one of ")
        # What the type says is in the default of the reader: a number, or a choice.
        default = re.search(r"\[([^\[\]]*)\]$", row[1])
        row[1] = default.group(1) if default and " - " not in default.group(1) else ""
    return found


def cell(text):
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "\\<")


def main(minfold, check):
    when = tomllib.loads((docs / "options.toml").read_text())
    used, missing = set(), []

    def reason(places, key):
        for place in places:
            table = when
            for part in place:
                table = table.get(part, {})
            if key in table:
                used.add((*place, key))
                return table[key].replace("|", "\\|")
        missing.append(f"{'.'.join(places[0])}: {key}")
        return ""

    def table(rows, places):
        lines = ["| key | default | meaning | when to change it |", "|---|---|---|---|"]
        lines += [f"| `{key}` | `{default}` | {cell(meaning)} | {reason(places, key)} |" for key, default, meaning in rows]
        return "\n".join(lines) + "\n\n"

    page = head
    of_solve = options_of(output(minfold, "solve", "--help"))
    for command in ["solve", *(name for name in commands(output(minfold, "--help")) if name != "solve")]:
        rows = options_of(output(minfold, command, "--help"))
        if command == "solve":
            shared = []
        else:
            shared = [row[0] for row in rows if row in of_solve]
            rows = [row for row in rows if row not in of_solve]
        page += f"## minfold {command}\n\n"
        if rows:
            page += "| option | default | meaning | when |\n|---|---|---|---|\n"
        for option, default, meaning in rows:
            shown = f"`{default}`" if default else ""
            page += f"| `{option}` | {shown} | {meaning} | {reason([('command', command), ('command',)], option)} |\n"
        page += "\n" if rows else ""
        if shared:
            page += "As for `solve`: " + ", ".join(f"`{option}`" for option in shared) + ".\n\n"
    for method in names(output(minfold, "list", "--methods")):
        rows = entries(output(minfold, "list", "two-well", "--method", method), f"the method {method}")
        page += f"## Method {method}\n\nSee [its page](methods/{method}.md).\n\n"
        page += table(rows, [(method,), ("shared",)])
    for problem in names(output(minfold, "list")):
        text = output(minfold, "list", problem)
        page += f"## Problem {problem}\n\n{cell(text.splitlines()[0].split(': ', 1)[1])}.\n\n"
        rows = entries(text, "the problem")
        known = {key for key, _, _ in rows}
        for setting in variants.get(problem, []):
            more = entries(output(minfold, "list", problem, "--set", setting), "the problem")
            rows += [(key, default, f"only with {setting}: {meaning}") for key, default, meaning in more if key not in known]
        page += table(rows, [("problem", problem)])

    # A key that no default run asks for would be missed above: the sources name them all.
    asked = re.compile(r'settings\.(?:integer|number|flag|choice|text|numbers)\(\s*"([^"]+)"')
    sources = [*(docs.parent / "drivers").rglob("*.cpp"), *(docs.parent / "drivers").rglob("*.hpp")]
    in_sources = {key for path in sources for key in asked.findall(path.read_text())}
    for key in sorted(key for key in in_sources if f"| `{key}` |" not in page):
        missing.append(f"{key}, which a source asks for; is it behind another setting? see `variants`")

    def keys(tree, place=()):
        for key, value in tree.items():
            if isinstance(value, dict):
                yield from keys(value, (*place, key))
            else:
                yield (*place, key)

    stale = [".".join(key) for key in keys(when) if key not in used]
    for key in missing:
        print(f"options.toml has no text for {key}", file=sys.stderr)
    for key in stale:
        print(f"options.toml has a text for {key}, which is no key", file=sys.stderr)
    if missing or stale:
        return 1
    page = page.rstrip("\n") + "\n"
    if not check:
        (docs / "options.md").write_text(page)
    elif page != (docs / "options.md").read_text():
        print("docs/options.md is not current: docs/tools/options.py MINFOLD makes it", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[2:] not in ([], ["--check"]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], len(sys.argv) == 3))
