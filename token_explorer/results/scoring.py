"""How expected each token of a prompt was, with any overlay: as a table, JSON, CSV or coloured text.

Knows nothing of flags and terminals.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.text import Text

from token_explorer.core.engine import Stop
from token_explorer.core.observation import Facet
from token_explorer.core.reading import Reading
from token_explorer.core.scores import NATS_PER_BIT, Floats, Scores
from token_explorer.core.tokens import TokenIds, visible_blanks
from token_explorer.errors import InputError
from token_explorer.overlays import Glance, named
from token_explorer.results import figures
from token_explorer.results.document import Document, head, number, numbers
from token_explorer.results.opened import Opened
from token_explorer.results.palette import Palettes
from token_explorer.results.passage import coloured
from token_explorer.results.table import NONE, QUIET, STRONG, Column, table

LONGEST_TOKEN = 24
# Overlays whose values stand in a table without being asked for.
_ALWAYS = ("probability", "surprisal", "rank", "entropy")

# What an overlay needs beside the scores; None for nothing.
_Asked = Facet[Any] | None


@dataclass(frozen=True, slots=True)
class Total:
    """A prompt's tokens together, but for those without a value.

    Attributes:
        tokens: how many have one.
        bytes: of text that they make.
        logprob: the sum of theirs, nats; NaN where no token has one.
    """

    tokens: int
    bytes: int
    logprob: float

    @property
    def bits_per_token(self) -> float:
        """Mean surprisal of a token, bits; NaN where there is none."""
        return -self.logprob / NATS_PER_BIT / self.tokens if self.tokens else math.nan

    @property
    def bits_per_byte(self) -> float:
        """Surprisal of the tokens, bits for each byte of their text; NaN where that is empty."""
        return -self.logprob / NATS_PER_BIT / self.bytes if self.bytes else math.nan

    @property
    def perplexity(self) -> float:
        """The exponential of the mean surprisal in nats; NaN where there is none, infinity beyond floats."""
        with np.errstate(over="ignore"):
            return float(np.exp(np.float64(-self.logprob / self.tokens))) if self.tokens else math.nan

    def document(self) -> Document:
        """As JSON: {logprob, bits_per_token, bits_per_byte, perplexity}, null for NaN."""
        measures = ("logprob", "bits_per_token", "bits_per_byte", "perplexity")
        return {measure: number(getattr(self, measure)) for measure in measures}


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """A prompt's scores, and readings of the overlays that were asked for.

    Attributes:
        opened: the model that was asked.
        scores: of the prompt.
        readings: one for each overlay, in the order in which they were asked for.
    """

    opened: Opened
    scores: Scores
    readings: tuple[Reading, ...]

    @property
    def total(self) -> Total:
        """All tokens but those without a value. Special tokens, and the first one, make no bytes."""
        ids, vocabulary = self.scores.ids, self.opened.vocabulary
        known = ~np.isnan(self.scores.logprobs)
        names = sum(len(vocabulary.pieces[id]) for id in ids[1:] if id in vocabulary.special)
        text = len(vocabulary.utf8(ids)) - len(vocabulary.utf8(ids[:1])) - names
        logprob = float(self.scores.logprobs[known].sum(dtype=np.float64)) if known.any() else math.nan
        return Total(int(known.sum()), text, logprob)

    def document(self) -> Document:
        """As JSON: what `head` begins with, each of its tokens with

        - logprob (nats), probability, surprisal_bits, rank, entropy_bits (of the distribution that produced
          the token): null for the first token

        and then

        - overlays: [{name, title, unit, scale ("linear", "log" or "signed"), low, high, note, values ([T],
          null for none)}]
        - total: {logprob, bits_per_token, bits_per_byte, perplexity}, null where no token has a value.
        """
        document = head(self.opened, self.scores.ids)
        for name, values in _columns(self.scores).items():
            for entry, value in zip(document["tokens"], values, strict=True):
                entry[name] = _whole(value) if name == "rank" else number(value)
        return {
            **document,
            "overlays": [_overlay(reading) for reading in self.readings],
            "total": self.total.document(),
        }

    def text(self) -> Iterator[Text]:
        """A table of the tokens, a column for each overlay; then what they make together, and notes."""
        further = [reading for reading in self.readings if reading.key not in _ALWAYS]
        yield from table(
            [
                Column("#", "right"),
                Column("token", most=LONGEST_TOKEN),
                *(Column(title, "right") for title in ("logprob", "probability", "bits", "rank")),
                Column("entropy (bits)", "right"),
                *(Column(_heading(reading), "right") for reading in further),
            ],
            self._rows(further),
        )
        yield Text()
        yield from self._totals()
        yield from (Text(f"{reading.title}: {reading.note}", QUIET) for reading in further if reading.note)

    def _rows(self, further: Sequence[Reading]) -> Iterator[list[str | Text]]:
        scores = self.scores
        surprisals, entropies = scores.surprisals.tolist(), scores.entropy_bits.tolist()
        for place, shown in enumerate(self.opened.vocabulary.show(scores.ids)):
            logprob = float(scores.logprobs[place])
            own = (
                [NONE] * 5
                if math.isnan(logprob)
                else [
                    f"{logprob:.4f}",
                    figures.probability(logprob),
                    figures.bits(surprisals[place]),
                    str(scores.ranks[place]),
                    figures.bits(entropies[place]),
                ]
            )
            values = (_figure(float(reading.values[place]), reading) for reading in further)
            yield [str(place + 1), Text(visible_blanks("".join(shown)), STRONG), *own, *values]

    def _totals(self) -> Iterator[Text]:
        total = self.total
        if not total.tokens:
            yield Text("no token has one before it, so none has a probability")
            return
        tokens = "1 token" if total.tokens == 1 else f"{total.tokens} tokens"
        each = f"{figures.bits(total.bits_per_token)} bits a token"
        if total.bytes:
            each += f", {figures.bits(total.bits_per_byte)} bits a byte"
        yield Text(f"{tokens} with one before them: logprob {total.logprob:.4f}, {each}")
        yield Text(f"perplexity {total.perplexity:.5g} a token")

    def csv(self) -> str:
        """A line of titles with units, then one for each token.

        Floats in full precision, nothing for none; tokens as they are shown, their bytes in hexadecimal.
        """
        columns = {
            "logprob_nats" if name == "logprob" else name: of for name, of in _columns(self.scores).items()
        }
        for reading in self.readings:
            columns.setdefault(f"{reading.key}_{reading.unit}".rstrip("_"), reading.values)
        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\n")
        writer.writerow(["position", "id", "token", "bytes_hex", *columns])
        vocabulary, ids = self.opened.vocabulary, self.scores.ids
        for place, (id, shown) in enumerate(zip(ids, vocabulary.show(ids), strict=True)):
            values = (_exact(name, values[place]) for name, values in columns.items())
            piece = visible_blanks("".join(shown))
            writer.writerow([place + 1, id, piece, vocabulary.pieces[id].hex(), *values])
        return written.getvalue()

    def coloured(self, palettes: Palettes) -> list[Text]:
        """The text, each token on the colour of its value, and what the colours mean.

        Of the first overlay that was asked for, or the probability.
        """
        reading = self.readings[0] if self.readings else named("probability").read(Glance(self.scores), None)
        return coloured(self.opened.vocabulary, self.scores.ids, reading, palettes.of(reading))


def score(
    opened: Opened, ids: TokenIds, names: Sequence[str], layer: int | None, heads: int, stop: Stop
) -> Scored:
    """How expected each token was, looked at from the end of the prompt and its likeliest next token.

    Args:
        names: of overlays.
        layer: of the overlays that show one, 0 is the embeddings; None for the last.
        heads: how many attention heads the influence is taken from.

    Raises InputError for an unknown overlay, and a layer or heads that there can't be; ContextTooLong,
    FacetUnavailable, Stopped.
    """
    overlays = [named(name) for name in dict.fromkeys(names)]
    layer = _known_layer(layer, opened.info.layers)
    if heads < 1:
        raise InputError("No heads", f"{heads} heads were asked for.", "It takes 1 at least.")
    scores = opened.engine.score(ids, 1, stop)
    chosen = int(scores.next.ids[0])
    glance = Glance(scores, chosen=chosen, layer=layer, layers=opened.info.layers, heads=heads)
    facets = [overlay.ask(glance) for overlay in overlays]
    answers = _answers(opened, ids, facets, stop)
    readings = (overlay.read(glance, answers[facet]) for overlay, facet in zip(overlays, facets, strict=True))
    return Scored(opened, scores, tuple(readings))


def _answers(opened: Opened, ids: TokenIds, facets: Sequence[_Asked], stop: Stop) -> dict[_Asked, Any]:
    """What the model answers to each; what overlays share is asked for once."""
    return {
        facet: None if facet is None else opened.engine.observe(ids, facet, stop)
        for facet in dict.fromkeys(facets)
    }


def _known_layer(layer: int | None, layers: int) -> int:
    if layer is None:
        return layers
    if not 0 <= layer <= layers:
        hint = f"They are counted from 1 to {layers}; 0 is the embeddings."
        raise InputError("No such layer", f"{layer}.", hint)
    return layer


def _overlay(reading: Reading) -> Document:
    return {
        "name": reading.key,
        "title": reading.title,
        "unit": reading.unit,
        "scale": reading.scale,
        "low": number(reading.low),
        "high": number(reading.high),
        "note": reading.note,
        "values": numbers(reading.values),
    }


def _heading(reading: Reading) -> str:
    return f"{reading.title} ({reading.unit})" if reading.unit else reading.title


def _figure(value: float, reading: Reading) -> str:
    if math.isnan(value):
        return NONE
    if reading.scale == "signed":
        return f"{value:+.4g}"
    return figures.bits(value) if reading.unit == "bits" else f"{value:.4g}"


def _columns(scores: Scores) -> dict[str, Floats]:
    """What is known of each token (T,), by its key in documents; NaN for none."""
    return {
        "logprob": scores.logprobs,
        "probability": scores.probabilities,
        "surprisal_bits": scores.surprisals,
        "rank": np.where(scores.ranks > 0, scores.ranks, np.nan),
        "entropy_bits": scores.entropy_bits,
    }


def _whole(value: float) -> int | None:
    return None if math.isnan(value) else int(value)


def _exact(name: str, value: Any) -> str:
    """A value as it reads back the same; '' for none."""
    if np.isnan(value):
        return ""
    return str(int(value)) if name == "rank" else str(value)
