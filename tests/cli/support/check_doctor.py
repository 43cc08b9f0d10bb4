# SPDX-License-Identifier: Apache-2.0
"""check_doctor.py FILE STATUS [EXPRESSION...]: validates what `minfold doctor --json` says, compares it
with what this system says, and evaluates Python expressions in which d is that; each must be true."""
import json
import os
import sys

d = json.load(open(sys.argv[1]))
assert d["schema"] == "minfold-doctor-1"
assert int(sys.argv[2]) == (1 if d["warnings"] else 0), (sys.argv[2], d["warnings"])
for key in ("version", "commit", "build_type", "compiler", "flags", "libraries", "kokkos"):
    assert key in d["build"], key
assert d["build"]["kokkos"]["default"] in d["build"]["kokkos"]["backends"]
p = d["processors"]
assert 1 <= p["usable"] <= p["allowed"] <= p["online"], p


def quotas():
    """Of the control groups of version 2 from this process's own one up."""
    path = next((line.strip()[3:] for line in open("/proc/self/cgroup") if line.startswith("0::")), None)
    while path is not None:
        try:
            quota, period = open(f"/sys/fs/cgroup{path}/cpu.max").read().split()
            if quota != "max":
                yield int(quota) / int(period)
        except OSError:
            pass
        path = path.rpartition("/")[0] if path else None


if os.path.exists("/proc/self/cgroup"):
    least = min(quotas(), default=None)
    if least is not None:
        assert abs(p["quota"] - least) < 1e-6, (p, least)
if os.path.exists("/proc/meminfo"):
    total = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemTotal:"))
    assert d["memory"]["total"] == total * 1024, d["memory"]
    assert 0 < d["memory"]["usable"] <= d["memory"]["total"]
for expression in sys.argv[3:]:
    if not eval(expression, {"d": d}):
        raise SystemExit(f"not true: {expression}\n" + json.dumps(d, indent=1))
