"""The command line on the fake engine."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.faked import Fakes
from token_explorer import cli
from token_explorer.cli import work

Run = Callable[..., str]


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    """What stands where engines are made."""
    made = Fakes()
    monkeypatch.setattr(work, "local_engine", made)
    return made


@pytest.fixture
def run(fakes: Fakes, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command that succeeds, and gives what it prints."""

    def run(*arguments: str) -> str:
        capsys.readouterr()
        code = cli.main(arguments)
        out, err = capsys.readouterr()
        assert code == 0, err
        return out

    return run


@pytest.fixture
def document(run: Run) -> Callable[..., Any]:
    """Runs a command with --json, and gives its document."""
    return lambda *arguments: json.loads(run(*arguments, "--json"))


@pytest.fixture
def refused(fakes: Fakes, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command that is refused, and gives what it says on stderr; no model is loaded for it."""

    def refused(*arguments: str, code: int = 2) -> str:
        assert cli.main(arguments) == code
        out, err = capsys.readouterr()
        assert out == ""
        assert not any("load_model" in engine.calls for engine in fakes.engines)
        return err

    return refused
