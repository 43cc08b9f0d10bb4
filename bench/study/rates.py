# SPDX-License-Identifier: Apache-2.0
"""Report of the study rates: see rates.cpp."""
import math

from tables import short, slope

EXPECTED = {"qp1": -2 / 3, "qp2": -1 / 3}


def mean(values):
    values = [v for v in values if v is not None]
    return sum(values) / len(values) if values else None


def programs(report, runs):
    rows = []
    for tags, _, result in runs:
        if tags["part"] != "qp" or "refused" in result:
            continue
        found, step = result["findings"], tags["c2"] * tags["K"] ** (-1 / 3 if tags["variant"] == "qp1" else -2 / 3)
        bound = 2 * (result["records"]["upper"][0] - tags["lowest"]) / (step * tags["K"]) + 2 * (found["mean_multiplier"] or 0)
        rows.append(dict(tags) | {"kkt": found["mean_kkt_residual"], "constraint_gradient": found["mean_constraint_gradient"],
                                  "constraint": found["mean_constraint"], "bound": bound})
    if not rows:
        return
    report.table("qp", rows)
    report.text("## QP1 and QP2\n\nMean over all K iterations of the squared KKT residual |d|^2; slopes of logarithms over log K = log 1e3 ... log 6.4e4, mean over the seeds. "
                "Both rates are upper bounds, for steps of at most 1 / L. The toys' wave has L of some 40, which the steps of the source exceed until K is some 10^4, and f has many basins there: "
                "the mean depends on the basin that a run of K steps comes to, not on K alone. So the slopes are judged on the quadratic, and on the toys the bound that the descent inequality gives "
                "with short steps: 2 (f(z_0) - inf f) / (step K) + 2 mean(lambda alpha rho).")
    shown, curves = [], {}
    for problem, variant, constants in dict.fromkeys((r["problem"], r["variant"], r["constants"]) for r in rows):
        these = [r for r in rows if (r["problem"], r["variant"], r["constants"]) == (problem, variant, constants)]
        seeds = sorted({r["seed"] for r in these})

        def slopes(quantity, least=0):
            found = [slope([(r["K"], r[quantity]) for r in these if r["seed"] == seed and r["K"] >= least]) for seed in seeds]
            return [s for s in found if s is not None]

        measured, expected, name = slopes("kkt"), EXPECTED[variant], f"{variant} on {problem}, {constants}"
        average = mean(measured)
        shown.append([problem, variant, constants, short(expected, 3), short(average, 3), short(mean(slopes("kkt", 16000)), 3),
                      ", ".join(short(s, 3) for s in measured), short(mean(slopes("constraint_gradient")), 3), short(mean(slopes("constraint")), 3)])
        judged = problem == "quadratic" and not (variant == "qp2" and constants == "source")  # its first steps are beyond 1 / L
        if judged:
            report.claim(f"{name}: slope {expected:.3f} within 0.08, each seed, K = 1e3 ... 6.4e4", ", ".join(short(s, 3) for s in measured),
                         len(measured) == len(seeds) and all(abs(s - expected) <= 0.08 for s in measured), full=True)
        if constants == "short step" or judged:
            within = [r for r in these if r["kkt"] is not None and r["kkt"] <= r["bound"]]
            report.claim(f"{name}: mean squared residual below the bound of the descent inequality, in each run",
                         f"{len(within)} of {len(these)}, at most {short(max((r['kkt'] / r['bound'] for r in these if r['kkt'] is not None), default=None), 2)} of it",
                         len(within) == len(these))
        curves.setdefault(problem, []).append((f"{variant}, {constants}", [(r["K"], r["kkt"]) for r in these if r["seed"] == seeds[0]]))
    report.show(["problem", "method", "constants", "promised slope", "measured", "from K = 1.6e4", "each seed", "of \\|grad h\\|^2", "of h"], shown)
    for problem, lines in curves.items():
        report.figure("qp_" + problem.replace("-", "_"), f"Mean squared KKT residual on {problem}, first seed", "K", "residual", lines, log="xy",
                      style="linespoints", size=(700, 420))


DATA = {"determined": "The training data see all inputs", "free": "The training data leave directions to the validation data"}


