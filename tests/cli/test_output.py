"""Results can be piped anywhere: a reader that goes, a full disk and ctrl+c end in plain words.

Each in a process of its own, as it ends with what its streams are.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from token_explorer.cli.output import SIGPIPE_CODE

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "tests.cli.faked"]
FULL = Path("/dev/full")


def start(*arguments: str, stdout: int | IO[bytes] = subprocess.PIPE) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*PROGRAM, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE
    )


def ended(program: "subprocess.Popen[bytes]") -> tuple[int, list[str]]:
    """Its exit code, and what it said on stderr, but for the narration."""
    assert program.stderr is not None
    with program:
        said = program.stderr.read().decode().splitlines()
    return program.returncode, [line for line in said if not line.endswith("…")]


def test_a_reader_that_goes_is_told_in_a_line() -> None:
    program = start("generate", "Once upon", "-n", "1000")
    assert program.stdout is not None
    assert program.stdout.readline()
    program.stdout.close()
    code, said = ended(program)
    assert code == SIGPIPE_CODE
    assert said == ["The output's reader has gone; the rest isn't written."]


@pytest.mark.parametrize("command", ["complete", "generate", "tokenize", "score"])
@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_full_disk_behind_stdout_is_told_in_words(command: str, form: list[str]) -> None:
    if not FULL.exists():
        pytest.skip("this system has no /dev/full")
    with FULL.open("wb") as full:
        code, said = ended(start(command, "Once upon", *form, stdout=full))
    assert code == 2
    assert said == ["Can't write the output: No space left on device.", "Make room, or write it elsewhere."]


def interrupt_after_a_line(*arguments: str) -> tuple[int, bytes, list[str]]:
    program = start(*arguments)
    assert program.stdout is not None
    assert program.stderr is not None
    while not program.stderr.readline().startswith(b"weights"):
        pass
    first = program.stdout.readline() if arguments[0] == "generate" and "--json" not in arguments else b""
    os.kill(program.pid, signal.SIGINT)
    out = first + program.stdout.read()
    code, said = ended(program)
    return code, out, said


def test_ctrl_c_ends_a_run_and_keeps_what_came() -> None:
    code, out, said = interrupt_after_a_line("generate", "Once upon", "-n", "100000")
    assert code == 130
    assert said == ["Interrupted."]
    assert b"interrupted" in out


def test_ctrl_c_ends_a_document_that_is_whole() -> None:
    code, out, said = interrupt_after_a_line("generate", "Once upon", "-n", "100000", "--json")
    assert (code, said) == (130, ["Interrupted."])
    made = json.loads(out)
    assert made["ending"] == "interrupted"
    assert len(made["steps"]) < 100000


def test_ctrl_c_writes_no_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    code, _, said = interrupt_after_a_line("attention", "Once upon" * 40, "-o", str(page))
    assert (code, said) == (130, ["Interrupted."])
    assert list(tmp_path.iterdir()) == []
