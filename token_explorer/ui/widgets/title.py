"""The top line: which model, on what, and whether it works. Knows nothing of engines."""

from rich.segment import Segment
from textual.timer import Timer

from token_explorer.ui import figures
from token_explorer.ui.widgets.bar import Bar, run

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
INTERVAL_S = 0.1


class TitleLine(Bar):
    """Name and model at the left; a spinner while the engine works, or how long it took, at the right."""

    DEFAULT_CSS = """
    TitleLine { background: $panel; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._about: list[str] = []
        self._note = ""
        self._seconds: float | None = None
        self._frame = -1
        self._timer: Timer | None = None

    def on_mount(self) -> None:
        # It first turns after one interval: most answers come sooner, and nothing flickers.
        self._timer = self.set_interval(INTERVAL_S, self._turn, pause=True)
        self._draw()

    def describe(self, about: list[str], note: str = "") -> None:
        """Name the model; the note is for what the user should know of it."""
        self._about, self._note = about, note
        self._draw()

    def work(self) -> None:
        """The engine has something to do."""
        self._seconds = None
        if self._timer is not None:
            self._timer.resume()

    def rest(self, seconds: float | None) -> None:
        """The engine has nothing to do; its last answer took so long, None for no answer."""
        self._seconds, self._frame = seconds, -1
        if self._timer is not None:
            self._timer.pause()
        self._draw()

    def _turn(self) -> None:
        self._frame = (self._frame + 1) % len(_FRAMES)
        self._draw()

    def _draw(self) -> None:
        left: list[Segment] = [run("Token Explorer", bold=True), run("   " + " · ".join(self._about))]
        spinner = run(_FRAMES[self._frame], bold=True) if self._frame >= 0 else run(" ")
        time = [] if self._seconds is None else [run(f" {figures.milliseconds(self._seconds)}")]
        right = [spinner, *time]
        note = [run(f"{self._note} · ", dim=True)] if self._note else []
        self.set(left, [*note, *right], right)
