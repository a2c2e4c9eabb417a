"""A recording answers as the engine did that it was made of, and says of all else that it can't."""

import dataclasses
import json
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import HOSTILE, PIECES, VOCABULARY, encode, score, token_of
from tests.replayed import IDS, LISTED, again, recorded, run
from token_explorer.byhand.weights import Parameters
from token_explorer.core.ahead import Ahead
from token_explorer.core.cuts import Chat, Encoding, Recut
from token_explorer.core.engine import Stop, Stopped
from token_explorer.core.generation import Plan, Step
from token_explorer.core.observation import (
    AttentionMap,
    AttentionRow,
    Attribution,
    DecisionDepth,
    Facet,
    Following,
    Kind,
    LayerLogprobs,
    Lens,
    Likeliest,
    Residuals,
)
from token_explorer.core.sampling import Sampler
from token_explorer.core.scores import Candidates
from token_explorer.core.tokens import TokenIds, Vocabulary
from token_explorer.errors import FacetUnavailable, InputError, NotPossible
from token_explorer.trace.node import Node
from token_explorer.trace.reading import of_node
from token_explorer.trace.record import Trace
from token_explorer.trace.recorded import LACKS, RecordedEngine, start_of
from token_explorer.trace.settings import TraceSettings

WHOLE = recorded().ids + recorded().written
FACETS: list[Facet[Any]] = [
    AttentionRow(1),
    AttentionMap(1, 0, 2, 0, 2),
    Residuals(),
    Attribution(2, 7),
    Ahead(2, (7,), 1),
    LayerLogprobs(2, (7,)),
    Lens(0, 2),
    DecisionDepth(),
    Following(2),
    Parameters(),
    Recut(),
    Encoding("a", whole=True),
    Chat("", "a", ""),
    Parameters(),
]


def engine() -> RecordedEngine:
    return RecordedEngine(recorded())


def same(recorded: Candidates, fresh: Candidates) -> None:
    """Whether two lists of candidates say the same."""
    assert recorded.ids.tolist() == fresh.ids.tolist()
    np.testing.assert_allclose(recorded.logprobs, fresh.logprobs, atol=1e-6)
    assert recorded.tail == pytest.approx(fresh.tail, abs=1e-6)
    assert recorded.entropy == pytest.approx(fresh.entropy, abs=1e-5)


def says_the_same(trace: Trace) -> None:
    """Whether a recording answers as the fake engine, at all beginnings of its tokens from the prompt on."""
    replayed, ids, top_k = RecordedEngine(trace), trace.ids + trace.written, trace.settings.alternatives
    for length in range(len(trace.ids), len(ids) + 1):
        answer, fresh = replayed.score(ids[:length], top_k, Stop()), score(ids[:length], top_k)
        assert answer.ids == fresh.ids
        np.testing.assert_allclose(answer.logprobs, fresh.logprobs, atol=1e-6)
        np.testing.assert_allclose(answer.entropies, fresh.entropies, atol=1e-5)
        assert answer.ranks.tolist() == fresh.ranks.tolist()
        same(answer.next, fresh.next)
        same(replayed.observe(ids, Likeliest(length, top_k), Stop()), fresh.next)


def test_from_the_prompt_on_it_answers_as_the_engine_that_was_recorded() -> None:
    ranks = score(WHOLE, 1).ranks[len(IDS) :]
    assert (ranks <= LISTED).any()
    assert (ranks > LISTED).any()
    says_the_same(recorded())


@given(
    st.lists(st.sampled_from([*HOSTILE, " the", "é", "\n\n"]), max_size=6).map("".join),
    st.integers(1, 6),
    st.integers(1, len(PIECES)),
    st.sampled_from([None, Sampler(temperature=1.0), Sampler(temperature=2.0, top_k=9)]),
)
def test_any_run_is_answered_as_it_was(text: str, limit: int, top_k: int, sampler: Sampler | None) -> None:
    settings = TraceSettings(limit=limit, sampler=sampler, seed=1, alternatives=top_k)
    says_the_same(again(run(encode(text), settings)))


@pytest.mark.parametrize("fewer", range(1, LISTED + 3))
def test_the_likeliest_of_those_that_were_recorded_are_given_with_all_that_lies_beyond(fewer: int) -> None:
    place = len(IDS) + 2
    few = engine().observe(WHOLE, Likeliest(place, fewer), Stop())
    same(few, score(WHOLE[:place], min(fewer, LISTED)).next)


