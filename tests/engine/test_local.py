"""The whole engine on the embedded model: known answers, reuse, and a death in mid-prefill."""

import os
import signal
import threading
import unicodedata
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from rich.cells import cell_len
from transformers import PreTrainedModel

from tests.engine.test_runner import assert_bounded, assert_true, steps, walk
from token_explorer.core.engine import ModelSpec, Progress, Stop
from token_explorer.core.tokens import Vocabulary
from token_explorer.engine.local import LocalEngine, default_threads
from token_explorer.engine.process import EngineProcess, local_engine
from token_explorer.engine.runner import ModelRunner
from token_explorer.errors import ContextTooLong, EngineDied


def silent(_: Progress) -> None:
    pass


@pytest.fixture(scope="module")
def engine(embedded_folder: Path) -> LocalEngine:
    engine = LocalEngine(ModelSpec(str(embedded_folder), device="cpu"))
    engine.load_tokenizer(silent)
    engine.load_model(silent)
    return engine


@pytest.fixture(scope="module")
def vocabulary(engine: LocalEngine) -> Vocabulary:
    return engine.load_tokenizer(silent)


@pytest.mark.parametrize(
    ("prompt", "known"),
    [
        ("The capital of France is", {" Paris": 0.7725, " the": 0.0645, " London": 0.0125}),
        (
            "Once upon a time, there was a",
            {" small": 0.062, " town": 0.053, " woman": 0.041, " young": 0.039, " time": 0.032},
        ),
    ],
)
def test_the_embedded_model_gives_its_known_answers(
    engine: LocalEngine, vocabulary: Vocabulary, prompt: str, known: dict[str, float]
) -> None:
    following = engine.score(engine.encode(prompt), 30, Stop()).next
    listed = dict(
        zip((vocabulary.text([i]) for i in following.ids), following.probabilities.tolist(), strict=True)
    )
    assert list(listed)[:2] == list(known)[:2]
    for text, probability in known.items():
        assert listed[text] == pytest.approx(probability, abs=6e-4)


def test_what_the_engine_says_of_itself_is_true(engine: LocalEngine) -> None:
    info = engine.load_model(silent)
    assert (info.device, info.dtype, info.context, info.layers, info.note) == ("cpu", "float32", 8192, 30, "")


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(walked=steps)
def test_cached_scores_equal_fresh_ones_on_the_embedded_model_after_any_walk(
    embedded_model: PreTrainedModel, engine: LocalEngine, walked: list[tuple[str, int]]
) -> None:
    runner = ModelRunner(embedded_model)
    start = engine.encode("Question: Natalia sold clips to 48 of her friends in April")
    for ids in walk(start, walked[:8]):
        assert_true(runner.score(ids, 30, Stop()), embedded_model, ids, tolerance=1e-3)
        assert_bounded(runner)


def test_every_token_is_shown_in_at_least_one_cell_and_nothing_a_terminal_obeys(
    vocabulary: Vocabulary,
) -> None:
    for token in range(len(vocabulary)):
        shown = vocabulary.show([token])[0]
        assert cell_len("".join(shown)) >= 1
        assert cell_len(vocabulary[token].shown) >= 1
        for char in "".join(shown):
            assert unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp"), (token, shown)


def test_ids_survive_the_way_to_text_and_back(engine: LocalEngine, vocabulary: Vocabulary) -> None:
    for text in (
        "Hello  world\n",
        " leading",
        "emoji 🙂 and 漢字",
        "<|im_start|>user\nhi<|im_end|>",
        "a\r\nb\t",
    ):
        ids = engine.encode(text)
        assert vocabulary.text(ids) == text
        assert engine.encode(vocabulary.text(ids)) == ids


def test_a_text_longer_than_the_context_is_refused_before_it_is_drawn(engine: LocalEngine) -> None:
    assert len(engine.encode(" a" * 8192)) == 8192
    with pytest.raises(ContextTooLong, match="8193 tokens"):
        engine.encode(" a" * 8193)


def test_an_empty_prompt_starts_from_a_token_that_is_shown(
    engine: LocalEngine, vocabulary: Vocabulary
) -> None:
    ids = engine.encode("")
    assert len(ids) == 1
    assert ids[0] in vocabulary.special
    assert len(engine.score(ids, 30, Stop()).next) == 30


def test_an_engine_killed_in_mid_prefill_loses_nothing(engine: LocalEngine, embedded_folder: Path) -> None:
    ids = engine.encode("One fish, two fish, red fish, blue fish. " * 400)
    process: EngineProcess = local_engine(ModelSpec(str(embedded_folder), device="cpu", threads=1))
    process.load_tokenizer(silent)
    process.load_model(silent)
    first = process.score(ids[:20], 30, Stop())
    pid = process.pid
    assert pid is not None
    threading.Timer(0.3, lambda: os.kill(pid, signal.SIGKILL)).start()
    with pytest.raises(EngineDied, match="signal 9"):
        process.score(ids, 30, Stop())
    process.load_tokenizer(silent)
    process.load_model(silent)
    again = process.score(ids[:20], 30, Stop())
    process.close()
    assert again.reused == 0
    torch.testing.assert_close(torch.tensor(again.next.logprobs), torch.tensor(first.next.logprobs))


def test_a_core_is_left_for_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert default_threads() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert default_threads() == 1
