"""Comparing: divergences are the sums of their definition, and two sides are what they are alone."""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.random_models import random_model, save_random
from tests.fakes import VOCABULARY, FakeEngine
from tests.results.spoken import Spoken
from token_explorer.core.engine import Engine, ModelSpec, Stop, Stopped
from token_explorer.engine.local import LocalEngine
from token_explorer.errors import OutputError
from token_explorer.results import rows
from token_explorer.results.compared import Comparison
from token_explorer.results.comparison import compare_models, compare_texts
from token_explorer.results.opened import Opened, open_model

TEXT = "Once upon a time[/b]\x1b]2;PWNED\x1b\\"
PIECES = (b"<s>", b"a", b"b", b"c", b" ab", b" abc")
SURE = [0.0, 8.0, 1.0, 2.0, 3.0, 4.0]
TORN = [0.5, -2.0, 0.25, 6.0, 1.0, 1.5]


class Openings:
    """Opens models by name, one for each letter, and tells what it did."""

    def __init__(self, a: Engine, b: Engine) -> None:
        self.engines = {"A": a, "B": b}
        self.told: list[str] = []

    def __call__(self, name: str) -> AbstractContextManager[Opened]:
        return self._open(name)

    @contextmanager
    def _open(self, name: str) -> Iterator[Opened]:
        self.told.append(f"open {name}")
        try:
            yield open_model(self.engines[name], lambda progress: None)
        finally:
            self.told.append(f"close {name}")


def compared(a: Engine, b: Engine, text: str = TEXT, top_k: int = 3) -> Comparison:
    return compare_models(text, ("A", "B"), Openings(a, b), top_k, Stop())


def spoken(*logits: float, pieces: tuple[bytes, ...] = PIECES, bos: bool = True) -> Spoken:
    """A model that says the same everywhere."""
    return Spoken(pieces, lambda ids: list(logits), bos)


def probabilities(logits: list[float]) -> list[float]:
    weights = [math.exp(each) for each in logits]
    return [weight / sum(weights) for weight in weights]


def by_hand(one: list[float], other: list[float]) -> float:
    """D(one || other) of logits, bits, term by term."""
    pairs = zip(probabilities(one), probabilities(other), strict=True)
    return sum(p * math.log2(p / q) for p, q in pairs if p > 0)


# One model after the other.


def test_a_model_compared_with_itself_differs_nowhere() -> None:
    document = compared(FakeEngine(), FakeEngine()).document()
    assert document["kl_bits"] == document["mean_kl_bits"] == {"a_to_b": 0.0, "b_to_a": 0.0}
    assert document["first_divergence"] is None
    assert [place["same_top"] for place in document["places"]] == [None] + [True] * (
        len(document["places"]) - 1
    )
    assert {place["logprob_change_bits"] for place in document["places"][1:]} == {0.0}
    assert document["sides"][0] == document["sides"][1]


def test_one_model_is_closed_before_the_other_is_opened() -> None:
    openings = Openings(FakeEngine(), FakeEngine())
    compare_models(TEXT, ("A", "B"), openings, 3, Stop())
    assert openings.told == ["open A", "close A", "open B", "close B"]


def test_what_is_stopped_leaves_no_model_open() -> None:
    stop = Stop()
    stop.set()
    openings = Openings(FakeEngine(), FakeEngine())
    with pytest.raises(Stopped):
        compare_models(TEXT, ("A", "B"), openings, 3, stop)
    assert openings.told == ["open A", "close A"]


def test_divergences_are_the_sums_of_their_definition_at_every_place() -> None:
    def rising(ids: tuple[int, ...]) -> list[float]:
        return [len(ids) * each for each in SURE]

    found = compared(Spoken(PIECES, rising), spoken(*TORN), "abc")
    assert found.gaps is not None
    for count, gap in enumerate(found.gaps, 1):
        here = [count * each for each in SURE]
        assert gap.a_to_b == pytest.approx(by_hand(here, TORN), rel=1e-6)
        assert gap.b_to_a == pytest.approx(by_hand(TORN, here), rel=1e-6)
    assert found.end == found.gaps[-1]
    assert found.mean.a_to_b == pytest.approx(sum(gap.a_to_b for gap in found.gaps) / len(found.gaps))


