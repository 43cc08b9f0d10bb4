#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Input filter of Doxygen: the comments of the headers as reStructuredText.

The headers are written to be read as they are: `Requires`, `Gives`, `Costs`, ... in a first column of
ten characters, formulas indented. Doxygen would take the one for running text and the other for
whatever Markdown makes of `|`, `<` and `*`. So each comment is handed on as it should be shown, in a
block that Doxygen does not look into and that Breathe passes to Sphinx.
"""
import re
import sys

COLUMN = 10  # where the text of a labelled line begins
LABEL = re.compile(r"^( {0,2})([A-Z][a-zA-Z]+)( {2,}|$)")


def escaped(text):
    """reStructuredText that shows `text`; **bold** stays bold."""
    parts = re.split(r"(\*\*[^*]+\*\*|`[^`]+`)", text)
    for i, part in enumerate(parts):
        if i % 2 == 0:
            parts[i] = re.sub(r"([\\*`|_])", r"\\\1", part)
        elif part.startswith("`"):
            parts[i] = "`" + part + "`"
    return "".join(parts)


def label_of(line):
    match = LABEL.match(line)
    if match and (len(match.group(0)) in (COLUMN, COLUMN - 2) or match.group(2) + match.group(3) == line.strip()):
        return match
    return None


def to_rst(lines):
    """The lines of a comment, without its slashes, as reStructuredText."""
    out, paragraph, formula, label = [], [], [], None

    def indent():
        return "   " if label else ""

    def flush():
        nonlocal paragraph, formula
        if paragraph:
            out.extend([indent() + " ".join(escaped(part) for part in paragraph), ""])
        if formula:
            least = min(len(line) - len(line.lstrip()) for line in formula)
            out.extend([indent() + "::", ""])
            out.extend(indent() + "   " + line[least:] for line in formula)
            out.append("")
        paragraph, formula = [], []

    for line in lines:
        line = line.rstrip()
        match = label_of(line)
        if not line:
            flush()
            label = None
        elif match:
            rest = line[match.end():]
            if label == "Pivoted" and match.group(2) == "Cholesky":  # one label on two lines
                paragraph.append(rest)
                continue
            flush()
            label = match.group(2)
            out.append("**" + ("Pivoted Cholesky" if label == "Pivoted" else label) + "**")
            if rest:
                paragraph.append(rest)
        else:
            depth = len(line) - len(line.lstrip())
            base = COLUMN if label and depth >= COLUMN - 2 else 0
            if base == 0 and label and depth < 2:
                flush()
                label = None
            if depth - base >= 2:
                if paragraph:
                    flush()
                formula.append(line)
            else:
                if formula:
                    flush()
                paragraph.append(line.strip())
    flush()
    return out


def block(lines, indent, opening="/**"):
    if opening == "/**<":
        text = escaped(" ".join(line.strip() for line in lines))
        return [f"{indent}/**< @verbatim embed:rst:inline {text} @endverbatim */"]
    return [f"{indent}{opening} @verbatim embed:rst", *to_rst(lines), "@endverbatim */"]


def strip_slashes(line):
    text = re.sub(r"^\s*///<?", "", line)
    return text[1:] if text.startswith(" ") else text


def convert(source):
    # What is specialized for Kokkos is on no page, and Doxygen fails on it.
    source = re.sub(r"^template <[^>]*>\nstruct Kokkos::.*?^\};\n", lambda cut: "\n" * cut.group(0).count("\n"),
                    source, flags=re.M | re.S)
    out, i = [], 0
    lines = source.split("\n")
    while i < len(lines):
        line = lines[i]
        if re.match(r"^\s*///(?!<)", line):
            first = i
            while i < len(lines) and re.match(r"^\s*///(?!<)", lines[i]):
                i += 1
            texts = [strip_slashes(each) for each in lines[first:i]]
            following = next((each for each in lines[i:] if each.strip()), "")
            if following.startswith("namespace "):  # of the file, not of the namespace that all share
                out.extend(["/** @file", "@verbatim embed:rst", *to_rst(texts), "@endverbatim */"])
            else:
                out.extend(block(texts, re.match(r"\s*", line).group(0)))
            continue
        if "///<" in line:
            before, text = line.split("///<", 1)
            texts = [text]
            while i + 1 < len(lines) and re.match(r"^\s*///<", lines[i + 1]):
                i += 1
                texts.append(strip_slashes(lines[i]))
            out.extend([before.rstrip() + " " + block(texts, "", "/**<")[0]])
        elif re.match(r"^\s*/\*\*(?!<)", line):
            texts = []
            while True:
                texts.append(lines[i])
                if "*/" in lines[i]:
                    break
                i += 1
            body = [re.sub(r"^\s*(/\*\*|\*) ?", "", each) for each in texts]
            body[-1] = body[-1].split("*/")[0]
            out.extend(block(body, re.match(r"\s*", line).group(0)))
        elif "/**<" in line:
            before, text = line.split("/**<", 1)
            texts = [text]
            while "*/" not in texts[-1]:
                i += 1
                texts.append(re.sub(r"^\s*\*? ?", "", lines[i]))
            texts[-1] = texts[-1].split("*/")[0]
            out.append(before.rstrip() + " " + block(texts, "", "/**<")[0])
        else:
            out.append(line)
        i += 1
    return "\n".join(out)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        sys.stdout.write(convert(file.read()))
