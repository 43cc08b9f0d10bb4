# SPDX-License-Identifier: Apache-2.0
"""Report of the study regularity: see regularity.cpp."""
import math

from tables import short, slope

EXPONENT = {"H_1": 1.0, "H_2": 1 / 3, "H_3": 1 / 5}


def local_exponents(points):
    """Slopes between neighbours of (x, |grad F|), at the geometric mean of the two."""
    return [(math.sqrt(x * u), math.log(v / y) / math.log(u / x))
            for (x, y), (u, v) in zip(points, points[1:]) if y > 0 and v > 0]


def flat_exponent(x):
    """d log s / d log x of 2 s^-3 exp(-1/s^2) = x is 1 / (2/s^2 - 3); s by bisection."""
    low, high = 1e-3, math.sqrt(2 / 3)
    for _ in range(200):
        s = 0.5 * (low + high)
        low, high = (s, high) if 2 * s ** -3 * math.exp(-1 / s ** 2) < x else (low, s)
    return 1 / (2 / high ** 2 - 3)


def report(report, runs, quick):
    parts = {(tags["case"], tags["part"]): result["sweep"] for tags, _, result in runs if "sweep" in result}
    for (case, part), s in parts.items():
        report.table(f"{case} {part}", [dict(zip(s, values)) for values in zip(*s.values())])
    shown = []
    for case in dict.fromkeys(case for case, _ in parts):
        s = parts[case, "line"]
        upper = max(abs(a - b) for a, b in zip(s["F"], s["F_true"]))
        # At a kink there is no gradient to compare with.
        smooth = [(a, b) for a, b, v in zip(s["gradient"], s["gradient_true"], s["verdict"]) if b is not None and v == "certified"]
        gradient = max(abs(a - b) for a, b in smooth)
        kinks = [i for i, b in enumerate(s["gradient_true"]) if b is None]
        flagged = sum(s["verdict"][i] != "certified" for i in kinks)
        verdicts = {v: s["verdict"].count(v) for v in dict.fromkeys(s["verdict"])}
        shown.append([case, str(len(s["x"])), short(upper, 2), short(gradient, 2), f"{flagged} of {len(kinks)}",
                      ", ".join(f"{n} {v}" for v, n in verdicts.items())])
        report.claim(f"{case}: F along the line within 1e-8 of the closed form", short(upper, 2), upper <= 1e-8)
        report.claim(f"{case}: certified grad F within 1e-6 of the closed form", short(gradient, 2), gradient <= 1e-6)
        if kinks:
            report.claim(f"{case}: no certificate where F has a kink", f"{flagged} of {len(kinks)} not certified",
                         flagged == len(kinks))
    report.text("F and grad F at given x: HG-MS without a step in x, against closed forms. N2: F = -|sin 8x|. H_p: grad F = "
                "-sign(x) |x|^(1/(2p-1)). H_flat: no positive Hölder exponent.")
    report.show(["case", "points", "largest error of F", "of certified grad F", "kinks not certified", "verdicts"], shown)

    names = [case for case, part in parts if part == "powers"]
    rows, curves, locals_ = [], [], []
    for case in names:
        s = parts[case, "powers"]
        points = [(x, abs(g)) for x, g in zip(s["x"], s["gradient"]) if g is not None]
        measured = slope(points)
        curves.append((f"{case}, HG-MS", points, "points"))
        curves.append((f"{case}, closed form", [(x, abs(g)) for x, g in zip(s["x"], s["gradient_true"]) if g is not None], "lines"))
        local = local_exponents(points)
        locals_.append((case, local))
        row = {"case": case, "slope": measured, "smallest_local_exponent": min(e for _, e in local)}
        if case in EXPONENT:
            row["exponent"] = EXPONENT[case]
            report.claim(f"{case}: Hölder exponent of grad F at 0 is 1/(2p-1) = {EXPONENT[case]:.4f}, within 0.01",
                         short(measured, 4), abs(measured - EXPONENT[case]) <= 0.01)
        else:
            at, exponent = min(local)
            row["exponent_at"], row["exponent"] = at, flat_exponent(at)
            report.claim(f"{case}: local exponent at x = {at:.1e} is {flat_exponent(at):.4f}, within 0.005, and falls towards 0",
                         short(exponent, 4), abs(exponent - flat_exponent(at)) <= 0.005
                         and [e for _, e in local] == sorted(e for _, e in local))
        rows.append(row)
    report.table("exponents", rows)
    report.text("## Hölder exponents of grad F at 0\n\nSlope of log |grad F(x) - grad F(0)| over log x, x = 1e-6 ... 0.1; grad F(0) = 0.")
    report.show(["case", "exponent", "measured slope", "smallest local slope"],
                [[r["case"], short(r["exponent"], 4) + (f" at {r['exponent_at']:.1e}" if "exponent_at" in r else ""),
                  short(r["slope"], 4), short(r["smallest_local_exponent"], 4)] for r in rows])

    for quantity, title in (("F", "F"), ("gradient", "grad F")):
        for group, cases in (("kinks", ["N2"]), ("smoothness", ["H_1", "H_2", "H_3", "H_flat"])):
            lines = []
            for case in cases:
                if (case, "line") in parts:
                    s = parts[case, "line"]
                    lines.append((f"{case}, closed form", list(zip(s["x"], s[quantity + "_true"])), "lines"))
            for case in cases:
                if (case, "line") in parts:
                    s = parts[case, "line"]
                    every = max(1, len(s["x"]) // 40)
                    lines.append((f"{case}, HG-MS", list(zip(s["x"], s[quantity]))[::every], "points"))
            report.figure(f"{group}_{quantity.split('_')[0]}", f"{title} along a line", "x", title, lines)
    report.figure("exponents", "grad F at 0: slopes are Hölder exponents", "x", "|grad F(x)|", curves, log="xy")
    report.figure("local_exponents", "Local Hölder exponent of grad F at 0", "x", "exponent", locals_, log="x",
                  style="linespoints", extra="set yrange [0:1.1]")
