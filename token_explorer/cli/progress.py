"""How far an exercise was done, kept from one day to the next. Knows nothing of what is asked."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from token_explorer.errors import OutputError
from token_explorer.files import write_file

Mark = Literal["right", "wrong", "skipped"]
MARKS: tuple[Mark, ...] = get_args(Mark)


@dataclass(slots=True)
class Progress:
    """How far an exercise was done.

    Attributes:
        count: questions that there are.
        place: the one that is asked next, from 0; `count` at the end.
        marks: of those that were answered, by their place; the latest one.
    """

    count: int
    place: int = 0
    marks: dict[int, Mark] = field(default_factory=dict)

    def mark(self, mark: Mark) -> None:
        """Note how a question went, and go on to the next."""
        self.marks[self.place] = mark
        self.place += 1

    def counted(self, mark: Mark) -> int:
        """How many questions went so."""
        return sum(each == mark for each in self.marks.values())


class Store:
    """The progress of one exercise, in a file.

    Args:
        path: of the file; need not be there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, count: int) -> Progress:
        """How far it was done: not at all where no file says otherwise.

        Args:
            count: questions that there are.
        """
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            marks = {int(place): mark for place, mark in kept["marks"].items()}
            place = int(kept["place"])
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return Progress(count)
        sound = 0 <= place < count and all(0 <= each < count for each in marks)
        return (
            Progress(count, place, marks) if sound and set(marks.values()) <= set(MARKS) else Progress(count)
        )

    def write(self, progress: Progress) -> None:
        """Keep it. Raises OutputError."""
        document = {"place": progress.place, "marks": progress.marks}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"{self.path.parent}: {error.strerror or error}."
            raise OutputError("Not written", message, "Choose a folder that you may write to.") from None
        write_file(str(self.path), json.dumps(document).encode(), replace=True)

    def forget(self) -> None:
        """Begin anew the next time. Raises OutputError."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError("Not written", f"{self.path}: {error.strerror or error}.") from None
