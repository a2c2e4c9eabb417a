"""A trace: one run of a model, whole, as numbers and as the JSON document of trace.json.

Knows nothing of files, plots or running models; `reading` takes such a document apart again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from token_explorer.core.generation import Step
from token_explorer.core.listing import of_candidates
from token_explorer.core.scores import NATS_PER_BIT, Candidates, Floats, Ints
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.results import document
from token_explorer.results.attention import How
from token_explorer.results.completion import candidate
from token_explorer.results.document import Document
from token_explorer.results.generation import End, step_document
from token_explorer.trace.settings import TraceSettings

FILE_NAME = "trace.json"
INTERRUPTED: End = "interrupted"

Number = TypeVar("Number", np.float32, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """How expected each of T tokens was, as core's Scores has it.

    Attributes:
        logprobs (T,): natural log; NaN at 0.
        entropies (T,): nats, of the distribution that produced the token; NaN at 0.
        ranks (T,): from 1; 0 at 0, which has none.
    """

    logprobs: Floats
    entropies: Floats
    ranks: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The attention of one head, or of a layer's heads together, after some steps.

    Attributes:
        step: how many tokens were written then; 0 is the prompt.
        layer: from 1.
        heads: a head's number from 1, or how the heads were put together: 'mean' or 'max' (of each weight).
        weights (n, n): softmax weights, a row for each query; NaN where the key comes after the query.
    """

    step: int
    layer: int
    heads: How
    weights: Floats


@dataclass(frozen=True, slots=True)
class Timings:
    """When the run was, and how long it took. Nothing else in a trace depends on the clock.

    Attributes:
        started: the time of day in UTC, ISO 8601.
        prompt_seconds: for scoring the prompt.
        seconds: for writing, without the prompt.
    """

    started: str
    prompt_seconds: float
    seconds: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Trace:
    """A run.

    Attributes:
        model, dtype, device: as EngineInfo has them.
        ids: the prompt's, T tokens.
        vocabulary: in one that was read, only tokens that the trace names have bytes.
        prompt: how expected its tokens were.
        settings: what was asked for.
        versions: of the program and the libraries that made it.
        steps: what was written, with what it was taken from; the run so far where it was interrupted.
        next: the likeliest tokens after the last one; None where the run didn't come so far.
        attention: snapshots, in the order of their steps.
        notes: what isn't there, and why; sentences.
        ending: why no more was written.
        interrupted: whether it was ended before all of it was recorded.
        timings: when, and how long.
    """

    model: str
    dtype: str
    device: str
    ids: TokenIds
    vocabulary: Vocabulary
    prompt: Scored
    settings: TraceSettings
    versions: Mapping[str, str]
    steps: tuple[Step, ...]
    next: Candidates | None
    attention: tuple[Snapshot, ...]
    notes: tuple[str, ...]
    ending: End
    interrupted: bool
    timings: Timings

    @property
    def scored(self) -> Scored:
        """How expected all tokens were, the prompt's and those that were written."""
        taken = [step.taken for step in self.steps]
        return Scored(
            _joined(self.prompt.logprobs, [listed.logprobs[place] for listed, place in taken]),
            _joined(self.prompt.entropies, [listed.entropy for listed, _ in taken]),
            _joined(self.prompt.ranks, [listed.ranks[place] for listed, place in taken]),
        )

    @property
    def written(self) -> TokenIds:
        """The ids that were written."""
        return tuple(step.token for step in self.steps)

    @property
    def text(self) -> str:
        """What was written; U+FFFD for parts of characters, such as one that the prompt began."""
        before = len(self.vocabulary.utf8(self.ids))
        return self.vocabulary.utf8(self.ids + self.written)[before:].decode("utf-8", errors="replace")

    def document(self) -> Document:
        """As JSON.

        Keys: schema, model, dtype, device, ids and tokens (the prompt's; each token {id, text, bytes,
        logprob, rank, entropy_bits}, the last three null for the first), settings {limit, sampler, seed,
        stops, least, alternatives, attention_every, layer, heads}, versions, vocabulary {size, bos, start,
        ends, special, eats_first_blank}, steps [as `generate` has them], next {candidates [{rank, id, text,
        bytes, logprob, probability}], tail, entropy_bits} or null, attention [{step, layer, heads ('mean',
        'max' or a number), weights (row q has the q + 1 weights of query q)}], notes, text (of what was
        written), ending, interrupted, timings {started, prompt_seconds, seconds, tokens_per_second, steps}.
        """
        start = {"schema": document.SCHEMA, "model": self.model, "dtype": self.dtype, "device": self.device}
        return {
            **start,
            "ids": list(self.ids),
            "tokens": self._tokens(),
            "settings": self.settings.document(),
            "versions": dict(self.versions),
            "vocabulary": _vocabulary(self.vocabulary),
            "steps": [step_document(self.vocabulary, step) for step in self.steps],
            "next": None if self.next is None else _next(self.vocabulary, self.next),
            "attention": [_snapshot(snapshot) for snapshot in self.attention],
            "notes": list(self.notes),
            "text": self.text,
            "ending": self.ending,
            "interrupted": self.interrupted,
            "timings": self._timings(),
        }

    def _tokens(self) -> list[Document]:
        bits = np.asarray(self.prompt.entropies / NATS_PER_BIT, dtype=np.float32)
        return [
            {
                **document.token(self.vocabulary, id),
                "logprob": document.number(self.prompt.logprobs[place]),
                "rank": int(self.prompt.ranks[place]) or None,
                "entropy_bits": document.number(bits[place]),
            }
            for place, id in enumerate(self.ids)
        ]

    def _timings(self) -> Document:
        took = self.timings.seconds
        return {
            "started": self.timings.started,
            "prompt_seconds": self.timings.prompt_seconds,
            "seconds": took,
            "tokens_per_second": len(self.steps) / took if took > 0 else None,
            "steps": [step.seconds for step in self.steps],
        }


def _vocabulary(vocabulary: Vocabulary) -> Document:
    """What a replay must know of the vocabulary, but for the bytes of tokens that the trace doesn't name."""
    return {
        "size": len(vocabulary),
        "bos": vocabulary.bos,
        "start": vocabulary.start,
        "ends": sorted(vocabulary.ends),
        "special": sorted(vocabulary.special),
        "eats_first_blank": vocabulary.eats_first_blank,
    }


def _next(vocabulary: Vocabulary, candidates: Candidates) -> Document:
    listed = of_candidates(candidates)
    return {
        "candidates": [candidate(vocabulary, listed, place) for place in range(len(listed))],
        "tail": document.number(candidates.tail),
        "entropy_bits": document.number(candidates.entropy / NATS_PER_BIT),
    }


def _joined(prompt: NDArray[Number], written: list[Any]) -> NDArray[Number]:
    return np.concatenate([prompt, np.array(written, prompt.dtype)])


def _snapshot(snapshot: Snapshot) -> Document:
    return {
        "step": snapshot.step,
        "layer": snapshot.layer,
        "heads": snapshot.heads,
        "weights": lower_triangle(snapshot.weights),
    }


def lower_triangle(weights: Floats) -> Sequence[Sequence[float | None]]:
    """The rows of (n, n) weights, each up to its own place."""
    return [document.numbers(row[: place + 1]) for place, row in enumerate(weights)]
