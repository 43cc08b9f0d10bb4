# SPDX-License-Identifier: Apache-2.0
"""check_json.py FILE [EXPRESSION...]: validates a report of `minfold solve` and evaluates Python
expressions in which r is the report; each must be true."""
import json
import math
import sys


def no_constant(name):
    raise SystemExit(f"{name} is not JSON")


with open(sys.argv[1]) as file:
    r = json.load(file, parse_constant=no_constant)

NUMBER = (int, float)
NULLABLE = NUMBER + (type(None),)


def need(node, where, **kinds):
    for key, kind in kinds.items():
        if key not in node:
            raise SystemExit(f"{where} has no {key}")
        if not isinstance(node[key], kind):
            raise SystemExit(f"{where}.{key} is {node[key]!r}")


need(r, "report", schema=str, problem=str, method=str, backend=str, threads=int, precision=str,
     seed=int, options=dict, iterations=list, result=dict, stages=dict)
for it in r["iterations"]:
    need(it, "iteration", iteration=int, upper=NULLABLE, hypergradient_norm=NULLABLE,
         lower_residual=NULLABLE, kernel_dimension=int, gap=NULLABLE, tangential_residual=NULLABLE,
         nondegeneracy=NULLABLE, uniqueness_margin=NULLABLE, solve_residual=NULLABLE,
         leakage=NULLABLE, gradients=int, hessian_products=int, mixed_products=int, seconds=NUMBER,
         verdict=str)
need(r["result"], "result", outcome=str, verdict=str, reasons=list, upper=NULLABLE, metrics=(dict, type(None)))
assert r["result"]["verdict"] in ("certified", "uncertain", "refused")
assert (r["result"]["verdict"] == "certified") == (r["result"]["reasons"] == []), "reasons"
numbers = [it["iteration"] for it in r["iterations"]]
assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), numbers
for key in ("gradients", "hessian_products", "mixed_products", "seconds"):
    column = [it[key] for it in r["iterations"]]
    assert column == sorted(column), f"{key} decreases"
assert set(r["stages"]) == {"lower_solve", "candidates", "refine", "select", "differentiate", "certify"}
if "truth" in r:
    need(r["truth"], "truth", upper=NUMBER, gradient_error=NULLABLE, x_error=NULLABLE)
for expression in sys.argv[2:]:
    if not eval(expression, {"r": r, "math": math}):
        raise SystemExit(f"{sys.argv[1]}: not true: {expression}\n" + json.dumps(r["result"], indent=1)
                         + json.dumps(r.get("truth"), indent=1))
