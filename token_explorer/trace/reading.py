"""Reading a trace that was written: trace.json back to a Trace whose numbers are the very same.

Whatever the file holds, it is a Trace that hangs together, or an InputError that names file and key.
"""

import json
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from token_explorer.core.generation import Ending, Step
from token_explorer.core.knobs import KNOBS, MAX_SEED, Sampler
from token_explorer.core.listing import Listed, of_candidates
from token_explorer.core.scores import NATS_PER_BIT, Candidates, Floats, Ints
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.errors import InputError
from token_explorer.results.document import SCHEMA
from token_explorer.trace.node import Node
from token_explorer.trace.record import FILE_NAME, INTERRUPTED, Scored, Snapshot, Timings, Trace
from token_explorer.trace.settings import TraceSettings

# Far more than any model has, and few enough to be held: a broken file may ask for more.
MAX_VOCABULARY = 10_000_000
MAX_TOKENS = 10_000_000
_ENDINGS: tuple[Ending, ...] = ("limit", "end", "stop", "context", "nothing")

Kind = TypeVar("Kind", np.float32, np.float64)


def read(folder: Path) -> Trace:
    """The trace in a folder. Raises InputError."""
    path = folder / FILE_NAME
    return of_node(Node(_parsed(path), str(path)))


def _parsed(path: Path) -> Any:
    title = "Can't read the trace"
    try:
        return json.loads(path.read_bytes(), parse_constant=_refused)
    except FileNotFoundError:
        hint = f"Name a folder that `token-explorer trace --out` wrote: it holds a {FILE_NAME}."
        raise InputError(title, f"{path} doesn't exist.", hint) from None
    except OSError as error:
        raise InputError(title, f"{path}: {error.strerror}.", "Choose a folder that you may read.") from None
    except (ValueError, RecursionError) as error:  # also bytes that aren't UTF-8, numbers that are too long
        raise InputError(title, f"{path} isn't JSON: {error}.", "Make the trace again.") from None


