"""The next tokens: numbers that agree with each other and with the engine's, and text that is safe."""

import json
import math
import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import LAYERS, VOCABULARY, FakeEngine, distribution, encode, score
from token_explorer.core.engine import Stop, Stopped
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import FacetUnavailable
from token_explorer.results import document
from token_explorer.results.completion import Completion, complete
from token_explorer.results.opened import Opened

IDS = encode("Once upon a time, there was a")
ALL = len(VOCABULARY)

prompts = st.lists(st.integers(0, ALL - 1), min_size=1, max_size=8).map(tuple)
counts = st.integers(1, ALL)


def opened(engine: FakeEngine) -> Opened:
    """The fake engine as commands have it."""
    return Opened(engine, VOCABULARY, engine.info)


def completed(ids: TokenIds = IDS, top_k: int = 10, layers: bool = False) -> Completion:
    """What the fake engine says comes next."""
    return complete(opened(FakeEngine()), ids, top_k, layers, Stop())


@given(prompts, counts)
def test_what_is_listed_and_what_lies_beyond_make_one(ids: TokenIds, top_k: int) -> None:
    made = completed(ids, top_k).document()
    listed = made["candidates"]
    assert len(listed) == top_k
    assert sum(each["probability"] for each in listed) + made["tail"] == pytest.approx(1.0, abs=1e-5)
    assert listed[-1]["cumulative"] + made["tail"] == pytest.approx(1.0, abs=1e-6)


@given(prompts, counts)
def test_each_candidate_is_the_models_and_its_numbers_agree(ids: TokenIds, top_k: int) -> None:
    logprobs = distribution(ids).logprobs
    listed = completed(ids, top_k).document()["candidates"]
    for each in listed:
        assert each["probability"] == pytest.approx(math.exp(each["logprob"]), rel=1e-6)
        assert each["logprob"] == pytest.approx(float(logprobs[each["id"]]), abs=1e-5)
        assert each["rank"] == 1 + int((logprobs > logprobs[each["id"]]).sum())
        assert bytes(each["bytes"]) == VOCABULARY.pieces[each["id"]]
    assert all(one["cumulative"] <= other["cumulative"] for one, other in pairwise(listed))


def test_the_entropy_is_that_of_the_whole_distribution_in_bits() -> None:
    made, whole = completed(top_k=3).document(), completed(top_k=ALL).document()
    probabilities = np.array([each["probability"] for each in whole["candidates"]])
    assert made["entropy_bits"] == whole["entropy_bits"]
    assert made["entropy_bits"] == pytest.approx(-(probabilities * np.log2(probabilities)).sum(), abs=1e-5)


def test_the_last_layer_says_what_the_model_says() -> None:
    listed = completed(layers=True).document()["candidates"]
    assert all(len(each["layer_logprobs"]) == LAYERS for each in listed)
    assert [each["layer_logprobs"][-1] for each in listed] == pytest.approx(
        [each["logprob"] for each in listed]
    )


def test_without_layers_nothing_is_looked_at_inside() -> None:
    engine = FakeEngine()
    made = complete(opened(engine), IDS, 5, False, Stop()).document()
    assert not engine.observed
    assert not any("layer_logprobs" in each for each in made["candidates"])


def test_the_document_has_the_keys_that_the_schema_promises_in_their_order() -> None:
    made = completed(top_k=2).document()
    assert list(made) == [
        *("schema", "model", "dtype", "device", "ids", "tokens", "candidates", "tail", "entropy_bits")
    ]
    keys = ["rank", "id", "text", "bytes", "logprob", "probability", "cumulative"]
    assert [list(each) for each in made["candidates"]] == [keys, keys]
    assert made["ids"] == list(IDS)


def test_the_document_is_json_without_a_character_that_a_terminal_obeys() -> None:
    written = document.dumps(completed(top_k=ALL, layers=True).document())
    assert written.isascii()
    assert written.replace("\n", "").isprintable()
    assert len(json.loads(written)["candidates"]) == ALL


@given(prompts)
def test_no_token_reaches_a_terminal_as_it_is(ids: TokenIds) -> None:
    text = "".join(line.plain for line in completed(ids, ALL, layers=True).text())
    assert not {unicodedata.category(char) for char in text} & {"Cc", "Cf", "Zl", "Zp"}


def test_the_text_tells_each_token_its_probability_and_what_is_beyond() -> None:
    made = completed(top_k=4, layers=True)
    header, *rows = [line.plain for line in made.text()]
    assert f"layers 1 … {LAYERS}" in header
    for row, id in zip(rows, score(IDS, 4).next.ids.tolist(), strict=False):
        assert VOCABULARY[id].shown in row
        assert f" {id} " in row
    assert any("bits" in row for row in rows[4:])
    assert any("beyond" in row for row in rows[4:])


def test_layers_that_a_model_lacks_are_an_error_and_no_number() -> None:
    engine = FakeEngine()
    engine.observe_error = FacetUnavailable("No lens", "this model has none.")
    with pytest.raises(FacetUnavailable):
        complete(opened(engine), IDS, 5, True, Stop())


def test_a_stop_ends_it() -> None:
    stop = Stop()
    stop.set()
    with pytest.raises(Stopped):
        complete(opened(FakeEngine()), IDS, 5, False, stop)
