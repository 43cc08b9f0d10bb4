# SPDX-License-Identifier: Apache-2.0
"""report.py RUNS OUT [NAME...]: tables and figures of the studies whose runs lie in RUNS.

RUNS has an index NAME.index.json a study and a file a run (./run study NAME). Written into OUT:
NAME.json and NAME.csv (every number of the tables and figures), NAME.md, figures/NAME_*.svg.
"""
import csv
import glob
import json
import os
import sys

sys.dont_write_bytecode = True  # the source tree stays as it is
import comparison  # noqa: E402
import global_optimality  # noqa: E402
import rates  # noqa: E402
import regularity  # noqa: E402
import selection  # noqa: E402
from tables import Report  # noqa: E402

STUDIES = {"selection": selection, "regularity": regularity, "rates": rates, "global": global_optimality,
           "comparison": comparison}


def read(runs, name):
    """The index, and its runs as [(tags, spec, result)]."""
    with open(os.path.join(runs, f"{name}.index.json")) as file:
        index = json.load(file)
    found = []
    for entry in index["runs"]:
        with open(os.path.join(runs, entry["file"])) as file:
            run = json.load(file)
        found.append((entry["tags"], run["identity"]["spec"], run["result"]))
    return index, found


def write(report, index, out):
    os.makedirs(out, exist_ok=True)
    stem = os.path.join(out, index["study"])
    with open(stem + ".json", "w") as file:
        json.dump({"schema": "minfold-study-1", "study": index["study"], "quick": index["quick"],
                   "machine": index["machine"], "notes": index["notes"], "claims": report.claims,
                   "tables": report.data}, file, indent=1)
        file.write("\n")
    with open(stem + ".csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["table", "row", "quantity", "value"])
        for table, rows in report.data.items():
            for i, row in enumerate(rows):
                for quantity, value in row.items():
                    writer.writerow([table, i, quantity, value])
    with open(stem + ".md", "w") as file:
        file.write(report.markdown(index))
    print(stem + ".md")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    runs, out = sys.argv[1:3]
    names = sys.argv[3:] or [name for name in STUDIES if os.path.exists(os.path.join(runs, f"{name}.index.json"))]
    for name in names:
        index, found = read(runs, name)
        report = Report(name, out, index["quick"])
        STUDIES[name].report(report, found, index["quick"])
        write(report, index, out)


main()
