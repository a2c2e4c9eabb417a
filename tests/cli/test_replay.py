"""`replay`: from a folder to the explorer, in a terminal, without a model; and what it refuses in words."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.program import CTRL_Q, CTRL_R, LEFT, PROGRAM, RIGHT, first_row, press_and_wait, tokens
from tests.replayed import IDS, recorded, written
from tests.terminal import Terminal
from token_explorer import cli
from token_explorer.core.tokens import TokenIds
from token_explorer.trace.record import FILE_NAME

END = len(IDS) + len(recorded().written)

Refused = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a trace."""
    return written(recorded(), tmp_path / "run")


@pytest.fixture
def terminal(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A replay in a terminal."""
    monkeypatch.chdir(tmp_path)
    terminal = Terminal([*PROGRAM, "replay", str(folder)])
    yield terminal
    terminal.close()


def chosen(text: str) -> str:
    """What the title of the table says that the recording went on with."""
    return text.partition('went on with "')[2].partition('"')[0]


def test_a_trace_is_walked_and_left_by_its_keys(terminal: Terminal) -> None:
    text = terminal.wait_for(lambda text: tokens(text) == END and first_row(text) != "")
    assert "fake-model · cpu · float32" in text
    assert f"recorded {recorded().timings.started[:10]}" in text
    ids, vocabulary = recorded().ids + recorded().written, recorded().vocabulary
    for length in range(END - 1, len(IDS) - 1, -1):
        text = press_and_wait(terminal, LEFT, length)
        assert chosen(text) == vocabulary[ids[length]].shown
    for length in range(len(IDS) + 1, END + 1):
        press_and_wait(terminal, RIGHT, length)
    press_and_wait(terminal, CTRL_R, len(IDS))
    terminal.type(",")
    terminal.wait_for("No alternatives in the prompt")
    terminal.type(CTRL_Q)
    assert terminal.wait() == 0


def test_no_model_and_no_library_for_models_is_loaded(folder: Path, tmp_path: Path) -> None:
    program = (
        "import sys; from token_explorer import cli; from token_explorer.cli import explore, replay\n"
        "replay.check_terminal = lambda: None\n"
        "replay.run_on = lambda engine, *rest: engine.load_model(print).layers\n"
        f"code = cli.main(['replay', {str(folder)!r}])\n"
        "loaded = {'torch', 'transformers', 'token_explorer.engine'} & set(sys.modules)\n"
        "sys.exit(code or sorted(loaded) or 0)\n"
    )
    terminal = Terminal([sys.executable, "-c", program])
    assert terminal.wait() == 0, terminal.text
    terminal.close()


def test_a_folder_without_a_trace_is_named(refused: Refused, tmp_path: Path) -> None:
    said = refused("replay", str(tmp_path))
    assert str(tmp_path / FILE_NAME) in said
    assert "token-explorer trace --out" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "isn't JSON"),
        ("[]", "should be an object"),
        (json.dumps(recorded().document() | {"schema": 99}), "schema 99"),
        (json.dumps({**recorded().document(), "ids": []}), "It should be 1"),
        ("\x00\x1b[31m", "isn't JSON"),
    ],
)
def test_a_broken_or_newer_trace_is_refused(refused: Refused, folder: Path, content: str, said: str) -> None:
    (folder / FILE_NAME).write_text(content)
    shown = refused("replay", str(folder))
    assert said in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("flag", [["--bf16"], ["--device", "cpu"]])
def test_a_flag_about_a_model_needs_one(refused: Refused, folder: Path, flag: list[str]) -> None:
    assert f"{flag[0]} is about a model" in refused("replay", str(folder), *flag)


def test_a_model_that_is_not_there_is_refused(refused: Refused, folder: Path) -> None:
    assert "Model not found" in refused("replay", str(folder), "--model", "./nowhere.gguf")


def test_without_a_terminal_it_says_so(refused: Refused, folder: Path) -> None:
    assert "No terminal" in refused("replay", str(folder))


def test_a_named_model_is_given_the_recorded_tokens(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[str, TokenIds]] = []
    monkeypatch.setattr("token_explorer.cli.replay.check_terminal", lambda: None)
    monkeypatch.setattr(
        "token_explorer.cli.replay.run_explorer",
        lambda settings, first: given.append((settings.model.name, first.ids)) or 0,
    )
    assert cli.main(["replay", str(folder), "--model", "embedded"]) == 0
    assert given == [("embedded", recorded().ids + recorded().written)]