def test_a_place_tells_of_the_distributions_that_its_token_was_taken_from() -> None:
    found = compared(spoken(*SURE), spoken(*TORN), "abc")
    document = found.document()
    assert found.gaps is not None
    first, *others = document["places"]
    assert first == {
        "place": 1,
        "kl_bits": {"a_to_b": None, "b_to_a": None},
        "logprob_change_bits": None,
        "same_top": None,
    }
    assert [place["kl_bits"]["a_to_b"] for place in others] == [gap.a_to_b for gap in found.gaps[:-1]]
    for place, id in zip(others, found.sides[0].ids[1:], strict=True):
        change = math.log2(probabilities(TORN)[id] / probabilities(SURE)[id])
        assert place["logprob_change_bits"] == pytest.approx(change, abs=1e-5)


def test_the_sides_may_be_swapped() -> None:
    one = compared(spoken(*SURE), spoken(*TORN), "abc").document()
    other = compared(spoken(*TORN), spoken(*SURE), "abc").document()
    assert one["sides"] == other["sides"][::-1]
    for key in ("kl_bits", "mean_kl_bits"):
        assert list(one[key].values()) == list(other[key].values())[::-1]
    for here, there in zip(one["places"][1:], other["places"][1:], strict=True):
        assert here["logprob_change_bits"] == -there["logprob_change_bits"]
    assert one["first_divergence"]["tokens"] == other["first_divergence"]["tokens"][::-1]


def test_the_first_divergence_is_the_first_place_with_another_likeliest_token() -> None:
    def turning(ids: tuple[int, ...]) -> list[float]:
        return SURE if len(ids) < 3 else TORN

    document = compared(spoken(*SURE), Spoken(PIECES, turning), "abc").document()
    assert document["first_divergence"]["places"] == [4, 4]
    assert [token["text"] for token in document["first_divergence"]["tokens"]] == ["a", "c"]
    assert [place["same_top"] for place in document["places"]] == [None, True, True, False]


def test_each_candidate_has_its_probability_on_the_other_side() -> None:
    for pieces in (PIECES, (*PIECES[::-1],)):  # the second has the same tokens by other ids
        torn = TORN if pieces == PIECES else TORN[::-1]
        other = Spoken(pieces, lambda ids, torn=torn: torn, bos=False)  # type: ignore[misc]
        document = compared(spoken(*SURE), other, "abc").document()
        for candidate in document["sides"][0]["candidates"]:
            there = probabilities(TORN)[candidate["id"]]
            assert candidate["other_logprob"] == pytest.approx(math.log(there), abs=1e-6)


# Vocabularies.


def test_where_the_vocabularies_differ_there_is_no_divergence_and_a_reason() -> None:
    other = (*PIECES[:3], b"[/b]\x1b", *PIECES[4:])
    found = compared(spoken(*SURE), spoken(*TORN, pieces=other), "ab")
    document = found.document()
    assert document["kl_bits"] == document["mean_kl_bits"] == {"a_to_b": None, "b_to_a": None}
    assert not document["same_vocabulary"]
    assert document["places"] is None
    assert "token 3 is c in A and [/b]␛ in B" in document["note"]


def test_a_token_that_only_one_vocabulary_has_makes_it_another() -> None:
    document = compared(spoken(*SURE), spoken(*TORN, 1.0, pieces=(*PIECES, b"new")), "ab").document()
    assert not document["same_vocabulary"]
    assert "token 6 is new in B alone" in document["note"]


def test_padding_of_the_tables_changes_no_divergence() -> None:
    padded = spoken(*TORN, 5.0, 6.0, pieces=(*PIECES, b"", b""))
    found = compared(spoken(*SURE), padded, "ab")
    assert found.end.a_to_b == pytest.approx(by_hand(SURE, TORN), rel=1e-6)
    assert found.end.b_to_a == pytest.approx(by_hand(TORN, SURE), rel=1e-6)
    assert found.document()["same_vocabulary"]
    assert "padded" in found.note


def test_the_same_tokens_after_another_beginning_are_compared_at_the_end_alone() -> None:
    found = compared(spoken(*SURE), spoken(*TORN, bos=False), "ab")
    document = found.document()
    assert document["places"] is None
    assert document["kl_bits"]["a_to_b"] == pytest.approx(by_hand(SURE, TORN), rel=1e-6)
    assert "cut the text into other tokens" in document["note"]


