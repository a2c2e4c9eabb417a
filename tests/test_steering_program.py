"""Steering as its user meets it: in a terminal, with the real model, by its keys."""

import os
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.program import (
    CTRL_Q,
    DOWN,
    ESCAPE,
    FRAME_S,
    RIGHT,
    UP,
    Start,
    engine_of,
    first_row,
    last_token,
    loaded,
    press_and_wait,
    starting,
    tokens,
)
from tests.terminal import Terminal

ROOT = Path(__file__).parents[1]
FRANCE = "The capital of France is"
CTRL_S, CTRL_U, TAB, ENTER = "\x13", "\x15", "\t", "\r"


@pytest.fixture
def start(embedded_source: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts the program in a folder of its own; what was started is ended with the test."""
    monkeypatch.chdir(tmp_path)
    yield from starting()


def whole_frame(terminal: Terminal, shown: str | Callable[[str], bool]) -> str:
    """Wait for something on the screen, and for all that is drawn with it; returns the screen."""
    terminal.wait_for(shown)
    terminal.settle(FRAME_S)
    return terminal.text


def press(terminal: Terminal, keys: Sequence[str], place: int) -> str:
    """Press keys one by one until the line below the prompt describes a token, counted from 1."""
    for key in keys:
        terminal.type(key)
        terminal.settle(FRAME_S)
    return whole_frame(terminal, lambda text: f" {place}/" in text and loaded(text))


def probability(text: str) -> float:
    """That of the token that the line below the prompt describes."""
    found = re.search(r'"  id \d+ .*? p (\S+)  rank', text)
    assert found, text
    return float(found[1])


def rows(text: str) -> list[tuple[int, str, float]]:
    """Rank, token and probability in each row of the table."""
    found = re.findall(r"│ +(\d+)[ ▸](\S+) +\d+ +(\d\S*)", text)
    return [(int(rank), token, float(chance)) for rank, token, chance in found]


def prompt(text: str) -> str:
    """The lines of the prompt."""
    lines = text.splitlines()
    end = next(place for place, line in enumerate(lines) if line.startswith("╰"))
    return "\n".join(line.strip("│▏ ") for line in lines[2:end]).strip()


def type_line(terminal: Terminal, key: str, label: str, line: str) -> None:
    """Open a line to type in by its key, and type."""
    terminal.type(key)
    terminal.wait_for(lambda text: text.splitlines()[-2].startswith(f" {label}"))
    terminal.type(line)


def type_instead(terminal: Terminal, label: str, line: str) -> None:
    """Empty the line that is open, and type another."""
    terminal.type(CTRL_U)
    terminal.wait_for(lambda text: re.match(f" {label}(  |$)", text.splitlines()[-2]) is not None)
    terminal.type(line)


def test_does_the_answer_survive_a_low_probability_word(start: Start) -> None:
    """The seed's question, asked in fewer than ten keys from the prompt as it was loaded, in both ways."""
    terminal = start("--input", str(ROOT / "prompts" / "gsm8k.txt"))
    text = whole_frame(terminal, loaded)
    whole, before = tokens(text), probability(text)
    assert last_token(text) == "2"

    # The fourth uncertain token from the end stands in the reasoning: 48+24. The second choice is unlikely.
    jumps = ["{", "{", "{", "{", "j"]
    text = press(terminal, jumps, 75)
    assert '75/103 "+"' in text
    rank, token, chance = rows(text)[1]
    assert (rank, chance < 0.05) == (2, True)
    text = press(terminal, ["r"], 75)
    assert f'75/103 "{token}"' in text
    assert f"{whole} tokens · 74 cached" in text
    assert "prompt 2/2" in text
    assert probability(text) == chance  # the scores of the copy and the table of the original agree
    text = press(terminal, ["$"], whole)
    assert last_token(text) == "2"
    assert probability(text) != before
    text = press(terminal, [",", ","], whole - 1)
    assert last_token(text) == "7"
    assert (1, "7", probability(text)) in rows(text)  # it survives, less sure of itself
    assert len([*jumps, "r", "$", ",", ","]) < 10

    press(terminal, ["w"], 75)  # where its cursor was left
    text = press(terminal, ["$", *jumps], 75)
    text = press_and_wait(terminal, RIGHT, 75)
    assert last_token(text) == token
    terminal.type("G")
    text = whole_frame(terminal, lambda text: "the model ended the text" in text and loaded(text))
    assert re.search(r"Wrote \d+ tokens", text)
    assert last_token(text) == "<|im_end|>"
    answer = prompt(text).partition("Reasoning:")[2].partition("answer is: ")[2]
    assert re.match(r"\d", answer)
    assert not answer.startswith("72")  # it doesn't where the model may go on by itself
    assert len([*jumps, RIGHT, "G"]) < 10
    terminal.type("u")
    terminal.wait_for(lambda text: tokens(text) == 75)


def test_the_whole_vocabulary_is_searched(start: Start) -> None:
    terminal = start("--prompt", FRANCE)
    terminal.wait_for(lambda text: first_row(text) == "␣Paris")
    type_line(terminal, "/", "/", "paris")
    text = whole_frame(terminal, lambda text: 'begin with "paris"' in text and rows(text)[1:2] != [])
    terminal.settle(FRAME_S)
    found = rows(terminal.text)
    assert found[0][:2] == (1, "␣Paris")
    assert [rank for rank, _, _ in found] == sorted({rank for rank, _, _ in found})
    assert all("paris" in token.lower() for _, token, _ in found)
    assert found[-1][0] > 30
    terminal.type(TAB + TAB + "(")
    terminal.wait_for("✗ Bad regular expression: missing ) at position")
    type_instead(terminal, "/", "^ Par.*t$")
    terminal.wait_for(lambda text: rows(text) != [] and all(row[1].endswith("t") for row in rows(text)))
    terminal.type(TAB)
    terminal.wait_for("any case · Tab changes that · #id")
    type_instead(terminal, "/", "#284")
    terminal.wait_for(lambda text: [row[1] for row in rows(text)] == ["␣and"])
    terminal.type(ENTER)
    terminal.wait_for(lambda text: "/#284" not in text)
    terminal.type(RIGHT)
    terminal.wait_for(lambda text: tokens(text) == 6 and last_token(text) == "␣and" and len(rows(text)) == 1)
    terminal.type(ESCAPE)
    terminal.wait_for(lambda text: len(rows(text)) > 9)
    text = press_and_wait(terminal, "u", 5)
    assert first_row(text) == "␣Paris"
    terminal.type(CTRL_Q)
    assert terminal.wait() == 0


def drawn(terminal: Terminal) -> str:
    """Turn the temperature up in the sampler's panel, have 20 tokens written, and read what they are."""
    terminal.wait_for(lambda text: first_row(text) == "␣Paris")
    terminal.type("t")
    terminal.wait_for(re.compile(r"seed +7 ").search)  # type: ignore[arg-type]
    terminal.type(DOWN * 5 + RIGHT)
    terminal.wait_for(lambda text: "sampled" in text and re.search(r"temperature +‹ +1.20", text) is not None)
    terminal.settle(FRAME_S)
    # Beside each other: what the model gives it, and what it may be drawn with.
    found = re.search(r"␣Paris +7042 +(\d\S+) +(\d\S+)", terminal.text)
    assert found
    assert float(found[2]) < float(found[1])
    terminal.type("N")
    text = whole_frame(terminal, lambda text: "Wrote 20 tokens" in text and loaded(text))
    assert re.search(r"as many as were asked for · \d+\.\d tokens/s · seed 7", text)
    terminal.settle(FRAME_S)
    assert tokens(terminal.text) == 25
    return prompt(terminal.text)


def test_a_seed_draws_the_same_in_another_program_and_a_run_stops_at_a_key(start: Start) -> None:
    first = start("--prompt", FRANCE, "--seed", "7")
    once = drawn(first)
    first.type(CTRL_Q)
    assert first.wait() == 0
    terminal = start("--prompt", FRANCE, "--seed", "7")
    assert drawn(terminal) == once
    press_and_wait(terminal, "u", 5)

    terminal.type("tTG")
    terminal.wait_for(lambda text: "writing" in text and tokens(text) > 12)
    terminal.type(ESCAPE)
    text = whole_frame(terminal, lambda text: "Esc stops" not in text and loaded(text))
    assert tokens(text) > 12
    assert prompt(text).startswith(f"{FRANCE} Paris")
    text = press_and_wait(terminal, "u", 5)
    assert prompt(text) == FRANCE
    terminal.type("nnn")
    terminal.wait_for(lambda text: tokens(text) == 8 and loaded(text))


HOSTILE = "evil ]2;owned\x07 \x00nul \u202ertl\u202c [bold]x[/b] \x9b5;5H end"
RAW = (b"\x1b]2;owned", "\u202e".encode(), b"\x00", "\x9b".encode(), b"owned\x07")


def paste(text: str) -> str:
    """What a terminal sends for a paste, once it has taken escapes out of the text as terminals do."""
    return f"\x1b[200~{text}\x1b[201~"


def test_text_comes_in_by_every_way_and_none_of_it_raw(start: Start, tmp_path: Path) -> None:
    """Paste, insert, the editor, chat, a file, commands."""
    terminal = start("--prompt", FRANCE)
    terminal.wait_for(lambda text: first_row(text) == "␣Paris")
    terminal.type(paste(HOSTILE))
    text = whole_frame(terminal, lambda text: "[bold]x[/b]" in text and loaded(text))
    assert "owned␇" in text
    assert "‹9b›5;5H end" in text
    press_and_wait(terminal, "u", 5)
    type_line(terminal, "i", "insert ", paste(" in\r\nbetween \x9b") + ENTER)
    text = whole_frame(terminal, lambda text: "is in↵" in text and loaded(text))
    press_and_wait(terminal, "u", 5)

    terminal.type("v")
    terminal.wait_for("the prompt's own")
    terminal.type(" Paris")
    terminal.wait_for(lambda text: "␣Paris" in text and " 6 of 8192" in text)
    terminal.type(CTRL_S)
    terminal.wait_for(lambda text: tokens(text) == 6 and last_token(text) == "␣Paris" and loaded(text))
    terminal.type("v")
    terminal.wait_for("the prompt's own")
    terminal.type(paste(HOSTILE))
    terminal.wait_for(lambda text: "[bold]x[/b]" in text and "text, changed" in text)
    terminal.type(ESCAPE)
    terminal.wait_for(lambda text: tokens(text) == 6 and loaded(text))

    terminal.type("c")
    terminal.wait_for("by the model's chat template")
    terminal.type(TAB)
    terminal.settle(FRAME_S)
    terminal.type("hi")
    terminal.wait_for(lambda text: " 31 of 8192" in text)
    terminal.type(CTRL_S)
    text = whole_frame(terminal, lambda text: "prompt 2/2" in text and loaded(text))
    assert "<|im_start|>user↵" in text
    assert "hi<|im_end|>" in text
    assert tokens(text) == 31

    (tmp_path / "story.txt").write_text("Once upon a time")
    type_line(terminal, ":", ":", "open st")
    terminal.wait_for(":open story.txt")  # the rest of it is offered
    terminal.type(TAB)
    terminal.settle(FRAME_S)
    terminal.type(ENTER)
    text = whole_frame(terminal, lambda text: "prompt 3/3" in text and loaded(text))
    assert prompt(text) == "Once upon a time"
    type_line(terminal, ":", ":", "frobnicate" + ENTER)
    terminal.wait_for("No such command")
    terminal.settle(FRAME_S)  # what was typed stood there a moment ago
    type_line(terminal, ":", ":", UP)
    terminal.wait_for(":frobnicate")
    terminal.settle(FRAME_S)
    type_instead(terminal, ":", "prompt 1" + ENTER)
    terminal.wait_for("prompt 1/3")
    terminal.type(CTRL_Q)
    assert terminal.wait() == 0
    assert not [raw for raw in RAW if raw in terminal.output]


def test_an_engine_killed_in_a_run_loses_nothing(start: Start) -> None:
    """On the smallest screen, without colours, and resized while the panel and a search are open."""
    terminal = start("--prompt", FRANCE, columns=80, lines=24, environment={"NO_COLOR": "1"})
    terminal.wait_for(lambda text: first_row(text) == "␣Paris")
    terminal.type("t")
    terminal.wait_for("repetition penalty")
    type_line(terminal, "/", "/", "par")
    terminal.wait_for(lambda text: "repetition penalty" in text and "match, 0.77" in text)
    for columns, lines in ((60, 15), (80, 24), (120, 40)):
        terminal.resize(columns, lines)
        top = rf"(?m)^╭ prompt 1/1 .{{{columns - 14}}}╮$"
        terminal.wait_for(lambda text, top=top: re.search(top, text) is not None and "match, 0.77" in text)  # type: ignore[misc]
        terminal.settle(FRAME_S)
        shown = terminal.text.splitlines()
        assert any("1 ␣Par" in line for line in shown)
        assert [line[-1] for line in shown[1:-2]] == ["╮", "│", "│", "│", "╯", "╮", *"│" * (lines - 10), "╯"]
        assert shown[-2].startswith(" /par")
        assert all(re.search(r"│  [a-z]", line) for line in shown[7:-3][:9])
    terminal.type(ESCAPE)
    terminal.wait_for(lambda text: "/par" not in text)
    terminal.type("t")
    terminal.wait_for(lambda text: "repetition penalty" not in text)

    terminal.type("G")
    terminal.wait_for(lambda text: "writing" in text and tokens(text) > 8)
    os.kill(engine_of(terminal.pid), signal.SIGKILL)
    terminal.wait_for("ended")
    terminal.wait_for(lambda text: "Esc stops" not in text and tokens(text) > 8 and loaded(text))
    terminal.settle(FRAME_S)
    length = tokens(terminal.text)
    assert prompt(terminal.text).startswith(f"{FRANCE} Paris")
    text = press_and_wait(terminal, "n", length + 1)
    text = press_and_wait(terminal, "u", length)
    text = press_and_wait(terminal, "u", 5)
    assert first_row(text) == "␣Paris"
    terminal.type(CTRL_Q)
    assert terminal.wait() == 0
