"""Which looks inside the engine is asked for, and when: a moment after the last change, so that keys held
down start none. Knows nothing of prompts and screens, nor of what the answers are.
"""

from collections.abc import Callable, Sequence

from textual.timer import Timer

from token_explorer.ui.desk import Look

# A held key repeats about as fast as this.
AFTER_S = 0.03


class Looking:
    """The looks that are under way, and those that are about to be.

    Args:
        ask: asks for looks in place of those before; see Desk.look.
        later: calls back after so many seconds.
    """

    def __init__(
        self, ask: Callable[[Sequence[Look]], None], later: Callable[[float, Callable[[], None]], Timer]
    ) -> None:
        self._ask, self._later = ask, later
        self.asked: list[Look] = []
        """What the engine was asked for and hasn't answered."""
        self._planned: list[Look] | None = None
        self._timer: Timer | None = None

    @property
    def planned(self) -> bool:
        """Whether something else will be asked for in a moment."""
        return self._planned is not None

    def want(self, looks: Sequence[Look]) -> None:
        """Look for these, most urgent first, and at once no longer for others."""
        wanted = list(dict.fromkeys(looks))
        still = [look for look in self.asked if look in wanted]
        if still != self.asked:
            self._send(still)
        if wanted == self._planned:
            return
        self._cancel()
        if wanted != self.asked:
            self._planned = wanted
            self._timer = self._later(AFTER_S, self._begin)

    def end(self, look: Look) -> bool:
        """The engine answered a look, or can't; whether that was awaited."""
        if look not in self.asked:
            return False
        self.asked.remove(look)
        return True

    def end_all(self) -> list[Look]:
        """The engine answers no more; the looks that it leaves unanswered, and those that were planned."""
        left = list(dict.fromkeys([*self.asked, *(self._planned or [])]))
        self._cancel()
        self.asked = []
        return left

    def _begin(self) -> None:
        planned = self._planned or []
        self._cancel()
        self._send(planned)

    def _send(self, looks: list[Look]) -> None:
        self.asked = looks
        self._ask(looks)

    def _cancel(self) -> None:
        self._planned = None
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
