#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the documentation: build.py OUT puts pages into OUT/html. Any warning is an error.

Needs doxygen and the Python packages sphinx, breathe, myst-parser and sphinx-rtd-theme; ends with 77
where one is missing. Reads only this tree and needs no network.
"""
import importlib.util
import os
import re
import shutil
import ssl
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ElementTree
from pathlib import Path

root = Path(__file__).resolve().parents[2]
# Explained member by member, by the comment of their file, by their neighbour, or by their name in a header that has
# the sentence for all of them. What is new is not in these lists, and has to say something about itself.
members_tell = ("Options", "Record", "Result", "Entry", "Averages", "Problem", "Check", "Method", "TextArray",
                "_operator", "_problem", "_result", "Model", "Pass", "RepresentationData", "RedundantArm", "Dual", "Upper")
names_tell = {"to_string", "total", "not_selected", "orthonormalize_bytes", "make_vectors", "make_blocks", "operator<<",
              "sqrt", "exp", "log", "sin", "cos", "tanh", "abs", "min", "seeded", "one_hot", "lifted", "team_for",
              "team_dot", "visit_members", "make_orthogonal_cleaning_data", "kernel_projector", "corrupted_found",
              "select_layer", "read_checkpoint_file", "inner_steps_from", "inner_step_from", "step_from",
              "penalty_from", "ramp_from", "batch_from", "seed_from"}


def missing_tools():
    missing = [] if shutil.which("doxygen") else ["doxygen"]
    packages = {"sphinx": "sphinx", "breathe": "breathe", "myst_parser": "myst-parser",
                "sphinx_rtd_theme": "sphinx-rtd-theme"}
    return missing + [name for module, name in packages.items() if not importlib.util.find_spec(module)]


def drop_missing(line):
    """Without the paths of INPUT that this tree does not have."""
    words = line.split(" ")
    return " ".join(word for word in words if "/include/" not in word or (root / word).exists())


def run_doxygen(out):
    config = (root / "docs/Doxyfile").read_text() + f'\nOUTPUT_DIRECTORY = "{out}"\n'
    config = "\n".join(drop_missing(line) for line in config.split("\n"))
    shutil.rmtree(out / "xml", ignore_errors=True)
    subprocess.run(["doxygen", "-"], input=config, text=True, cwd=root, check=True)
    # What is derived from a class says nothing about it, and bases may be on no page.
    for path in (out / "xml").glob("*.xml"):
        text = path.read_text()
        changed = re.sub(r"\s*<derivedcompoundref.*?</derivedcompoundref>", "", text)
        changed = re.sub(r'(<basecompoundref) refid="[^"]*"', r"\1", changed)
        if changed != text:
            path.write_text(changed)


def undocumented(xml):
    """Classes and functions that say nothing about themselves. Doxygen's own
    warning would ask for a sentence at every member of every struct too."""

    def silent(node):
        texts = (node.find("briefdescription"), node.find("detaileddescription"))
        return not any("".join(text.itertext()).strip() for text in texts if text is not None)

    found = []
    for path in sorted(xml.glob("*.xml")):
        for compound in ElementTree.parse(path).getroot().findall("compounddef"):
            name = compound.findtext("compoundname")
            where = compound.find("location")
            where = where.get("file", "") if where is not None else ""
            if "::impl" in name:
                continue
            if compound.get("kind") in ("class", "struct") and compound.get("prot") == "public" and silent(compound):
                if not name.endswith(members_tell):
                    found.append(f"{where}: {name}")
            if compound.get("kind") != "namespace":
                continue
            overloads = {}
            for member in compound.iter("memberdef"):
                file = member.find("location").get("file")
                if member.get("kind") == "function" and "::impl" not in name:
                    overloads.setdefault((file, member.findtext("name")), []).append(silent(member))
            for (file, function), all_silent in overloads.items():
                if all(all_silent) and function not in names_tell:
                    found.append(f"{file}: {function}()")
    return found


def run_sphinx(out):
    # The pages need no network, but Sphinx loads a module that insists on the certificates of the machine,
    # which an unpacked Debian root has not.
    load = ssl.SSLContext.load_verify_locations

    def load_what_is_there(self, cafile=None, capath=None, cadata=None):
        if cafile is None or os.path.exists(cafile):
            load(self, cafile, capath, cadata)

    ssl.SSLContext.load_verify_locations = load_what_is_there
    from sphinx.cmd.build import main

    warnings.filterwarnings("ignore", module="breathe")  # of its own code
    os.environ["MINFOLD_DOXYGEN_XML"] = str(out / "xml")
    return main(["-b", "html", "-q", "-E", "-W", "-n", "--keep-going", "-d", str(out / "doctrees"), str(root / "docs"),
                 str(out / "html")])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: build.py OUT")
    missing = missing_tools()
    if missing:
        print("docs: skipped, there is no " + ", ".join(missing))
        sys.exit(77)
    out = Path(sys.argv[1]).resolve()
    out.mkdir(parents=True, exist_ok=True)
    run_doxygen(out)
    silent = undocumented(out / "xml")
    for line in silent:
        print("docs: not documented: " + line, file=sys.stderr)
    status = run_sphinx(out)
    if not (status or silent):
        print(f"docs: {out / 'html' / 'index.html'}")
    sys.exit(1 if status or silent else 0)
