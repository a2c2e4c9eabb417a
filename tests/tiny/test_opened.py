"""The trained model is an ordinary one: the engine opens it, and looks inside."""

import numpy as np
import pytest

from tests.tiny.trained import SHORT, ignore, run, work
from token_explorer.core.engine import ModelSpec, Stop
from token_explorer.core.generation import Plan
from token_explorer.core.observation import AttentionRow
from token_explorer.core.sampling import Sampler
from token_explorer.engine.local import LocalEngine
from token_explorer.errors import ContextTooLong, InputError, ModelNotFound
from token_explorer.results import generation, lens
from token_explorer.results.opened import Opened, open_model
from token_explorer.results.window import write_on
from token_explorer.tiny.data import corpus
from token_explorer.tiny.work import Work


@pytest.fixture(scope="module")
def opened(demo: Work) -> Opened:
    return open_model(LocalEngine(ModelSpec(name=str(demo.folder.path), device="cpu")), ignore)


def greedy(limit: int) -> Plan:
    return Plan(limit, alternatives=1)


def test_the_fox_comes_behind_the_quick_brown(opened: Opened) -> None:
    ids = opened.engine.encode("the quick brown")
    assert [opened.vocabulary[token].shown for token in ids] == ["the", "␣", "quick", "␣", "brown"]
    written = generation.generate(opened, ids, greedy(2), ignore, Stop())
    assert written.written == " fox"
    assert opened.vocabulary.utf8(written.ids) == b"the quick brown fox"


def test_all_that_the_engine_proves_of_it_holds(opened: Opened) -> None:
    info = opened.engine.prove(Stop())
    assert info.checks
    assert all(check.passed for check in info.checks)
    assert not {"lens", "attention", "gradient", "weights"} & info.lacks.keys()


def test_it_can_be_looked_into(opened: Opened) -> None:
    ids = opened.engine.encode("to be or not")
    assert lens.look(opened, ids, None, Stop()).document()
    rows = opened.engine.observe(ids, AttentionRow(len(ids) - 1), Stop())
    assert np.allclose(rows.weights.sum(axis=-1), 1.0, atol=1e-5)


def test_a_word_that_it_does_not_know_is_told_with_the_nearest(opened: Opened) -> None:
    with pytest.raises(InputError, match="'machines' is none of the model's words") as caught:
        opened.engine.encode("hello machines")
    assert "Did you mean machine?" in caught.value.hint


def test_where_there_is_a_token_for_unknown_words_they_are_that(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("verse") / "model"
    run(work(folder, SHORT, corpus("verse")))
    verse = open_model(LocalEngine(ModelSpec(name=str(folder), device="cpu")), ignore)
    ids = verse.engine.encode("the zebra")
    assert [verse.vocabulary[token].shown for token in ids] == ["the", "␣", "<UNK>"]
    assert all(check.passed for check in verse.engine.prove(Stop()).checks)


def test_more_than_it_reads_at_once_is_too_long_for_a_prompt(opened: Opened) -> None:
    with pytest.raises(ContextTooLong):
        opened.engine.encode("the quick brown fox jumps over")


@pytest.mark.parametrize("sampler", [None, Sampler(temperature=1.5)])
def test_within_the_context_it_writes_on_as_the_engine_does(opened: Opened, sampler: Sampler | None) -> None:
    ids = opened.engine.encode("to")
    plan = Plan(7, sampler, seed=5, prompt=1, alternatives=3)
    whole = generation.generate(opened, ids, plan, ignore, Stop())
    assert write_on(opened, ids, plan, ignore, Stop()).ids == whole.ids


def test_beyond_the_context_each_token_comes_from_the_last_ones_alone(opened: Opened) -> None:
    written = write_on(opened, opened.engine.encode("the quick"), greedy(20), ignore, Stop())
    assert len(written.steps) == 20
    for step in written.steps:
        window = written.ids[max(0, step.place - 8) : step.place]
        assert opened.engine.score(window, 1, Stop()).next.ids[0] == step.token


def test_writing_on_ends_at_a_stop_text_and_when_it_is_stopped(opened: Opened) -> None:
    ids = opened.engine.encode("the quick brown")
    ended = write_on(opened, ids, Plan(20, stops=("fox",)), ignore, Stop())
    assert (ended.ending, ended.written) == ("stop", " fox")
    stop = Stop()
    assert write_on(opened, ids, greedy(20), lambda step: stop.set(), stop).ending == "interrupted"


def test_its_name_leads_to_it_and_elsewhere_tells_how_to_make_it(
    tiny: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from token_explorer.engine.models import locate

    assert locate("tiny", ignore).folder == str(tiny)
    monkeypatch.setenv("TOKEN_EXPLORER_DATA", "/nowhere")
    with pytest.raises(ModelNotFound) as caught:
        locate("tiny", ignore)
    assert "token-explorer tiny train" in caught.value.hint
