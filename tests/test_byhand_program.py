"""Following a model by hand as its user does: in a terminal, with a small GPT-2 from a folder."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.random_models import save_random
from tests.program import CTRL_Q, DOWN, FRAME_S, LEFT, RIGHT, Start, loaded, starting

END = "\x1b[F"
TEXT = "Hi there"


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts the program in a folder of its own; what was started is ended with the test."""
    monkeypatch.chdir(tmp_path)
    yield from starting()


def listed(text: str) -> list[tuple[int, str]]:
    """Id and probability of each of the table's rows."""
    rows = re.findall(r"^│ +\d+[ ▸]\S+ +(\d+) +(\S+)", text, re.MULTILINE)
    return [(int(id), probability) for id, probability in rows]


def test_the_forward_by_hand_ends_in_the_probabilities_of_the_table(start: Start, tmp_path: Path) -> None:
    """Open the room, walk down its steps, then from likely token to likely token."""
    save_random("gpt2", tmp_path / "gpt2")
    terminal = start("--model", str(tmp_path / "gpt2"), "--prompt", TEXT)
    terminal.wait_for(loaded)
    terminal.settle(FRAME_S)
    rows = dict(listed(terminal.text))
    assert len(rows) > 20
    terminal.type("B")
    terminal.wait_for(" e[8,1] = ")
    for symbol in ("p[8,1]", "x[8,1]", "μ[8]", "σ²[8]", "n[8,1]", "q[8,1]"):
        terminal.type(DOWN)
        terminal.wait_for(f" {symbol} = ")
    terminal.type(END)
    text = terminal.wait_for(" y[8,")
    assert f"id {next(iter(rows))} " in text  # the likeliest one
    here, *others = list(rows)[:12]
    for id in (here, *others):
        terminal.type((RIGHT if id > here else LEFT) * abs(id - here))
        terminal.wait_for(f" y[8,{id + 1}] = {rows[id]} ")
        here = id
    terminal.type(CTRL_Q)
    assert terminal.wait() == 0
