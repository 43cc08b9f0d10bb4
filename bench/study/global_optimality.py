# SPDX-License-Identifier: Apache-2.0
"""Report of the study global: see global.cpp."""
from tables import short


def report(report, runs, quick):
    rows = []
    for tags, _, result in runs:
        row = dict(tags)
        if "refused" not in result:
            end = result["end"]
            best = (result["metrics"] or {}).get("constrained_least_squares", end.get("F_optimum"))
            row.update(outcome=result["outcome"], iterations=result["iterations"],
                       work=result["records"]["gradient_equivalents"][-1], optimum=best,
                       F=end.get("F"), F_true=end.get("F_true"), f=end.get("upper"),
                       lower_gap=result["records"]["lower_gap"][-1] if tags["method"] != "hgms" else 0.0,
                       lower_distance=end.get("lower_distance"))
            if best is not None and row["F_true"] is not None:
                row["excess_of_F"] = row["F_true"] - best
                row["excess_of_f"] = row["f"] - best
        rows.append(row)
    report.table("runs", rows)
    report.text("From random starts: how far F at the final x is above the optimum (closed form), how far f(x, y) is above it, "
                "and g(x, y) - g*(x). A penalty is an (eps, eps)-solution where none of the three exceeds eps; f below the optimum is no error of "
                "that definition, since y is off S(x) by as much as the gap of g allows. Largest values over the starts.")
    shown = []
    for case in dict.fromkeys(r["case"] for r in rows):
        for method in dict.fromkeys(r["method"] for r in rows):
            these = [r for r in rows if (r["case"], r["method"]) == (case, method) and "excess_of_F" in r]
            if not these:
                continue
            worst = {q: max(abs(r[q]) if q == "excess_of_F" else r[q] for r in these if r[q] is not None)
                     for q in ("excess_of_F", "excess_of_f", "lower_gap")}
            reached = sum(abs(r["excess_of_F"]) <= 1e-6 and r["excess_of_f"] <= 1e-6 and (r["lower_gap"] or 0) <= 1e-6 for r in these)
            shown.append([case, method, f"{reached} of {len(these)}"] + [short(worst[q], 2) for q in worst]
                         + [short(sum(r["work"] for r in these) / len(these), 3)])
            if method == "pbgd":
                optimal = sum(abs(r["excess_of_F"]) <= 1e-6 for r in these)
                report.claim(f"PBGD, {case}: x is optimal, F(x) - F* <= 1e-6, from {len(these)} random starts", f"{optimal} of {len(these)}",
                             optimal == len(these), full=True)
                if "free" in case:  # its gap needs a gamma with which it does not converge: shown, and no promise
                    report.text(f"PBGD, {case}: (x, y) is a (1e-6, 1e-6)-solution from {reached} of {len(these)} starts. A gap of 1e-6 takes a gamma of "
                                "some 10^4, and iterations grow like gamma where the training data leave directions free (study rates).")
                else:
                    report.claim(f"PBGD, {case}: (x, y) is a (1e-6, 1e-6)-solution", f"{reached} of {len(these)}",
                                 reached == len(these), full=True)
    report.show(["case", "method", "starts that reach it to 1e-6", "F(x) - F*", "f(x, y) - F*", "g - g*", "work"], shown)
    curves = []
    for tags, _, result in runs:
        if tags["method"] == "pbgd" and tags["start"] == 1 and "refused" not in result:
            r = result["records"]
            curves.append((tags["case"], [(k + 1, g) for k, g in zip(r["iteration"], r["lower_gap"]) if g is not None]))
    report.figure("gap", "PBGD from the first start: g(x, y) - g*(x)", "iteration", "gap", curves, log="xy")
