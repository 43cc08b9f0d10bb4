# SPDX-License-Identifier: Apache-2.0
"""check_compare.py FILE [EXPRESSION...]: validates what `compare --json` writes and evaluates Python
expressions in which rows is the list of its rows and scaling that of its speed-ups; each must be true."""
import json
import sys


def no_constant(name):
    raise SystemExit(f"{name} is not JSON")


with open(sys.argv[1]) as file:
    report = json.load(file, parse_constant=no_constant)

NUMBER = (int, float)
NULLABLE = NUMBER + (type(None),)


def need(node, where, optional=(), **kinds):
    for key, kind in kinds.items():
        if key not in node:
            raise SystemExit(f"{where} has no {key}")
        if not isinstance(node[key], kind) or isinstance(node[key], bool) != (kind is bool):
            raise SystemExit(f"{where}.{key} is {node[key]!r}")
    strange = set(node) - set(kinds) - set(optional)
    if strange:
        raise SystemExit(f"{where} has {strange}")


need(report, "report", machine=dict, ceilings=dict, rows=list, scaling=list)
for key in ("commit", "processor", "backend", "threads", "kokkos", "compiler", "blas"):
    assert report["machine"][key], key
for name in ("one_thread", "all_threads"):
    need(report["ceilings"][name], name, threads=int, read_l1_gb_s=NUMBER, read_l2_gb_s=NUMBER,
         read_l3_gb_s=NUMBER, read_memory_gb_s=NUMBER, fma_gf_s=NUMBER, dgemm_gf_s=NUMBER)
    assert all(value > 0 for value in report["ceilings"][name].values()), name
rows = report["rows"]
for row in rows:
    need(row, "row", ["wrong"], case=str, job=str, backend=str, threads=int, minfold_ms=NUMBER,
         error=NUMBER, ceiling_fraction=NUMBER, peers=list)
    for peer in row["peers"]:
        need(peer, "peer", ["wrong"], name=str, ms=NUMBER, ratio=NULLABLE, ratio_low=NULLABLE,
             ratio_high=NULLABLE, error=NULLABLE)
        wrong = peer.get("wrong", False) or row.get("wrong", False)
        assert (peer["ratio"] is None) == wrong, peer
        if not wrong:
            assert 0 < peer["ratio_low"] <= peer["ratio"] <= peer["ratio_high"], peer
scaling = report["scaling"]
for line in scaling:
    need(line, "scaling", case=str, job=str, threads=int, one_ms=NUMBER, all_ms=NUMBER,
         speedup=NUMBER, speedup_low=NUMBER, speedup_high=NUMBER, rounds=int, wrong=bool)
    if not line["wrong"]:
        assert line["one_ms"] > 0 and line["all_ms"] > 0, line
        assert 0 < line["speedup_low"] <= line["speedup"] <= line["speedup_high"], line
for expression in sys.argv[2:]:
    if not eval(expression, {"rows": rows, "scaling": scaling}):
        raise SystemExit(f"not true: {expression}\n" + json.dumps(rows, indent=1))
