#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes docs/struct_options.md and docs/program_options.md: source_options.py [--check].

Members of the options structs of kernels and stages, their defaults and meanings are what the headers say; options of
compare, study and fuzz are what their usage texts say. When to change them is what docs/source_options.toml says.
With --check nothing is written: status 1 if a page is not current. A member or an option without a text, or a text
without one, is an error in both.
"""
import re
import sys
from pathlib import Path

try:
    import tomllib
except ImportError:
    print("skipped: Python 3.11 is needed")
    sys.exit(77)

docs = Path(__file__).resolve().parents[1]
root = docs.parent
note = "<!-- Made by docs/tools/source_options.py from the sources and docs/source_options.toml; do not edit. -->\n\n"
struct_head = f"""# Options of kernels and stages

{note}Members of the options structs, with their default, their meaning and when to change them. Most calls need none. Where one default is for
`double` and another for `float`, both are given; `default_kernel_tolerance` is 1e-6 (float 1e-3), `default_tolerance` 1e-12 (1e-5).

Structs of methods are not here: their members are the keys of `--set`, on the page [options](options.md).

"""
program_head = f"""# Options of compare, study and fuzz

{note}What `./run compare`, `./run study` and `./run fuzz` take, and when to use it. `./run bench` hands its arguments to Google Benchmark, whose
`--help` lists them. The executable `minfold` has [a page of its own](options.md).

"""
pages = {"struct_options.md": "", "program_options.md": ""}
missing, used = [], set()
texts = tomllib.loads((docs / "source_options.toml").read_text())


def text_of(table, name, key, needed=True):
    """The text of a key in its own table, or in the one that all share."""
    for place in (name, "shared"):
        if key in texts.get(table, {}).get(place, {}):
            used.add((table, place, key))
            text = texts[table][place][key]
            return text if table == "meaning" else text.replace("|", "\\|")
    if needed:
        missing.append(f"{table}.{name}: {key}")
    return ""


def cell(text):
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|").replace("*", "\\*").replace("<", "\\<")


def plain(default):
    """A default as a reader would write it."""
    default = re.sub(r"\bT\(([^()]*)\)", r"\1", default.strip())
    default = re.sub(r"std::is_same_v<T, float> \? (\S+) : (\S+)", r"\2, float \1", default)
    default = re.sub(r"\(([^()]+)\), float (\S+) \* epsilon<T>", r"\1 epsilon, float \2 epsilon", default)
    default = re.sub(r"\b(epsilon|default_\w+)<T>", r"\1", default)
    return re.sub(r"^\w+::(\w+)$", r"\1", default)


def members(body):
    """(name, default, comment) of the members of a struct."""
    found, comment = [], []
    lines = body.split("\n")
    for i, line in enumerate(lines):
        stripped = line.strip()
        if stripped.startswith("///<"):
            found[-1][2] += " " + stripped[4:].strip()
        elif stripped.startswith("///"):
            comment.append(stripped[3:].strip())
        else:
            match = re.match(r"^[\w:<>, *]+? (\w+)(?: = ([^;]+))?;\s*(?:///<\s*(.*))?$", stripped)
            if match:
                found.append([match.group(1), match.group(2) or "", " ".join([*comment, match.group(3) or ""]).strip()])
            elif stripped and not stripped.startswith("//"):
                sys.exit(f"source_options.py: cannot read '{stripped}'")
            comment = []
    return found


def structs(path):
    for match in re.finditer(r"^struct (\w+Options)[^;{]*\{\n(.*?)^\};", path.read_text(), re.M | re.S):
        yield match.group(1), members(match.group(2))


def struct_page():
    page = struct_head
    kernels = sorted((root / "kernels/include/minfold/kernels").glob("*.hpp"))
    # A header that reads settings has the options of a method or a problem.
    stages = [path for path in sorted((root / "drivers/include/minfold/drivers").glob("*.hpp"))
              if not re.search(r"\bSettings\b|settings\.hpp", path.read_text())]
    for title, paths in (("Kernels", kernels), ("Stages and runs", stages)):
        page += f"## {title}\n\n"
        for path in paths:
            for name, rows in structs(path):
                page += f"### {name}\n\nOf `{path.relative_to(root / path.relative_to(root).parts[0] / 'include')}`.\n\n"
                page += "| member | default | meaning | when to change it |\n|---|---|---|---|\n"
                for member, default, comment in rows:
                    meaning = comment or text_of("meaning", name, member)
                    page += f"| `{member}` | `{plain(default) or 'none'}` | {cell(meaning)} | {text_of('when', name, member)} |\n"
                page += "\n"
    return page


def usage_of(path):
    text = path.read_text()
    if path.suffix == ".cpp":
        text = re.search(r'usage =\s*((?:"(?:[^"\\]|\\.)*"\s*)+);', text).group(1)
        return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text)).replace("\\n", "\n")
    return re.search(r"<<'?(\w+)'?\n(.*?)^\1$", text, re.M | re.S).group(2)


def program_page():
    page = program_head
    for name, file in (("compare", "bench/compare/main.cpp"), ("study", "bench/study/main.cpp"), ("fuzz", "tests/fuzz/fuzz.sh")):
        usage, source = usage_of(root / file), (root / file).read_text()
        rows = [list(row) for row in re.findall(r"^  (--[a-z-]+(?: [A-Z]+)?)  +(.*)$", usage, re.M)]
        if not rows:  # named in the first line only
            rows = [[option, ""] for option in re.findall(r"\[(--[a-z-]+ [A-Z]+)\]", usage)]
        page += f"## ./run {name}\n\n| option | meaning | when |\n|---|---|---|\n"
        for option, meaning in rows:
            word = option.split()[0]
            page += f"| `{option}` | {cell(meaning or text_of('meaning', name, word))} | {text_of('when', name, word)} |\n"
        page += "\n"
        # What the program reads is what its usage says.
        read = set(re.findall(r'name == "(--[a-z-]+)"', source)) | set(re.findall(r"^\s+(?:-h \| )?(--[a-z-]+)\)$", source, re.M))
        told = {option.split()[0] for option, _ in rows}
        for word in sorted(read - told - {"--help"}):
            missing.append(f"{file}: {word}, which its usage does not name")
        for word in sorted(told - read):
            missing.append(f"{file}: {word}, which it does not read")
    return page


def main(check):
    current = {"struct_options.md": struct_page(), "program_options.md": program_page()}
    stale = [f"{table}.{name}: {key}" for table, names in texts.items() for name, keys in names.items() for key in keys
             if (table, name, key) not in used]
    for each in missing:
        print(f"source_options.toml has no text for {each}", file=sys.stderr)
    for each in stale:
        print(f"source_options.toml has a text that nothing uses: {each}", file=sys.stderr)
    failed = bool(missing or stale)
    for name, page in current.items():
        page = page.rstrip("\n") + "\n"
        if not check and not failed:
            (docs / name).write_text(page)
        elif check and (not (docs / name).exists() or page != (docs / name).read_text()):
            print(f"docs/{name} is not current: docs/tools/source_options.py makes it", file=sys.stderr)
            failed = True
    return failed


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__)
    sys.exit(main(len(sys.argv) == 2))
