"""The command serve: what its flags come to, and the mistakes that it tells before it listens."""

import socket
import sys
from pathlib import Path

import pytest

from token_explorer import cli
from token_explorer.cli import engines, serve
from token_explorer.core.engine import ModelSpec
from token_explorer.engine.process import EngineProcess
from token_explorer.engine.shared import SharedEngine
from token_explorer.serve.server import Place

Begun = tuple[list[str], Place, bool]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Begun]:
    """The servers that would have been begun, in an empty folder."""
    begun: list[Begun] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(serve, "_serve", lambda *given: begun.append(given))
    return begun


def test_without_flags_it_is_for_this_machine_alone(
    begun: list[Begun], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["serve"]) == 0
    assert begun == [([sys.executable, "-m", "token_explorer"], Place(), False)]
    assert capsys.readouterr() == ("", "")


def test_flags_of_the_server_say_where_and_those_of_the_explorer_go_to_each_tab(
    begun: list[Begun], tmp_path: Path
) -> None:
    settings = tmp_path / "mine.toml"
    settings.write_text("[serve]\nport = 9000\nmax_sessions = 3\nidle_minutes = 5\n")
    where = ["--host", "localhost", "--max-sessions", "7", "--public-url", "https://A.example/", "--open"]
    explorer = ["--prompt", "-a b", "--bf16", "--device", "cpu", "--layer-prob", "--seed", "5"]
    assert cli.main(["serve", *where, *explorer, "--config", str(settings)]) == 0
    ((command, place, show),) = begun
    assert command[3:] == [
        "--prompt=-a b",
        "--bf16",
        "--device=cpu",
        "--layer_prob",
        "--seed=5",
        f"--config={settings}",
    ]
    assert place == Place("localhost", 9000, "https://a.example", 7, 300.0)
    assert show


def test_other_machines_are_warned_of(begun: list[Begun], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["serve", "--host", "0.0.0.0"]) == 0
    assert "Other machines can reach 0.0.0.0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--port", "65536"], "--port"),
        (["--max-sessions", "0"], "--max-sessions"),
        (["--public-url", "a.example"], "Not a public address"),
        (["--public-url", "https://a.example/path"], "below a path"),
        (["--device", "gpu"], "Unknown device"),
        (["--input", "no such file"], "no such file"),
        (["--input", "a", "--prompt", "b"], "Two prompts"),
        (["--model", "./nowhere"], "Model not found"),
        (["--seed", "x"], "seed"),
    ],
)
def test_mistakes_are_told_before_it_listens(
    begun: list[Begun], capsys: pytest.CaptureFixture[str], flags: list[str], said: str
) -> None:
    assert cli.main(["serve", *flags]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err.replace("max_sessions", "max-sessions")
    assert begun == []


def test_a_port_that_is_taken_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert cli.main(["serve", "--port", str(taken.getsockname()[1])]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Can't listen" in err


def test_in_a_tab_the_engine_is_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(engines.engine_for(ModelSpec()), EngineProcess)
    monkeypatch.setenv(engines.ADDRESS, "/nowhere/engine")
    monkeypatch.setenv(engines.KEY, "00ff")
    assert isinstance(engines.engine_for(ModelSpec()), SharedEngine)


def test_a_tab_ends_when_the_server_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr("os._exit", ended.append)
    monkeypatch.setenv(engines.ADDRESS, "/nowhere/engine")
    monkeypatch.setenv(engines.KEY, "00ff")
    engines.engine_for(ModelSpec()).begin()
    assert ended == [1]
