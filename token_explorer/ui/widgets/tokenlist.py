"""The tokens of a text: number, token, id, bytes. Knows nothing of who cut the text."""

from token_explorer.core.tokens import TokenIds, Vocabulary, common_length
from token_explorer.ui.widgets.listing import Listing
from token_explorer.ui.widgets.row import fitted

# A cue beside the bold type, for a terminal that shows none.
SPECIAL = "◆"
LONGEST_TOKEN = 24
LEAST_TOKEN = 8
_NUMBER, _ID = 6, 8


class TokenList(Listing):
    """The tokens of a text, in order; special ones are marked."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ids: TokenIds = ()
        self._vocabulary = Vocabulary(())

    def show(self, ids: TokenIds, vocabulary: Vocabulary) -> None:
        """List tokens, and bring the first one into view that isn't as it was before."""
        same, place = ids == self._ids, common_length(ids, self._ids)
        self._ids, self._vocabulary = ids, vocabulary
        self.fill(len(ids))
        if not same:
            self.reveal(min(place, len(ids) - 1))

    def header(self, width: int) -> str:
        return f"{'#':>{_NUMBER}}   {fitted('token', _token(width))} {'id':>{_ID}}  bytes"

    def row(self, place: int, width: int) -> tuple[str, str]:
        token = self._vocabulary[self._ids[place]]
        shown = fitted(token.shown, _token(width))
        text = f"{place + 1:>{_NUMBER}} {SPECIAL if token.special else ' '} {shown} {token.id:>{_ID}}  "
        room = width - _NUMBER - 3 - _token(width) - 1 - _ID - 2
        return text, fitted(token.bytes.hex(" "), room) if room > 0 else ""

    def is_marked(self, place: int) -> bool:
        return self._ids[place] in self._vocabulary.special


def _token(width: int) -> int:
    """Cells of the token: half of what the numbers leave."""
    return max(LEAST_TOKEN, min(LONGEST_TOKEN, (width - _NUMBER - _ID - 6) // 2))
