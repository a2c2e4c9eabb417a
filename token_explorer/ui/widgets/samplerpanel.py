"""The sampler's panel: a switch, a line for each knob, the seed, and what the chosen one does.

Takes no focus: whoever gets the keys hands them on. Knows nothing of what a sampler does to a distribution.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from token_explorer.core.sampling import KNOBS, Knob, Sampler, step
from token_explorer.ui.widgets.lines import LineView
from token_explorer.ui.widgets.row import fitted
from token_explorer.ui.widgets.wrapping import wrapped

# Cells of a value, and of a line from its left arrow on: the arrows stay where they are as values change.
VALUE = 8
END = VALUE + 4
LEFT, RIGHT = "‹", "›"
SWITCH = 0
SWITCH_HELP = (
    "On: the table shows what each token may be drawn with, beside what the model gives it, and a run draws. "
    "Off: a run takes the likeliest token."
)
SEED_HELP = (
    "What the draws are made from: with the same seed a run writes the same again. "
    "Random: another one for each run."
)


@dataclass(frozen=True, slots=True)
class Dial:
    """A line of the panel.

    Attributes:
        title: what it sets.
        value: to what, in words.
        works: whether that changes anything.
        help: what it is for.
    """

    title: str
    value: str
    works: bool
    help: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What the panel sets.

    Attributes:
        on: whether the sampler is used.
        seed: of the draws; None for another one each time.
    """

    sampler: Sampler
    on: bool
    seed: int | None

    def dials(self) -> Iterator[Dial]:
        """The lines that show it: the switch, the knobs, the seed."""
        yield Dial("sampler", "on" if self.on else "off", self.on, SWITCH_HELP)
        for knob in KNOBS:
            value = float(getattr(self.sampler, knob.name))
            works = value != knob.off
            yield Dial(knob.title, figure(knob, value) if works else "off", works, about(knob))
        seeded = self.seed is not None
        yield Dial("seed", str(self.seed) if seeded else "random", seeded, SEED_HELP)

    def turned(self, dial: int, notches: int) -> "Choice":
        """Another choice: a knob that is turned is meant to work, so it switches the sampler on.

        Args:
            dial: index of the line.
            notches: how far, up or down; a switch knows no direction.
        """
        if dial == SWITCH:
            return replace(self, on=not self.on)
        if dial <= len(KNOBS):
            return replace(self, sampler=step(self.sampler, KNOBS[dial - 1], notches), on=True)
        seed = (-1 if self.seed is None else self.seed) + notches
        return replace(self, seed=seed if seed >= 0 else None)


def figure(knob: Knob, value: float) -> str:
    """A knob's value: two decimals, or as many as it has."""
    if knob.whole:
        return f"{value:.0f}"
    return text if float(text := f"{value:.2f}") == value else f"{value:.7g}"


def about(knob: Knob) -> str:
    """What a knob does, which values it may have, and what they count."""
    return f"{knob.help}\nIt is {knob.allowed}."


