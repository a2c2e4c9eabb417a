"""A trace as a document, and read back."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import fakes
from tests.trace.runs import DRAWN, PROMPT, traced
from token_explorer.core.sampling import Sampler
from token_explorer.core.scores import NATS_PER_BIT
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import InputError
from token_explorer.results.document import dumps
from token_explorer.trace.node import Node
from token_explorer.trace.reading import nats, of_node, read
from token_explorer.trace.record import FILE_NAME

ANY_IDS = st.lists(st.integers(0, len(fakes.PIECES) - 1), min_size=1, max_size=12).map(tuple)


def reread(document: dict[str, Any]) -> dict[str, Any]:
    return of_node(Node(json.loads(dumps(document)), "trace.json")).document()


@given(
    ANY_IDS,
    st.sampled_from([None, DRAWN, Sampler(temperature=0.0), Sampler(min_p=0.5)]),
    st.sampled_from(["mean", "max", "all", 2]),
    st.integers(0, 3),
)
def test_what_was_written_is_read_back_to_the_last_digit(
    ids: TokenIds, sampler: Sampler | None, heads: str | int, every: int
) -> None:
    document = traced(ids, limit=4, sampler=sampler, heads=heads, attention_every=every).document()
    assert reread(document) == document


def test_the_engines_own_numbers_come_back() -> None:
    made = traced(sampler=DRAWN, alternatives=7)
    back = of_node(Node(json.loads(dumps(made.document())), "trace.json"))
    own = fakes.score(PROMPT, 7)
    np.testing.assert_array_equal(back.prompt.logprobs, own.logprobs)
    np.testing.assert_array_equal(back.prompt.entropies, own.entropies)
    np.testing.assert_array_equal(back.prompt.ranks, own.ranks)
    last = fakes.score(back.ids + back.written, 7).next
    assert back.next is not None
    np.testing.assert_array_equal(back.next.ids, last.ids)
    np.testing.assert_array_equal(back.next.logprobs, last.logprobs)
    assert (back.next.tail, back.next.entropy) == (last.tail, last.entropy)


def test_the_document_holds_what_the_engine_told() -> None:
    made = traced(sampler=DRAWN, seed=3)
    document = made.document()
    ids = PROMPT
    for step, told in zip(document["steps"], made.steps, strict=True):
        listed = fakes.score(ids, 10).next
        assert step["place"] == len(ids) + 1
        chances = step["alternatives"]
        assert [each["id"] for each in chances if each["rank"] <= 10] == listed.ids.tolist()
        own = next(each for each in chances if each["id"] == step["id"])
        assert own.items() <= {**step, "removed": None}.items()
        assert step["probability"] == pytest.approx(np.exp(step["logprob"]))
        assert step["entropy_bits"] == pytest.approx(listed.entropy / NATS_PER_BIT)
        whole = sum(each["probability"] for each in chances) + step["tail"]
        assert whole == pytest.approx(1.0, abs=1e-6)
        ids = (*ids, told.token)
    assert document["text"].encode("utf-8", "replace") == fakes.VOCABULARY.text(made.written).encode()


def test_all_that_depends_on_the_clock_stands_under_timings() -> None:
    documents = [traced(sampler=DRAWN, seed=7, attention_every=5).document() for _ in range(2)]
    for document in documents:
        del document["timings"]
    assert dumps(documents[0]) == dumps(documents[1])
    other = traced(sampler=DRAWN, seed=8, attention_every=5).document()
    assert other["steps"] != documents[0]["steps"]


def test_a_greedy_run_has_neither_sampler_nor_seed() -> None:
    document = traced().document()
    assert document["settings"]["sampler"] is None
    assert document["settings"]["seed"] is None
    assert all(each["sampled"] is None for step in document["steps"] for each in step["alternatives"])


def test_attention_is_the_lower_triangle_and_each_query_sums_to_one() -> None:
    document = traced(attention_every=6).document()
    assert [each["step"] for each in document["attention"]] == [0, 6, 12]
    for each in document["attention"]:
        assert [len(row) for row in each["weights"]] == list(range(1, len(PROMPT) + each["step"] + 1))
        assert [sum(row) for row in each["weights"]] == pytest.approx([1.0] * len(each["weights"]), abs=1e-5)


@given(st.floats(0, 1e4), st.sampled_from([np.float32, np.float64]))
def test_nats_that_were_written_as_bits_are_found_again(value: float, kind: Any) -> None:
    written = kind(value)
    bits = kind(written / kind(NATS_PER_BIT))
    assert kind(nats(bits) / kind(NATS_PER_BIT)) == bits


def broken(document: dict[str, Any], path: list[str | int], value: Any) -> dict[str, Any]:
    """The document with another value somewhere."""
    whole: dict[str, Any] = json.loads(dumps(document))
    place: Any = whole
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return whole


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (["schema"], 2, "schema 2"),
        (["schema"], "1", "schema"),
        (["ids", 1], 0, "tokens"),
        (["ids", 1], 10**9, "ids[1]"),
        (["tokens", 2, "bytes"], "x", "tokens[2].bytes"),
        (["tokens", 2, "logprob"], "x", "tokens[2].logprob"),
        (["steps", 1, "place"], 3, "steps[1].place"),
        (["steps", 1, "id"], 9999, "steps[1].id"),
        (["steps", 0, "alternatives"], [], "steps[0].alternatives"),
        (["vocabulary", "size"], 10**12, "vocabulary.size"),
        (["vocabulary"], None, "vocabulary"),
        (["settings", "sampler", "top_p"], 7, "settings.sampler.top_p"),
        (["settings", "heads"], "none", "settings.heads"),
        (["attention", 0, "weights"], [[1.0], [1.0]], "attention[0].weights"),
        (["next", "tail"], 10**400, "next.tail"),
        (["timings", "steps"], [], "timings.steps"),
        (["ending"], "boredom", "ending"),
        (["interrupted"], 1, "interrupted"),
        (["text"], None, "text"),
        (["text"], "another", "text"),
    ],
)
def test_a_broken_trace_is_refused_with_the_key_that_is_wrong(
    path: list[str | int], value: Any, named: str
) -> None:
    document = traced(sampler=DRAWN).document()
    with pytest.raises(InputError) as caught:
        of_node(Node(broken(document, path, value), "trace.json"))
    assert named in caught.value.message


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5), st.data())
def test_whatever_a_key_holds_the_trace_is_read_or_refused_in_words(value: Any, data: st.DataObject) -> None:
    document = traced(limit=2).document()
    key = data.draw(st.sampled_from(sorted(document)))
    with suppress(InputError):  # any other exception fails
        assert of_node(Node(broken(document, [key], value), "trace.json")).document()["schema"] == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"{", "isn't JSON"), (b"[]", "an object"), (b"\xff", "isn't JSON"), (b'{"schema": NaN}', "NaN")],
)
def test_a_file_that_is_no_trace_is_refused_in_words(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(InputError, match="Can't read the trace") as caught:
        read(tmp_path)
    assert said in str(caught.value)


def test_a_folder_without_a_trace_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert "trace --out" in caught.value.hint
