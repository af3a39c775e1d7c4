# A bar chart as SVG: one horizontal bar a benchmark on a logarithmic scale, grouped, with a line at 1. Knows nothing of where
# the numbers come from.
"""svg(title, groups) -> text of an SVG file."""

import html
import math

COLOURS = ("#4c72b0", "#dd8452", "#55a868", "#c44e52", "#8172b3", "#937860")
ROW, HEAD, LEFT, WIDTH, RIGHT = 15, 34, 150, 560, 70


def ticks(low, high):
    """1-2-5 steps from low to high inclusive."""
    out, step = [], 10.0 ** math.floor(math.log10(low))
    while step <= high * 1.0001:
        out += [step * m for m in (1, 2, 5) if low * 0.9999 <= step * m <= high * 1.0001]
        step *= 10
    return out


def bounds(values):
    """A range of 1-2-5 steps around the values and 1."""
    low, high = min(values + [1.0]), max(values + [1.0])
    steps = ticks(1e-4, 1e6)
    return max(t for t in steps if t <= low * 1.0001), min(t for t in steps if t >= high * 0.9999 and t > 1)


def svg(title, groups, unit="times as fast as the better qemu (geometric means in bold)"):
    """`groups`: [(name, [(label, [value, ...]), ...], [mean, ...])], as many values a label as there are series."""
    values = [v for _, bars, means in groups for _, vs in bars + [("", means)] for v in vs if v and v > 0]
    low, high = bounds(values)

    def x(v):
        return LEFT + WIDTH * (math.log(max(v, low)) - math.log(low)) / (math.log(high) - math.log(low))

    out, y = [], HEAD + 8
    for g, (name, bars, means) in enumerate(groups):
        for label, vs in bars + [(name, means)]:
            bold = ' font-weight="bold"' if vs is means else ""
            out.append('<text x="%d" y="%d" text-anchor="end"%s>%s</text>' % (LEFT - 6, y + 11, bold, html.escape(label)))
            shown = [v for v in vs if v and v > 0]
            height = (ROW - 3) / max(1, len(vs))
            for i, v in enumerate(vs):
                if v and v > 0:
                    a, b = sorted((x(1.0), x(v)))
                    out.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s" fill-opacity="%.2f"/>' %
                               (a, y + i * height, max(b - a, 0.5), height, COLOURS[g % len(COLOURS)],
                                (1.0 if bold else 0.75) / (1 + i * 0.5)))
            if shown:
                out.append('<text x="%.1f" y="%d"%s>%s</text>' %
                           (x(max(shown + [1.0])) + 4, y + 11, bold, " / ".join("%.2f" % v for v in shown)))
            y += ROW
        y += 8
    height = y + 22
    grid = []
    for t in ticks(low, high):
        grid.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s"/>' %
                    (x(t), HEAD, x(t), y, "#000" if t == 1 else "#ddd"))
        grid.append('<text x="%.1f" y="%d" text-anchor="middle">%g</text>' % (x(t), y + 14, t))
    return ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="11">\n'
            '<rect width="100%%" height="100%%" fill="#fff"/>\n<text x="10" y="16" font-size="14">%s</text>\n'
            '<text x="10" y="30">%s</text>\n%s\n</svg>\n') % (
                LEFT + WIDTH + RIGHT, height, html.escape(title), html.escape(unit), "\n".join(grid + out))
