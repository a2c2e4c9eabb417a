"""Files are written whole or not at all, and never over another one unasked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_explorer.errors import InputError, OutputError
from token_explorer.files import check_new, text_of, write_file


@given(content=st.binary(max_size=200))
def test_what_is_written_is_there(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("written") / "page.html"
    write_file(str(path), content)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_what_is_there_is_replaced_only_when_that_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"page\.html exists") as caught:
        write_file(str(path), b"new")
    assert "--force" in caught.value.hint
    assert path.read_bytes() == b"mine"
    write_file(str(path), b"new", replace=True)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_followed_and_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real.html").write_bytes(b"old")
    link = tmp_path / "link.html"
    link.symlink_to("real.html")
    write_file(str(link), b"new", replace=True)
    assert link.is_symlink()
    assert (tmp_path / "real.html").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["missing/page.html", "", "."])
def test_a_place_that_is_none_is_told_with_the_name(tmp_path: Path, name: str) -> None:
    path = os.path.join(tmp_path, name)
    for attempt in (lambda: write_file(path, b"x", replace=True), lambda: check_new(path, replace=True)):
        with pytest.raises(OutputError) as caught:
            attempt()
        assert path in caught.value.message
        assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("replace", [False, True])
def test_a_pipe_keeps_its_place(tmp_path: Path, replace: bool) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for attempt in (lambda: write_file(str(pipe), b"x", replace), lambda: check_new(str(pipe), replace)):
        with pytest.raises(OutputError, match="no plain file"):
            attempt()
    assert pipe.is_fifo()


def test_no_name_is_told() -> None:
    with pytest.raises(OutputError, match="has no name"):
        check_new("")


def test_a_name_that_is_taken_is_seen_before_the_work(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    check_new(str(path))
    path.touch()
    check_new(str(path), replace=True)
    with pytest.raises(OutputError, match="exists"):
        check_new(str(path))


@pytest.mark.parametrize("replace", [False, True])
def test_a_disk_that_is_full_leaves_nothing_and_what_was_there(tmp_path: Path, replace: bool) -> None:
    path = tmp_path / "page.html"
    if replace:
        path.write_bytes(b"mine")
    code = (
        "import resource; from token_explorer.files import write_file\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        f"write_file({str(path)!r}, b'x' * 5000, replace={replace})"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "OutputError" in ran.stderr
    assert "File too large" in ran.stderr
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"mine"] * replace


def test_bytes_become_the_text_that_they_are() -> None:
    assert text_of("\ufeffa é\r\n \n".encode(), "stdin") == "a é\r\n \n"
    with pytest.raises(InputError, match="stdin isn't UTF-8 text: byte 1 is 0xff"):
        text_of(b"a\xff", "stdin")
