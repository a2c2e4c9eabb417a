"""A model for tests: byte-level tokens, hostile ones among them, and numbers made from the ids alone."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from token_explorer.byhand.weights import Numbers, Parameters, Weights
from token_explorer.core.ahead import Ahead, Futures
from token_explorer.core.cuts import Chat, Cut, Encoding, Recut
from token_explorer.core.engine import Answer, Check, EngineInfo, Progress, Report, Stop, Stopped, unheard
from token_explorer.core.generation import Ending, Generated, Plan, Step
from token_explorer.core.listing import Listed, of_distribution
from token_explorer.core.observation import (
    AttentionMap,
    AttentionMaps,
    AttentionRow,
    AttentionRows,
    AttentionWeights,
    Attributed,
    Attribution,
    DecisionDepth,
    Depths,
    Distribution,
    Facet,
    Following,
    Kind,
    LayerLogprobs,
    LayerTable,
    Lens,
    LensCells,
    Likeliest,
    ResidualMeasures,
    Residuals,
)
from token_explorer.core.sampling import Sampled, draw, reshape
from token_explorer.core.scores import Candidates, Floats, Scores
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.errors import ContextTooLong, EngineDied, ExplorerError

WORDS = (
    " the",
    " very",
    " small",
    " girl",
    "Once",
    " upon",
    " a",
    " time",
    ",",
    " there",
    " was",
    "\n\n",
    " 日本",
)
HOSTILE = (
    "[/b]",
    "[INST]",
    "[@click=app.quit]x[/]",
    "\x1b[31mred",
    "\x1b]2;PWNED\x1b\\",
    "\x1b]52;c;cHduZWQ=\x07",
    "\x9b5;5H",
    "back\\",
    "\u202eright",
    "\u200b",
    "\u0301",
    "👨\u200d👩\u200d👧",
    "\x00\x07\r\t",
)
BOS = 256
FIRST_WORD = 257
SPECIAL = b"<|start|>"
PIECES = (
    *(bytes([byte]) for byte in range(256)),
    SPECIAL,
    *(word.encode() for word in (*WORDS, *HOSTILE)),
)
VOCABULARY = Vocabulary(PIECES, frozenset({BOS}), bos=BOS, start=BOS, ends=frozenset({BOS}))
# Longer than any test should take; a test that waits so long has failed.
PATIENCE_S = 20.0

# Kinds of facets that take no forward.
LIGHT = ("distribution", "candidates", "tokenizer", "chat")

U64 = NDArray[np.uint64]


def token_of(text: str) -> int:
    """The id of a word."""
    return PIECES.index(text.encode())


def encode(text: str) -> TokenIds:
    """The longest words first, then bytes, after the BOS."""
    data, ids, place = text.encode(), [BOS], 0
    longest = sorted(range(FIRST_WORD, len(PIECES)), key=lambda id: -len(PIECES[id]))
    while place < len(data):
        id = next((id for id in longest if data.startswith(PIECES[id], place)), data[place])
        ids.append(id)
        place += len(PIECES[id])
    return tuple(ids)


def _mixed(values: U64) -> U64:
    """Bits that look random (splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _state(ids: TokenIds, state: int = 1) -> int:
    """What a prompt comes to, or one that goes on from a state."""
    for id in ids:
        state = (state * 6364136223846793005 + id + 1) % 2**64
    return state


def _logprobs(ids: TokenIds) -> Floats:
    """(T, V) log probabilities after each token, a function of the ids up to it."""
    state, states = 1, []
    for id in ids:
        state = _state((id,), state)
        states.append(state)
    return _after(states)


def _after(states: list[int]) -> Floats:
    """(S, V) log probabilities after each state."""
    grid = np.array(states, np.uint64)[:, None] + np.arange(1, len(PIECES) + 1, dtype=np.uint64) * np.uint64(
        0x9E3779B97F4A7C15
    )
    logits = (_mixed(grid) >> np.uint64(11)).astype(np.float64) / 2**53 * 12
    logprobs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    return np.asarray(logprobs, dtype=np.float32)


def score(ids: TokenIds, top_k: int, reused: int = 0) -> Scores:
    """The scores that the fake engine gives."""
    grid = _logprobs(ids)
    nan = np.full(1, np.nan, np.float32)
    here = grid[np.arange(len(ids) - 1), list(ids[1:])]
    entropies = -(np.exp(grid) * grid).sum(1, dtype=np.float64).astype(np.float32)
    ranks = 1 + (grid[:-1] > here[:, None]).sum(1)
    best = np.argsort(-grid[-1], kind="stable")[:top_k]
    tail = float(max(0.0, 1.0 - np.exp(grid[-1][best].astype(np.float64)).sum()))
    return Scores(
        ids,
        np.concatenate([nan, here]),
        np.concatenate([nan, entropies[:-1]]),
        np.concatenate([[0], ranks]).astype(np.int64),
        Candidates(best.astype(np.int64), grid[-1][best], tail, float(entropies[-1])),
        reused,
    )


LAYERS, HEADS = 2, 3


def small_gpt2(
    vocabulary: int, width: int = 8, heads: int = 2, layers: int = LAYERS, positions: int = 64
) -> Weights:
    """The parameters of a GPT-2, all of them random, the same at each call."""
    random = np.random.default_rng(5)

    def some(*shape: int) -> Numbers:
        return random.normal(scale=0.6, size=shape)

    inner = 2 * width
    parameters = {"wte.weight": some(vocabulary, width), "wpe.weight": some(positions, width)}
    shapes = {
        "ln_1.weight": (width,),
        "ln_1.bias": (width,),
        "attn.c_attn.weight": (width, 3 * width),
        "attn.c_attn.bias": (3 * width,),
        "attn.c_proj.weight": (width, width),
        "attn.c_proj.bias": (width,),
        "ln_2.weight": (width,),
        "ln_2.bias": (width,),
        "mlp.c_fc.weight": (width, inner),
        "mlp.c_fc.bias": (inner,),
        "mlp.c_proj.weight": (inner, width),
        "mlp.c_proj.bias": (width,),
    }
    for layer in range(layers):
        parameters |= {f"h.{layer}.{name}": some(*shape) for name, shape in shapes.items()}
    return Weights(parameters | {"ln_f.weight": some(width), "ln_f.bias": some(width)}, heads)


WEIGHTS = small_gpt2(len(PIECES))


def _lens(ids: TokenIds) -> Floats:
    """(L + 1, T, V) log probabilities by layer; the last layer's are the model's."""
    layers = [_logprobs((layer + 1, *ids))[1:] for layer in range(LAYERS)]
    return np.stack([*layers, _logprobs(ids)])


def _attention(ids: TokenIds, query: int, layer: int, head: int) -> Floats:
    """(query + 1,) weights of one head, layer and head from 1."""
    numbers = np.exp(_logprobs((layer, head, *ids[: query + 1]))[2:, 7].astype(np.float64))
    return np.asarray(numbers / numbers.sum(), dtype=np.float32)


def _lens_cells(ids: TokenIds, facet: Lens) -> LensCells:
    grid = _lens(ids)[:, facet.start : facet.stop].astype(np.float64)
    tops = grid.argmax(-1)
    pinned = None if facet.pin is None else grid[..., facet.pin]
    return LensCells(
        tops,
        grid.max(-1).astype(np.float32),
        (-(np.exp(grid) * grid).sum(-1)).astype(np.float32),
        (np.exp(grid[-1]) * (grid[-1] - grid)).sum(-1).astype(np.float32),
        None if pinned is None else pinned.astype(np.float32),
        None if pinned is None else 1 + (grid > pinned[..., None]).sum(-1),
    )


def _attention_map(ids: TokenIds, facet: AttentionMap) -> AttentionWeights:
    weights = np.full((HEADS, facet.stop - facet.start, facet.last_key - facet.first_key), np.nan)
    for head in range(HEADS):
        for row, query in enumerate(range(facet.start, facet.stop)):
            seen = _attention(ids, query, facet.layer, head + 1)[facet.first_key : facet.last_key]
            weights[head, row, : len(seen)] = seen
    return AttentionWeights(weights.astype(np.float32))


def _depths(ids: TokenIds) -> Depths:
    tops = _lens(ids).argmax(-1)
    layers = np.full(len(ids), np.nan, np.float32)
    for place in range(1, len(ids)):
        same = tops[:, place - 1] == ids[place]
        if same[-1]:
            layers[place] = LAYERS - int(np.argmin(same[::-1])) + 1 if not same.all() else 0
    return Depths(layers)


# Raw logits are the log probabilities and this, so that some are positive: penalties treat those otherwise.
NORMALISER = 3.0


def distribution(ids: TokenIds) -> Distribution:
    """What the fake engine says of all tokens after a prompt."""
    return Distribution(_logprobs(ids)[-1] + np.float32(NORMALISER), NORMALISER)


def _cut(facet: Recut | Encoding | Chat, ids: TokenIds) -> Cut:
    if isinstance(facet, Recut):
        cut = encode(VOCABULARY.text(ids))
    elif isinstance(facet, Encoding):
        cut = encode(facet.text) if facet.whole else encode(facet.text)[1:]
    else:
        turns = [f"system:{facet.system}\n"] * bool(facet.system)
        cut = encode("".join([*turns, f"user:{facet.user}\nassistant:{facet.prefill}"]))
    return Cut(np.array(cut, np.int64))


def observe(ids: TokenIds, facet: Facet[Answer]) -> object:
    """What the fake engine shows of its inside."""
    if isinstance(facet, Following):
        return distribution(ids[: facet.place])
    if isinstance(facet, Likeliest):
        return score(ids[: facet.place], facet.top_k).next
    if isinstance(facet, Recut | Encoding | Chat):
        return _cut(facet, ids)
    if isinstance(facet, Ahead):
        return _futures(ids[: facet.place], facet)
    if isinstance(facet, AttentionRow):
        heads = [(layer, head) for layer in range(1, LAYERS + 1) for head in range(1, HEADS + 1)]
        rows = [_attention(ids, facet.query, layer, head) for layer, head in heads]
        return AttentionRows(np.stack(rows), np.array(heads, np.int64))
    if isinstance(facet, AttentionMap):
        return _attention_map(ids, facet)
    if isinstance(facet, AttentionMaps):
        whole = (AttentionMap(layer, 0, facet.stop, 0, facet.stop) for layer in facet.layers)
        return tuple(_attention_map(ids, each) for each in whole)
    if isinstance(facet, Residuals):
        states = np.stack([_logprobs((layer + 1, *ids))[1:, :8] for layer in range(LAYERS + 1)])
        norms = np.linalg.norm(states, axis=-1)
        cosines = (states * states[:, -1:]).sum(-1) / norms / norms[:, -1:]
        return ResidualMeasures(cosines.astype(np.float32), norms.astype(np.float32))
    if isinstance(facet, Attribution):
        values = _logprobs((facet.token, *ids[: facet.place]))[1:, 3] + 4
        return Attributed(values.astype(np.float32), float(values.sum()))
    if isinstance(facet, DecisionDepth):
        return _depths(ids)
    if isinstance(facet, LayerLogprobs):
        return LayerTable(_lens(ids[: facet.place])[1:, -1][:, list(facet.tokens)])
    if isinstance(facet, Parameters):
        return WEIGHTS
    assert isinstance(facet, Lens)
    return _lens_cells(ids, facet)


def _futures(ids: TokenIds, facet: Ahead) -> Futures:
    """All rows at once: it is asked for at each place that a test comes to."""
    rows, last = len(facet.tokens), np.array(facet.tokens, np.int64)
    tokens = np.full((rows, facet.depth), -1)
    logprobs = np.full((rows, facet.depth), np.nan, np.float32)
    states = [_state((token,), _state(ids)) for token in facet.tokens]
    for step in range(facet.depth):
        following = _after(states)
        best = following.argmax(1)
        goes_on = ~np.isin(last, [*VOCABULARY.ends, -1])
        last = np.where(goes_on, best, -1)
        tokens[goes_on, step], logprobs[goes_on, step] = best[goes_on], following.max(1)[goes_on]
        states = [_state((token,), state) for token, state in zip(best.tolist(), states, strict=True)]
    return Futures(tokens, logprobs)


class FakeEngine:
    """An Engine without a model.

    Args:
        context: how many tokens it takes.
        seconds: how long each answer takes, for looking at; tests leave it at 0 and use `hold`.
    """

    def __init__(self, context: int = 100_000, seconds: float = 0.0) -> None:
        self.info = EngineInfo("fake-model", "cpu", "float32", context, LAYERS)
        self.checks: tuple[Check, ...] = (Check("fake check", 0.0, 1.0),)
        self.lacks: dict[Kind, str] = {}
        self.seconds = seconds
        self.calls: list[str] = []
        self.scored: list[TokenIds] = []
        """The prompts of all questions, in the order in which they were begun."""
        self.observed: list[tuple[TokenIds, Facet[Any]]] = []
        """The looks inside that were begun, in that order."""
        self.ahead: list[tuple[TokenIds, Ahead]] = []
        """The looks ahead that were begun, in that order."""
        self.light: list[tuple[TokenIds, Facet[Any]]] = []
        """The looks that take no forward: distributions of prompts that are scored, and cuts of texts."""
        self.generated: list[tuple[TokenIds, Plan]] = []
        """The runs that were begun, in that order."""
        self.pace: threading.Semaphore | None = None
        """Where there is one, each token that is written waits for one release of it after it was told."""
        self.stopped: list[TokenIds] = []
        self.deaths = 0
        """How many of the next questions it dies of."""
        self.load_error: ExplorerError | None = None
        self.score_error: Exception | None = None
        self.observe_error: Exception | None = None
        self.prove_error: Exception | None = None
        self.began = threading.Semaphore(0)
        """Released each time a question is begun."""
        self.proving = threading.Semaphore(0)
        """Released each time a proof is begun."""
        self._go = threading.Event()
        self._go.set()
        self._go_on_loading = threading.Event()
        self._go_on_loading.set()
        self._tell_death: Callable[[], None] = lambda: None
        self.report_long: Report = unheard
        """Where it tells of calls that take long."""
        self._changed = threading.Condition()

    def hold(self) -> None:
        """Leave questions unanswered until `release`."""
        self._go.clear()

    def release(self) -> None:
        """Answer again."""
        self._go.set()
        with self._changed:
            self._changed.notify_all()

    def hold_loading(self) -> None:
        """Stay in load_model until `release_loading`."""
        self._go_on_loading.clear()

    def release_loading(self) -> None:
        """Load on."""
        self._go_on_loading.set()

    def die_idle(self) -> None:
        """End while nothing is asked."""
        self._tell_death()

    def when_died(self, tell: Callable[[], None]) -> None:
        self._tell_death = tell

    def when_long(self, report: Report) -> None:
        self.report_long = report

    def load_tokenizer(self, report: Report) -> Vocabulary:
        self.calls.append("load_tokenizer")
        report(Progress("tokenizer"))
        return VOCABULARY

    def load_model(self, report: Report) -> EngineInfo:
        self.calls.append("load_model")
        report(Progress("weights [/b]\x1b", 1, 4))
        if not self._go_on_loading.wait(PATIENCE_S):
            raise TimeoutError("loading was never released")
        if self.load_error is not None:
            raise self.load_error
        return self.info

    def prove(self, stop: Stop) -> EngineInfo:
        self.calls.append("prove")
        self.proving.release()
        self._work((), stop)
        if self.prove_error is not None:
            raise self.prove_error
        return replace(self.info, checks=self.checks, lacks=self.lacks)

    def encode(self, text: str) -> TokenIds:
        self.calls.append("encode")
        return encode(text)

    def score(self, ids: TokenIds, top_k: int, stop: Stop) -> Scores:
        self.calls.append("score")
        self.scored.append(ids)
        self.began.release()
        self._work(ids, stop)
        if self.deaths:
            self.deaths -= 1
            self._tell_death()
            raise EngineDied("The engine's process ended", "signal 9 (Killed).")
        if self.score_error is not None:
            raise self.score_error
        if len(ids) > self.info.context:
            raise ContextTooLong(
                "Prompt too long", f"{len(ids)} tokens of {self.info.context}.", "Shorten it."
            )
        return score(ids, top_k, len(ids) - 1)

    def observe(self, ids: TokenIds, facet: Facet[Answer], stop: Stop) -> Answer:
        self.calls.append("observe")
        if isinstance(facet, Ahead):
            self.ahead.append((ids, facet))
        else:
            (self.light if facet.kind in LIGHT else self.observed).append((ids, facet))
        self.began.release()
        self._work(ids, stop)
        if self.observe_error is not None:
            raise self.observe_error
        return cast(Answer, observe(ids, facet))

    def generate(self, ids: TokenIds, plan: Plan, tell: Callable[[Step], None], stop: Stop) -> Generated:
        self.calls.append("generate")
        self.generated.append((ids, plan))
        self.began.release()
        ending: Ending = "limit"
        first = len(ids)
        while plan.limit is None or len(ids) - first < plan.limit:
            self._work(ids, stop)
            if len(ids) >= self.info.context:
                ending = "context"
                break
            token = self._written(ids, plan)
            if token is None:
                ending = "nothing"
                break
            listed = self._alternatives(ids, plan, token)
            ids = (*ids, token)
            tell(Step(len(ids) - 1, token, (len(ids) - first) * 0.125, listed))
            if token in VOCABULARY.ends:
                ending = "end"
                break
            written = VOCABULARY.utf8(ids[first if plan.begun is None else plan.begun :])
            ended = any(text.encode() in written for text in plan.stops)
            if ended and len(ids) - plan.prompt >= plan.least:
                ending = "stop"
                break
            if self.pace is not None:
                self.pace.acquire(timeout=PATIENCE_S)
        return Generated(ids, ending, (len(ids) - first) * 0.125)

    def _written(self, ids: TokenIds, plan: Plan) -> int | None:
        sampled = self._sampled(ids, plan)
        return int(score(ids, 1).next.ids[0]) if sampled is None else draw(sampled, plan.seed, len(ids))

    def _sampled(self, ids: TokenIds, plan: Plan) -> Sampled | None:
        if plan.sampler is None:
            return None
        return reshape(plan.sampler, distribution(ids).logits, ids, len(ids) - plan.prompt, VOCABULARY)

    def _alternatives(self, ids: TokenIds, plan: Plan, token: int) -> Listed | None:
        if not plan.alternatives:
            return None
        sampled = self._sampled(ids, plan)
        return of_distribution(distribution(ids), VOCABULARY, plan.alternatives, token, sampled)

    def close(self) -> None:
        self.calls.append("close")

    def _work(self, ids: TokenIds, stop: Stop) -> None:
        stop.when_set(self._wake)
        with self._changed:
            free = self._changed.wait_for(lambda: self._go.is_set() or stop.is_set(), PATIENCE_S)
        if self.seconds:
            time.sleep(self.seconds)
        if stop.is_set():
            if ids:
                self.stopped.append(ids)
            raise Stopped
        if not free:
            raise TimeoutError("the engine was never released")

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()
