"""The examples of the README and of the page on JSON: what they print is what is shown below them."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.examples import CUT, Example, check, console_examples, shell_examples
from tests.program import CTRL_Q, first_row
from tests.terminal import Terminal
from token_explorer import cli
from token_explorer.cli import work
from token_explorer.core.engine import Engine, EngineInfo, ModelSpec, Report
from token_explorer.core.tokens import Vocabulary
from token_explorer.engine.process import local_engine
from token_explorer.repl.prompt import PROMPT

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
JSON_PAGE = (ROOT / "docs" / "JSON.md").read_text(encoding="utf-8")
# What a terminal sends.
CTRL_D = "\x04"
EXAMPLES = list(shell_examples(README))
# What needs a terminal, what is waited for longest, and what names the program by its path.
ELSEWHERE = ("", "repl", "replay", "trace", "tiny", "doctor", "serve")
ANSWERED = [example for example in EXAMPLES if example.name not in ELSEWHERE]


class Kept:
    """An engine that is loaded once, and outlives the commands that close it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._vocabulary = engine.load_tokenizer(lambda progress: None)
        self._info = engine.load_model(lambda progress: None)

    def load_tokenizer(self, report: Report) -> Vocabulary:
        return self._vocabulary

    def load_model(self, report: Report) -> EngineInfo:
        return self._info

    def close(self) -> None:
        pass

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)


@pytest.fixture(scope="module")
def kept(embedded_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """The embedded model in a process of its own, loaded once for all commands that print and end."""
    cache = tmp_path_factory.mktemp("cache")
    (cache / "models").mkdir()
    (cache / "models" / embedded_folder.name).symlink_to(embedded_folder, target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOKEN_EXPLORER_CACHE", str(cache))
        engine = local_engine(ModelSpec(device="cpu"))
        try:
            yield Kept(engine)
        finally:
            engine.close()


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to say commands in: with the prompts, and the program on the path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    (tmp_path / "prompts").symlink_to(ROOT / "prompts")
    return tmp_path


@pytest.fixture
def answer(
    kept: Kept, workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], str]:
    """Says a command to the program in this process, and gives what it prints, or what a pipe makes of it."""
    monkeypatch.setattr(work, "local_engine", lambda spec: kept)

    def answer(command: str) -> str:
        ours, _, others = command.partition(" |")
        program, *arguments = shlex.split(ours)
        assert program == "token-explorer"
        if others and not shutil.which(others.split()[0]):
            pytest.skip(f"{others.split()[0]} isn't installed here")
        assert cli.main(arguments) == 0
        printed = capsys.readouterr().out
        return said(others, printed) if others else printed

    return answer


def said(command: str, given: str = "") -> str:
    """What a line of the shell prints."""
    shell = ["bash", "-c", command]
    result = subprocess.run(shell, input=given, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("example", ANSWERED, ids=lambda example: example.name)
def test_a_command_of_the_readme_prints_what_is_shown_below_it(
    example: Example, answer: Callable[[str], str]
) -> None:
    assert example.shown
    check(example.shown, answer(example.command))


@pytest.mark.parametrize("example", list(console_examples(JSON_PAGE)), ids=lambda example: example.name)
def test_a_command_of_the_page_on_json_prints_what_is_shown_below_it(
    example: Example, answer: Callable[[str], str]
) -> None:
    printed = answer(example.command)
    if example.shown.startswith("{\n"):
        check(*(json.dumps(json.loads(text), indent=0) for text in (example.shown, printed)))
    else:
        check(example.shown, printed)


def test_a_shown_number_may_differ_by_its_last_digit_and_a_word_not_at_all() -> None:
    printed = "1  Paris  0.7724  ███\n\nentropy 2.14 bits\nmore"
    for right in ("1 Paris 0.7725 ██▌\n\nentropy 2.…\nmore", "…\nentropy 2.13 bits\n…", "…\nmore", "…"):
        check(right, printed)
    for wrong in ("2 Paris 0.7724 █\n…", "1 Rome 0.7724 █\n…", "1 Paris 0.7744 █\n…"):
        with pytest.raises(AssertionError):
            check(wrong, printed)
    for short in ("more", "…\nentropy 2.14 bits", f"{printed}\nstill more", "entropy 2.14 bits\n…"):
        with pytest.raises(AssertionError):
            check(short, printed)


def test_the_session_of_the_readme_is_one(workplace: Path, embedded_source: object) -> None:
    """Typed into a pipe; at a terminal the two streams are one, too."""
    shown = re.search(rf"```console\n({PROMPT}.*?)```", README, re.DOTALL)
    assert shown is not None
    lines = shown[1].splitlines()
    typed = "".join(f"{line.removeprefix(PROMPT)}\n" for line in lines if line.startswith(PROMPT))
    told = [line for line in lines if not line.startswith(PROMPT)]
    check("\n".join([CUT, *told]), said("token-explorer repl 2>&1", typed))


def test_the_repl_of_the_readme_asks_for_a_model(workplace: Path) -> None:
    (command,) = (example.command for example in EXAMPLES if example.name == "repl")
    terminal = Terminal(["sh", "-c", f"exec {command}"])
    try:
        terminal.wait_for("Which model?")
        terminal.wait_for("Model [1]:")
        terminal.type(CTRL_D)
        assert terminal.wait() == 0
    finally:
        terminal.close()


def test_the_server_of_the_readme_tells_its_address_and_ends_by_ctrl_c(workplace: Path) -> None:
    (example,) = (example for example in EXAMPLES if example.name == "serve")
    command = [*shlex.split(example.command), "--port", "0"]  # the usual one may be taken here
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline()
        server.send_signal(signal.SIGINT)
        assert server.wait() == 0
    check(example.shown, re.sub(r":\d+/", ":8000/", address))


def test_the_tiny_model_of_the_readme_is_trained_and_writes(workplace: Path) -> None:
    told = [example for example in EXAMPLES if example.name == "tiny"]
    assert [example.command.split()[2] for example in told[:2]] == ["train", "generate"]
    for example in told:
        check(example.shown, said(example.command))


def test_the_trace_of_the_readme_writes_its_files_and_is_replayed(
    workplace: Path, embedded_source: object
) -> None:
    (trace,) = (example for example in EXAMPLES if example.name == "trace")
    check(trace.shown, said(trace.command))
    files = set(re.findall(r"^\| `(\w+\.\w+)`", README, re.MULTILINE))
    assert files <= set(os.listdir(workplace / "run"))
    assert {name for name in os.listdir(workplace / "run") if not name.startswith("attn_step_")} <= files
    (replay,) = (example.command for example in EXAMPLES if example.name == "replay")
    terminal = Terminal(["sh", "-c", f"exec {replay}"])
    try:
        terminal.wait_for(lambda text: "recorded" in text and first_row(text) != "")
        terminal.type(CTRL_Q)
        assert terminal.wait() == 0
    finally:
        terminal.close()
