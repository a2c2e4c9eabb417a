"""Lines that go wrong, or are interrupted: told, and no end of the session."""

from collections.abc import Callable, Iterable, Iterator
from itertools import count

import pytest
from rich.text import Text

from tests.fakes import encode
from tests.repl.sessions import BROKEN, MISSING, Desk, Talk, disk_full, talk
from token_explorer.core.engine import Stop, Stopped
from token_explorer.errors import FacetUnavailable, ModelNotFound
from token_explorer.repl.running import perform, run_script
from token_explorer.repl.session import LostOutput


@pytest.fixture
def ask() -> Talk:
    return talk()


def test_an_error_is_told_with_its_parts_and_the_next_line_works(ask: Talk) -> None:
    ask.desk.engine.observe_error = FacetUnavailable("No lens", "this model has none.", "Take another.")
    assert ask.refused("lens Once") == "No lens: this model has none.\nTake another."
    ask("complete Once")


def test_a_bug_is_told_in_a_line_and_the_next_one_works(ask: Talk) -> None:
    ask.desk.engine.score_error = ZeroDivisionError("by 0")
    told = ask.refused("complete Once")
    assert told == "This is a bug: ZeroDivisionError: by 0. Please report it."
    assert ask.desk.faults == [ask.desk.engine.score_error]
    ask.desk.engine.score_error = None
    ask("complete Once")


def test_after_the_engine_died_the_next_command_has_a_new_one(ask: Talk) -> None:
    ask.desk.engine.deaths = 1
    told = ask.refused("complete Once")
    assert "The engine's process ended" in told
    assert "The next command opens first again." in told
    assert ask("complete Once") != ""
    assert [name for name, _ in ask.desk.engines] == ["first", "first"]


@pytest.mark.parametrize(
    ("name", "standing"), [(MISSING, "stays open"), (BROKEN, "The next command opens first again")]
)
def test_a_model_that_fails_is_told_with_what_is_asked_next(ask: Talk, name: str, standing: str) -> None:
    assert standing in ask.refused(f"model {name}")
    ask("complete Once")
    assert ask.session.name == "first"


@pytest.mark.parametrize("line", ["complete Once", "score Once", "lens Once", "attention Once"])
def test_ctrl_c_stops_the_work_and_keeps_the_model(ask: Talk, line: str) -> None:
    ask.desk.before_work = lambda: ask.desk.stop.set()
    with pytest.raises(KeyboardInterrupt):
        perform(ask.session, line)
    assert ask.desk.shown == []
    ask.desk.before_work = lambda: None
    ask("complete Once")
    assert len(ask.desk.engines) == 1


def test_ctrl_c_in_a_run_shows_what_was_written_till_then(ask: Talk) -> None:
    show = ask.desk.show

    def stop_after_two(lines: Iterable[Text]) -> None:
        show(lines)
        if len(ask.desk.shown) == 2:
            ask.desk.stop.set()

    ask.desk.show = stop_after_two  # type: ignore[method-assign]
    session = ask.desk.session()
    session.open("first")
    with pytest.raises(KeyboardInterrupt):
        perform(session, 'generate "Once" 1000')
    assert "interrupted" in ask.desk.text
    assert "2 tokens" in ask.desk.text
    assert session.opened is not None


def test_a_second_ctrl_c_gives_up_the_engine_whose_answer_is_half_read(ask: Talk) -> None:
    def interrupt(lines: object) -> None:
        raise KeyboardInterrupt

    session = ask.desk.session()
    session.open("first")
    object.__setattr__(session.around, "show", interrupt)
    with pytest.raises(KeyboardInterrupt):
        perform(session, "complete Once")
    assert session.opened is None
    assert ask.desk.engine.calls[-1] == "close"
    assert session.standing == "The next command opens first again."


def test_a_long_result_can_be_stopped_between_its_lines(ask: Talk) -> None:
    stop = Stop()

    def endless() -> Iterator[Text]:
        for number in count():
            if number == 2:
                stop.set()
            yield Text(str(number))

    with pytest.raises(Stopped):
        ask.session.say(endless(), stop)
    assert ask.desk.shown == ["0", "1"]


def script(
    lines: list[str], name: str = "first", change: Callable[[Desk], None] = lambda desk: None
) -> tuple[int, Desk]:
    desk = Desk()
    change(desk)
    return run_script(desk.session(), name, lines), desk


def test_a_script_does_line_after_line_until_quit() -> None:
    code, desk = script(["complete Once\n", "\n", "tokenize Once\r\n", "quit\n", "complete a\n"])
    assert code == 0
    assert desk.engine.scored == [encode("Once")]
    assert "join back" in desk.text


def test_the_end_of_a_script_needs_no_quit() -> None:
    assert script(["complete Once"])[0] == 0
    assert script([])[0] == 0


def test_a_script_keeps_the_blank_at_a_lines_end() -> None:
    _, desk = script(["complete Once \n"])
    assert desk.engine.scored == [encode("Once ")]


def test_the_first_error_of_a_script_is_its_exit_code_and_ends_nothing() -> None:
    def mortal(desk: Desk) -> None:
        desk.before_work = lambda: setattr(desk.engine, "deaths", len(desk.engines) == 1)

    code, desk = script(["complete a", "nonsense", "complete Once"], change=mortal)
    assert code == 1
    assert desk.engine.scored == [encode("Once")]
    assert script(["nonsense", "complete Once"])[0] == 2


def test_a_script_whose_model_is_missing_says_so_and_goes_on() -> None:
    code, desk = script(["complete Once", "model first", "complete Once"], MISSING)
    assert code == ModelNotFound.exit_code
    assert "No model" in desk.notes
    assert desk.engine.scored == [encode("Once")]


def test_a_script_ends_where_its_results_cannot_be_written() -> None:
    def full(desk: Desk) -> None:
        desk.output_error = disk_full()

    with pytest.raises(LostOutput):
        script(["help"], change=full)

    def gone(desk: Desk) -> None:
        desk.output_error = BrokenPipeError()

    with pytest.raises(BrokenPipeError):
        script(["help"], change=gone)
