"""What may come next: the likeliest tokens after a prompt. Knows nothing of flags and terminals."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from rich.text import Text

from token_explorer.core.engine import Stop
from token_explorer.core.listing import Listed, of_candidates
from token_explorer.core.observation import LayerLogprobs, LayerTable
from token_explorer.core.scores import NATS_PER_BIT
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.overlays.layers import correlations
from token_explorer.results import figures
from token_explorer.results.blocks import bar, spark
from token_explorer.results.document import Document, head, number, numbers, token
from token_explorer.results.opened import Opened
from token_explorer.results.table import BAR_CELLS, DRAWN, STRONG, Cell, Column, table

LONGEST_TOKEN = 28


@dataclass(frozen=True, slots=True, eq=False)
class Completion:
    """The likeliest next tokens.

    Attributes:
        opened: the model that was asked.
        ids: the prompt.
        listed: what may come next, likeliest first.
        layers: what each layer makes of the listed tokens; None where that wasn't asked for.
    """

    opened: Opened
    ids: TokenIds
    listed: Listed
    layers: LayerTable | None = None

    def document(self) -> Document:
        """As JSON: what `head` begins with, then

        - candidates: [{rank, id, text, bytes, logprob (nats), probability, cumulative (probability of this
          and all likelier tokens), layer_logprobs ([L], nats, by layer; only where they were asked for)}]
        - tail: probability of all tokens that aren't listed
        - entropy_bits: of the whole distribution.
        """
        return {
            **head(self.opened, self.ids),
            "candidates": [self._candidate(place) for place in range(len(self.listed))],
            "tail": number(self.listed.tail),
            "entropy_bits": number(self.listed.entropy / NATS_PER_BIT),
        }

    def _candidate(self, place: int) -> Document:
        entry = candidate(self.opened.vocabulary, self.listed, place)
        entry["cumulative"] = number(self.listed.cumulative[place])
        if self.layers is not None:
            entry["layer_logprobs"] = numbers(self.layers.logprobs[:, place])
        return entry

    def text(self) -> Iterator[Text]:
        """A table of the candidates, and below it what they don't say together."""
        yield from table(self._columns(), self._rows())
        yield Text()
        yield Text(f"entropy {figures.bits(self.listed.entropy / NATS_PER_BIT)} bits")
        yield Text(f"{figures.fraction(self.listed.tail)} of the probability lies beyond the list")
        if self.layers is not None:
            yield Text("layers: what the logit lens gives each token, as a share of its own largest value")

    def _columns(self) -> list[Column]:
        columns = [
            Column("#", "right"),
            Column("token", most=LONGEST_TOKEN),
            Column("id", "right"),
            Column("probability", "right"),
            Column(" " * BAR_CELLS),
        ]
        if self.layers is not None:
            columns.append(Column(f"layers 1 … {len(self.layers.logprobs)}"))
        return columns

    def _rows(self) -> Iterator[list[Cell]]:
        listed, shares = self.listed, None if self.layers is None else correlations(self.layers).values
        for place, (id, logprob) in enumerate(
            zip(listed.ids.tolist(), listed.logprobs.tolist(), strict=True)
        ):
            layers = [] if shares is None else [Text(spark(shares[:, place]), DRAWN)]
            yield [
                str(listed.ranks[place]),
                Text(self.opened.vocabulary[id].shown, STRONG),
                str(id),
                figures.probability(logprob),
                Text(bar(math.exp(logprob), BAR_CELLS), DRAWN),
                *layers,
            ]


def complete(opened: Opened, ids: TokenIds, top_k: int, layers: bool, stop: Stop) -> Completion:
    """The `top_k` likeliest tokens after a prompt.

    Args:
        layers: whether to look at what each layer makes of them.

    Raises ContextTooLong, Stopped, and FacetUnavailable where the layers can't be had.
    """
    listed = of_candidates(opened.engine.score(ids, top_k, stop).next)
    if not layers:
        return Completion(opened, ids, listed)
    facet = LayerLogprobs(len(ids), tuple(listed.ids.tolist()))
    return Completion(opened, ids, listed, opened.engine.observe(ids, facet, stop))


def candidate(vocabulary: Vocabulary, listed: Listed, place: int) -> Document:
    """One listed token as documents have it: {rank, id, text, bytes, logprob (nats), probability}."""
    logprob = listed.logprobs[place]
    return {
        "rank": int(listed.ranks[place]),
        **token(vocabulary, int(listed.ids[place])),
        "logprob": number(logprob),
        "probability": number(np.exp(logprob)),
    }
