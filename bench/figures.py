# SPDX-License-Identifier: Apache-2.0
"""figures.py FOLDER: draws the results in FOLDER as SVG and PNG, into FOLDER/figures.

bench_NAME-tTHREADS.json are of Google Benchmark (./run bench), compare*.json of the comparison
(./run compare --json). What is not there is not drawn. Needs gnuplot.
"""
import glob
import json
import os
import re
import shutil
import subprocess
import sys

COLORS = ["#0b5394", "#cc4125", "#38761d", "#b45f06", "#674ea7", "#45818e", "#7f6000", "#999999"]
HEADER = """set encoding utf8
set termoption noenhanced
set format '%g'
set border 3 lc rgb '#444444'
set tics nomirror out tc rgb '#222222'
set grid lc rgb '#dddddd' lt 1
set key outside right top Left reverse samplen 2
"""


def read_benchmarks(folder):
    """[{family, threads, items, n, ..., ms}]: 'kernel_and_pinv/n/items:1000/n:32/...'."""
    found = []
    for path in sorted(glob.glob(os.path.join(folder, "bench_*-t*.json"))):
        threads = int(re.search(r"-t(\d+)\.json$", path).group(1))
        with open(path) as file:
            try:
                content = json.load(file)
            except json.JSONDecodeError:
                print(f"figures.py: {path} is left out, the run that wrote it did not end", file=sys.stderr)
                continue
        for b in content["benchmarks"]:
            if b.get("error_occurred") or b.get("run_type", "iteration") != "iteration":
                continue
            words = b["name"].split("/")
            entry = {"family": "/".join(w for w in words if ":" not in w and w != "manual_time"),
                     "threads": threads, "ms": b["real_time"]}
            entry.update((w.split(":")[0], int(w.split(":")[1])) for w in words if ":" in w)
            found.append(entry)
    return found


def draw(folder, name, commands, size=(900, 520), quiet=False):
    gnuplot = next(filter(None, map(shutil.which, ("gnuplot", "gnuplot-nox", "gnuplot-qt", "gnuplot-x11"))), None)
    if not gnuplot:
        raise SystemExit("figures.py: there is no gnuplot")
    os.makedirs(os.path.join(folder, "figures"), exist_ok=True)
    for kind, terminal in (("svg", "svg size {},{} font 'DejaVu Sans,13' background 'white'"),
                           ("png", "pngcairo size {},{} font 'DejaVu Sans,11'")):
        out = os.path.join(folder, "figures", f"{name}.{kind}")
        script = (f"set terminal {terminal.format(*size)}\nset output '{out}'\n" + HEADER + commands)
        # What it says of terminals is of no use here.
        done = subprocess.run([gnuplot], input=script, text=True, capture_output=True)
        if done.returncode:
            raise SystemExit(f"figures.py: {name}: {done.stderr}")
    if not quiet:
        print(os.path.join(folder, "figures", name + ".png"))


def lines(folder, name, title, x_label, y_label, curves, log="xy"):
    """curves: [(label, threads, [(x, y)])]; a color a label, fewer threads dashed."""
    curves = [(label, threads, sorted(points)) for label, threads, points in curves if len(points) > 1]
    if not curves:
        return
    data = "".join(f"$d{i} << EOD\n" + "".join(f"{x} {y}\n" for x, y in points) + "EOD\n"
                   for i, (_, _, points) in enumerate(curves))
    ticks = sorted({x for _, _, points in curves for x, _ in points})
    labels = list(dict.fromkeys(label for label, _, _ in curves))
    most = max((t for _, t, _ in curves if t), default=0)

    def style(label, t):
        place = labels.index(label)
        return (f"lw 2 dt {1 if t in (0, most) else 2} pt {5 + place % 8} ps 0.9 lc rgb '{COLORS[place % 8]}' "
                f"title \"{label}{', ' + threads_word(t) if t else ''}\"")

    plots = ", ".join(f"$d{i} with linespoints {style(label, t)}" for i, (label, t, _) in enumerate(curves))
    draw(folder, name, data + f'set title "{title}"\nset xlabel "{x_label}"\nset ylabel "{y_label}"\n'
         + (f"set logscale {log}\n" if log else "")
         + "set xtics (" + ", ".join(f'"{x}" {x}' for x in ticks) + ")\n"
         + f"set xrange [{ticks[0] / 1.2}:{ticks[-1] * 1.2}]\n"
         + ("" if "y" in log else "set yrange [0:*]\n") + f"plot {plots}\n")


def threads_word(t):
    return f"{t} thread" + ("s" if t > 1 else "")


