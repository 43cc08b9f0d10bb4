#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the Python blocks of the pages, those of one page after each other in one namespace. Without the
package only their syntax is checked, and the exit status is 77."""
import importlib.util
import sys

from blocks import of_page, pages

built = importlib.util.find_spec("minfold") is not None
for page in pages:
    names = {}
    for block in of_page(page):
        if block.info != "python":
            continue
        # Line numbers of a traceback are those of the page.
        code = compile("\n" * block.line + block.text + "\n", str(page), "exec")
        if built:
            exec(code, names)
if not built:
    print("the package minfold is not built: syntax only")
    sys.exit(77)