class SamplerPanel(LineView):
    """A list of dials, one of them chosen, and below it, where there is room, what that one is for."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"sampler--chosen", "sampler--idle", "sampler--help"}
    DEFAULT_CSS = """
    SamplerPanel { width: 34; }
    SamplerPanel > .sampler--chosen {
        background: $block-cursor-background; color: $block-cursor-foreground;
    }
    SamplerPanel > .sampler--idle { color: $text-muted; }
    SamplerPanel > .sampler--help { color: $text-muted; }
    """

    class Turned(Message):
        """Something was set to something else."""

        def __init__(self, sampler: Sampler, on: bool, seed: int | None) -> None:
            super().__init__()
            self.sampler = sampler
            self.on = on
            self.seed = seed

        def can_replace(self, message: Message) -> bool:
            """Each tells all that is set: of those passed by only the last matters."""
            return isinstance(message, SamplerPanel.Turned)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.chosen = SWITCH
        self._choice = Choice(Sampler(), on=False, seed=None)
        self._dials = tuple(self._choice.dials())

    def show(self, sampler: Sampler, on: bool, seed: int | None) -> None:
        """Draw what is set."""
        self._choice = Choice(sampler, on, seed)
        self._dials = tuple(self._choice.dials())
        self.fit(len(self._dials))
        self.refresh()

    def press(self, id: str) -> bool:
        """Do what a key of the table means while the panel is open; whether it means anything here.

        Args:
            id: of the key.
        """
        lines, page = len(self._dials), max(1, self.size.height)
        moves = {
            "choose-up": -1,
            "choose-down": 1,
            "page-up": -page,
            "page-down": page,
            "first": -lines,
            "last": lines,
        }
        turns = {"pop": (self.chosen, -1), "append": (self.chosen, 1), "pin": (SWITCH, 1)}
        if id in moves:
            self.choose(self.chosen + moves[id])
        elif id in turns:
            self._turn(*turns[id])
        return id in moves or id in turns

    def choose(self, line: int) -> None:
        """Choose a line, or the nearest there is."""
        self.chosen = max(0, min(line, len(self._dials) - 1))
        self._reveal()
        self.refresh()

    def _turn(self, dial: int, notches: int) -> None:
        changed = self._choice.turned(dial, notches)
        if changed != self._choice:
            self.show(changed.sampler, changed.on, changed.seed)
            self.post_message(self.Turned(changed.sampler, changed.on, changed.seed))

    def _reveal(self) -> None:
        self.scroll_to_region(Region(0, self.chosen, 1, 1), animate=False, force=True)
        # Textual tells a scrollbar only while it is shown, which it may be for the first time after this.
        self.vertical_scrollbar.position = self.scroll_y

    def on_mount(self) -> None:
        self.fit(len(self._dials))

    def on_resize(self) -> None:
        self._reveal()

    def on_click(self, event: events.Click) -> None:
        """A click chooses a line; one on an arrow of the chosen line turns it."""
        place = event.get_content_offset(self)
        if place is None or (line := place.y + self.scroll_offset.y) >= len(self._dials):
            return
        if line != self.chosen:
            self.choose(line)
            return
        width = self.line_width
        if abs(place.x - (width - END)) <= 1:
            self._turn(line, -1)
        elif abs(place.x - (width - 2)) <= 1:
            self._turn(line, 1)

    def render_line(self, y: int) -> Strip:
        width, base = self.line_width, self.base
        line = y + self.scroll_offset.y
        if line < len(self._dials):
            style = self._style(line)
            return Strip(self._line(line, width, style)).adjust_cell_length(width, style)
        words, below = self._words(width), line - len(self._dials) - 1
        text = f" {words[below]}" if 0 <= below < len(words) else ""
        segment = Segment(text, self.get_component_rich_style("sampler--help"))
        return Strip([segment]).adjust_cell_length(width, base)

    def _style(self, line: int) -> Style:
        if line == self.chosen:
            return self.get_component_rich_style("sampler--chosen")
        idle = not self._choice.on and line != SWITCH
        return self.get_component_rich_style("sampler--idle") if idle else self.base

    def _line(self, line: int, width: int, style: Style) -> list[Segment]:
        dial = self._dials[line]
        left, right = (LEFT, RIGHT) if line == self.chosen else (" ", " ")
        value = f"{fitted(dial.value, VALUE).rstrip():>{VALUE}}"
        title = fitted(dial.title, max(1, width - 1 - END))
        return [
            Segment(f" {title}{left}", style),
            Segment(value, style + Style(bold=dial.works)),
            Segment(f" {right} ", style),
        ]

    def _words(self, width: int) -> list[str]:
        """What the chosen line is for, in the lines that are left below the list; a … where it is cut."""
        room = max(0, self.size.height - len(self._dials) - 1)
        words = wrapped(self._dials[self.chosen].help, max(1, width - 2))
        if len(words) <= room:
            return words
        return [*words[: room - 1], fitted(words[room - 1], width - 3).rstrip() + "…"] if room else []
