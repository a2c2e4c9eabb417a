"""Looking ahead of the table: which candidates the model goes on from, and what is known of them so far.

No terminal and no threads; knows nothing of how any of it is shown.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from token_explorer.core.ahead import Ahead, Futures
from token_explorer.core.scores import Ints
from token_explorer.core.tokens import TokenIds, Vocabulary, show

# At first one token of each: then no candidate that is appended needs a forward.
NEXT = 1
# Then as many as make a few words, which is what fits into a column.
SHOWN = 4
# Then along the likeliest path about a line's worth: it can be appended token by token with no wait.
PATH = 12
# Prompts whose continuations stay read, for keys that go back and forth.
PROMPTS = 32
# UTF-8 has four bytes a character at most: so many tokens may have begun one that isn't ended.
_UNFINISHED = 3


@dataclass(frozen=True, slots=True)
class Continuation:
    """How the text would go on after a candidate, as far as that is known.

    Attributes:
        shown: what would follow, on one line, safe for the screen; '' for nothing: after a token that ends
            the text, and where the context is full.
        logprob: natural log of its probability, given the candidate.
    """

    shown: str
    logprob: float


@dataclass(slots=True)
class _Lesson:
    """What was learned of one prompt's candidates, and from which answers."""

    known: dict[int, Continuation] = field(default_factory=dict)
    learned: list[Futures] = field(default_factory=list)

    def learn(self, look: Ahead, answer: Futures, seen: dict[int, Continuation]) -> None:
        """Add what a look saw; what is known of more tokens stays."""
        self.known = {**self.known, **seen} if look.depth == SHOWN else {**seen, **self.known}
        self.learned.append(answer)


class Outlook:
    """What is asked and known of the continuations of a table's rows.

    Args:
        vocabulary: what ids mean.
        rows: how many candidates the model goes on from at a time; 0 for none.
    """

    def __init__(self, vocabulary: Vocabulary, rows: int) -> None:
        self.rows = rows
        """How many; to be set to 0 where no more shall be looked for."""
        self._vocabulary = vocabulary
        self._lessons: OrderedDict[TokenIds, _Lesson] = OrderedDict()

    def looks(self, place: int, ids: Ints, row: int) -> list[Ahead]:
        """What to look for, in this order.

        Args:
            place: how many tokens come before the candidates.
            ids (K,): the candidates, as they are listed.
            row: the chosen one; it and its neighbours are those that are gone on from.
        """
        if not self.rows or not len(ids):
            return []
        start = row // self.rows * self.rows
        block = tuple(ids[start : start + self.rows].tolist())
        return [Ahead(place, block, NEXT), Ahead(place, block, SHOWN), Ahead(place, block[:1], PATH)]

    def continuations(
        self, before: TokenIds, looks: Iterable[Ahead], known: Callable[[Ahead], object]
    ) -> Mapping[int, Continuation]:
        """What is known of the continuations after a prompt, by candidate; also of rows left meanwhile.

        Args:
            before: what comes before the candidates.
            looks: those that may have been answered.
            known: tells the answer to one.
        """
        lesson = self._lessons.setdefault(before, _Lesson())
        self._lessons.move_to_end(before)
        if len(self._lessons) > PROMPTS:
            self._lessons.popitem(last=False)
        answers = [(look, known(look)) for look in looks if look.depth <= SHOWN]
        for look, answer in answers[::-1]:
            if isinstance(answer, Futures):
                if answer not in lesson.learned:
                    lesson.learn(look, answer, self._read(before, look, answer))
                break  # those before it are of fewer tokens
        return lesson.known

    def _read(self, before: TokenIds, look: Ahead, answer: Futures) -> dict[int, Continuation]:
        """What an answer says of each of its candidates."""
        rows = zip(look.tokens, answer.tokens.tolist(), answer.joint.tolist(), strict=True)
        return {
            token: Continuation(self._shown(before, token, following), logprob)
            for token, following, logprob in rows
        }

    def _shown(self, before: TokenIds, token: int, tokens: Sequence[int]) -> str:
        """What would follow a candidate, characters whole whose bytes several tokens share."""
        pieces = self._vocabulary.pieces
        following = b"".join(pieces[each] for each in tokens if each >= 0)
        if not following:
            return ""
        begun = [pieces[each] for each in (*before[-_UNFINISHED:], token)]
        return "".join(show((*begun, following))[-1])
