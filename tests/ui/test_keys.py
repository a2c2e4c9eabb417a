"""The table of keys: complete, unambiguous, and remapped without surprises."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from textual.keys import _character_to_key

from token_explorer.errors import ConfigError
from token_explorer.ui.app import Explorer
from token_explorer.ui.keys import KEYS, canonical, footer, markdown, remap, shown_key

SOURCE = Path("/somewhere/config.toml")


def by_id(table: object = KEYS) -> dict[str, tuple[str, ...]]:
    return {key.id: key.keys for key in table}  # type: ignore[attr-defined]


def test_no_key_does_two_things() -> None:
    assert max(Counter(key for entry in KEYS for key in entry.keys).values()) == 1
    assert max(Counter(entry.id for entry in KEYS).values()) == 1


@pytest.mark.parametrize(
    ("id", "keys"),
    [
        ("choose-up", ("up", "k")),
        ("choose-down", ("down", "j")),
        ("append", ("right", "l", "enter")),
        ("pop", ("left", "h")),
        ("copy", ("d",)),
        ("remove", ("a",)),
        ("next-prompt", ("w",)),
        ("previous-prompt", ("s",)),
        ("overlay", ("e",)),
        ("layers", ("p",)),
        ("save", ("x",)),
        ("reset", ("ctrl+r",)),
        ("quit", ("ctrl+q",)),
        ("undo", ("u",)),
        ("help", ("question_mark",)),
    ],
)
def test_the_keys_that_users_have_in_their_fingers_stay(id: str, keys: tuple[str, ...]) -> None:
    assert by_id()[id] == keys


def test_every_action_can_be_done() -> None:
    for key in KEYS:
        assert callable(getattr(Explorer, "action_" + key.action.split("(")[0])), key


def test_the_table_needs_neither_textual_nor_rich() -> None:
    code = (
        "import sys, token_explorer.ui.keys; sys.exit(bool({'textual', 'rich', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("sign", [chr(code) for code in range(0x21, 0x7F)])
def test_a_sign_is_named_as_the_terminal_library_names_it(sign: str) -> None:
    assert canonical(sign) == _character_to_key(sign)
    assert shown_key(canonical(sign)) == sign


def test_other_spellings_of_a_key_are_that_key() -> None:
    assert canonical("shift+e") == "E"
    assert canonical("ctrl+m") == "enter"
    assert canonical("shift+ctrl+up") == canonical("ctrl+shift+up")
    assert canonical("ctrl++") == "ctrl+plus"


def test_remapped_keys_take_the_place_of_the_own_ones() -> None:
    table = by_id(remap({"append": ("enter",), "pop": ("?", "h"), "help": ("f1",)}, SOURCE))
    assert table["append"] == ("enter",)
    assert table["pop"] == ("question_mark", "h")
    assert table["help"] == ("f1",)
    assert {id: keys for id, keys in table.items() if id not in ("append", "pop", "help")} == {
        id: keys for id, keys in by_id().items() if id not in ("append", "pop", "help")
    }


def test_two_actions_can_swap_their_keys() -> None:
    table = by_id(remap({"undo": ("x",), "save": ("u",)}, SOURCE))
    assert (table["undo"], table["save"]) == (("x",), ("u",))


def test_an_unknown_action_is_named_with_the_file_and_the_nearest_one() -> None:
    with pytest.raises(ConfigError) as caught:
        remap({"appendd": ("f2",)}, SOURCE)
    assert "keys.appendd" in str(caught.value)
    assert str(SOURCE) in str(caught.value)
    assert "keys.append?" in str(caught.value)


def test_a_clash_names_both_actions_and_the_key() -> None:
    with pytest.raises(ConfigError) as caught:
        remap({"save": ("d",)}, SOURCE)
    for part in ("keys.save", "keys.copy", '"d"', str(SOURCE)):
        assert part in str(caught.value)


def test_a_clash_is_seen_through_another_spelling() -> None:
    with pytest.raises(ConfigError, match=r"keys\.help"):
        remap({"save": ("?",)}, None)


@pytest.mark.parametrize("key", ["hyper+zap", "ctrl+", "upp", "ctl+x", "two words", ""])
def test_a_key_that_no_keyboard_has_is_an_error(key: str) -> None:
    with pytest.raises(ConfigError, match="Unknown key"):
        remap({"save": (key,)}, SOURCE)


def test_the_way_out_can_not_be_closed() -> None:
    with pytest.raises(ConfigError, match=r"keys\.quit"):
        remap({"quit": ()}, SOURCE)


def test_any_other_action_can_lose_its_keys() -> None:
    assert by_id(remap({"layers": ()}, SOURCE))["layers"] == ()


def test_the_readme_table_tells_of_every_action() -> None:
    rows = markdown().splitlines()
    assert len(rows) == len(KEYS) + 2
    for key in KEYS:
        assert any(key.help in row and f"`{key.id}`" in row for row in rows)


def test_the_footer_joins_neighbours_with_one_label() -> None:
    shown = {item.label: item.shown for item in footer(KEYS)}
    assert shown["choose"] == "↑↓"
    assert shown["prompt"] == "w/s"
    assert [item.label for item in footer(KEYS) if item.rank == 1] == ["☰", "help"]
