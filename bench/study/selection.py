# SPDX-License-Identifier: Apache-2.0
"""Report of the study selection: see selection.cpp."""
from tables import mean_and_interval, median, short, spread

REMARKS = {"two-well": "min F is at x = 1.3, beyond a kink: from x_0 = -0.1 descent on F ends in the local minimum x = -0.7, 0.6 above it and 2 away. A method that gets to 1.3 "
                       "has followed the wrong well there. "}


def errors(result):
    """|direction - grad F| relative to |grad F(x_0)|: the first, and the median over the run."""
    error, size = result["records"]["gradient_error"], result["records"]["gradient_size"]
    if not error or not size or not size[0]:
        return None, None
    return (None if error[0] is None else error[0] / size[0],
            median([e / size[0] for e in error if e is not None]))


def report(report, runs, quick):
    rows = []
    for tags, _, result in runs:
        row = {k: tags[k] for k in ("case", "method", "seed", "tuned")}
        if "refused" not in result:
            end = result["end"]
            first, typical = errors(result)
            start = end.get("gradient_norm_true_start")
            final = end.get("gradient_norm_true")
            row.update(outcome=result["outcome"], iterations=result["iterations"], first_error=first,
                       median_error=typical, end_gradient=final / start if start and final is not None else None,
                       excess=None if end.get("F_true") is None else end["F_true"] - end["F_optimum"],
                       x_error=end.get("x_error"), selection_error=end.get("selection_error"))
        rows.append(row)
    report.table("runs", rows)
    report.text("Error of the direction that a method takes in x, (x_k - x_{k+1}) / step, of HG-MS its hypergradient, against the "
                "closed form grad F(x_k), relative to |grad F(x_0)|: at the start, and the median over all x of the run. At the end "
                "the method's own direction is zero or nearly so, and |grad F| there is its error. Steps are tuned on a seed that is not "
                "reported, with as many runs for every method. Methods that penalize or interpolate move y towards the selection while "
                "they run: their first direction need not be grad F. Means over the seeds; the excess is F(x_end) - min F with its 95 % interval.")
    tuning = max((tags["tuning_runs"] for tags, _, _ in runs), default=0)
    for case in dict.fromkeys(r["case"] for r in rows):
        shown = []
        for method in dict.fromkeys(r["method"] for r in rows):
            these = [r for r in rows if (r["case"], r["method"]) == (case, method)]
            if not these or "outcome" not in these[0]:
                continue
            means = {k: mean_and_interval([r[k] for r in these]) for k in
                     ("first_error", "median_error", "end_gradient", "excess", "x_error", "iterations")}
            shown.append([method, these[0]["tuned"]]
                         + [short(means[k][0], 2) for k in ("first_error", "median_error", "end_gradient")]
                         + [spread(*means["excess"]), short(means["x_error"][0], 2), short(means["iterations"][0], 4)])
        report.text(f"## {case}\n\n{REMARKS.get(case, '')}{tuning} tuning runs a method, {len(set(r['seed'] for r in rows))} seeds.")
        report.show(["method", "step", "error at x_0", "median error", "\\|grad F(x_end)\\|", "F(x_end) - min F",
                     "\\|x_end - x*\\|", "iterations"], shown)
        exact = [r for r in rows if r["case"] == case and r["method"] == "hgms" and "outcome" in r]
        if exact:
            worst = max(r["first_error"] if r["first_error"] is not None else 1e300 for r in exact)
            report.claim(f"{case}: hypergradient of HG-MS at x_0 within 1e-6 of the closed form, all seeds", short(worst, 2),
                         worst <= 1e-6)
