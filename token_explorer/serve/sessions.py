"""Which tabs are open, which one was left alone, and where each one's workspace is kept.

Knows nothing of the network, nor of what runs in a tab.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

# Workspaces that are kept for tabs that may come back: the ones used last.
KEPT = 100


class Full(Exception):
    """There is no room for another tab."""


@dataclass(frozen=True, slots=True)
class Key:
    """What makes a tab the same again when it is loaded anew: its browser, and its own name there."""

    browser: str
    tab: str


@dataclass(slots=True, eq=False)
class Session:
    """A tab that is open.

    Attributes:
        workspace: the file that its workspace is kept in.
        used: when something last came from its user, in the clock's seconds.
        endings: why it shall close, to be told to its user; the first counts.
        over: set when it is closed.
    """

    key: Key
    workspace: Path
    used: float
    endings: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def end(self, why: str) -> None:
        """Ask it to close."""
        self.endings.put_nowait(why)


class Sessions:
    """The tabs that are open, at most so many.

    Args:
        folder: for their workspaces.
        most: how many tabs may be open.
        idle_s: how long a tab may be left alone, seconds.
        clock: tells seconds.
    """

    def __init__(self, folder: Path, most: int, idle_s: float, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._most = most
        self._idle_s = idle_s
        self._clock = clock
        self._open: dict[Key, Session] = {}
        # In the order in which they were used, the last one last; the values say nothing.
        self._kept: dict[Path, None] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    @property
    def full(self) -> bool:
        """Whether there is no room for another tab."""
        return len(self._open) >= self._most

    def find(self, key: Key) -> Session | None:
        """The tab with this key; None where it isn't open."""
        return self._open.get(key)

    def open(self, key: Key) -> Session:
        """Open a tab that isn't open. Raises Full."""
        if self.full:
            raise Full
        workspace = self._folder / f"{key.browser}-{key.tab}.json"
        self._open[key] = session = Session(key, workspace, self._clock())
        self._keep(workspace)
        return session

    def touch(self, session: Session) -> None:
        """Something came from a tab's user."""
        session.used = self._clock()

    def close(self, session: Session) -> None:
        """A tab is closed; its workspace is kept for when it comes back."""
        self._open.pop(session.key, None)
        self._keep(session.workspace)
        session.over.set()

    def abandoned(self) -> list[Session]:
        """The tabs that were left alone for too long."""
        since = self._clock() - self._idle_s
        return [session for session in self if session.used <= since]

    def _keep(self, workspace: Path) -> None:
        """Keep a workspace, and let go of those that were used before all others."""
        self._kept.pop(workspace, None)
        self._kept[workspace] = None
        in_use = {session.workspace for session in self}
        for old in [path for path in self._kept if path not in in_use][: max(0, len(self._kept) - KEPT)]:
            del self._kept[old]
            old.unlink(missing_ok=True)
