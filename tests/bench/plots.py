"""Plots as SVG, with nothing but the standard library. They are read on light and dark pages."""

import math

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 72, 20, 44, 52

# Mid-tones, on no background: not every renderer knows whether the page is dark.
STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #768390 }
  .title { font-size: 15px; font-weight: 600 }
  .grid { stroke: #8b949e; stroke-opacity: 0.35; stroke-width: 1 }
  .line { stroke: #2f81f7; stroke-width: 2.5; fill: none; stroke-linejoin: round }
  .dot, .bar { fill: #2f81f7 }
  .mark { stroke: #db6d28; stroke-width: 1.5; stroke-dasharray: 4 3 }
  .mark-text { fill: #db6d28 }
"""


def short(number):
    """1500 as 1.5k."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return f"{number:g}"


def nice_step(top, most=6):
    """The smallest of 1, 2, 5, 10, ... by which `top` is reached in at most so many steps."""
    step = 10.0 ** math.floor(math.log10(top / most))
    for factor in (1, 2, 5, 10):
        if top / (step * factor) <= most:
            return step * factor
    raise AssertionError("a step of ten times the decade always suffices")


class Plot:
    """One quantity over another, which is on a logarithmic axis."""

    def __init__(self, title, x_label, x_range, y_top):
        self.x_low, self.x_high = (math.log10(x) for x in x_range)
        self.step = nice_step(y_top)
        self.y_top = math.ceil(y_top / self.step) * self.step
        self.parts = [f'<text class="title" x="{LEFT}" y="24">{title}</text>']
        self._axes(x_label)

    def x(self, value):
        part = (math.log10(value) - self.x_low) / (self.x_high - self.x_low)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        return HEIGHT - BOTTOM - value / self.y_top * (HEIGHT - TOP - BOTTOM)

    def _axes(self, x_label):
        for i in range(round(self.y_top / self.step) + 1):
            at = self.y(i * self.step)
            self.parts.append(
                f'<line class="grid" x1="{LEFT}" y1="{at:.1f}" x2="{WIDTH - RIGHT}" y2="{at:.1f}"/>'
                f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">'
                f"{short(i * self.step)}</text>"
            )
        # 1, 2, 5, 10, ... where there is room for them.
        factors = (1, 2, 5) if self.x_high - self.x_low < 3.5 else (1,)
        decades = range(math.floor(self.x_low), math.floor(self.x_high) + 1)
        for tick in (factor * 10.0**decade for decade in decades for factor in factors):
            if not self.x_low - 1e-9 <= math.log10(tick) <= self.x_high + 1e-9:
                continue
            at = self.x(tick)
            self.parts.append(
                f'<line class="grid" x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}"'
                f' y2="{HEIGHT - BOTTOM + 5}"/>'
                f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">'
                f"{short(tick)}</text>"
            )
        middle = (LEFT + WIDTH - RIGHT) / 2
        self.parts.append(
            f'<text x="{middle}" y="{HEIGHT - 10}" text-anchor="middle">{x_label}</text>'
        )

    def line(self, points):
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        self.parts.append(f'<polyline class="line" points="{path}"/>')
        for x, y in points:
            self.parts.append(f'<circle class="dot" cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="4"/>')

    def bar(self, x_from, x_to, height):
        left, right, top = self.x(x_from) + 1, self.x(x_to) - 1, self.y(height)
        self.parts.append(
            f'<rect class="bar" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}"'
            f' height="{self.y(0) - top:.1f}"/>'
        )

    def mark(self, x, text, row):
        at, top = self.x(x), TOP - 6 + 16 * row
        self.parts.append(
            f'<line class="mark" x1="{at:.1f}" y1="{top}" x2="{at:.1f}" y2="{HEIGHT - BOTTOM}"/>'
            f'<text class="mark-text" x="{at + 5:.1f}" y="{top + 10}">{text}</text>'
        )

    def svg(self):
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
            f' width="{WIDTH}" height="{HEIGHT}">\n<style>{STYLE}</style>\n'
            + "\n".join(self.parts)
            + "\n</svg>\n"
        )


def by_number(figures, before, after):
    """(number, value) of the figures whose names are a number between the two."""
    found = []
    for name, value in figures.items():
        if name.startswith(before) and name.endswith(after):
            number = name[len(before) : len(name) - len(after)]
            if number.isdigit():
                found.append((int(number), value))
    return sorted(found)


def lateness(figures):
    bars = by_number(figures, "lateness.histogram.le_", "_us")
    if not bars:
        return None
    fires = sum(count for _, count in bars)
    low = min(100, bars[0][0] / 10**0.1) / 1000
    high = max(10_000, bars[-1][0] * 4) / 1000  # with room for what is written beside the marks
    top = max(count for _, count in bars) / fires * 100
    title = f"Lateness at {figures['lateness.fires_per_s']:,.0f} fires per second, % of timers"
    plot = Plot(title, "milliseconds after the deadline", (low, high), top)
    for bound, count in bars:
        # Ten bars a decade; the lowest takes in all that is below it.
        begin = max(low, bound / 1000 / 10**0.1)
        plot.bar(begin, bound / 1000, count / fires * 100)
    for row, (key, text) in enumerate((("p50", "p50"), ("p99", "p99"), ("p999", "p99.9"))):
        at = figures[f"lateness.{key}_us"] / 1000
        plot.mark(max(at, low), f"{text} {at:.2g} ms", row)
    return plot.svg()


def over_pending(figures, suffix, title):
    points = by_number(figures, "pending.", suffix)
    if len(points) < 2:
        return None
    top = max(value for _, value in points)
    plot = Plot(title, "timers pending", (points[0][0], points[-1][0]), top)
    plot.line(points)
    return plot.svg()


def all_plots(figures):
    """File name -> SVG, or None where the figures for it are missing."""
    return {
        "lateness.svg": lateness(figures),
        "rate.svg": over_pending(figures, ".schedule_per_s", "Timers scheduled per second"),
        "memory.svg": over_pending(figures, ".rss_mib", "Memory of the server, MiB"),
    }
