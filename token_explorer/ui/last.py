"""What was made last, kept for as long as it is what would be made again. Knows nothing of what it is."""

from collections.abc import Callable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Last(Generic[Made]):
    """What was made last: a reading takes a while, and most keys leave it as it is."""

    def __init__(self) -> None:
        self._kept: tuple[tuple[object, ...], Made] | None = None

    def of(self, make: Callable[[], Made], *key: object) -> Made:
        """The same thing again as long as all parts of its key are the same."""
        if self._kept is None or self._kept[0] != key:
            self._kept = key, make()
        return self._kept[1]