def test_models_that_cut_a_text_otherwise_part_where_both_end_a_token() -> None:
    letters = (b"<s>", b"a", b"b", b" ", b"c")

    def spelling(ids: tuple[int, ...]) -> list[float]:  # a blank, then c after " ab"
        return [0.0, 0.0, 0.0, 9.0 if len(ids) < 4 else 0.0, 1.0]

    def reading(ids: tuple[int, ...]) -> list[float]:  # " abc", then a
        return [0.0, 1.0, 0.0, 0.0, 0.0, 9.0 if len(ids) < 2 else 0.0]

    document = compared(Spoken(letters, spelling), Spoken(PIECES, reading), " ab").document()
    # After the BOS " " may go on to " abc", so they part at the end: after four tokens, and after two.
    assert document["first_divergence"]["places"] == [5, 3]
    assert [token["text"] for token in document["first_divergence"]["tokens"]] == ["c", "a"]


def test_ids_that_are_the_same_by_chance_are_other_tokens() -> None:
    swapped = (b"<s>", b"b", b"a", b"c", b" ab", b" abc")
    document = compared(spoken(*SURE), spoken(*SURE, pieces=swapped), "ab").document()
    assert document["first_divergence"]["places"] == [2, 2]


# Tokens that are ruled out.


def test_where_a_token_is_ruled_out_by_one_side_alone_the_divergence_is_infinite_in_words() -> None:
    document = compared(spoken(*SURE), spoken(*TORN[:-1], -math.inf), "ab").document()
    without = probabilities(TORN[:-1])
    back = sum(q * math.log2(q / p) for q, p in zip(without, probabilities(SURE)[:-1], strict=True))
    assert document["kl_bits"]["a_to_b"] is None
    assert document["kl_bits"]["b_to_a"] == pytest.approx(back, rel=1e-6)
    assert document["note"] == "D(A‖B) is infinite where B rules out a token that A doesn't."


def test_a_token_that_both_rule_out_counts_nothing() -> None:
    found = compared(spoken(*SURE[:-1], -math.inf), spoken(*TORN[:-1], -math.inf), "ab")
    assert found.end.a_to_b == pytest.approx(by_hand(SURE[:-1], TORN[:-1]), rel=1e-6)
    assert found.note == ""


def test_a_probability_too_small_for_floats_is_no_reason_for_nan() -> None:
    found = compared(spoken(0.0, -2000.0, pieces=PIECES[:2]), spoken(0.0, -math.inf, pieces=PIECES[:2]), "a")
    assert found.end.a_to_b == math.inf
    assert found.end.b_to_a == 0.0


# Texts.


@pytest.mark.parametrize(
    ("texts", "places", "tokens"),
    [
        (("Once upon", "Once a time"), [3, 3], [" upon", " a"]),
        (("Once upon", "Once upon a"), [4, 4], [None, " a"]),
        (("Once", ""), [2, 2], ["Once", None]),
    ],
)
def test_two_texts_part_at_their_first_other_token(
    texts: tuple[str, str], places: list[int], tokens: list[str | None]
) -> None:
    document = compare_texts(texts, open_model(FakeEngine(), lambda _: None), 3, Stop()).document()
    found = document["first_divergence"]
    assert found["places"] == places
    assert [token and token["text"] for token in found["tokens"]] == tokens
    assert document["places"] is None
    assert document["same_vocabulary"]


def test_a_text_compared_with_itself_differs_nowhere() -> None:
    document = compare_texts((TEXT, TEXT), open_model(FakeEngine(), lambda _: None), 3, Stop()).document()
    assert document["first_divergence"] is None
    assert document["kl_bits"] == {"a_to_b": 0.0, "b_to_a": 0.0}


def test_the_divergence_of_two_texts_is_that_of_what_comes_next() -> None:
    def last_letter(ids: tuple[int, ...]) -> list[float]:
        return SURE if ids[-1] == 1 else TORN

    opened = open_model(Spoken(PIECES, last_letter), lambda _: None)
    found = compare_texts(("ba", "aab"), opened, 3, Stop())
    assert found.end.a_to_b == pytest.approx(by_hand(SURE, TORN), rel=1e-6)
    assert [len(side.ids) for side in found.sides] == [3, 4]