def test_within_the_prompt_scores_are_known_and_alternatives_are_not() -> None:
    for length in range(1, len(IDS)):
        answer, fresh = engine().score(IDS[:length], 5, Stop()), score(IDS[:length], 5)
        np.testing.assert_allclose(answer.logprobs, fresh.logprobs, atol=1e-6)
        assert answer.ranks.tolist() == fresh.ranks.tolist()
        assert (len(answer.next), answer.next.tail) == (0, 1.0)
        assert answer.next.entropy == pytest.approx(fresh.next.entropy, abs=1e-5)
        with pytest.raises(FacetUnavailable, match="only for what was written"):
            engine().observe(WHOLE, Likeliest(length, 5), Stop())


@pytest.mark.parametrize(
    "ids", [(*IDS, token_of(" girl")), (token_of(" girl"),), (*WHOLE, 7), (*IDS[:2], 7, *IDS[3:])]
)
def test_other_tokens_are_refused_in_words(ids: TokenIds) -> None:
    for ask in (
        lambda: engine().score(ids, 5, Stop()),
        lambda: engine().observe(ids, Likeliest(len(ids), 5), Stop()),
        lambda: engine().generate(ids, Plan(1), lambda step: None, Stop()),
    ):
        with pytest.raises(NotPossible, match="Not in this trace") as raised:
            ask()
        assert "--model" in raised.value.hint


@pytest.mark.parametrize("facet", FACETS, ids=lambda facet: type(facet).__name__)
def test_what_a_trace_does_not_hold_is_unavailable_and_the_engine_says_so_before(facet: Facet[Any]) -> None:
    with pytest.raises(FacetUnavailable) as raised:
        engine().observe(WHOLE, facet, Stop())
    assert raised.value.message.rstrip(".") in engine().load_model(print).lacks[facet.kind]


def test_only_candidates_are_not_lacking() -> None:
    assert set(get_args(Kind)) - set(LACKS) == {"candidates"}
    assert {facet.kind for facet in FACETS} == set(LACKS)


def test_it_is_the_model_that_was_recorded_and_there_is_nothing_to_prove() -> None:
    info = engine().prove(Stop())
    trace = recorded()
    assert (info.model, info.dtype, info.device) == (trace.model, trace.dtype, trace.device)
    assert trace.timings.started[:10] in info.note
    assert (info.checks, info.lacks) == ((), LACKS)


def test_the_vocabulary_knows_the_bytes_of_the_tokens_in_the_trace_only() -> None:
    known = engine().load_tokenizer(lambda progress: None)
    assert len(known) == len(VOCABULARY)
    assert (known.special, known.bos, known.ends) == (VOCABULARY.special, VOCABULARY.bos, VOCABULARY.ends)
    assert [known.pieces[id] for id in WHOLE] == [PIECES[id] for id in WHOLE]
    assert b"" in known.pieces


def test_a_text_is_not_cut() -> None:
    with pytest.raises(FacetUnavailable, match="no tokenizer"):
        engine().encode("Once")


# Writing


def played(ids: TokenIds, plan: Plan) -> tuple[list[Step], object]:
    """The steps that are told, and what comes of it."""
    steps: list[Step] = []
    try:
        return steps, engine().generate(ids, plan, steps.append, Stop())
    except NotPossible as error:
        return steps, error


@pytest.mark.parametrize("first", range(len(IDS), len(WHOLE) + 1))
def test_it_writes_what_was_written_and_no_further(first: int) -> None:
    steps, error = played(WHOLE[:first], Plan(None))
    assert [step.token for step in steps] == list(WHOLE[first:])
    assert [step.place for step in steps] == list(range(first, len(WHOLE)))
    assert isinstance(error, NotPossible)
    assert f"{len(WHOLE)} tokens" in error.message


def test_it_writes_as_many_tokens_as_it_is_asked_for_in_the_recorded_time() -> None:
    first, taken = len(IDS) + 2, recorded().steps
    steps, generated = played(WHOLE[:first], Plan(3))
    assert (
        generated
        == dataclasses.replace(  # type: ignore[type-var]
            generated, ids=WHOLE[: first + 3], ending="limit", seconds=taken[4].seconds - taken[1].seconds
        )
    )
    assert steps[-1].seconds == taken[4].seconds - taken[1].seconds


