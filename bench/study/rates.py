# SPDX-License-Identifier: Apache-2.0
"""Report of the study rates: see rates.cpp."""
import math

from tables import short, slope

EXPECTED = {"qp1": -2 / 3, "qp2": -1 / 3}


def mean(values):
    values = [v for v in values if v is not None]
    return sum(values) / len(values) if values else None


def programs(report, runs):
    rows = [dict(tags) | ({"kkt": mean(result["records"]["kkt_residual"][1:])} if "refused" not in result else {}) for tags, _, result in runs if tags["part"] == "qp"]
    if not rows:
        return
    report.table("qp", rows)
    report.text("## QP1 and QP2\n\nMean over the records of a run of K iterations of the squared KKT residual; slope of its logarithm over log K, mean over the seeds.")
    shown, curves = [], []
    for problem, variant, constants in dict.fromkeys((r["problem"], r["variant"], r["constants"]) for r in rows):
        these = [r for r in rows if (r["problem"], r["variant"], r["constants"]) == (problem, variant, constants) and r.get("kkt")]
        if not these:
            continue
        per_seed = [[(r["K"], r["kkt"]) for r in these if r["seed"] == seed] for seed in sorted({r["seed"] for r in these})]
        slopes = [slope(points) for points in per_seed]
        # Rates are asymptotic: the part of the range where they should hold best.
        tails = [slope([(k, v) for k, v in points if k >= 16000]) for points in per_seed]
        average, tail = mean(slopes), mean(tails)
        expected = EXPECTED[variant]
        name = f"{variant} on {problem}, {constants}"
        shown.append([problem, variant, constants, short(expected, 3), short(average, 3), short(tail, 3), ", ".join(short(s, 3) for s in slopes)])
        report.claim(f"{name}: slope {expected:.3f} within 0.08, K = 1e3 ... 6.4e4", short(average, 4), abs(average - expected) <= 0.08, full=True)
        if tail is not None:
            report.claim(f"{name}: slope not above {expected:.3f} + 0.08 from K = 1.6e4 on: the rate is an upper bound", short(tail, 4),
                         tail <= expected + 0.08, full=True)
        curves.append((name, per_seed[0]))
    report.show(["problem", "method", "constants", "promised slope", "measured", "from K = 1.6e4", "each seed"], shown)
    report.figure("qp", "Mean squared KKT residual, first seed", "K", "residual", curves, log="xy", style="linespoints")


def penalties(report, runs):
    found = [(tags, result) for tags, _, result in runs if tags["part"] == "pbgd" and "refused" not in result]
    if not found:
        return
    rows, curves = [], []
    for tags, result in found:
        r = result["records"]
        gap = next((g for g in reversed(r["lower_gap"]) if g is not None), None)
        still = r["stationarity"][-1]
        points = [(k, s) for k, s in zip(r["iteration"], r["stationarity"]) if s]
        # Linear convergence is that of the end: the third and the last quarter of what is above rounding.
        above = [(k, s) for k, s in points if s > 1e-9 * points[0][1]]
        halves = [above[i:j] for i, j in ((len(above) // 2, len(above) * 3 // 4), (len(above) * 3 // 4, len(above)))]
        decays = [math.log(h[0][1] / h[-1][1]) / (h[-1][0] - h[0][0]) if len(h) > 2 else None for h in halves]
        rows.append({"gamma": tags["gamma"], "gap": gap, "gradient_norm": still, "decay_early": decays[0], "decay_late": decays[1],
                     "iterations_for_gradient_1e-6": next((k for k, s in points if s <= 1e-6 * points[0][1]), None)})
        curves.append((f"gamma = {tags['gamma']:g}", points))
    report.table("pbgd", rows)
    report.text("## PBGD: linear convergence, and the gap of g against gamma")
    report.show(["gamma", "g - g* at the end", "norm of grad L_gamma", "decay an iteration, third quarter", "last quarter", "iterations for 1e-6"],
                [[short(r[k]) for k in ("gamma", "gap", "gradient_norm", "decay_early", "decay_late", "iterations_for_gradient_1e-6")] for r in rows])
    measured = slope([(r["gap"], r["gamma"]) for r in rows if r["gap"] and r["gamma"] >= 10])
    if measured is not None:
        report.claim("gamma for a gap of eps grows as eps^(-1/2), within 0.1", short(measured, 4), abs(measured + 0.5) <= 0.1, full=True)
    linear = [r for r in rows if r["decay_early"] and r["decay_late"]]
    report.claim("PBGD converges linearly: decay in the last quarter of the run within a factor of 2 of that in the third", ", ".join(
        short(r["decay_late"] / r["decay_early"], 2) for r in linear), linear and all(0.5 <= r["decay_late"] / r["decay_early"] <= 2 for r in linear), full=True)
    report.figure("pbgd", "PBGD: norm of grad L_gamma", "iteration", "norm", curves, log="y")


def accuracies(report, runs):
    """Total inner steps (iterations times inner steps) against eps."""
    rows = []
    for tags, _, result in runs:
        if tags["part"] != "accuracy" or "refused" in result:
            continue
        best = (result["metrics"] or {}).get("constrained_least_squares")
        reached = None
        for k, gap, upper in zip(*(result["records"][c] for c in ("iteration", "lower_gap", "upper"))):
            good = gap is not None and gap <= tags["eps"] and upper - best <= tags["eps"]
            reached = None if not good else k if reached is None else reached
        rows.append({q: tags[q] for q in ("eps", "gamma", "inner")}
                    | {"iterations": reached, "total": reached and reached * tags["inner"]})
    if not rows:
        return
    report.table("accuracy", rows)
    measured = slope([(math.log(1 / r["eps"]), r["total"]) for r in rows])
    report.text("## PBGD: iterations for an (eps, eps)-solution\n\ngamma = eps^(-1/2), inner steps 2 log(1/eps), from the first record at which f(x, y) - F* and "
                "g - g* are at most eps and stay there. The theorem has a PL constant that grows with gamma; "
                "here it does not: directions that the training samples do not see have the curvature of f alone, so that iterations grow like gamma.")
    report.show(["eps", "gamma", "inner steps", "iterations", "total"],
                [[short(r[k]) if r[k] is not None else "not reached" for k in ("eps", "gamma", "inner", "iterations", "total")] for r in rows])
    report.claim("PBGD: total iterations grow as log^2(1/eps): slope of log total over log log(1/eps) at most 2.5",
                 short(measured, 3) if measured is not None else "not reached",
                 measured is not None and measured <= 2.5 and all(r["total"] is not None for r in rows), full=True)
    report.figure("accuracy", "PBGD: total inner steps for an (eps, eps)-solution", "log(1/eps)", "total",
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
    penalties(report, runs)
    accuracies(report, runs)
    products(report, runs)
