# SPDX-License-Identifier: Apache-2.0
"""Sphinx settings. docs/tools/build.py names the folder with Doxygen's XML; nothing here needs a network."""
import os
import re
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive

here = Path(__file__).parent
project = "minfold"
author = "the minfold authors"
copyright = "the minfold authors, Apache-2.0"
version = release = re.search(r"project\(minfold VERSION (\S+)", (here.parent / "CMakeLists.txt").read_text()).group(1)

extensions = ["breathe", "myst_parser"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
breathe_projects = {"minfold": os.environ.get("MINFOLD_DOXYGEN_XML", str(here.parent / "build/docs/xml"))}
breathe_default_project = "minfold"
breathe_domain_by_extension = {"hpp": "cpp", "h": "c"}
exclude_patterns = ["tools", "snippets"]
html_theme = "sphinx_rtd_theme"
html_static_path = ["static"]
html_css_files = ["minfold.css"]
html_show_sphinx = False
html_copy_source = False
primary_domain = "cpp"
highlight_language = "none"

# Signatures name std, Kokkos, concepts and template parameters, which no page documents. What the pages
# themselves refer to must exist.
nitpick_ignore_regex = [(r"(cpp|c):(identifier|expr)", r".*")]


class Formula(Directive):
    """```{formula}: lines shown as they are. Formulas are written as in the headers, so that one can be
    searched for in the other, and no page needs a typesetter from the network."""

    has_content = True

    def run(self):
        text = "\n".join(self.content)
        node = nodes.literal_block(text, text, classes=["formula"])
        node["language"] = "none"
        return [node]


def show_examples(app, name, source):
    """The page of examples has whatever is in the folders of examples, with the comment at its top as the text."""
    if name != "examples":
        return
    text = ""
    languages = {".cpp": "cpp", ".c": "c", ".f90": "fortran", ".toml": "toml", ".py": "python"}
    folders = [here.parent / "drivers/examples", here.parent / "drivers/python/examples"]
    for path in [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]:
        if path.suffix not in languages:
            continue
        lines = path.read_text().splitlines()[1:]
        comment = []
        while lines and re.match(r"^\s*(//|/\*|\*|!|#(?!include))", lines[0]):
            comment.append(re.sub(r"^\s*(///?|/\*|\*/?|!|#)", "", lines.pop(0)).replace("*/", "").rstrip())
        text += f"\n## {path.stem.replace('_', ' ')}\n\n`{path.relative_to(here.parent)}`\n\n"
        if comment:
            shown = "\n".join(line[1:] if line.startswith(" ") else line for line in comment)
            text += f"```{{formula}}\n{shown}\n```\n\n"
        text += f"```{{literalinclude}} ../{path.relative_to(here.parent)}\n:language: {languages[path.suffix]}\n"
        text += f":lines: {len(comment) + 2}-\n```\n"
    source[0] = source[0].replace("<!-- examples -->", text)


def keep_what_is_there(app, name, source):
    """Drops the parts between `<!-- with PATH -->` and `<!-- end -->` where the tree has no such file."""
    source[0] = re.sub(r"<!-- with (\S+) -->\n(.*?)<!-- end -->\n",
                       lambda part: part.group(2) if (here.parent / part.group(1)).exists() else "", source[0],
                       flags=re.S)


def setup(app):
    app.connect("source-read", show_examples)
    app.connect("source-read", keep_what_is_there)
    app.add_directive("formula", Formula)
