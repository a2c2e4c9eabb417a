"""Results can be piped anywhere: a reader that goes, a full disk and ctrl+c end in plain words.

Each in a process of its own, as it ends with what its streams are.
"""

import json
import os
import resource
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


@pytest.mark.parametrize("environment", [{}, {"PYTHONUNBUFFERED": "1"}])
def test_a_disk_that_fills_up_is_told_whether_python_buffers_or_not(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with (tmp_path / "out.json").open("wb") as out:
        ran = subprocess.run(
            [*PROGRAM, "attention", "Once upon a time" * 9, "--json"],
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
            | environment,
            stdout=out,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
        )
    assert ran.returncode == 2
    assert b"Can't write the output: File too large." in ran.stderr


def test_a_closed_stdout_is_told_in_words() -> None:
    program = [*PROGRAM, "complete", "Once upon"]
    with subprocess.Popen(
        program, cwd=ROOT, stderr=subprocess.PIPE, preexec_fn=lambda: os.close(1)
    ) as closed:
        code, said = ended(closed)
    assert (code, said[0]) == (2, "Can't write the output: stdout is closed.")


def test_characters_that_stdout_lacks_are_escaped() -> None:
    ran = subprocess.run(
        [*PROGRAM, "tokenize", "日本"],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert b"\\u2039e6\\u203a" in ran.stdout
    assert b"6 bytes" in ran.stdout


def interrupt_after_a_line(*arguments: str) -> tuple[int, bytes, list[str]]:
    program = start(*arguments)
    assert program.stdout is not None
    assert program.stderr is not None
    last = b"writing" if "--json" in arguments else b"weights"
    while not program.stderr.readline().startswith(last):
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
