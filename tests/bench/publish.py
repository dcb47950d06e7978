#!/usr/bin/env python3
"""Puts the figures of a benchmark run into a Markdown page and draws its plots.

usage: publish.py RUN PAGE.md

RUN is a directory with results.json and machine.json, as `./dev bench` leaves it. In the tables of
the page, each row that begins with the name of a figure in backticks gets that figure as its second
cell. The plots and both files go into the directory that is named like the page, without ".md".
Rows and plots without a figure are left as they are, and told.
"""

import json
import pathlib
import re
import shutil
import sys

import plots

ROW = re.compile(r"^\| `([\w.]+)` \|[^|]*\|")


def readable(value):
    """Three digits that count; thousands apart."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        digits = len(str(int(abs(value)))) - 3
        return f"{round(value, -digits):,.0f}"
    return f"{float(f'{value:.3g}'):g}"


def main():
    run, page = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    figures = json.loads((run / "results.json").read_text(encoding="utf-8"))
    folder = page.with_suffix("")
    folder.mkdir(exist_ok=True)
    missing = []

    lines = page.read_text(encoding="utf-8").splitlines()
    for i, line in enumerate(lines):
        row = ROW.match(line)
        if row is None:
            continue
        name = row.group(1)
        if name in figures:
            lines[i] = f"| `{name}` | {readable(figures[name])} |" + line[row.end() :]
        else:
            missing.append(name)
    page.write_text("\n".join(lines) + "\n", encoding="utf-8")

    for name, svg in plots.all_plots(figures).items():
        if svg is None:
            missing.append(name)
        else:
            (folder / name).write_text(svg, encoding="utf-8")
    for name in ("results.json", "machine.json"):
        shutil.copy(run / name, folder / name)
    if missing:
        print("no figures for: " + ", ".join(missing))


if __name__ == "__main__":
    main()
