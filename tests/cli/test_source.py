"""The text is the one that was given, to the last blank."""

import io
import sys
from pathlib import Path

import pytest

from token_explorer.cli.source import read_text
from token_explorer.errors import InputError

TEXTS = ["", "a", " a ", "a\n", "\r\n", "é\t日本 ", "\ufffd"]


def give_stdin(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


@pytest.mark.parametrize("text", TEXTS)
def test_argument_file_and_stdin_give_the_same_text(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "p.txt").write_bytes(text.encode())
    assert read_text(text, None) == text
    assert read_text(None, str(tmp_path / "p.txt")) == text
    for named in (None, "-"):
        give_stdin(monkeypatch, text.encode())
        assert read_text(None, named) == text
    assert read_text(text, None, strip=True) == text.rstrip()


def test_two_texts_are_refused() -> None:
    with pytest.raises(InputError, match="TEXT and --input were both given"):
        read_text("a", "p.txt")


def test_bytes_that_are_no_text_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    give_stdin(monkeypatch, b"a\xff")
    with pytest.raises(InputError, match="stdin isn't UTF-8"):
        read_text(None, None)
    with pytest.raises(InputError, match="TEXT isn't UTF-8 text at character 1"):
        read_text("a\udcff", None)


def test_without_stdin_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="No text"):
        read_text(None, None)