def _refused(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def of_node(node: Node) -> Trace:
    """The trace that a document holds. Raises InputError."""
    _check_schema(node["schema"])
    trace = _trace(node)
    if trace.text != node["text"].text:
        raise node["text"].wrong("the text of the steps")
    return trace


def _trace(node: Node) -> Trace:
    size = node["vocabulary"]["size"].whole(1, MAX_VOCABULARY)
    ids = tuple(each.whole(0, size - 1) for each in node["ids"].items)
    steps = _steps(node, size, len(ids))
    after = None if node["next"].empty else _candidates(node["next"], size)
    return Trace(
        model=node["model"].text,
        dtype=node["dtype"].text,
        device=node["device"].text,
        ids=ids,
        vocabulary=_vocabulary(node, size),
        prompt=_prompt(node["tokens"], ids),
        settings=_settings(node["settings"]),
        versions={name: node["versions"][name].text for name in node["versions"].keys},
        steps=steps,
        next=after,
        attention=tuple(_snapshot(each, len(ids), len(steps)) for each in node["attention"].items),
        notes=tuple(each.text for each in node["notes"].items),
        ending=node["ending"].one_of((*_ENDINGS, INTERRUPTED)),
        interrupted=node["interrupted"].flag,
        timings=_timings(node["timings"]),
    )


def _check_schema(node: Node) -> None:
    schema = node.whole(1, 1_000_000)
    if schema > SCHEMA:
        message = f"{node.file} has schema {schema}; this version reads {SCHEMA}."
        raise InputError("A newer trace", message, "Update token-explorer.")


def _vocabulary(node: Node, size: int) -> Vocabulary:
    """A vocabulary of which the tokens that the trace names are known."""
    said = node["vocabulary"]
    pieces = [b""] * size
    for token in _named(node):
        pieces[token["id"].whole(0, size - 1)] = _bytes(token["bytes"])
    bos, start = (None if said[key].empty else said[key].whole(0, size - 1) for key in ("bos", "start"))
    ends, special = ({each.whole(0, size - 1) for each in said[key].items} for key in ("ends", "special"))
    return Vocabulary(
        tuple(pieces), frozenset(special), bos, start, frozenset(ends), said["eats_first_blank"].flag
    )


def _named(node: Node) -> list[Node]:
    """All tokens in a trace."""
    steps = node["steps"].items
    after = [] if node["next"].empty else node["next"]["candidates"].items
    listed = [token for step in steps for token in step["alternatives"].items]
    return [*node["tokens"].items, *steps, *listed, *after]


def _bytes(node: Node) -> bytes:
    return bytes(each.whole(0, 255) for each in node.items)


def _prompt(node: Node, ids: TokenIds) -> Scored:
    tokens = node.items
    if tuple(token["id"].value for token in tokens) != ids:
        raise node.wrong("the tokens of `ids`")
    bits = np.array([token["entropy_bits"].number for token in tokens], np.float32)
    ranks = [0 if token["rank"].empty else token["rank"].whole(1, MAX_VOCABULARY) for token in tokens]
    return Scored(
        np.array([token["logprob"].number for token in tokens], np.float32),
        np.array([nats(each) for each in bits], np.float32),
        np.array(ranks, np.int64),
    )


def nats(bits: Kind) -> Kind:
    """The nats that were written as so many bits, to the last digit, where there are such."""
    kind = type(bits)
    unit = kind(NATS_PER_BIT)
    guess = kind(bits * unit)
    near = (guess, np.nextafter(guess, kind(np.inf)), np.nextafter(guess, kind(-np.inf)))
    return next((each for each in near if each / unit == bits), guess)


def _settings(node: Node) -> TraceSettings:
    most = MAX_TOKENS
    return TraceSettings(
        limit=node["limit"].whole(0, most),
        least=node["least"].whole(0, most),
        sampler=None if node["sampler"].empty else _sampler(node["sampler"]),
        seed=0 if node["seed"].empty else node["seed"].whole(0, MAX_SEED),
        stops=tuple(each.text for each in node["stops"].items),
        alternatives=node["alternatives"].whole(1, MAX_VOCABULARY),
        attention_every=node["attention_every"].whole(0, most),
        layer=None if node["layer"].empty else node["layer"].whole(1, most),
        heads=_heads(node["heads"], ("mean", "max", "all")),
    )


def _sampler(node: Node) -> Sampler:
    values: dict[str, Any] = {knob.name: node[knob.name].value for knob in KNOBS}
    for knob in KNOBS:
        if not knob.accepts(values[knob.name]):
            raise node[knob.name].wrong(knob.allowed)
    return Sampler(**values)


def _heads(node: Node, names: tuple[str, ...]) -> Any:
    """A head's number, or one of some names."""
    return node.one_of(names) if isinstance(node.value, str) else node.whole(1, MAX_TOKENS)


def _steps(node: Node, size: int, prompt: int) -> tuple[Step, ...]:
    steps, seconds = node["steps"].items, node["timings"]["steps"].items
    if len(seconds) != len(steps):
        raise node["timings"]["steps"].wrong(f"{len(steps)} numbers, one a step")
    return tuple(
        _step(step, size, prompt + number, took.number)
        for number, (step, took) in enumerate(zip(steps, seconds, strict=True))
    )


def _step(node: Node, size: int, place: int, seconds: float) -> Step:
    if node["place"].whole(1, MAX_TOKENS) != place + 1:
        raise node["place"].wrong(str(place + 1))
    token = node["id"].whole(0, size - 1)
    listed = _listed(node, token, size)
    if token not in listed.ids:
        raise node["alternatives"].wrong(f"a list with the token {token}, which was taken")
    return Step(place, token, seconds, listed)


def _listed(node: Node, token: int, size: int) -> Listed:
    """The tokens that a step lists; `left` isn't known, nor `cumulative` of one beyond the likeliest."""
    chances = node["alternatives"].items
    known = _candidates(node, size, "alternatives")
    whole, sampled = of_candidates(known), _sampled(chances)
    stages = tuple("" if each["removed"].empty else each["removed"].text for each in chances)
    return Listed(
        known.ids,
        known.logprobs,
        ranks := np.array([each["rank"].whole(1, MAX_VOCABULARY) for each in chances], np.int64),
        np.where(_gapless(ranks), whole.cumulative, np.nan),
        known.tail,
        known.entropy,
        token,
        sampled,
        () if sampled is None else stages,
    )


def _gapless(ranks: Ints) -> Any:
    """(K,) whether all tokens before a place are listed: equally likely ones have one rank."""
    return ranks <= np.arange(1, len(ranks) + 1)


def _sampled(chances: Any) -> Floats | None:
    if not chances or chances[0]["sampled"].empty:
        return None
    return np.array([each["sampled"].number for each in chances], np.float32)


def _candidates(node: Node, size: int, key: str = "candidates") -> Candidates:
    chances = node[key].items
    return Candidates(
        np.array([each["id"].whole(0, size - 1) for each in chances], np.int64),
        np.array([_logprob(each["logprob"]) for each in chances], np.float32),
        node["tail"].number,
        float(nats(np.float64(node["entropy_bits"].number))),
    )


def _logprob(node: Node) -> float:
    """Of a token that a distribution lists; null stands for one that can't come."""
    return -np.inf if node.empty else node.number


def _snapshot(node: Node, prompt: int, steps: int) -> Snapshot:
    step = node["step"].whole(0, steps)
    rows = node["weights"].items
    if [len(row.items) for row in rows] != list(range(1, prompt + step + 1)):
        raise node["weights"].wrong(f"rows of 1 to {prompt + step} numbers")
    weights = np.full((len(rows), len(rows)), np.nan, np.float32)
    for place, row in enumerate(rows):
        weights[place, : place + 1] = [each.number for each in row.items]
    return Snapshot(step, node["layer"].whole(1, MAX_TOKENS), _heads(node["heads"], ("mean", "max")), weights)


def _timings(node: Node) -> Timings:
    return Timings(node["started"].text, node["prompt_seconds"].number, node["seconds"].number)