def test_a_stop_text_ends_the_writing_with_the_token_that_completes_it() -> None:
    whole = [place for place in range(len(IDS), len(WHOLE)) if WHOLE[place] < 128]
    stop, alone = PIECES[WHOLE[whole[0]]].decode(), whole[0]
    steps, generated = played(IDS, Plan(None, stops=(stop,), prompt=len(IDS)))
    assert [step.place for step in steps][-1] == alone
    assert generated.ending == "stop"  # type: ignore[attr-defined]


def test_the_prompt_was_not_written() -> None:
    steps, error = played(IDS[:2], Plan(1))
    assert not steps
    assert "Nothing was written here" in str(error)


def test_a_sampler_has_nothing_to_reshape() -> None:
    with pytest.raises(FacetUnavailable):
        engine().generate(IDS, Plan(1, Sampler()), lambda step: None, Stop())


def test_writing_can_be_stopped() -> None:
    stop, steps = Stop(), list[Step]()

    def tell(step: Step) -> None:
        steps.append(step)
        stop.set()

    with pytest.raises(Stopped):
        engine().generate(IDS, Plan(None), tell, stop)
    assert len(steps) == 1


# Where it starts, and what can't be replayed


def test_it_starts_with_all_tokens_of_which_the_prompt_has_the_first() -> None:
    start = start_of(recorded())
    assert (start.ids, start.own) == (WHOLE, len(IDS))
    assert start.text == b"".join(PIECES[id] for id in WHOLE).decode("utf-8", "replace")
    start.check(VOCABULARY)
    start.check(engine().load_tokenizer(lambda progress: None))


@pytest.mark.parametrize("id", [WHOLE[-1], IDS[0], int(score(WHOLE, 1).next.ids[0])])
def test_a_model_that_means_something_else_by_a_token_is_refused(id: int) -> None:
    other = Vocabulary((*PIECES[:id], b"\x1b[31m[b]", *PIECES[id + 1 :]))
    for vocabulary in (other, Vocabulary(PIECES[:id])):
        with pytest.raises(InputError, match="Another model's tokens") as raised:
            start_of(recorded()).check(vocabulary)
        assert "\x1b" not in str(raised.value)


def test_what_an_interrupted_run_would_have_gone_on_with_is_not_known() -> None:
    document = recorded().document() | {"next": None}
    replayed = RecordedEngine(of_node(Node(document, "trace.json")))
    answer = replayed.score(WHOLE, 5, Stop())
    assert len(answer.next) == 0
    assert np.isnan(answer.next.entropy)
    np.testing.assert_allclose(answer.logprobs, score(WHOLE, 5).logprobs, atol=1e-6)


def _no_prompt(document: dict[str, Any]) -> None:
    document.update(ids=[], tokens=[], attention=[])
    for number, step in enumerate(document["steps"]):
        step["place"] = number + 1


def _above_one(document: dict[str, Any]) -> None:
    document["tokens"][1]["logprob"] = 1e30


def _unranked(document: dict[str, Any]) -> None:
    document["tokens"][1]["rank"] = None


def _no_entropy(document: dict[str, Any]) -> None:
    document["steps"][0]["entropy_bits"] = None


def _no_entropy_at_the_end(document: dict[str, Any]) -> None:
    document["next"]["entropy_bits"] = None


def _no_tail(document: dict[str, Any]) -> None:
    document["steps"][2]["tail"] = None


def _disordered(document: dict[str, Any]) -> None:
    document["next"]["candidates"].reverse()


def _timeless(document: dict[str, Any]) -> None:
    document["timings"]["steps"][3] = None


@pytest.mark.parametrize(
    "spoil",
    [
        _no_prompt,
        _above_one,
        _unranked,
        _no_entropy,
        _no_entropy_at_the_end,
        _no_tail,
        _disordered,
        _timeless,
    ],
)
def test_numbers_that_no_model_gives_are_not_replayed(spoil: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads(json.dumps(recorded().document()))
    RecordedEngine(of_node(Node(document, "trace.json")))
    spoil(document)
    with pytest.raises(InputError, match="trace"):
        RecordedEngine(of_node(Node(document, "trace.json")))
