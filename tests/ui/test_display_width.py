"""Every character there is: shown in at least one cell, and nothing that a terminal obeys."""

import sys

import pytest
from rich.cells import cell_len

from tests.fakes import VOCABULARY
from token_explorer.core.tokens import display

BIDI = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
OBEYED = {
    *range(0x20),
    0x7F,
    *range(0x80, 0xA0),
    *BIDI,
    0x2028,
    0x2029,
    0x200B,
    0x200D,
    0xFEFF,
    0xFE0E,
    0xFE0F,
}


@pytest.mark.parametrize("plane", range(17))
def test_every_character_has_a_width_and_commands_nothing(plane: int) -> None:
    assert sys.maxunicode == 0x10FFFF
    for code in range(plane << 16, (plane + 1) << 16):
        shown = display(chr(code))
        assert cell_len(shown) >= 1, hex(code)
        assert OBEYED.isdisjoint(map(ord, shown)), hex(code)


def test_every_token_of_a_vocabulary_has_a_width_and_commands_nothing() -> None:
    for id in range(len(VOCABULARY)):
        shown = VOCABULARY[id].shown
        assert cell_len(shown) >= 1
        assert OBEYED.isdisjoint(map(ord, shown))
