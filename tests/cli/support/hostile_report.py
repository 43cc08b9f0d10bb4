# SPDX-License-Identifier: Apache-2.0
"""hostile_report.py FROM TO: a report whose texts try to be markup and commands."""
import json
import sys

hostile = ("</title><script>alert(1)</script><img src=x onerror=alert(2)> ' \" `touch owned` "
           "system(\"touch owned\") '.system('touch owned').' $(touch owned)\n!touch owned\nEND\n"
           "system 'touch owned'\n@x \\ ]]> &amp; <!--")
r = json.load(open(sys.argv[1]))
for key in ("problem", "method", "backend", "precision", "seed", "threads"):
    r[key] = hostile
r["build"]["version"] = r["build"]["commit"] = hostile
r["options"] = {hostile: hostile, "list": [hostile]}
r["result"].update(outcome=hostile, verdict=hostile, reasons=[hostile], metrics={hostile: hostile})
for iteration in r["iterations"]:
    iteration.update(verdict=hostile, reasons=[hostile])
r["stages"] = {hostile + str(i): stage for i, stage in enumerate(r["stages"].values())}
json.dump(r, open(sys.argv[2], "w"))
