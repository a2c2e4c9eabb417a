"""Which tabs are open: so many at most, each with a workspace of its own, until it is left alone too long."""

from pathlib import Path

import pytest

from token_explorer.serve.sessions import KEPT, Full, Key, Sessions


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_so_many_tabs_are_open_at_most(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, 2, 60, Clock())
    first = sessions.open(Key("a", "1"))
    sessions.open(Key("a", "2"))
    with pytest.raises(Full):
        sessions.open(Key("b", "1"))
    sessions.close(first)
    sessions.open(Key("b", "1"))
    assert sessions.full
    assert len(sessions) == 2


def test_each_tab_has_a_workspace_of_its_own_and_finds_it_again(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, 9, 60, Clock())
    keys = [Key("a", "1"), Key("a", "2"), Key("b", "1")]
    paths = [sessions.open(key).workspace for key in keys]
    assert len(set(paths)) == 3
    for session in sessions:
        sessions.close(session)
        assert session.over.is_set()
    assert [sessions.open(key).workspace for key in keys] == paths


def test_a_tab_that_nothing_comes_from_is_abandoned(tmp_path: Path) -> None:
    clock = Clock()
    sessions = Sessions(tmp_path, 9, 60, clock)
    quiet, busy = sessions.open(Key("a", "1")), sessions.open(Key("a", "2"))
    clock.seconds += 59
    sessions.touch(busy)
    assert sessions.abandoned() == []
    clock.seconds += 1
    assert sessions.abandoned() == [quiet]


def test_only_the_workspaces_used_last_are_kept_and_those_of_open_tabs(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path, 2, 60, Clock())
    staying = sessions.open(Key("a", "stays"))
    staying.workspace.write_text("open")
    for number in range(KEPT + 20):
        session = sessions.open(Key("a", str(number)))
        session.workspace.write_text("closed")
        sessions.close(session)
    names = {path.name for path in tmp_path.iterdir()}
    assert len(names) == KEPT
    assert {"a-stays.json", f"a-{KEPT + 19}.json"} <= names
