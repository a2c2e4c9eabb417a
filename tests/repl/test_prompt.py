"""The line that is typed, by its keys: history, completion, the menu, and several lines at once."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.auto_suggest import AutoSuggest
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from tests.fakes import encode
from tests.repl.sessions import MISSING, Desk, talk
from token_explorer.overlays import OVERLAYS
from token_explorer.repl.commands import NAMES
from token_explorer.repl.menu import MODELS, choose, menu_lines
from token_explorer.repl.prompt import Offers, asking, interact, kept, toolbar

ENTER, CTRL_C, CTRL_D, UP, TAB = "\r", "\x03", "\x04", "\x1b[A", "\t"
PASTE, PASTED = "\x1b[200~", "\x1b[201~"


@pytest.fixture
def keys() -> Iterator[PipeInput]:
    """Keys that are pressed, in place of the terminal's."""
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        yield pipe


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return tmp_path / "state" / "token-explorer" / "history"


@pytest.fixture
def press(keys: PipeInput, history: Path) -> Callable[..., Desk]:
    """Presses keys in a new session, then Ctrl+D; its desk."""

    def press(pressed: str, model: str | None = "first", desk: Desk | None = None) -> Desk:
        desk = desk or Desk()
        keys.send_text(f"{pressed}{CTRL_C}{CTRL_D}")
        assert interact(desk.session(), model, history, DummyOutput()) == 0
        return desk

    return press


def offered(line: str) -> list[str]:
    """What a line may become."""
    found = Offers().get_completions(Document(line), CompleteEvent(completion_requested=True))
    return [line[: len(line) + each.start_position] + each.text for each in found]


# Lines


def test_lines_are_done_until_quit(press: Callable[..., Desk]) -> None:
    desk = press(f"complete Once{ENTER}quit{ENTER}complete a{ENTER}")
    assert desk.engine.scored == [encode("Once")]


def test_ctrl_d_ends_and_ctrl_c_clears_the_line(press: Callable[..., Desk]) -> None:
    desk = press(f"complete Onc{CTRL_C}complete Once{ENTER}")
    assert desk.engine.scored == [encode("Once")]


def test_a_blank_at_the_lines_end_is_kept(press: Callable[..., Desk]) -> None:
    assert press(f"complete Once {ENTER}").engine.scored == [encode("Once ")]


def test_several_pasted_lines_are_done_one_after_the_other(press: Callable[..., Desk]) -> None:
    pasted = 'complete Once\r\ncomplete "a\nb"\nquit\ncomplete x'
    desk = press(f"{PASTE}{pasted}{PASTED}{ENTER}")
    assert desk.engine.scored == [encode("Once"), encode("a\nb")]


def test_ctrl_c_amid_pasted_lines_ends_them_all_and_not_the_session(press: Callable[..., Desk]) -> None:
    desk = Desk()

    def interrupt() -> None:
        desk.before_work = lambda: None
        desk.stop.set()

    desk.before_work = interrupt
    press(f"{PASTE}complete Once\ncomplete a{PASTED}{ENTER}complete b{ENTER}", desk=desk)
    assert desk.engine.scored[-1] == encode("b")
    assert encode("a") not in desk.engine.scored
    assert "Interrupted." in desk.noted


def test_an_interrupted_load_leaves_a_session_without_a_model(press: Callable[..., Desk]) -> None:
    desk = Desk()

    def interrupt() -> None:
        desk.during_load = lambda: None
        raise KeyboardInterrupt

    desk.during_load = interrupt
    press(f"complete a{ENTER}model second{ENTER}complete a{ENTER}", desk=desk)
    assert desk.noted[0].startswith("Interrupted. A model is opened by its name")
    assert "No model: none is open." in desk.noted
    assert desk.engine.scored == [encode("a")]


def test_a_model_that_fails_at_the_start_leaves_a_session_that_can_open_another(
    press: Callable[..., Desk],
) -> None:
    desk = press(f"model first{ENTER}complete a{ENTER}", MISSING)
    assert desk.noted[0].startswith("Model not found")
    assert desk.engine.scored == [encode("a")]


def test_an_escape_code_among_the_keys_does_no_harm(press: Callable[..., Desk]) -> None:
    assert press(f"comp\x1b[31mlete Once\x1b[0m{ENTER}").engine.scored == [encode("Once")]


# The menu


@pytest.mark.parametrize(
    ("answer", "name"),
    [("", MODELS[0].name), ("1", "embedded"), (" 3 ", MODELS[2].name), ("./my model", "./my model")],
)
def test_the_menu_is_answered_with_a_number_a_name_or_enter(
    press: Callable[..., Desk], answer: str, name: str
) -> None:
    desk = press(f"{answer}{ENTER}", None)
    assert desk.noted[: len(menu_lines())] == menu_lines()
    assert desk.engines[0][0] == name
    assert choose(lambda question: answer) == name


