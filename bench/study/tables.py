# SPDX-License-Identifier: Apache-2.0
"""What the reports of all studies share: statistics, tables, figures."""
import math
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import figures  # noqa: E402

# 97.5 % quantiles of Student's t distribution for 1, 2, ... degrees of freedom.
T_QUANTILES = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
               2.131, 2.120, 2.110, 2.101, 2.093, 2.086]


def mean_and_interval(values):
    """Mean and half-width of its 95 % interval; None where there is not enough."""
    values = [v for v in values if v is not None]
    if not values:
        return None, None
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, None
    variance = sum((v - mean) ** 2 for v in values) / (len(values) - 1)
    return mean, T_QUANTILES[min(len(values) - 2, len(T_QUANTILES) - 1)] * math.sqrt(variance / len(values))


def median(values):
    values = sorted(v for v in values if v is not None)
    if not values:
        return None
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else 0.5 * (values[middle - 1] + values[middle])


def slope(points):
    """Of the least-squares line through (log x, log y)."""
    logs = [(math.log(x), math.log(y)) for x, y in points if x > 0 and y is not None and y > 0]
    if len(logs) < 2:
        return None
    mx = sum(x for x, _ in logs) / len(logs)
    my = sum(y for _, y in logs) / len(logs)
    square = sum((x - mx) ** 2 for x, _ in logs)
    return sum((x - mx) * (y - my) for x, y in logs) / square if square > 0 else None


def short(value, digits=3):
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return f"{value:.{digits}g}"


def spread(mean, half):
    if mean is None:
        return ""
    return short(mean, 4) + (f" ± {short(half, 2)}" if half is not None else "")


class Report:
    def __init__(self, name, out, quick):
        self.name, self.out, self.quick = name, out, quick
        self.data = {}     # table: [{quantity: value}]
        self.claims = []   # {claim, measured, met}
        self.body = []     # Markdown

    def table(self, name, rows):
        """Keeps numbers for JSON and CSV."""
        self.data[name] = rows

    def text(self, paragraph):
        self.body.append(paragraph + "\n")

    def show(self, header, rows):
        self.body.append("| " + " | ".join(header) + " |\n|" + "---|" * len(header) + "\n"
                         + "".join("| " + " | ".join(row) + " |\n" for row in rows))

    def claim(self, claim, measured, met, full=False):
        """`full`: takes the length of the whole study, and is not judged in a quick one."""
        if full and self.quick:
            return
        self.claims.append({"claim": claim, "measured": measured, "met": bool(met)})

    def figure(self, name, title, x_label, y_label, curves, log="", style="lines", extra="", size=(900, 520)):
        """curves: [(label, [(x, y)]) or (label, points, style of gnuplot)]."""
        # Without a number a line is interrupted.
        curves = [(c[0], [(x, y) for x, y in c[1] if y is None or ((("y" not in log) or y > 0)
                          and (("x" not in log) or x > 0))], c[2] if len(c) > 2 else style) for c in curves]
        curves = [c for c in curves if any(y is not None for _, y in c[1])]
        if not curves:
            return
        data = "".join(f"$d{i} << EOD\n" + "".join("\n" if y is None else f"{x!r} {y!r}\n" for x, y in points) + "EOD\n"
                       for i, (_, points, _) in enumerate(curves))
        plots = ", ".join(f"$d{i} with {how} lw 2 " + (f"pt {5 + i % 8} ps 0.7 " if "points" in how else "")
                          + f"lc rgb '{figures.COLORS[i % 8]}' " + ("dt 2 " if i >= 8 and "lines" in how else "")
                          + f"title \"{label}\"" for i, (label, _, how) in enumerate(curves))
        commands = (data + f'set title "{title}" noenhanced\nset xlabel "{x_label}" noenhanced\n'
                    f'set ylabel "{y_label}" noenhanced\n'
                    + (f"set logscale {log}\n" if log else "") + extra + f"\nplot {plots}\n")
        if log:
            commands = "".join(f"set format {axis} '10^{{%L}}'\n" for axis in log) + commands
            commands = "set termoption enhanced\nset key noenhanced\n" + commands
        figures.draw(self.out, f"{self.name}_{name}", commands, size, quiet=True)
        os.remove(os.path.join(self.out, "figures", f"{self.name}_{name}.png")) if not os.environ.get("KEEP_PNG") else None
        self.body.append(f"![{title}](figures/{self.name}_{name}.svg)\n")

    def markdown(self, index):
        m = index["machine"]
        text = f"# Study: {index['study']}" + (", quick" if index["quick"] else "") + "\n\n"
        text += (f"{m['processor']}, {m['threads']} thread{'s' if m['threads'] != '1' else ''}; Kokkos {m['kokkos']} "
                 f"{m['backend']}; commit {m['commit']}.\n\n")
        if self.claims:
            text += "| what should hold | measured | |\n|---|---|---|\n"
            text += "".join(f"| {c['claim']} | {c['measured']} | {'met' if c['met'] else '**not met**'} |\n"
                            for c in self.claims) + "\n"
        text += "\n".join(self.body)
        if index["notes"]:
            text += "\nNotes:\n\n" + "".join(f"- {note}\n" for note in index["notes"])
        return text
