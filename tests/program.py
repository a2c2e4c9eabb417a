"""The program with the real model in a terminal: how it is started, and what can be read off its screen."""

import re
import sys
from collections.abc import Callable, Iterator

import psutil

from tests.terminal import Terminal

PROGRAM = [sys.executable, "-m", "token_explorer"]
UP, DOWN, LEFT, RIGHT, CTRL_Q, CTRL_R, ESCAPE = "\x1b[A", "\x1b[B", "\x1b[D", "\x1b[C", "\x11", "\x12", "\x1b"
# A terminal that was quiet for so long has the whole frame.
FRAME_S = 0.15
LEAVE_SCREEN = b"\x1b[?1049l"

Start = Callable[..., Terminal]


def starting() -> Iterator[Start]:
    """What starts programs; those that were started are ended at last."""
    started: list[Terminal] = []

    def start(*arguments: str, **options: object) -> Terminal:
        terminal = Terminal([*PROGRAM, "--device", "cpu", *arguments], **options)  # type: ignore[arg-type]
        started.append(terminal)
        return terminal

    yield start
    for terminal in started:
        terminal.close()


def tokens(text: str) -> int:
    found = re.search(r"(\d+) tokens", text)
    return int(found[1]) if found else -1


def first_row(text: str) -> str:
    """The token in the table's first row, once the table is there."""
    found = re.search(r"│ +1[ ▸](\S+) +\d+ ", text)
    return found[1] if found else ""


def last_token(text: str) -> str:
    """The token that the line below the prompt describes."""
    found = re.search(r'\d+/\d+ "(.*)"  id', text)
    return found[1] if found else ""


def loaded(text: str) -> bool:
    """Whether the prompt is scored and the table lists what follows."""
    return "cached" in text and first_row(text) != ""


def press_and_wait(terminal: Terminal, key: str, length: int) -> str:
    """Press a key and wait until all of the screen shows a prompt of so many tokens."""
    terminal.type(key)
    terminal.wait_for(lambda text: tokens(text) == length and loaded(text))
    # A frame arrives in parts; the last of them may be what the test is about.
    terminal.settle(FRAME_S)
    return terminal.text


def engine_of(pid: int) -> int:
    """The process that runs the model: the program's child with the most memory."""
    return max(psutil.Process(pid).children(), key=lambda child: child.memory_info().rss).pid