# As lines.


def test_the_lines_hold_nothing_that_a_terminal_obeys() -> None:
    fakes = compared(FakeEngine(), FakeEngine(), top_k=len(VOCABULARY))
    opened = open_model(FakeEngine(), lambda _: None)
    for found in (fakes, compare_texts((TEXT, "Once"), opened, len(VOCABULARY), Stop())):
        lines = [line.plain for line in found.text()]
        assert all(line.isprintable() for line in lines)
        assert sum("[/b]" in line for line in lines) > 1


def test_the_lines_say_where_models_part_and_how_far_apart_they_are() -> None:
    found = compared(spoken(*SURE), spoken(*TORN), "abc")
    lines = [line.plain for line in found.text()]
    assert lines[-1] == "first divergence: token 2: A a, B c"
    assert any(line.startswith("next token") and f"{found.end.a_to_b:.2f}" in line for line in lines)


def test_lists_of_different_lengths_stand_beside_each_other() -> None:
    found = compared(spoken(*SURE[:4], pieces=PIECES[:4]), spoken(*TORN), "ab", top_k=9)
    assert [len(side.listed) for side in found.sides] == [4, 6]
    assert any("│" in line.plain and "␣ab" in line.plain for line in found.text())


# What waits on the disk.


def test_rows_come_back_in_any_order() -> None:
    kept = [np.array([place, np.nan, -np.inf], np.float32) for place in range(4)]
    with rows.keeping() as keeping:
        for row in kept[:2]:
            keeping.append(row)
        assert keeping[0].tobytes() == kept[0].tobytes()
        for row in kept[2:]:
            keeping.append(row)
        for place in (3, 0, 2, 1, -1):
            assert keeping[place].tobytes() == kept[place].tobytes()
        with pytest.raises(IndexError):
            keeping[4]


class Narrow:
    """A file that takes a few bytes at a time, and has room for so many."""

    def __init__(self, room: int) -> None:
        self.room, self.written = room, b""

    def write(self, content: memoryview) -> int:
        taken = bytes(content[: min(5, self.room - len(self.written))])
        if not taken:
            raise OSError(28, "No space left on device")
        self.written += taken
        return len(taken)

    def tell(self) -> int:
        return len(self.written)


def test_a_row_is_written_whole_however_little_the_file_takes_at_once() -> None:
    file = Narrow(100)
    row = np.arange(6, dtype=np.float32)
    rows.Rows(file).append(row)  # type: ignore[arg-type]
    assert file.written == row.tobytes()


def test_a_full_disk_is_said_in_words() -> None:
    with pytest.raises(OutputError, match="No space left on device") as caught:
        rows.Rows(Narrow(7)).append(np.arange(6, dtype=np.float32))  # type: ignore[arg-type]
    assert "TMPDIR" in caught.value.hint


def test_a_missing_folder_is_said_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(OutputError, match="No such file"):
        compared(FakeEngine(), FakeEngine())


# The real engine.


def test_the_numbers_are_those_of_transformers(tmp_path: Path) -> None:
    text, names = "Once upon a time", ("llama", "granite")
    for name in names:
        save_random(name, tmp_path / name)
    a, b = (LocalEngine(ModelSpec(str(tmp_path / name), device="cpu")) for name in names)
    found = compared(a, b, text)
    ids = found.sides[0].ids
    one, other = (_forward(name, ids) for name in names)
    assert found.gaps is not None
    ours = np.array([(gap.a_to_b, gap.b_to_a) for gap in found.gaps])
    theirs = np.stack([_divergences(one, other), _divergences(other, one)], 1)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    changes = [place["logprob_change_bits"] for place in found.document()["places"][1:]]
    expected = (other - one)[np.arange(len(ids) - 1), list(ids[1:])] / np.log(2)
    np.testing.assert_allclose(changes, expected, atol=1e-5)


def _forward(name: str, ids: tuple[int, ...]) -> np.ndarray:
    """(T, V) log probabilities, float64."""
    with torch.inference_mode():
        logits = random_model(name)(torch.tensor([ids])).logits[0].double()
    return np.asarray(logits.log_softmax(-1).numpy())


def _divergences(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.asarray((np.exp(one) * (one - other)).sum(-1) / np.log(2))
