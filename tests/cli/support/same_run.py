# SPDX-License-Identifier: Apache-2.0
"""same_run.py A B: the reports of two solves are equal but for the seconds."""
import json
import sys


def without_seconds(node):
    if isinstance(node, dict):
        return {key: without_seconds(value) for key, value in node.items() if key != "seconds"}
    return [without_seconds(value) for value in node] if isinstance(node, list) else node


a, b = (without_seconds(json.load(open(path))) for path in sys.argv[1:])
for key in {**a, **b}:
    if a.get(key) != b.get(key):
        raise SystemExit(f"{key} differs: {a.get(key)!r:.300} and {b.get(key)!r:.300}")
