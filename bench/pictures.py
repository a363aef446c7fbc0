"""
Line charts as SVG, written by hand so that measuring needs no library for it.

A chart brings its own background, and a light and a dark set of colours: the reader's system
chooses, wherever the picture is shown. Each line is named where it ends; there is no legend.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 760, 430
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 560, 64, 366
_LABEL_PX = 17  # from one name to the next, where lines end close to each other
_X_TICKS_MAX = 8  # of the data's own; more would overlap

# Neighbours in this order can be told apart with any kind of colour vision, on either background.
_LIGHT = ("2a78d6", "eb6834", "1baf7a", "eda100", "e87ba4", "008300", "4a3aa7", "e34948")
_DARK = ("3987e5", "d95926", "199e70", "c98500", "d55181", "008300", "9085e9", "e66767")
_STYLE = """\
text {{ font: 13px system-ui, sans-serif; fill: #{ink}; }}
.title {{ font-size: 16px; font-weight: 600; }}
.quiet {{ fill: #{quiet}; font-size: 12px; }}
.paper {{ fill: #{paper}; }}
path {{ fill: none; }}
.grid {{ stroke: #{grid}; }}
"""


@dataclass(frozen=True, slots=True)
class Series:
    """
    One line.

    Attributes:
        points: (x, y), by x; may end earlier than other lines do, but holds at least one.
        is_ours: Drawn thicker than the rest.
    """

    name: str
    points: Sequence[tuple[float, float]]
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class _Axis:
    """
    Where values are in pixels: the first tick at one end, the last at the other.
    """

    ticks: Sequence[float]
    start_px: float
    end_px: float
    scale: Callable[[float], float]

    def px(self, value: float) -> float:
        low, high = self.scale(self.ticks[0]), self.scale(self.ticks[-1])
        part = (self.scale(value) - low) / ((high - low) or 1)
        return round(self.start_px + part * (self.end_px - self.start_px), 1)


def line_chart(
    title: str,
    x_label: str,
    y_label: str,
    series: Sequence[Series],
    *,
    is_log_x: bool = False,
    is_log_y: bool = False,
    note: str = "",
) -> str:
    """
    The picture's SVG text.

    A linear axis of y begins at 0; the axis of x is marked at the values there are, if they are
    few. On a log axis all values must be above 0.

    Args:
        note: One line below the title.
    """
    xs = sorted({x for item in series for x, _ in item.points})
    x_ticks = xs if 1 < len(xs) <= _X_TICKS_MAX else _ticks(xs, is_log=is_log_x)
    y_ticks = _ticks([y for item in series for _, y in item.points], is_log=is_log_y)
    x = _Axis(x_ticks, _LEFT, _RIGHT, math.log10 if is_log_x else float)
    y = _Axis(y_ticks, _BOTTOM, _TOP, math.log10 if is_log_y else float)
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    upright = f"translate(22 {(_TOP + _BOTTOM) / 2}) rotate(-90)"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}">',
        f"<style>\n{_styles(len(series))}</style>",
        f'<rect class="paper" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>',
        _text(20, 28, title, kind="title"),
        _text(20, 47, note, kind="quiet"),
        *_grid(x, y),
        _text((_LEFT + _RIGHT) / 2, _HEIGHT - 18, x_label, anchor="middle"),
        f'<g transform="{upright}">{_text(0, 0, y_label, anchor="middle")}</g>',
        *_curves(series, x, y),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _ticks(values: Sequence[float], *, is_log: bool) -> list[float]:
    """
    Round numbers around all the values: powers of ten, or with 2 and 5 between; or from 0 on.
    """
    low, high = min(values), max(values)
    if not is_log:
        power = 10.0 ** math.floor(math.log10(high / 5 or 1))
        step = next(digit * power for digit in (1, 2, 5, 10) if digit * power >= high / 5)
        return [step * index for index in range(math.ceil(high / step) + 1)]
    digits = (1,) if high / low > 1_000 else (1, 2, 5)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    marks = [digit * 10.0**power for power in powers for digit in digits]
    first = max(mark for mark in marks if mark <= low)
    last = min(mark for mark in marks if mark >= high)
    return [mark for mark in marks if first <= mark <= last]


def _styles(count: int) -> str:
    light = _STYLE.format(ink="0b0b0b", quiet="52514e", paper="fcfcfb", grid="e1e0d9")
    dark = _STYLE.format(ink="ffffff", quiet="c3c2b7", paper="1a1a19", grid="383835")
    for index in range(count):
        light += f".c{index} {{ stroke: #{_LIGHT[index % len(_LIGHT)]}; }}\n"
        dark += f".c{index} {{ stroke: #{_DARK[index % len(_DARK)]}; }}\n"
    return f"{light}@media (prefers-color-scheme: dark) {{\n{dark}}}\n"


def _text(x: float, y: float, text: str, *, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'


def _grid(x: _Axis, y: _Axis) -> Iterator[str]:
    for tick in y.ticks:
        px = y.px(tick)
        yield f'<path class="grid" d="M{_LEFT} {px}H{_RIGHT}"/>'
        yield _text(_LEFT - 8, px + 4, f"{tick:,.10g}", kind="quiet", anchor="end")
    for tick in x.ticks:
        px = x.px(tick)
        yield f'<path class="grid" d="M{px} {_BOTTOM}v5"/>'
        yield _text(px, _BOTTOM + 20, f"{tick:,.10g}", kind="quiet", anchor="middle")


def _curves(series: Sequence[Series], x: _Axis, y: _Axis) -> Iterator[str]:
    """
    Lines with a dot per point, each led over to its name on the right.
    """
    names_px = _apart([y.px(item.points[-1][1]) for item in series])
    key_px = _RIGHT + 20
    for index, (item, name_px) in enumerate(zip(series, names_px, strict=True)):
        places = [f"{x.px(a)} {y.px(b)}" for a, b in item.points]
        dots = "".join(f"M{place}h0" for place in places)
        width = 3.5 if item.is_ours else 1.75
        yield f'<g class="c{index}" stroke-width="{width}">'
        yield f'<path d="M{"L".join(places)}"/>'
        yield f'<path d="{dots}" stroke-width="{width + 5}" stroke-linecap="round"/>'
        yield f'<path stroke-width="1" stroke-dasharray="2" d="M{places[-1]}L{key_px} {name_px}"/>'
        yield f'<path d="M{key_px} {name_px}h12"/>'
        yield "</g>"
        yield _text(key_px + 18, name_px + 4, item.name)


def _apart(wanted_px: Sequence[float]) -> list[float]:
    """
    Places near those wanted, in the order given, but far enough from each other to be read.
    """
    order = sorted(range(len(wanted_px)), key=lambda index: wanted_px[index])
    places = list(wanted_px)
    for above, below in itertools.pairwise(order):
        places[below] = max(places[below], places[above] + _LABEL_PX)
    for room, index in enumerate(reversed(order)):
        places[index] = min(places[index], _BOTTOM - room * _LABEL_PX)
    return [round(place, 1) for place in places]
