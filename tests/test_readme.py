"""The README is a promise: its commands run, its keys and flags are the program's, its pictures are taken."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.examples import shell_examples
from tests.fakes import FakeEngine
from tests.program import CTRL_Q, first_row
from tests.terminal import Terminal
from token_explorer.cli.output import SIGPIPE_CODE
from token_explorer.config import Settings
from token_explorer.errors import ExplorerError
from token_explorer.ui.app import Explorer
from token_explorer.ui.keys import markdown

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FINDINGS = (ROOT / "docs" / "FINDINGS.md").read_text(encoding="utf-8")
# What a terminal sends.
END = "\x1b[F"
EXAMPLES = list(shell_examples(README))
COMMANDS = [example.command for example in EXAMPLES]
# What CI runs itself, before or around this test.
CI = ("make check", "make test")
SCREENS = [example.command for example in EXAMPLES if not example.name and example.command not in CI]
DOCTOR = ".venv/bin/token-explorer doctor"


def test_the_readme_tells_how_to_start_in_two_ways() -> None:
    assert {"make run", "uv run main.py"} <= set(COMMANDS)


@pytest.mark.parametrize("command", SCREENS)
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


def test_the_doctor_of_the_readme_finds_nothing_wrong(embedded_source: object) -> None:
    assert DOCTOR in COMMANDS
    result = subprocess.run(DOCTOR.split(), cwd=ROOT, capture_output=True, text=True, check=True)
    assert "6 of 6 checks passed" in result.stdout


def test_the_commands_are_those_of_the_program() -> None:
    listed = re.findall(r"^  ([a-z]+)  ", helped().partition("Commands:")[2], re.MULTILINE)
    table = README.partition("| command | for |")[2].partition("\n\n")[0]
    assert sorted(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == sorted(listed)


def test_the_exit_codes_are_those_of_the_program() -> None:
    codes = {kind.exit_code for kind in (ExplorerError, *ExplorerError.__subclasses__())}
    table = README.partition("| exit code | says |")[2].partition("\n\n")[0]
    told = {int(code) for code in re.findall(r"^\| (\d+)", table, re.MULTILINE)}
    assert told == {0, 130, SIGPIPE_CODE} | codes


def test_ci_runs_the_other_commands() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    for command in CI:
        assert command in COMMANDS
        assert re.search(rf"^{command}\b", script, re.MULTILINE)


def test_the_keys_are_those_of_the_key_table() -> None:
    shown = re.search(r"<!-- keys -->\n(.*?)<!-- /keys -->", README, re.DOTALL)
    assert shown is not None
    assert shown[1].strip() == markdown().strip()


@pytest.mark.parametrize("line", sorted(set(re.findall(r"`:([^`\n]+)`", README + FINDINGS))))
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


def helped() -> str:
    """What the program says of itself."""
    command = [sys.executable, "-m", "token_explorer", "--help"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_flags_are_those_of_the_program() -> None:
    flags = set(re.findall(r"--[a-z][\w-]*", helped().partition("Options:")[2])) - {"--help", "--version"}
    told = {
        flag
        for row in README.splitlines()
        if row.startswith("| `--")
        for flag in re.findall(r"`(--\w+)", row)
    }
    assert told == {flag.replace("-", "_").replace("__", "--", 1) for flag in flags}


# The tables of the script that takes them, and which kind of file each makes.
PICTURES = {
    **dict.fromkeys(("PICTURES", "BY_HAND", "REPLAYED", "PRINTED"), "svg"),
    **dict.fromkeys(("PAGES", "SERVED", "PLOTS"), "png"),
}
MOST_BYTES = 150_000


def test_the_pictures_are_all_shown_and_are_taken_by_the_script() -> None:
    shown = set(re.findall(r"!\[[^]]+\]\((?:\.\./)?(imgs/[^)]+)\)", README + FINDINGS))
    tree = ast.parse((ROOT / "imgs" / "take.py").read_text(encoding="utf-8"))
    tables = {
        target.id: node.value.keys
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    taken = {
        f"imgs/{ast.literal_eval(key)}.{kind}"
        for table, kind in PICTURES.items()
        for key in tables[table]
        if key is not None
    }
    assert shown == taken
    assert taken == {f"imgs/{path.name}" for path in (ROOT / "imgs").iterdir() if path.suffix != ".py"}
    for picture in map(ROOT.joinpath, taken):
        assert picture.stat().st_size < MOST_BYTES
        if picture.suffix == ".svg":
            assert "@font-face" not in picture.read_text(encoding="utf-8"), "it would fetch a font"
        else:
            assert picture.read_bytes().startswith(b"\x89PNG")
