"""The folder of a trace: made, tried, and never left with half a file."""

import json
import os
from pathlib import Path

import pytest

from tests.trace.runs import DRAWN, traced
from token_explorer.errors import OutputError
from token_explorer.trace import names
from token_explorer.trace.folder import Folder
from token_explorer.trace.reading import read
from token_explorer.trace.record import FILE_NAME


def test_all_files_are_written_and_the_trace_reads_back(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "new" / "trace")
    folder.prepare(force=False)
    trace = traced(sampler=DRAWN, attention_every=6)
    folder.finish(trace)
    assert sorted(os.listdir(folder.path)) == sorted(folder.written)
    assert set(folder.written) == {
        FILE_NAME,
        names.TEXT,
        names.FINAL,
        names.PROMPT,
        names.SURPRISAL,
        "attn_step_6.png",
        "attn_step_12.png",
    }
    assert read(folder.path).document() == trace.document()
    ids = trace.ids + trace.written
    assert (folder.path / names.TEXT).read_bytes() == trace.vocabulary.utf8(ids)


def test_trying_the_folder_leaves_nothing(tmp_path: Path) -> None:
    Folder(tmp_path).prepare(force=False)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_was_made_for_nothing_goes_again(tmp_path: Path) -> None:
    folders = [Folder(tmp_path / "new" / "trace"), Folder(tmp_path)]
    for folder in folders:
        folder.prepare(force=False)
        folder.leave()
    assert list(tmp_path.iterdir()) == []
    folders[0].prepare(force=False)
    folders[0].keep(traced())
    folders[0].leave()
    assert os.listdir(tmp_path / "new" / "trace") == [FILE_NAME]


def test_a_trace_that_is_there_is_replaced_only_by_force_and_its_plots_with_it(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("old")
    (tmp_path / "attn_step_99.png").write_text("old")
    (tmp_path / "mine.png").write_text("kept")
    with pytest.raises(OutputError) as caught:
        Folder(tmp_path).prepare(force=False)
    assert "--force" in caught.value.hint
    folder = Folder(tmp_path)
    folder.prepare(force=True)
    assert (tmp_path / FILE_NAME).read_text() == "old"
    folder.keep(traced())
    assert json.loads((tmp_path / FILE_NAME).read_text())["schema"] == 1
    assert sorted(os.listdir(tmp_path)) == ["mine.png", FILE_NAME]


def test_a_file_in_the_folders_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match="Not written"):
            Folder(path).prepare(force=True)


def test_a_folder_that_takes_no_files_is_named_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OutputError) as caught:
        Folder(tmp_path).prepare(force=False)
    assert caught.value.message == f"{tmp_path}: Read-only file system."


def test_a_failed_write_leaves_the_trace_before_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(tmp_path)
    folder.keep(first := traced(limit=3))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match="No space left"):
        folder.keep(traced(limit=4))
    assert read(tmp_path).document() == first.document()
    assert os.listdir(tmp_path) == [FILE_NAME]
