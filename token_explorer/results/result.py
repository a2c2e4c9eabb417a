"""What a command says, to be written in one way or the other."""

from collections.abc import Iterable
from typing import Protocol

from rich.text import Text

from token_explorer.results.document import Document


class Result(Protocol):
    """The numbers of one command."""

    def document(self) -> Document:
        """As a JSON document; see docs/schema.json."""
        ...

    def text(self) -> Iterable[Text]:
        """As lines for a person, safe for a terminal."""
        ...
