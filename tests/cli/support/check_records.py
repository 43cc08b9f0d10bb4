# SPDX-License-Identifier: Apache-2.0
"""check_records.py FILE [EXPRESSION...]: validates the records of `minfold tangent` or `minfold pinv` and
evaluates Python expressions in which r is the whole and all the records; each must be true."""
import json
import sys


def no_constant(name):
    raise SystemExit(f"{name} is not JSON")


with open(sys.argv[1]) as file:
    r = json.load(file, parse_constant=no_constant)
assert r["schema"] in ("minfold-tangent-1", "minfold-pinv-1"), r["schema"]
for key, kind in {"version": str, "file": str, "items": int, "n": int, "precision": str, "backend": str,
                  "threads": int, "options": dict, "method": str, "seconds": float, "converged": bool,
                  "records": list}.items():
    assert isinstance(r[key], kind), (key, r[key])
all_records = r["records"]
assert [record["item"] for record in all_records] == list(range(r["items"]))
bad = 0
for record in all_records:
    solves = record.get("solves", [])
    assert (r["schema"] == "minfold-pinv-1") == bool(solves)
    for key in ("outcome", "dimension", "gap", "kernel_residual", "orthogonality", "norm_estimate",
                "smallest_kept", "most_negative", "products", "asymmetry"):
        assert key in record, key
    for solve in solves:
        for key in ("outcome", "residual", "leakage", "rhs_norm", "iterations", "products"):
            assert key in solve, key
    bad += any(part["outcome"] != "converged" for part in [record] + solves)
assert r["converged"] == (bad == 0)
for expression in sys.argv[2:]:
    if not eval(expression, {"r": r, "records": all_records}):
        raise SystemExit(f"{sys.argv[1]}: not true: {expression}\n" + json.dumps(r, indent=1)[:3000])
