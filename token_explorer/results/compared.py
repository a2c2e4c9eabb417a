"""What a comparison says: two sides, how far they are apart, and where they part.

Knows nothing of how models are asked.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from rich.text import Text

from token_explorer.core.scores import NATS_PER_BIT, Floats
from token_explorer.results import beside
from token_explorer.results.completion import candidate
from token_explorer.results.divergence import NO_GAP, Gap, mean
from token_explorer.results.document import SCHEMA, Document, number, token
from token_explorer.results.parting import Parting
from token_explorer.results.side import Side


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two models on one text, or one model on two texts.

    Attributes:
        sides: A and B.
        unlike: the first id that means another token in one vocabulary than in the other; None for none.
        end: how far the distributions after the last tokens are apart; no gap where the vocabularies differ.
        gaps: the same after each of the T tokens that both sides have; None where they haven't the same, and
            for two texts.
        parting: None where the sides don't part.
    """

    sides: tuple[Side, Side]
    unlike: int | None
    end: Gap
    gaps: tuple[Gap, ...] | None
    parting: Parting | None

    @property
    def mean(self) -> Gap:
        """The mean of the gaps, the end's among them; no gap where there are none."""
        return NO_GAP if self.gaps is None else mean(self.gaps)

    def document(self) -> Document:
        """As JSON, A before B in every list of two:

        - schema
        - sides: [{model, dtype, device, ids, tokens: [{id, text, bytes, logprob}], candidates: [{rank, id,
          text, bytes, logprob, probability, other_logprob (of the same token on the other side, null where
          it has none)}], tail, entropy_bits, total: as in `score`'s}]
        - same_vocabulary: whether ids mean the same on both sides
        - kl_bits, mean_kl_bits: {a_to_b, b_to_a}, of the next token, and the mean of that after each token;
          null where it isn't defined, or infinite
        - places: [{place (from 1), kl_bits (of what the token was taken from), logprob_change_bits (B
          against A), same_top}], the values of the first one null; null for two texts, and for models that
          cut the text into other tokens
        - first_divergence: {places, tokens: [{id, text, bytes} or null]}; null where there is none
        - note: what isn't defined, and why; '' for nothing.
        """
        one, other = self.sides
        by_id = self.unlike is None
        return {
            "schema": SCHEMA,
            "sides": [_side(one, other.logprobs_of(one, by_id)), _side(other, one.logprobs_of(other, by_id))],
            "same_vocabulary": by_id,
            "kl_bits": _gap(self.end),
            "mean_kl_bits": _gap(self.mean),
            "places": self._places(),
            "first_divergence": self._parting(),
            "note": self.note,
        }

    def text(self) -> Iterator[Text]:
        """The sides, their tokens where these are the same, what may come next, and the sums."""
        yield from beside.heads(self.sides)
        if self.gaps is not None:
            yield Text()
            yield from beside.places(self.sides, self._taken_from())
        yield Text()
        yield from beside.next_tokens(self.sides, self.unlike is None)
        yield Text()
        yield from beside.distances(self._distances())
        yield Text()
        yield from beside.totals(self.sides)
        yield Text()
        yield Text(f"first divergence: {self._where()}")
        yield from map(Text, self._notes())

    @property
    def note(self) -> str:
        """What isn't defined, and why, in words; '' for nothing."""
        return " ".join(self._notes())

    def _notes(self) -> list[str]:
        one, other = self.sides
        notes = []
        if self.unlike is not None:
            notes.append(
                f"The vocabularies differ, so KL isn't defined: {_meanings(self.sides, self.unlike)}."
            )
        elif one.tops and one.ids != other.ids:
            notes.append("The models cut the text into other tokens, so it isn't compared token by token.")
        if self.unlike is None and len(one.last.logits) != len(other.last.logits):
            notes.append("Their tables of tokens are padded: KL is of the tokens that both have.")
        gaps = [self.end, *(self.gaps or ())]
        if any(math.isinf(each.a_to_b) for each in gaps):
            notes.append("D(A‖B) is infinite where B rules out a token that A doesn't.")
        if any(math.isinf(each.b_to_a) for each in gaps):
            notes.append("D(B‖A) is infinite where A rules out a token that B doesn't.")
        return notes

    def _taken_from(self) -> list[Gap]:
        """(T,) gaps of the distributions that the tokens were taken from."""
        return [NO_GAP, *(self.gaps or ())][: len(self.sides[0].ids)]

    def _distances(self) -> list[tuple[str, Gap]]:
        named = [("next token", self.end)]
        if self.gaps is not None:
            named.append((f"mean of {len(self.gaps)} places", self.mean))
        return named

    def _where(self) -> str:
        """Where the sides part, in words."""
        if self.parting is None:
            return "none"
        a, b = self.parting.places
        tokens = [
            f"{letter} has ended" if id is None else f"{letter} {side.vocabulary[id].shown}"
            for letter, side, id in zip(beside.LETTERS, self.sides, self.parting.tokens, strict=True)
        ]
        return f"{f'token {a}' if a == b else f'token {a} of A, {b} of B'}: {', '.join(tokens)}"

    def _places(self) -> list[Document] | None:
        if self.gaps is None:
            return None
        one, other = self.sides
        changes = _changes(one, other)
        return [
            {
                "place": place + 1,
                "kl_bits": _gap(gap),
                "logprob_change_bits": number(changes[place]),
                "same_top": one.tops[place - 1] == other.tops[place - 1] if place else None,
            }
            for place, gap in enumerate(self._taken_from())
        ]

    def _parting(self) -> Document | None:
        if self.parting is None:
            return None
        tokens = [
            None if id is None else token(side.vocabulary, id)
            for side, id in zip(self.sides, self.parting.tokens, strict=True)
        ]
        return {"places": list(self.parting.places), "tokens": tokens}


def _side(side: Side, elsewhere: Floats) -> Document:
    """A side, given what the other one makes of its candidates."""
    info, listed = side.info, side.listed
    tokens = zip(side.ids, side.scores.logprobs, strict=True)
    return {
        "model": info.model,
        "dtype": info.dtype,
        "device": info.device,
        "ids": list(side.ids),
        "tokens": [{**token(side.vocabulary, id), "logprob": number(logprob)} for id, logprob in tokens],
        "candidates": [
            {**candidate(side.vocabulary, listed, place), "other_logprob": number(there)}
            for place, there in enumerate(elsewhere)
        ],
        "tail": number(listed.tail),
        "entropy_bits": number(listed.entropy / NATS_PER_BIT),
        "total": side.total.document(),
    }


def _gap(gap: Gap) -> Document:
    return {"a_to_b": number(gap.a_to_b), "b_to_a": number(gap.b_to_a)}


def _changes(one: Side, other: Side) -> Floats:
    """(T,) bits that each token is more probable on the other side; NaN for one that both rule out."""
    with np.errstate(invalid="ignore"):
        return np.asarray((other.scores.logprobs - one.scores.logprobs) / NATS_PER_BIT, dtype=np.float32)


def _meanings(sides: tuple[Side, Side], id: int) -> str:
    """What an id means on each side where it means different things."""
    known = [
        f"{side.vocabulary[id].shown} in {letter}"
        for letter, side in zip(beside.LETTERS, sides, strict=True)
        if id < len(side.vocabulary) and side.vocabulary.pieces[id]
    ]
    return f"token {id} is {' and '.join(known)}{' alone' * (len(known) == 1)}"
