"""What is said of what was measured: medians, ratios, tables, and bounds met or missed.

Knows nothing of what was measured, nor how. A value that can't be had is None.
"""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

# Between columns of a table.
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Took:
    """What one piece of work took.

    Attributes:
        s: seconds by the clock on the wall, as whoever asked for it sees them.
        cpu_s: seconds of processor time of the process that did it; None where the system doesn't tell.
    """

    s: float
    cpu_s: float | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """A figure, and what it should be at most, or at least.

    Attributes:
        name: which figure it is.
        value: None where it couldn't be measured, which is no bound met.
        limit: in the same unit.
        unit: 'ms', 's', or 'x' for a ratio.
        at_least: whether the limit is the lowest value allowed.
    """

    name: str
    value: float | None
    limit: float
    unit: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the figure is as it should be."""
        if self.value is None:
            return False
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def median(values: Iterable[float | None]) -> float | None:
    """The median of what could be measured; None where nothing could."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def ratio(ours: Sequence[float | None], theirs: Sequence[float | None]) -> float | None:
    """The median of the turns' own ratios: what else the machine does changes from turn to turn."""
    pairs = zip(ours, theirs, strict=True)
    return median(a / b for a, b in pairs if a is not None and b)


def over(value: float | None, other: float | None) -> float | None:
    """One value in terms of another; None where either is missing."""
    return None if value is None or not other else value / other


def scaled(value: float | None, factor: float) -> float | None:
    """A value in another unit."""
    return None if value is None else value * factor


def ms(times: Iterable[Took]) -> float | None:
    """Median milliseconds on the wall."""
    return scaled(median(each.s for each in times), 1e3)


def cpu_ms(times: Iterable[Took]) -> float | None:
    """Median milliseconds of processor time."""
    return scaled(median(each.cpu_s for each in times), 1e3)


def table(title: str, rows: Sequence[Any]) -> str:
    """Rows of one dataclass as lines, its fields' names above them."""
    names = [field.name.replace("_", " ") for field in fields(rows[0])]
    cells = [[shown(getattr(row, field.name)) for field in fields(row)] for row in rows]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    lines = [
        _GAP.join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True))
        for line in [names, *cells]
    ]
    return "\n".join([title, *lines])


def verdicts(bounds: Sequence[Bound]) -> str:
    """Each bound with what was measured, and whether it is met."""
    width = max((len(bound.name) for bound in bounds), default=0)
    return "\n".join(
        f"{bound.name:<{width}}  {shown(bound.value):>7} {'>=' if bound.at_least else '<='}"
        f" {shown(bound.limit)} {bound.unit:<2}  {'met' if bound.met else 'missed'}"
        for bound in bounds
    )


def shown(value: object) -> str:
    """A value with three digits or so; a dash for none."""
    if value is None:
        return "—"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
