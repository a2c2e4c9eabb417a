"""The README is a promise: its commands run, its keys and flags are the program's, its pictures are taken."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes import FakeEngine
from tests.program import CTRL_Q, first_row
from tests.terminal import Terminal
from token_explorer.config import Settings
from token_explorer.ui.app import Explorer
from token_explorer.ui.keys import markdown

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FINDINGS = (ROOT / "docs" / "FINDINGS.md").read_text(encoding="utf-8")
# What a terminal sends.
END = "\x1b[F"
COMMANDS = [
    line for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) for line in block.splitlines() if line
]
# What CI runs itself, before or around this test.
CI = ("make check", "make test")
# What prints and ends, instead of drawing a screen.
PRINTING = (".venv/bin/token-explorer doctor",)


def test_the_readme_tells_how_to_start_in_two_ways() -> None:
    assert {"make run", "uv run main.py"} <= set(COMMANDS)


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in (*CI, *PRINTING)])
def test_a_command_of_the_readme_reaches_the_table(
    command: str, embedded_source: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not shutil.which(command.split()[0]) and command.startswith("uv "):
        pytest.skip("uv isn't installed here")
    monkeypatch.chdir(ROOT)
    terminal = Terminal(["sh", "-c", f"exec {command}"])
    try:
        terminal.wait_for(lambda text: "cached" in text and first_row(text) != "", patience_s=300)
        terminal.type(CTRL_Q)
        assert terminal.wait() == 0
    finally:
        terminal.close()


@pytest.mark.parametrize("command", PRINTING)
def test_a_command_of_the_readme_prints_and_ends(command: str, embedded_source: object) -> None:
    assert command in COMMANDS
    result = subprocess.run(command.split(), cwd=ROOT, capture_output=True, text=True, check=True)
    assert "5 of 5 checks passed" in result.stdout


def test_ci_runs_the_other_commands() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in CI:
        assert command in COMMANDS
        assert re.search(rf"^{command}\b", script, re.MULTILINE)


def test_the_keys_are_those_of_the_key_table() -> None:
    shown = re.search(r"<!-- keys -->\n(.*?)<!-- /keys -->", README, re.DOTALL)
    assert shown is not None
    assert shown[1].strip() == markdown().strip()


@pytest.mark.parametrize("line", sorted(set(re.findall(r"`:([^`]+)`", README + FINDINGS))))
def test_a_command_that_is_told_is_one_that_the_program_knows(line: str) -> None:
    explorer = Explorer(FakeEngine(), Settings(), "", "embedded")
    command, argument = explorer.command_line.find(line)
    assert f"{command.name} {argument}".strip() == line or (command.name, argument) == ("goto", line)


def test_the_question_of_the_readme_is_answered_in_under_ten_keys(embedded_source: object) -> None:
    told = README.partition("low-probability word?*")[2].partition("It does")[0]
    flag, *keys = re.findall(r"`([^`]+)`", told)
    assert len(keys) < 10
    marks: dict[str, Callable[[str], bool]] = {
        "{{{{": lambda text: first_row(text) == "/",
        END: lambda text: "30 ␣more" in text,
        "r": lambda text: "prompt 2/2" in text and "48 more24 =" in text,
        "$,,": lambda text: 'instead of token 102 "7" · rank 1' in text,
    }
    assert "".join(marks) == "".join(keys).replace("End", END)
    terminal = Terminal([sys.executable, "-m", "token_explorer", *flag.split()], columns=120, lines=40)
    try:
        terminal.wait_for(lambda text: "cached" in text and first_row(text) != "", patience_s=300)
        for pressed, reached in marks.items():
            terminal.type(pressed)
            terminal.wait_for(reached)
        terminal.type(CTRL_Q)
        assert terminal.wait() == 0
    finally:
        terminal.close()


def test_the_flags_are_those_of_the_program() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "token_explorer", "--help"], capture_output=True, text=True, check=True
    ).stdout
    flags = set(re.findall(r"--[a-z][\w-]*", said.partition("Options:")[2])) - {"--help", "--version"}
    told = {
        flag
        for row in README.splitlines()
        if row.startswith("| `--")
        for flag in re.findall(r"`(--\w+)", row)
    }
    assert told == {flag.replace("-", "_").replace("__", "--", 1) for flag in flags}


def test_the_pictures_are_all_shown_and_are_taken_by_the_script() -> None:
    shown = set(re.findall(r"!\[[^]]+\]\((?:\.\./)?(imgs/[^)]+)\)", README + FINDINGS))
    tree = ast.parse((ROOT / "imgs" / "take.py").read_text(encoding="utf-8"))
    taken = next(
        {f"imgs/{ast.literal_eval(key)}.svg" for key in node.value.keys if key is not None}
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and getattr(node.targets[0], "id", "") == "PICTURES"
        and isinstance(node.value, ast.Dict)
    )
    assert shown == taken
    assert taken == {f"imgs/{path.name}" for path in (ROOT / "imgs").glob("*.svg")}
    for picture in taken:
        assert "@font-face" not in (ROOT / picture).read_text(encoding="utf-8"), "it would fetch a font"
