#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/failures.md has an entry for every reason, outcome and error of settings that the sources can produce."""
import re
import sys

from blocks import root

literal = re.compile(r'"((?:[^"\\]|\\.)*)"')


def call_arguments(text, opening):
    """The text between the parentheses or braces that begin at `opening`."""
    depth, i, inside = 0, opening, False
    while True:
        c = text[i]
        if c == '"' and text[i - 1] != "\\":
            inside = not inside
        elif not inside:
            depth += c in "({"
            depth -= c in ")}"
            if depth == 0:
                return text[opening + 1:i]
        i += 1


def sentence(argument):
    """String literals with `...` for what is put between them; of a format string its text."""
    if "fmt::format(" in argument and "MINFOLD" not in argument:
        argument = argument[argument.index("fmt::format(") + len("fmt::format("):]
        first = re.match(r'\s*((?:"(?:[^"\\]|\\.)*"\s*)+)', argument)
        joined = "".join(literal.findall(first.group(1))) if first else ""
        # What is appended to a sentence, such as a remark, has a placeholder at its very end.
        return re.sub(r"\{[^}]*\}", "...", re.sub(r"\{\}$", "", joined))
    parts, end = [], 0
    for match in literal.finditer(argument):
        between = argument[end:match.start()].strip()
        if between and parts:
            parts.append("...")
        parts.append(match.group(1))
        end = match.end()
    text = "".join(parts)
    if argument[end:].strip().strip(",").strip() and parts:
        text += "..."
    return re.sub(r"(\.\.\.)+", "...", text)


def reasons():
    for path in [*(root / "drivers").rglob("*.cpp"), *(root / "drivers/include").rglob("*.hpp")]:
        if "examples" in path.parts:
            continue
        text = path.read_text()
        for pattern in (r"\bobject(\()Verdict::\w+,", r"reasons\.push_back(\()", r"\breasons = (\{)"):
            for match in re.finditer(pattern, text):
                argument = call_arguments(text, match.start(1))
                found = sentence(re.sub(r"^Verdict::\w+,", "", argument))
                if found and not found.startswith("...:"):
                    yield path, found
        for match in re.finditer(r"std::string not_\w+\(Assessment const& \w+\) \{\s*return (fmt::format)(\()", text):
            yield path, sentence("fmt::format(" + call_arguments(text, match.start(2)))


def outcomes():
    for name in ("core/src/status.cpp", "drivers/src/hgms.cpp", "drivers/cli/summary.cpp"):
        path = root / name
        for match in re.finditer(r'case (?:Outcome|SolveOutcome)::\w+:\s*return "([^"]*)"', path.read_text()):
            yield path, match.group(1)
    path = root / "drivers/src/certificate.cpp"
    for match in re.finditer(r'case Verdict::\w+:\s*return "([^"]*)"', path.read_text()):
        yield path, match.group(1)


def refusals():
    for name in ("drivers/src/settings.cpp", "drivers/src/method_catalog.cpp", "drivers/src/hgms.cpp",
                 "drivers/problems/catalog.cpp", "drivers/include/minfold/drivers/problem.hpp",
                 "drivers/include/minfold/drivers/hgms_minibatch.hpp",
                 "drivers/include/minfold/drivers/baselines/shared.hpp"):
        path = root / name
        text = path.read_text()
        for match in re.finditer(r"MINFOLD_REQUIRE(\()", text):
            argument = call_arguments(text, match.start(1))
            # The condition ends at the first comma outside of parentheses and literals.
            depth, inside = 0, False
            for i, c in enumerate(argument):
                inside ^= c == '"'
                depth += (c in "([{") - (c in ")]}")
                if c == "," and depth == 0 and not inside:
                    # What a choice or a nested format adds differs: the sentence up to there counts.
                    yield path, sentence("MINFOLD" + re.split(r"fmt::format\(|\s\? ", argument[i + 1:])[0] + ' x')
                    break


def normal(text):
    return re.sub(r"(\.\.\.)+", "...", re.sub(r"\s+", " ", text)).strip()


page = normal((root / "docs/failures.md").read_text())
missing, count = [], 0
for source in (reasons, outcomes, refusals):
    found = 0
    for path, text in source():
        found += 1
        entry = normal(text)
        # An entry may show a sentence without what follows its last placeholder.
        stem = entry[:-3].rstrip() if entry.endswith("...") else entry
        if stem not in page:
            missing.append(f"{path.relative_to(root)}: {entry}")
    if found == 0:
        missing.append(f"nothing found by {source.__name__}: this check is out of date")
    count += found
print(f"{count} sentences")
print("\n".join(f"docs/failures.md has no entry for: {each}" for each in missing))
sys.exit(1 if missing else 0)
