# SPDX-License-Identifier: Apache-2.0
"""Report of the study comparison: see comparison.cpp."""
from tables import mean_and_interval, short, spread

BUDGETS = {"work": "equal work", "time": "equal time"}


def score(metrics, precision="precision", recall="recall"):
    """F1 of the samples that are marked as wrong."""
    p, r = metrics.get(precision), metrics.get(recall)
    return None if p is None or r is None else (2 * p * r / (p + r) if p + r > 0 else 0.0)


def row_of(tags, result):
    row = {k: tags[k] for k in ("case", "method", "seed", "budget", "tuned")}
    if "refused" in result:
        return row | {"refused": result["refused"]}
    end, metrics, records = result["end"], result["metrics"] or {}, result["records"]
    return row | {"outcome": result["outcome"], "iterations": result["iterations"],
                  "gradient_equivalents": records["gradient_equivalents"][-1], "seconds": result["seconds"][-1],
                  "F": end.get("F") if tags["assessed"] else None, "f": end.get("upper"), "lower_gradient_norm": records["lower_gradient_norm"][-1],
                  "verdict": end.get("verdict"), "test_accuracy": metrics.get("test_accuracy_cleaned"),
                  "detection_f1": score(metrics), "effort": metrics.get("effort_after"),
                  "hand_error": metrics.get("hand_error_after")}


# quantity, title, smaller is better
QUANTITIES = [("F", "F(x)", True), ("f", "f(x, y)", True), ("test_accuracy", "test accuracy", False),
              ("detection_f1", "F1 of wrong labels", False), ("hand_error", "hand error [m]", True)]
# What decides who is best in a case: F where it can be assessed.
DECIDING = {"network": ("test_accuracy", "test accuracy", False)}


def overlaps(a, b):
    """Whether two 95 % intervals do."""
    return a[0] is not None and b[0] is not None and abs(a[0] - b[0]) <= (a[1] or 0) + (b[1] or 0)


def report(report, runs, quick):
    rows = [row_of(tags, result) for tags, _, result in runs]
    report.table("runs", rows)
    tuning = max((tags["tuning_runs"] for tags, _, _ in runs), default=0)
    seeds = len({r["seed"] for r in rows})
    report.text(f"All methods with the same data, x_0 and seed; {seeds} seeds; mean and 95 % interval (t distribution). The step is tuned on a seed "
                f"of its own ({tuning} runs a method), with a quarter of the equal work. Equal work is counted in gradients of g over all data "
                "(a product with H or its mixed block is two); equal time includes what the records cost. F(x) is assessed by HG-MS at the final x, not counted. "
                "Runs with equal work end after four times the seconds of equal time, if the work is not done by then. "
                "No method overdraws a budget, except where its first iteration does: the columns of work and time show it.")
    averages = []
    for case in dict.fromkeys(r["case"] for r in rows):
        report.text(f"## {case}")
        for budget, title in BUDGETS.items():
            these = [r for r in rows if (r["case"], r["budget"]) == (case, budget) and "refused" not in r]
            means = {}
            for method in dict.fromkeys(r["method"] for r in these):
                mine = [r for r in these if r["method"] == method]
                means[method] = {q: mean_and_interval([r[q] for r in mine]) for q, _, _ in QUANTITIES}
                means[method].update({q: mean_and_interval([r[q] for r in mine])
                                      for q in ("iterations", "gradient_equivalents", "seconds", "lower_gradient_norm")})
                means[method]["tuned"] = mine[0]["tuned"]
            if not means:
                continue
            shown_quantities = [(q, t, low) for q, t, low in QUANTITIES if any(m[q][0] is not None for m in means.values())]
            decides = next((d for word, d in DECIDING.items() if word in case), shown_quantities[0])
            order = sorted(means, key=lambda m: (means[m][decides[0]][0] is None,
                                                 (means[m][decides[0]][0] or 0) * (1 if decides[2] else -1)))
            report.text(f"### {title}, best first by {decides[1]}")
            report.show(["method", "tuned"] + [t for _, t, _ in shown_quantities] + ["\\|grad_y g\\|", "iterations", "work", "s"],
                        [[m, means[m]["tuned"]] + [spread(*means[m][q]) for q, _, _ in shown_quantities]
                         + [short(means[m][q][0], 2 if q == "lower_gradient_norm" else 3)
                            for q in ("lower_gradient_norm", "iterations", "gradient_equivalents", "seconds")] for m in order])
            verdicts = []
            for q, t, low in shown_quantities:
                known = [m for m in means if means[m][q][0] is not None]
                if q == "hand_error":
                    continue  # how far y is off S(x): a condition, no goal
                if q == "f" and any(s[0] == "F" for s in shown_quantities):
                    continue  # f is no goal of its own where F is known: y may be off S(x)
                best = min(known, key=lambda m: means[m][q][0] * (1 if low else -1))
                equal = [m for m in known if m != best and overlaps(means[m][q], means[best][q])]
                place = ""
                if "hgms" in known and best != "hgms":
                    rank = sorted(known, key=lambda m: means[m][q][0] * (1 if low else -1)).index("hgms") + 1
                    place = (f"; hgms is {rank} of {len(known)}"
                             + (", within the interval" if "hgms" in equal else ", and loses"))
                verdicts.append(f"**{t}**: {best} is best" + (f", not separated from {', '.join(equal)}" if equal else "") + place + ".")
            report.text("\n".join(f"- {v}" for v in verdicts))
            averages += [{"case": case, "budget": budget, "method": m, "quantity": q, "mean": means[m][q][0], "half_width": means[m][q][1]}
                         for m in means for q, _, _ in shown_quantities]
        draw(report, case, [(tags, result) for tags, _, result in runs if tags["case"] == case and "refused" not in result])
    report.table("averages", averages)


def draw(report, case, runs):
    """f along the run with the first seed, against work and against time."""
    name = "".join(c if c.isalnum() else "_" for c in case)
    for budget, x_label in (("work", "gradient-equivalents"), ("time", "seconds")):
        curves, budget_size = [], 0
        for tags, result in runs:
            if tags["budget"] == budget and tags["seed"] == 1:
                x = result["records"]["gradient_equivalents"] if budget == "work" else result["seconds"]
                budget_size = tags["gradient_equivalents"] if budget == "work" else tags["seconds"]
                curves.append((tags["method"], [(a, b) for a, b in zip(x, result["records"]["upper"]) if b is not None]))
        # A run that diverges, or begins anywhere, would hide all others.
        least = min((y for _, points in curves for _, y in points), default=0)
        first = sorted(points[0][1] for _, points in curves if points)
        top = first[len(first) // 2] if first else 1
        report.figure(f"{name}_{budget}", f"{case}: f(x, y) along the run, seed 1", x_label, "f", curves,
                      extra=f"set xrange [0:{1.02 * budget_size!r}]\nset yrange [{least - 0.05 * (top - least)!r}:{top + 0.05 * (top - least)!r}]")
