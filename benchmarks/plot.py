"""Draws a benchmark's table as a small SVG with logarithmic axes."""

import math
from collections.abc import Mapping, Sequence

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 640, 320, 60, 36, 150, 44
_COLOURS = ("#3366cc", "#cc6633", "#339966", "#9955bb", "#777777")


def drawn(title: str, across: str, rows: Sequence[Mapping[str, float]], columns: Sequence[str]) -> str:
    """The columns of `rows` over the column `across`."""
    xs = [math.log10(row[across]) for row in rows]
    values = [row[column] for row in rows for column in columns if row[column] > 0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def x(value: float) -> float:
        return _LEFT + (value - xs[0]) / max(xs[-1] - xs[0], 1e-9) * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        share = (math.log10(max(value, 10.0**low)) - low) / max(high - low, 1)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="20" font-size="14">{title}</text>',
    ]
    for power in range(low, high + 1):
        at = y(10.0**power)
        lines.append(f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>')
        lines.append(f'<text x="{_LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    below = _HEIGHT - _BOTTOM + 18
    for place, row in zip(xs, rows, strict=True):
        lines.append(f'<text x="{x(place):.1f}" y="{below}" text-anchor="middle">{row[across]:,}</text>')
    lines.append(f'<text x="{_LEFT}" y="{_HEIGHT - 8}">{across}</text>')
    for number, column in enumerate(columns):
        colour = _COLOURS[number % len(_COLOURS)]
        points = " ".join(f"{x(place):.1f},{y(row[column]):.1f}" for place, row in zip(xs, rows, strict=True))
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        at = _TOP + 16 + 18 * number
        lines.append(f'<text x="{_WIDTH - _RIGHT + 12}" y="{at}" fill="{colour}">{column}</text>')
    return "\n".join([*lines, "</svg>", ""])
