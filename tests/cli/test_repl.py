"""`token-explorer repl`: how flags, configuration and streams reach the session, and how it ends."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.faked import Fakes
from tests.fakes import encode
from tests.test_imports import loaded_by
from token_explorer import cli
from token_explorer.engine import process


class Stdin(io.TextIOWrapper):
    """A stdin with these bytes, that is a terminal or isn't."""

    def __init__(self, content: bytes = b"", terminal: bool = False) -> None:
        super().__init__(io.BytesIO(content))
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fakes:
    """What stands where engines are made, in an empty folder."""
    made = Fakes()
    monkeypatch.setattr(process, "local_engine", made)
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, fakes: Fakes) -> Callable[..., int]:
    """Runs lines from a stdin that is no terminal; the exit code."""

    def script(typed: bytes, *arguments: str) -> int:
        monkeypatch.setattr(sys, "stdin", Stdin(typed))
        return cli.main(["repl", *arguments])

    return script


def test_results_of_a_script_go_to_stdout_and_all_else_to_stderr(
    script: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert script(b"tokenize Once \nquit\n") == 0
    out, err = capsys.readouterr()
    assert "Once" in out
    assert "ends in" not in out
    assert "fake-model" in err
    assert 'The text ends in "␣"' in err


def test_flags_and_configuration_reach_the_engine_and_it_is_closed(
    script: Callable[..., int], fakes: Fakes
) -> None:
    Path("config.toml").write_text('[model]\nname = "Some/model"\nthreads = 3\n')
    assert script(b"model Other/model\n", "--bf16", "--device", "cpu") == 0
    assert [(spec.name, spec.dtype, spec.device, spec.threads) for spec in fakes.specs] == [
        ("Some/model", "bfloat16", "cpu", 3),
        ("Other/model", "bfloat16", "cpu", 3),
    ]
    assert [engine.calls[-1] for engine in fakes.engines] == ["close", "close"]


def test_strip_takes_blanks_off(script: Callable[..., int], fakes: Fakes) -> None:
    script(b"complete Once \n", "--strip")
    assert fakes.engines[0].scored == [encode("Once")]


def test_the_first_error_of_a_script_is_the_exit_code(
    script: Callable[..., int], fakes: Fakes, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script(b"nonsense\ncomplete \xff\ntokenize Once\n") == 2
    out, err = capsys.readouterr()
    assert "No such command" in err
    assert "isn't UTF-8" in err
    assert "Once" in out


def test_a_path_that_leads_nowhere_is_refused_before_a_line_is_read(
    script: Callable[..., int], fakes: Fakes, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script(b"complete a\n", "--model", "./nowhere") == 2
    assert "./nowhere doesn't exist" in capsys.readouterr().err
    assert fakes.engines == []


def test_a_script_without_stdin_ends_at_once(monkeypatch: pytest.MonkeyPatch, fakes: Fakes) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert cli.main(["repl"]) == 0


@pytest.mark.parametrize(
    ("arguments", "config", "name"),
    [
        ([], "", None),
        (["--model", "embedded"], "", "embedded"),
        ([], '[model]\nname = "Some/model"', "Some/model"),
    ],
)
def test_at_a_terminal_the_menu_is_for_those_who_named_no_model(
    monkeypatch: pytest.MonkeyPatch, fakes: Fakes, arguments: list[str], config: str, name: str | None
) -> None:
    from token_explorer.repl import prompt

    asked: list[tuple[str | None, Path]] = []

    def interact(session: object, name: str | None, history: Path) -> int:
        asked.append((name, history))
        return 0

    Path("config.toml").write_text(config)
    monkeypatch.setenv("XDG_STATE_HOME", str(Path("state").absolute()))
    monkeypatch.setattr(prompt, "interact", interact)
    monkeypatch.setattr(sys, "stdin", Stdin(terminal=True))
    assert cli.main(["repl", *arguments]) == 0
    assert [each for each, _ in asked] == [name]
    assert asked[0][1].parts[-2:] == ("token-explorer", "history")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_output_that_cannot_be_written_ends_it_with_words(tmp_path: Path) -> None:
    ended = _faked(b"help\nhelp\n", "/dev/full")
    assert ended.returncode == 2
    assert b"Can't write the output: No space left on device." in ended.stderr
    assert b"Traceback" not in ended.stderr


def _faked(typed: bytes, out: str) -> "subprocess.CompletedProcess[bytes]":
    """The program on the fake engine, its results in a file."""
    code = (
        "import sys; from tests.cli.faked import Fakes; from token_explorer import cli; "
        "from token_explorer.engine import process; process.local_engine = Fakes(); "
        "sys.exit(cli.main(['repl']))"
    )
    with open(out, "wb") as file:
        return subprocess.run(
            [sys.executable, "-c", code],
            input=typed,
            stdout=file,
            stderr=subprocess.PIPE,
            timeout=100,
            check=False,
        )


def test_a_bug_in_a_line_is_traced_for_who_asks(
    script: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    fakes: Fakes,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from token_explorer.repl import looking

    def broken(*_: object) -> None:
        raise ZeroDivisionError("by 0")

    monkeypatch.setattr(looking, "complete", broken)
    assert script(b"complete a\ntokenize Once\n") == 1
    out, err = capsys.readouterr()
    assert "Once" in out
    assert "This is a bug: ZeroDivisionError: by 0." in err
    assert "Traceback" not in err
    monkeypatch.setenv(cli.DEBUG, "1")
    script(b"complete a\n")
    assert "Traceback" in capsys.readouterr().err


def test_the_command_line_does_not_load_the_prompt_before_it_is_needed() -> None:
    assert "prompt_toolkit" not in loaded_by("import token_explorer.cli.repl, token_explorer.cli")
