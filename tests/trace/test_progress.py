"""How a run tells how far it is."""

import io

from token_explorer.core.generation import Step
from token_explorer.trace.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(stream: io.StringIO) -> str:
    with Progress(10, stream) as progress:
        for number in range(4):
            progress.tell(Step(number, 0, (number + 1) / 2))
    return stream.getvalue()


def test_elsewhere_than_on_a_terminal_there_is_a_line_at_the_start_and_one_at_the_end() -> None:
    assert told(io.StringIO()) == "writing up to 10 tokens …\n4 tokens, 2.0 a second\n"


def test_a_terminal_shows_a_bar_with_tokens_a_second() -> None:
    shown = told(Terminal())
    assert "4/10" in shown
    assert "tokens/s" in shown
    assert shown.endswith("\n")


def test_a_run_without_tokens_has_no_speed() -> None:
    stream = io.StringIO()
    with Progress(10, stream):
        pass
    assert stream.getvalue().endswith("\n0 tokens\n")
