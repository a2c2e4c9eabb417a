"""What a load draws: its stage, how far it is, and nothing once it is over."""

import io
import threading

from token_explorer.core.engine import Progress
from token_explorer.repl.progress import progress_bar


def drawn(*told: Progress) -> str:
    stream = io.StringIO()
    with progress_bar(stream) as report:
        for each in told:
            report(each)
        return stream.getvalue()


def test_a_stage_whose_end_is_known_has_a_bar_with_its_share() -> None:
    text = drawn(Progress("fetching", 0, 4), Progress("fetching", 4, 4))
    assert "fetching   0%" in text
    assert "fetching 100%" in text


def test_a_stage_whose_end_is_not_known_is_named_without_a_share() -> None:
    assert "checking …" in drawn(Progress("checking"))
    assert "%" not in drawn(Progress("checking"))


def test_a_stage_that_learns_its_end_gets_its_bar() -> None:
    assert "fetching 100%" in drawn(
        Progress("fetching"), Progress("fetching", 0, 2), Progress("fetching", 2, 2)
    )


def test_nothing_is_left_on_the_line_and_no_thread_behind() -> None:
    before = threading.active_count()
    stream = io.StringIO()
    with progress_bar(stream) as report:
        report(Progress("one", 1, 2))
        report(Progress("two"))
    assert stream.getvalue().rpartition("\r")[2].strip() == ""
    assert stream.getvalue().split("\r")[-2].strip() == ""
    assert threading.active_count() == before


def test_a_stage_is_safe_for_a_terminal() -> None:
    assert "\x1b]2;owned" not in drawn(Progress("\x1b]2;owned\x07", 1, 2))
