"""A session and its model: it is replaced, kept or opened again, and never are two in memory."""

import pytest

from tests.fakes import VOCABULARY, encode
from tests.repl.sessions import BROKEN, MISSING, Desk, disk_full, talk
from token_explorer.core.tokens import TokenIds
from token_explorer.errors import InputError, ModelNotFound
from token_explorer.repl.session import LostOutput


def test_a_model_is_opened_with_progress_and_named() -> None:
    desk = Desk()
    session = desk.session()
    assert session.about == "no model"
    session.open("first")
    assert desk.engine.calls == ["load_tokenizer", "load_model"]
    assert desk.progress[0].stage == "opening first"
    assert desk.progress[-1].total == 4
    assert session.about == "fake-model · cpu · float32"
    assert desk.noted == ["fake-model · cpu · float32."]


def test_the_old_model_is_closed_once_the_new_ones_files_are_found_and_before_its_weights_come() -> None:
    opened = talk()
    old = opened.desk.engine
    states: list[tuple[bool, list[str]]] = []
    opened.desk.during_load = lambda: states.append(("close" in old.calls, list(opened.desk.engine.calls)))
    opened.session.open("second")
    assert [closed for closed, _ in states] == [False, False, True]
    assert states[1][1] == ["load_tokenizer"]
    assert states[2][1][-1] == "load_model"


def test_a_model_that_is_not_found_leaves_the_old_one_as_it_is() -> None:
    opened = talk()
    before = opened.session.opened
    with pytest.raises(ModelNotFound):
        opened.session.open(MISSING)
    assert opened.session.opened is before
    assert "close" not in opened.desk.engine.calls
    assert opened.session.standing == "fake-model stays open."


def test_a_model_whose_weights_do_not_load_is_closed_and_the_old_one_opened_again() -> None:
    opened = talk()
    with pytest.raises(ModelNotFound):
        opened.session.open(BROKEN)
    assert opened.desk.engine.calls[-1] == "close"
    assert opened.session.standing == "The next command opens first again."
    opened.session.ready()
    assert [name for name, _ in opened.desk.engines] == ["first", BROKEN, "first"]


def test_a_load_that_is_interrupted_closes_what_was_begun() -> None:
    opened = talk()

    def interrupt() -> None:
        raise KeyboardInterrupt

    opened.desk.during_load = interrupt
    with pytest.raises(KeyboardInterrupt):
        opened.session.open("second")
    assert opened.desk.engine.calls == ["close"]
    assert opened.session.standing == "fake-model stays open."


def test_an_engine_that_died_while_idle_is_replaced_with_a_word_before_it_is_asked() -> None:
    opened = talk()
    opened.desk.engine.die_idle()
    opened.session.ready()
    assert "opened again" in opened.desk.noted[0]
    assert [name for name, _ in opened.desk.engines] == ["first", "first"]
    assert opened.desk.engines[0][1].calls[-1] == "close"


def test_the_death_of_an_engine_that_was_replaced_is_no_news() -> None:
    opened = talk()
    opened.session.open("second")
    opened.desk.engines[0][1].die_idle()
    opened.session.ready()
    assert len(opened.desk.engines) == 2


def test_without_a_model_it_says_how_one_is_opened() -> None:
    with pytest.raises(InputError) as refused:
        Desk().session().ready()
    assert "model embedded" in refused.value.hint


@pytest.mark.parametrize("strip", [False, True])
@pytest.mark.parametrize("text", ["Once ", "Once\n", "Once", ""])
def test_blanks_at_the_end_are_kept_or_taken_off_and_either_is_told(text: str, strip: bool) -> None:
    opened = talk(strip)
    model = opened.session.ready()
    kept: tuple[str, TokenIds] = opened.session.encoded(model, text)
    meant = text.rstrip() if strip else text
    assert kept == (meant, encode(meant))
    assert VOCABULARY.text(kept[1]) == meant
    assert len(opened.desk.noted) == (text != text.rstrip())
    if opened.desk.noted:
        assert ("Taken off" in opened.desk.notes) is strip


def test_output_that_is_lost_ends_more_than_the_line() -> None:
    opened = talk()
    opened.desk.output_error = disk_full()
    with pytest.raises(LostOutput) as lost:
        opened("help")
    assert lost.value.error is opened.desk.output_error
