"""Text cut into words: the tokens of a tiny model. Knows nothing of models.

A word is a run of letters and digits, or one other sign; a blank of any length or kind is a single space,
which is a token of its own.
"""

import re
from collections import Counter
from collections.abc import Sequence

from token_explorer.core.tokens import TokenIds
from token_explorer.errors import InputError

SPACE, UNKNOWN = " ", "<UNK>"
# Also what the tokenizer of a saved model cuts by.
PATTERN = r"\w+|\s|[^\w\s]"
_WORD = re.compile(PATTERN)


def plain(text: str) -> str:
    """A text with a single space in place of each blank, and none at its ends."""
    return SPACE.join(text.split())


def cut(text: str) -> list[str]:
    """The words of a plain text and the spaces between them; joined, they are the text."""
    return _WORD.findall(text)


def choose(words: Sequence[str], most: int) -> tuple[str, ...]:
    """The vocabulary of a text: the space first, then its words in order.

    Where it has more words than there is room for, the commonest are taken, and <UNK> stands last for others.

    Args:
        words: of the text.
        most: how many tokens there may be, the space and <UNK> among them; 3 at least.

    Raises InputError for a text without words.
    """
    counts = Counter(word for word in words if word != SPACE)
    if not counts:
        raise InputError("Nothing to learn", "the data holds no word.", "Give it some text.")
    if len(counts) < most:
        return (SPACE, *sorted(counts))
    # Of equally common ones those that come first: most_common keeps their order.
    return (SPACE, *sorted(word for word, _ in counts.most_common(most - 2)), UNKNOWN)


def encode(words: Sequence[str], vocabulary: Sequence[str]) -> TokenIds:
    """The ids of words; of unknown ones that of <UNK>. Raises KeyError where there is none."""
    ids = {word: id for id, word in enumerate(vocabulary)}
    return tuple(ids[word] if word in ids else ids[UNKNOWN] for word in words)