def test_the_menu_offers_the_embedded_model_first_and_numbers_them_all() -> None:
    listed = menu_lines()
    assert all(f"  {number}  {model.name} " in listed[number] for number, model in enumerate(MODELS, 1))
    assert MODELS[0].name == "embedded"


def test_ctrl_c_asks_the_menu_again_and_ctrl_d_leaves(press: Callable[..., Desk]) -> None:
    assert press(f"2{CTRL_C}{ENTER}", None).engines[0][0] == "embedded"
    assert press(CTRL_D, None).engines == []


# History


def test_what_was_typed_is_there_in_the_next_session(press: Callable[..., Desk], history: Path) -> None:
    press(f"complete Once{ENTER}")
    assert press(f"{UP}{ENTER}").engine.scored == [encode("Once")]
    if os.name == "posix":
        assert stat.S_IMODE(history.stat().st_mode) == 0o600


def test_what_was_typed_before_is_suggested() -> None:
    prompt = asking(InMemoryHistory(), str, DummyOutput())
    prompt.default_buffer.history.append_string("complete Once upon")
    buffer = Buffer(history=prompt.default_buffer.history)
    assert isinstance(prompt.auto_suggest, AutoSuggest)
    suggestion = prompt.auto_suggest.get_suggestion(buffer, Document("compl"))
    assert suggestion is not None
    assert suggestion.text == "ete Once upon"


def test_a_history_that_cannot_be_written_is_told_and_kept_in_memory(tmp_path: Path) -> None:
    notes: list[str] = []
    (tmp_path / "file").touch()
    assert isinstance(kept(tmp_path / "file" / "history", notes.append), InMemoryHistory)
    assert len(notes) == 1
    assert "this session only" in notes[0]


def test_a_disk_that_fills_up_is_told_once_and_the_history_goes_on_in_memory(history: Path) -> None:
    notes: list[str] = []
    lines = kept(history, notes.append)
    history.unlink()
    history.mkdir()  # nothing can be written there now
    lines.append_string("one")
    lines.append_string("two")
    assert lines.get_strings() == ["one", "two"]
    assert len(notes) == 1


def test_a_line_that_is_no_text_is_refused_and_not_stored(history: Path) -> None:
    lines = kept(history, pytest.fail)
    lines.append_string("a\udcff")
    assert b"\xff" not in history.read_bytes()


# Completion


def test_names_of_commands_are_completed_with_a_blank_where_something_follows() -> None:
    assert [line.strip() for line in offered("")] == list(NAMES)
    assert offered("compl") == ["complete "]
    assert offered("qu") == ["quit"]
    assert offered("se") == ["seed "]


def test_behind_a_text_in_quotes_its_words_are_completed_and_within_it_nothing_is() -> None:
    assert offered('score "Once" dep') == ['score "Once" depth']
    assert offered('score "Once" depth en') == ['score "Once" depth entropy']
    assert len(offered('score "Once" ')) == len(OVERLAYS)
    for line in ('score "Once dep', "score Once dep", 'score "Once"', 'complete "a" d', "nonsense d"):
        assert offered(line) == []


def test_files_are_completed_where_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("page.html", "hostile\x1b[31m.html", "end\u202e.html"):
        (tmp_path / name).touch()
    assert offered('attention "Once" pa') == ['attention "Once" page.html']
    assert offered('lens! "Once" ') == ['lens! "Once" page.html']
    assert offered("model ./pa") == ["model ./page.html"]
    assert offered("model Qw") == [f"model {MODELS[2].name}"]


def test_values_of_settings_are_completed() -> None:
    assert offered("strip o") == ["strip on", "strip off"]
    assert offered("sampler temp") == ["sampler temperature"]


def test_tab_completes_at_once_what_goes_on_in_one_way(press: Callable[..., Desk]) -> None:
    assert press(f"comp{TAB}Once{ENTER}qu{TAB}{ENTER}complete a{ENTER}").engine.scored == [encode("Once")]


# The bar


def test_the_bar_tells_what_is_asked_and_how() -> None:
    ask = talk()
    assert toolbar(ask.session) == "fake-model · cpu · float32 · greedy"
    ask("sampler temperature 0.8")
    ask("strip on")
    assert toolbar(ask.session) == (
        "fake-model · cpu · float32 · sampler on: temperature 0.8 · seed 7 · strip on"
    )
    ask.session.drop()
    assert "first, not open" in toolbar(ask.session)
    assert "no model" in toolbar(Desk().session())