def draw_benchmarks(folder, found):
    threads = sorted({b["threads"] for b in found})

    def curves(families, x, y, n=None, counts=threads):
        """n: of that order only, where a smoke run or another figure has others."""
        return [(f"{family.split('/')[0]}{', float' if 'float' in family else ''}", t,
                 [(b[x], y(b)) for b in found
                  if b["family"] == family and b["threads"] == t and n in (None, b["n"])])
                for family in families for t in counts]

    def microseconds(b):
        return 1e3 * b["ms"] / b["items"] / b.get("columns", 1)

    solvers = ["kernel_and_pinv", "pinv_cg", "range_finder"]
    others = ["kernel_basis", "tangent_space", "symmetric_eigen", "pinv_cgls", "nystrom_pcg"]
    for name, families in (("time_n", solvers), ("time_n_others", others)):
        lines(folder, name, "One item against its order", "n", "µs an item",
              curves([s + "/n" for s in families], "n", microseconds))
    lines(folder, "precision", f"Double and single precision, {threads_word(max(threads, default=1))}; CG: condition 10, to 1e-5", "n", "µs an item",
          curves(["kernel_and_pinv/n", "kernel_and_pinv/float/n", "pinv_cg/precision/double", "pinv_cg/precision/float"],
                 "n", microseconds, counts=threads[-1:]))
    lines(folder, "time_batch", "Items a second against the batch (n = 32)", "items", "items / s",
          curves([s + "/batch" for s in solvers[:2]], "items", lambda b: 1e3 * b["items"] / b["ms"], 32))
    lines(folder, "time_k", "Kernel basis and one solve against the dimension of the kernel (n = 128)",
          "k", "µs an item", curves(["kernel_and_pinv/k"], "k", microseconds, 128))
    lines(folder, "time_k_products", "Kernel basis by products against the dimension of the kernel (n = 256)",
          "k", "µs an item", curves(["kernel_basis/k"], "k", microseconds, 256))
    lines(folder, "time_rank", "Range basis against the rank (n = 512)", "rank", "µs an item",
          curves(["range_finder/rank"], "rank", microseconds, 512))
    lines(folder, "time_condition", "Condition (n = 128)", "log10 of the condition", "µs an item",
          curves([s + "/condition" for s in solvers[:2]], "digits", microseconds, 128), log="y")
    lines(folder, "time_condition_others", "Condition (CGLS n = 128, Nyström and CG n = 512)", "log10 of the condition",
          "µs an item", curves(["pinv_cgls/condition"], "digits", microseconds, 128)
          + curves(["nystrom_pcg/condition"], "digits", microseconds, 512), log="y")
    lines(folder, "time_columns", "CG with several right-hand sides (32 x 512)", "right-hand sides an item",
          "µs a right-hand side", curves(["pinv_cg/columns"], "columns", microseconds, 512))
    if len(threads) > 1:
        def speedup(family):
            times = {(b["n"], b["threads"]): b["ms"] for b in found if b["family"] == family}
            return [(n, times[n, threads[0]] / times[n, threads[-1]]) for n, t in times
                    if t == threads[0] and (n, threads[-1]) in times]
        lines(folder, "threads", f"From {threads_word(threads[0])} to {threads[-1]}", "n", "speed-up",
              [(s, 0, speedup(s + "/n")) for s in solvers], log="x")


def draw_comparison(folder, path):
    with open(path) as file:
        report = json.load(file)
    stem = os.path.splitext(os.path.basename(path))[0]
    for job in dict.fromkeys(row["job"] for row in report["rows"]):
        rows = [row for row in report["rows"] if row["job"] == job]
        names = list(dict.fromkeys(p["name"] for row in rows for p in row["peers"]))
        bars = []  # (place, ratio, low, high, peer)
        wrong, centers, place = [], [], 0
        for row in rows:
            first = place
            for p in row["peers"]:
                if p.get("wrong"):
                    wrong.append((place, p["name"]))
                elif p["ratio"]:
                    bars.append((place, p["ratio"], p["ratio_low"], p["ratio_high"], p["name"]))
                place += 1
            centers.append(((first + place - 1) / 2, row["case"]))
            place += 1
        if not bars:
            continue
        top = max(b[3] for b in bars) * 2
        low = min(0.5, min(b[2] for b in bars) / 2)
        data = "".join(f"$d{i} << EOD\n" + "".join(f"{x} {r} {lo} {hi}\n" for x, r, lo, hi, p in bars if p == name)
                       + "EOD\n" for i, name in enumerate(names) if any(b[4] == name for b in bars))
        drawn = [(i, name) for i, name in enumerate(names) if any(b[4] == name for b in bars)]
        plots = ", ".join(f"$d{i} using 1:2 with boxes fs solid 0.85 noborder lc rgb '{COLORS[i % 8]}' title \"{name}\""
                          for i, name in drawn)
        spreads = ", ".join(f"$d{i} using 1:2:3:4 with yerrorbars pt 0 lw 1.4 lc rgb '#222222' notitle" for i, _ in drawn)
        labels = "".join(f"set label \"{r:.3g}\" at {x},{hi * 1.12} center font ',9' tc rgb '#333333'\n" for x, r, _, hi, _ in bars)
        labels += "".join(f"set label \"{name.replace('_', ' ')}: wrong\" at {x},{low * 1.15} left rotate by 90 font ',9' tc rgb '#aa0000'\n"
                          for x, name in wrong)
        draw(folder, f"{stem}_{job}", data + labels
             + f"set title \"Time of the peer / time of minfold: {job.replace('_', ' ')}\"\nset logscale y\n"
             + "unset grid\nset grid ytics lc rgb '#dddddd' lt 1\n"
             + "set ytics (" + ", ".join(f"{d * 10.0 ** e:g}" for e in range(-2, 5) for d in (1, 2, 5)) + ")\n"
             + f"set yrange [{low}:{top}]\nset xrange [-1:{place}]\nset boxwidth 0.8\nset ylabel 'ratio'\n"
             + "set xtics (" + ", ".join(f'"{label}" {x}' for x, label in centers) + ") scale 0\n"
             + "set arrow from graph 0,first 1 to graph 1,first 1 nohead lw 1.5 lc rgb '#000000' front\n"
             + f"plot {plots}, {spreads}\n", size=(max(800, 34 * place + 260), 520))


def main():
    folder = sys.argv[1] if len(sys.argv) == 2 else sys.exit(__doc__)
    draw_benchmarks(folder, read_benchmarks(folder))
    for path in sorted(glob.glob(os.path.join(folder, "compare*.json"))):
        draw_comparison(folder, path)


if __name__ == "__main__":
    main()
