"""Saving: all of the text, never over another file, and in words where it can't be."""

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_explorer.errors import InputError
from token_explorer.ui.saving import file_name, folder_beside, save_prompt

NOW = datetime(2026, 3, 4, 5, 6, 7)


def test_the_name_tells_when(tmp_path: Path) -> None:
    assert save_prompt("a", tmp_path / "deep" / "prompts", NOW).name == "prompt-20260304-050607.txt"
    assert file_name(NOW) == "prompt-20260304-050607.txt"


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    paths = [save_prompt(f"text {number}", tmp_path, NOW) for number in range(5)]
    assert len(set(paths)) == 5
    assert [path.read_text() for path in paths] == [f"text {number}" for number in range(5)]
    assert [path.name for path in paths[1:3]] == [
        "prompt-20260304-050607-2.txt",
        "prompt-20260304-050607-3.txt",
    ]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_file_systems_without_links_are_no_exception(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_link(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("os.link", no_link)
    paths = [save_prompt(f"text {number}", tmp_path, NOW) for number in range(3)]
    assert [path.read_text() for path in paths] == ["text 0", "text 1", "text 2"]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_every_character_is_kept_newlines_too(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = save_prompt(text, tmp_path_factory.mktemp("saved"), NOW)
    assert path.read_bytes().decode("utf-8") == text


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError) as caught:
        save_prompt("a", tmp_path / "file" / "prompts", NOW)
    assert str(tmp_path / "file" / "prompts") in caught.value.message
    assert caught.value.hint


def test_prompts_go_beside_the_configuration_or_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert folder_beside(None) == tmp_path / "prompts"
    assert folder_beside(Path("sub/config.toml")) == tmp_path / "sub" / "prompts"
    assert folder_beside(Path("/etc/te/config.toml")) == Path("/etc/te/prompts")
