"""The top line: which model, on what, whether its checks hold, and whether it works.

Knows nothing of engines, but for the checks that they tell of.
"""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.timer import Timer

from token_explorer.core.engine import Check
from token_explorer.results import figures
from token_explorer.ui.widgets.bar import Bar, Runs, run

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
INTERVAL_S = 0.1
# What proves a model's numbers on this machine.
DOCTOR = "token-explorer doctor"


class TitleLine(Bar):
    """Name and model at the left; checks, and a spinner or how long the engine took, at the right."""

    DEFAULT_CSS = """
    TitleLine { background: $panel; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._about: list[str] = []
        self._note = ""
        self._checks: Sequence[Check] = ()
        self._seconds: float | None = None
        self._what = ""
        self._frame = -1
        self._timer: Timer | None = None

    def on_mount(self) -> None:
        # It first turns after one interval: most answers come sooner, and nothing flickers.
        self._timer = self.set_interval(INTERVAL_S, self._turn, pause=True)
        self._draw()

    def describe(self, about: list[str], note: str = "", checks: Sequence[Check] = ()) -> None:
        """Name the model; the note is for what the user should know of it."""
        self._about, self._note, self._checks = about, note, checks
        self._draw()

    def work(self, what: str = "") -> None:
        """The engine has something to do.

        Args:
            what: how far it is, safe for the screen; '' where there is nothing to tell.
        """
        self._seconds, self._what = None, what
        if self._timer is not None:
            self._timer.resume()

    def rest(self, seconds: float | None) -> None:
        """The engine has nothing to do; its last answer took so long, None for no answer."""
        self._seconds, self._frame, self._what = seconds, -1, ""
        if self._timer is not None:
            self._timer.pause()
        self._draw()

    def _turn(self) -> None:
        self._frame = (self._frame + 1) % len(_FRAMES)
        self._draw()

    def _draw(self) -> None:
        left: list[Segment] = [run("Token Explorer", bold=True), run("   " + " · ".join(self._about))]
        spinner = run(_FRAMES[self._frame], bold=True) if self._frame >= 0 else run(" ")
        told = self._what if self._seconds is None else figures.milliseconds(self._seconds)
        time = [run(f" {told}")] if told and (self._frame >= 0 or not self._what) else []
        right = [spinner, *time]
        note = [run(f"{self._note} · ", dim=True)] if self._note else []
        badges = _badges(self._checks)
        self.set(left, [*note, *badges[0], *right], *([*badge, *right] for badge in badges))


def _badges(checks: Sequence[Check]) -> list[Runs]:
    """How many of the checks hold; the same from long to short, and those that fail are never left out."""
    passed = sum(check.passed for check in checks)
    count = f"{passed}/{len(checks)} checks"
    if passed == len(checks):
        return [[run(f"✓ {count} ", dim=True)], []] if checks else [[]]
    loud = Style(bold=True, reverse=True)
    return [[Segment(text, loud), run(" ")] for text in (f" ✗ {count}: {DOCTOR} ", f" ✗ {count} ")]