def penalties(report, runs, data):
    found = [(tags, result) for tags, _, result in runs if tags["part"] == "pbgd" and tags["data"] == data and "refused" not in result]
    if not found:
        return
    rows, curves = [], []
    for tags, result in found:
        r = result["records"]
        points = [(k, s) for k, s in zip(r["iteration"], r["stationarity"]) if s]
        # Linear convergence is that of the end: the third and the last quarter of what is above rounding.
        above = [(k, s) for k, s in points if s > 1e-9 * points[0][1]]
        halves = [above[i:j] for i, j in ((len(above) // 2, len(above) * 3 // 4), (len(above) * 3 // 4, len(above)))]
        decays = [math.log(h[0][1] / h[-1][1]) / (h[-1][0] - h[0][0]) if len(h) > 2 else None for h in halves]
        rows.append({"data": data, "gamma": tags["gamma"], "gap": next((g for g in reversed(r["lower_gap"]) if g is not None), None),
                     "gradient_norm": r["stationarity"][-1], "decay_early": decays[0], "decay_late": decays[1],
                     "iterations_for_gradient_1e-6": next((k for k, s in points if s <= 1e-6 * points[0][1]), None)})
        curves.append((f"gamma = {tags['gamma']:g}", points))
    report.table(f"pbgd_{data}", rows)
    report.text(f"## PBGD: linear convergence, and the gap of g against gamma\n\n{DATA[data]}.")
    report.show(["gamma", "g - g* at the end", "norm of grad L_gamma", "decay an iteration, third quarter", "last quarter", "iterations for 1e-6"],
                [[short(r[k]) for k in ("gamma", "gap", "gradient_norm", "decay_early", "decay_late", "iterations_for_gradient_1e-6")] for r in rows])
    measured = slope([(r["gap"], r["gamma"]) for r in rows if r["gap"] and r["gamma"] >= 10])
    if measured is not None:
        report.claim(f"{data}: gamma for a gap of eps grows as eps^(-1/2), within 0.1", short(measured, 4), abs(measured + 0.5) <= 0.1, full=True)
    linear = [r for r in rows if r["decay_early"] and r["decay_late"]]
    report.claim(f"{data}: PBGD converges linearly: decay in the last quarter of the run within a factor of 2 of that in the third", ", ".join(
        short(r["decay_late"] / r["decay_early"], 2) for r in linear), linear and all(0.5 <= r["decay_late"] / r["decay_early"] <= 2 for r in linear), full=True)
    report.figure(f"pbgd_{data}", f"PBGD: norm of grad L_gamma, inputs {data}", "iteration", "norm", curves, log="y")


def accuracies(report, runs, data):
    """Total inner steps (iterations times inner steps) against eps."""
    rows = []
    for tags, _, result in runs:
        if tags["part"] != "accuracy" or tags["data"] != data or "refused" in result:
            continue
        best = (result["metrics"] or {}).get("constrained_least_squares")
        reached = None
        for k, gap, upper in zip(*(result["records"][c] for c in ("iteration", "lower_gap", "upper"))):
            good = gap is not None and gap <= tags["eps"] and upper - best <= tags["eps"]
            reached = None if not good else k if reached is None else reached
        rows.append({q: tags[q] for q in ("data", "eps", "gamma", "inner")}
                    | {"iterations": reached, "total": reached and reached * tags["inner"]})
    if not rows:
        return
    report.table(f"accuracy_{data}", rows)
    measured = slope([(math.log(1 / r["eps"]), r["total"]) for r in rows])
    report.text("## PBGD: iterations for an (eps, eps)-solution\n\n" + DATA[data] + ". gamma = 2 eps^(-1/2), inner steps 2 log(1/eps), from the first record at which f(x, y) - F* and "
                "g - g* are at most eps and stay there." + (
                    " The theorem has a PL constant that grows with gamma; here it does not: directions that the training samples do not see "
                    "have the curvature of f alone, so that iterations grow like gamma." if data == "free" else ""))
    report.show(["eps", "gamma", "inner steps", "iterations", "total"],
                [[short(r[k]) if r[k] is not None else "not reached" for k in ("eps", "gamma", "inner", "iterations", "total")] for r in rows])
    short_of = measured is None or any(r["total"] is None for r in rows)
    if data == "determined":
        report.claim("determined: total iterations of PBGD grow as log^2(1/eps): slope of log total over log log(1/eps) at most 2.5",
                     "not reached" if short_of else short(measured, 3), not short_of and measured <= 2.5, full=True)
    else:  # a caution, not a claim of the source: its assumption does not hold
        report.text(f"Slope of log total over log log(1/eps): {short(measured, 3) or 'not measured'}.")
    report.figure(f"accuracy_{data}", f"PBGD: total inner steps for an (eps, eps)-solution, inputs {data}", "log(1/eps)", "total",
                  [("measured", [(math.log(1 / r["eps"]), r["total"]) for r in rows])], log="xy", style="linespoints")


def products(report, runs):
    rows = [dict(tags) | {"products": result["records"]["hessian_products"][-1], "gradients": result["records"]["gradients"][-1],
                          "verdict": result["end"]["verdict"]}
            for tags, _, result in runs if tags["part"] == "products" and "refused" not in result]
    if not rows:
        return
    report.table("products", rows)
    report.text("## Products of HG-MS with H and its mixed block, for one hypergradient\n\nOn `affine`, by the way in which the tangent space is held; `automatic` forms H "
                "where that is cheaper than multiplying with it.")
    for against, fixed in (("k", "d"), ("d", "k")):
        these = [r for r in rows if r["against"] == against]
        if not these:
            continue
        tangents = list(dict.fromkeys(r["tangent"] for r in these))
        sizes = sorted({r[against] for r in these})
        report.text(f"Against {against} at {fixed} = {these[0][fixed]}; * is not certified:")
        entry = {(r["tangent"], r[against]): f"{r['products']}" + ("" if r["verdict"] == "certified" else " *") for r in these}
        report.show([against] + tangents, [[str(s)] + [entry.get((t, s), "") for t in tangents] for s in sizes])
        curves = [(t, [(r[against], r["products"]) for r in these if r["tangent"] == t]) for t in tangents]
        measured = dict((t, slope(p)) for t, p in curves)
        if measured.get("kernel-basis") is not None:
            report.claim(f"HG-MS with a kernel basis: products grow with k at fixed d (slope 0.7 to 1.3), hardly with d at fixed k (slope at most 0.3): against {against}",
                         short(measured["kernel-basis"], 2),
                         0.7 <= measured["kernel-basis"] <= 1.3 if against == "k" else measured["kernel-basis"] <= 0.3, full=True)
        report.text("Slopes of log products over log " + against + ": " + ", ".join(f"{t} {short(slope(p), 2)}" for t, p in curves) + ".")
        report.figure(f"products_{against}", f"Products against {against} at {fixed} = {these[0][fixed]}", against, "products", curves,
                      log="xy", style="linespoints")


def report(report, runs, quick):
    programs(report, runs)
    for data in DATA:
        penalties(report, runs, data)
        accuracies(report, runs, data)
    products(report, runs)
