"""The program as its user meets it: in a terminal, with the real model, by its keys."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.random_models import save_random
from tests.program import (
    CTRL_Q,
    CTRL_R,
    ESCAPE,
    LEAVE_SCREEN,
    LEFT,
    RIGHT,
    Start,
    engine_of,
    first_row,
    last_token,
    press_and_wait,
    starting,
    tokens,
)

ROOT = Path(__file__).parents[1]


@pytest.fixture
def start(embedded_source: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts the program in a folder of its own; what was started is ended with the test."""
    monkeypatch.chdir(tmp_path)
    yield from starting()


def test_the_worked_example_is_walked(start: Start, tmp_path: Path) -> None:
    """Load, back up to the answer, overlays, copy, rewind, take another token, fill, compare, save, quit."""
    terminal = start("--input", str(ROOT / "prompts" / "gsm8k.txt"))
    text = terminal.wait_for(lambda text: "cached" in text and first_row(text) != "")
    whole = length = tokens(text)
    assert "SmolLM2-135M-Instruct · cpu · float32" in text
    assert last_token(text) == "2"
    while last_token(text) != ":":  # "Answer:"
        length -= 1
        text = press_and_wait(terminal, LEFT, length)
    assert length == whole - 3
    text = press_and_wait(terminal, RIGHT, length + 1)
    assert first_row(text) == "7"
    assert "prompt 1/1" in text

    terminal.type("e")
    terminal.wait_for("probability 0")
    terminal.type("e")
    terminal.wait_for(re.compile(r"entropy 0\s.*8 bits").search)  # type: ignore[arg-type]
    terminal.type("d")
    terminal.wait_for("prompt 2/2")
    length += 1
    while last_token(text) != "␣Natal":
        length -= 1
        text = press_and_wait(terminal, "h", length)
    text = press_and_wait(terminal, "h", length - 1)
    likeliest = first_row(text)
    terminal.type("j")
    text = press_and_wait(terminal, "l", length)
    assert "rank 2" in text
    assert last_token(text) != likeliest
    for step in range(1, 6):
        text = press_and_wait(terminal, RIGHT, length + step)
    other = text
    terminal.type("w")
    text = terminal.wait_for("prompt 1/2")
    assert tokens(text) == whole - 2
    terminal.type("s")
    text = terminal.wait_for("prompt 2/2")
    assert tokens(text) == tokens(other)

    terminal.type("u")
    terminal.wait_for(lambda text: tokens(text) == length + 4)
    terminal.type(CTRL_R)
    terminal.wait_for(lambda text: tokens(text) == whole - 2)
    terminal.type("x")
    terminal.wait_for("prompts/")
    saved = list((tmp_path / "prompts").iterdir())
    assert [path.read_text().endswith("Answer: ") for path in saved] == [True]
    terminal.type(CTRL_Q)
    assert terminal.wait() == 0
    assert LEAVE_SCREEN in terminal.output


def test_the_inside_of_the_model_is_looked_at(start: Start) -> None:
    """Overlays, layers switched on from their message, the lens with a pinned token, and attention."""
    terminal = start("--prompt", "The capital of France is")
    terminal.wait_for(lambda text: "6/6 checks" in text and first_row(text) == "␣Paris")
    terminal.type("eee")
    terminal.wait_for(re.compile(r"influence 0\s.*1 · of the last token").search)  # type: ignore[arg-type]
    terminal.type("p")
    terminal.wait_for("Press p again")
    terminal.type("p")
    terminal.wait_for(re.compile("layer 28 0.0106 · 29 0.07.. · 30 0.77").search)  # type: ignore[arg-type]
    terminal.type(" L")
    text = terminal.wait_for(lambda text: "first in layer 30" in text and "·····" not in text)
    assert "raw logit lens" in text
    assert re.search(r"30 .*␣Paris +\.77", text)
    terminal.type("A")
    text = terminal.wait_for(lambda text: "heads by variance" in text and "sink" in text)
    assert "1/270" in text
    terminal.type(ESCAPE)
    terminal.wait_for(lambda text: first_row(text) == "␣Paris")
    terminal.type(CTRL_Q)
    assert terminal.wait() == 0


def test_what_a_mamba_has_is_shown_and_what_it_lacks_is_said(start: Start, tmp_path: Path) -> None:
    save_random("mamba", tmp_path / "mamba")
    terminal = start("--model", str(tmp_path / "mamba"), "--prompt", "abc")
    terminal.wait_for("3/3 checks")
    terminal.type("A")
    terminal.wait_for("MambaForCausalLM gives no attention weights")
    terminal.type("eee")
    terminal.wait_for("influence · MambaForCausalLM")
    terminal.type("L")
    terminal.wait_for("raw logit lens")
    terminal.type(CTRL_Q)
    assert terminal.wait() == 0


def test_a_killed_engine_is_told_and_replaced_and_the_prompts_are_intact(start: Start) -> None:
    terminal = start("--prompt", "The capital of France is", columns=80, lines=24)
    terminal.wait_for(lambda text: first_row(text) == "␣Paris")
    terminal.type("ld")
    terminal.wait_for("prompt 2/2")
    os.kill(engine_of(terminal.pid), signal.SIGKILL)
    terminal.wait_for("ended")
    terminal.type("w")
    terminal.wait_for("prompt 1/2")
    text = press_and_wait(terminal, "h", 5)
    assert first_row(text) == "␣Paris"
    terminal.resize(120, 40)
    terminal.wait_for(lambda text: first_row(text) == "␣Paris" and "prompt 1/2" in text)
    terminal.type(CTRL_Q)
    assert terminal.wait() == 0


def test_it_can_be_quit_while_it_loads(start: Start) -> None:
    terminal = start("--prompt", "[/b] \x1b]2;owned\x07 [bold]")
    terminal.wait_for("[/b] ␛]2;owned␇ [bold]")
    terminal.type(CTRL_Q)
    assert terminal.wait() == 0
    assert b"\x1b]2;owned" not in terminal.output


def test_an_empty_prompt_works_without_colours(start: Start) -> None:
    terminal = start("--prompt", "", environment={"NO_COLOR": "1"})
    terminal.wait_for("No colours")
    terminal.wait_for(lambda text: tokens(text) == -1 and "1 token" in text and first_row(text) != "")
    terminal.type(CTRL_Q)
    assert terminal.wait() == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--model", "Nobody/no-such-model"), "Nobody/no-such-model"),
        (("--device", "cuda:7"), "cuda:7"),
        (("--prompt", " a" * 9000), "9000 tokens"),
    ],
)
def test_what_only_the_engine_can_refuse_ends_with_words_and_code_two(
    start: Start, arguments: tuple[str, ...], said: str
) -> None:
    terminal = start(*arguments)
    assert terminal.wait() == 2
    words = terminal.output.rpartition(LEAVE_SCREEN)[2].decode()
    assert said in words
    assert "Traceback" not in words
