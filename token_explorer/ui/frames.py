"""Holds the screen's frames back for a moment, so that a key and its answer are painted together.

After a frame Textual paints the next one up to two sixtieths of a second later. A table that comes just
behind the frame of its key would wait so long. Knows nothing of what is painted.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from textual.timer import Timer

# What was foreseen, or run before, is answered sooner; what wasn't may as well be painted twice.
HELD_S = 0.012


class Frames:
    """The frames of an application.

    Args:
        pause: keeps them back as long as its context lasts.
        later: calls back after so many seconds.
        resume: has the screen painted, if there is anything new.
    """

    def __init__(
        self,
        pause: Callable[[], AbstractContextManager[None]],
        later: Callable[[float, Callable[[], None]], Timer],
        resume: Callable[[], None],
    ) -> None:
        self._pause, self._later, self._resume = pause, later, resume
        self._held: ExitStack | None = None
        self._timer: Timer | None = None

    @property
    def held(self) -> bool:
        """Whether frames are kept back."""
        return self._held is not None

    def hold(self) -> None:
        """Paint nothing until `release`, but no longer than HELD_S; one that is held already isn't longer."""
        if self._held is None:
            self._held = ExitStack()
            self._held.enter_context(self._pause())
            self._timer = self._later(HELD_S, self.release)

    def release(self) -> None:
        """Paint again."""
        held, self._held = self._held, None
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if held is not None:
            held.close()
            self._resume()
