"""
The history of open connections as SVG: of all drafts, one on top of the other, and of each alone.

Each draft's colour is the page's to choose: what is drawn has the class of its name.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 880, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 8, 8, 24
_SPARK_WIDTH, _SPARK_HEIGHT = 200, 32

#: Minutes between two marks of the hour.
_MINUTES = 10


def stacked(series: Mapping[str, Sequence[int]], step: int) -> str:
    """
    The plot: an area for each, the first one lowest.

    :param series: by name, all of one length.
    :param step: seconds of each value.
    """
    length = max((len(values) for values in series.values()), default=0)
    highest = max((sum(column) for column in zip(*series.values(), strict=True)), default=0)
    unit = _unit(highest)
    top = max(unit, -(-highest // unit) * unit)
    width, height = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM

    def y(value: float) -> float:
        return _TOP + height * (1 - value / top)

    parts = [
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>Open connections in the last hour, at most {highest:,} at once</title>"
    ]
    for value in range(0, top + 1, unit):
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}"'
            f' y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
            f'<text class="mark" x="{_LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">'
            f"{value:,}</text>"
        )
    below = [0] * length
    for name, values in series.items():
        above = [low + value for low, value in zip(below, values, strict=True)]
        if any(values):
            path = _area(below, above, _LEFT, width / length, y)
            parts.append(
                f'<path class="area {escape(name)}" d="{path}">'
                f"<title>{escape(name)}: {values[-1]:,} open, at most {max(values):,}</title>"
                "</path>"
            )
        below = above
    seconds = step * length
    for minutes in range(0, seconds // 60 + 1, _MINUTES):
        x = WIDTH - _RIGHT - (width * 60 * minutes / seconds if seconds else 0)
        anchor = "end" if not minutes else "middle"
        text = f"\N{MINUS SIGN}{minutes} min" if minutes else "now"
        parts.append(
            f'<text class="mark" x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{text}</text>'
        )
    return "".join([*parts, "</svg>"])


def spark(name: str, values: Sequence[int]) -> str:
    """
    A small plot of one draft, as high as its highest.
    """
    top = max(values, default=0)

    def y(value: float) -> float:
        return _SPARK_HEIGHT - 1 - (_SPARK_HEIGHT - 3) * value / (top or 1)

    path = _area([0] * len(values), values, 0, _SPARK_WIDTH / (len(values) or 1), y)
    return (
        f'<svg class="spark" viewBox="0 0 {_SPARK_WIDTH} {_SPARK_HEIGHT}"'
        f' preserveAspectRatio="none" role="img"><title>at most {top:,} in the last hour</title>'
        f'<path class="area {escape(name)}" d="{path}"/></svg>'
    )


def _unit(highest: int) -> int:
    """
    What is between two lines: 1, 2 or 5 with zeros, for at most five of them.
    """
    power = 1
    while True:
        for first in (1, 2, 5):
            if highest <= first * power * 5:
                return first * power
        power *= 10


def _area(
    below: Sequence[int],
    above: Sequence[int],
    left: float,
    width: float,
    y: Callable[[float], float],
) -> str:
    """
    Where there is something: along the upper edge, and back along the lower one, in steps.

    :param width: of a step.
    :param y: where a value is.
    """
    parts = []
    for begin, end in _runs(above, below):
        points = [*_edge(above, begin, end), *reversed([*_edge(below, begin, end)])]
        corners = [f"{left + width * at:.1f} {y(value):.1f}" for at, value in points]
        parts.append(f"M{'L'.join(corners)}Z")
    return "".join(parts)


def _runs(above: Sequence[int], below: Sequence[int]) -> Iterator[tuple[int, int]]:
    """
    From where to where one is above the other.
    """
    begin = None
    for at, (high, low) in enumerate(zip(above, below, strict=True)):
        if high > low and begin is None:
            begin = at
        elif high == low and begin is not None:
            yield begin, at
            begin = None
    if begin is not None:
        yield begin, len(above)


def _edge(values: Sequence[int], begin: int, end: int) -> Iterator[tuple[int, int]]:
    """
    Where a line in steps turns: between which two values, at what height.
    """
    for at in range(begin, end):
        if at == begin or values[at - 1] != values[at]:
            yield at, values[at]
        if at == end - 1 or values[at + 1] != values[at]:
            yield at + 1, values[at]
