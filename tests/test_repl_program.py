"""The REPL as its user meets it: in a terminal, with the real model, through the examples of its help."""

import re
import sys
from pathlib import Path

import pytest

from tests.terminal import Terminal
from token_explorer.repl.prompt import PROMPT

CTRL_C = "\x03"


def lines_of(output: bytes) -> str:
    """What a program wrote since, without what moves the cursor and colours."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", output.decode(errors="replace"))


def test_the_session_of_a_newcomer(
    embedded_source: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The menu, every kind of command, Tab, an interrupted run, help, quit."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    command = [sys.executable, "-m", "token_explorer", "repl", "--device", "cpu"]
    terminal = Terminal(command, columns=100, lines=40)

    def ask(line: str, shown: str) -> str:
        """Type a line, and wait for what it ends with; what came since."""
        before = len(terminal.output)
        terminal.type(f"{line}\r")
        terminal.wait_for(lambda text: shown in text and text.rstrip().endswith("greedy"))
        return lines_of(terminal.output[before:])

    try:
        terminal.wait_for("Enter takes 1.")
        ask("", "help lists the commands")
        assert "SmolLM2-135M-Instruct · cpu · float32 · greedy" in terminal.text

        told = ask('complete "The capital of France is"', "entropy 2.14 bits")
        assert re.search(r"1 +␣Paris +7042 +0\.77\d\d", told)
        told = ask('generate "The quick brown fox" 3', "3 tokens")
        assert [*map(int, re.findall(r"(?m)^ +(\d+) +\S+ +0?\.\d+", told))] == [1, 2, 3]
        told = ask('tokenize "ChatGPT is amazing!"', "join back")
        assert "5 tokens" in told
        assert re.search(r"3 +␣is +314 ", told)
        told = ask('attention "The capital of France is"', "Written to")
        page = tmp_path / "attention.html"
        assert page.as_uri() in told.replace("\n", "")
        assert "<script" in page.read_text(encoding="utf-8")
        told = ask('score "The capital of France is Paris" depth', "perplexity")
        assert re.search(r"␣Paris +-0\.25\d\d +0\.77\d\d", told)

        terminal.type('gen\t"Once upon a time" 5000\r')
        terminal.wait_for("   3  ")
        terminal.type(CTRL_C)
        text = terminal.wait_for("Interrupted.")
        assert re.search(r"\d+ tokens: interrupted", text)
        ask("help", "Ctrl+C ends what is being done")
        ask("complete it's ", "␣")
        terminal.type("quit\r")
        assert terminal.wait() == 0
        assert b"Traceback" not in terminal.output
        assert PROMPT.encode() in terminal.output
        assert "complete it's " in (tmp_path / "state" / "token-explorer" / "history").read_text()
    finally:
        terminal.close()
