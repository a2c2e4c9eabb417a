"""What the lens's screen says: true numbers in few cells, and tokens as the whole prompt shows them."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.fakes import LAYERS, PIECES, VOCABULARY, encode, observe
from token_explorer.core.branch import Workspace
from token_explorer.core.engine import EngineInfo
from token_explorer.core.observation import Lens, LensCells
from token_explorer.core.tokens import visible_blanks
from token_explorer.overlays.lens import LENS_MODES, Counts, LensMode
from token_explorer.results import figures
from token_explorer.ui import lenswords, roomwords
from token_explorer.ui.keys import KEYS
from token_explorer.ui.view import View
from token_explorer.ui.widgets.bar import Runs
from token_explorer.ui.widgets.lensgrid import Cell
from token_explorer.ui.widgets.lenswindow import LensWindow, Sight

IDS = encode("Once upon a time, there was a")
KINDS: tuple[Counts, ...] = ("probability", "bits", "rank")


def sight_of(layer: int, position: int, pin: int | None = None) -> Sight:
    window = LensWindow.around(layer, position, LAYERS + 1, len(IDS), 9, 4)
    cells = observe(IDS, Lens(window.start, window.stop, pin))
    assert isinstance(cells, LensCells)
    return window.gather([(Lens(window.start, window.stop, pin), cells)])


def view_of(pin: int | None = None) -> View:
    info = EngineInfo("fake", "cpu", "float32", 0, LAYERS)
    return View(Workspace.open(IDS), VOCABULARY, None, None, False, info=info, pin=pin)


def texts(wordings: Sequence[Runs]) -> list[str]:
    """The plain text of each wording."""
    return ["".join(segment.text for segment in wording) for wording in wordings]


def value_of(text: str) -> float:
    """The number that a short text says."""
    return float(text.strip("<>").replace("k", "e3"))


@given(st.floats(0.0, 1.0, width=32))
def test_a_short_probability_is_never_a_false_zero_or_one(p: float) -> None:
    text = lenswords.short("probability", p)
    assert len(text) <= 6
    assert 0.0 < value_of(text) < 1.0
    if text[0] == ">":
        assert p > value_of(text)
    elif text[0] == "<":
        assert p < value_of(text)
    else:
        digit = 10.0 ** int(text.partition("e")[2]) if "e" in text else 0.001
        assert abs(value_of(text) - p) <= 0.501 * digit


@given(st.floats(0.0, 900.0))
def test_short_bits_are_the_bits_to_a_hundredth_or_three_digits(value: float) -> None:
    text = lenswords.short("bits", value)
    assert len(text) <= 5
    if text[0] == "<":
        assert 0.0 < value < value_of(text)
    else:
        assert value_of(text) == pytest.approx(value, rel=0.006, abs=0.0051)
        assert (value_of(text) == 0.0) == (value == 0.0)


@given(st.integers(1, 400_000))
def test_a_short_rank_is_the_rank_or_rounded_to_thousands(rank: int) -> None:
    text = lenswords.short("rank", float(rank))
    assert len(text) <= 5
    assert value_of(text) == rank if rank < 100_000 else abs(value_of(text) - rank) <= 500


@pytest.mark.parametrize("kind", KINDS)
def test_no_value_is_no_text(kind: Counts) -> None:
    assert lenswords.short(kind, math.nan) == ""


@given(st.text(max_size=20), st.sampled_from(["", ".123", ">.999", "<1e-45", "151k"]), st.integers(8, 30))
def test_a_cell_takes_exactly_its_width_and_keeps_its_number(text: str, figure: str, width: int) -> None:
    shown = visible_blanks("".join(VOCABULARY.show(encode(text))[-1]))
    cell = Cell(shown, figure, 0).text(width)
    assert cell_len(cell) == width
    assert cell.rstrip().endswith(figure)


def test_a_cell_with_no_room_for_a_token_keeps_its_number() -> None:
    for width in range(6, 9):
        assert Cell("␣日本", "12345", 0).text(width).strip() == "12345"
    assert "␣日本" in Cell("␣日本", "12345", 0).text(12)


@given(st.lists(st.integers(0, len(PIECES) - 1), min_size=1, max_size=24), st.data())
def test_tokens_in_view_are_shown_as_the_whole_prompt_shows_them(ids: list[int], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(ids) - 1))
    stop = data.draw(st.integers(start + 1, len(ids)))
    whole = [visible_blanks("".join(parts)) for parts in VOCABULARY.show(ids)]
    assert lenswords.tokens(VOCABULARY, tuple(ids), start, stop) == whole[start:stop]


def test_tokens_in_view_complete_characters_that_begin_before_it() -> None:
    ids = (1, *"🙂日é".encode())
    whole = [visible_blanks("".join(parts)) for parts in VOCABULARY.show(ids)]
    for start in range(len(ids)):
        assert lenswords.tokens(VOCABULARY, ids, start, len(ids)) == whole[start:]


@pytest.mark.parametrize("mode", LENS_MODES, ids=lambda mode: mode.name)
def test_the_detail_says_what_the_cell_holds_even_where_it_is_short(mode: LensMode) -> None:
    sight = sight_of(1, 3, pin=7)
    long, *_, short = texts(lenswords.detail(sight, mode, view_of(7)))
    at, cells = (1, sight.window.column), sight.cells
    assert cells.pinned is not None
    assert cells.ranks is not None
    bits = [figures.bits(float(each[at]) / math.log(2)) for each in (cells.entropies, cells.divergences)]
    top = f'"{VOCABULARY[int(cells.tops[at])].shown}" p {figures.probability(float(cells.logprobs[at]))}'
    pinned = f"p {figures.probability(float(cells.pinned[at]))} rank {cells.ranks[at]}"
    said = [top, f"entropy {bits[0]} bits", f"KL {bits[1]} bits", pinned, pinned]
    assert all(part in long for part in said)
    assert said[LENS_MODES.index(mode)] in short
    assert long.startswith(f" 4/{len(IDS)} ")


def test_the_detail_waits_for_what_is_not_known() -> None:
    window = LensWindow.around(0, 3, LAYERS + 1, len(IDS), 9, 4)
    assert texts(lenswords.detail(window.gather([]), LENS_MODES[0], view_of())) == [
        f' 4/{len(IDS)} "{lenswords.tokens(VOCABULARY, IDS, 3, 4)[0]}" → the embeddings: … '
    ]


def test_details_go_from_long_to_short() -> None:
    for mode in LENS_MODES:
        lengths = list(map(len, texts(lenswords.detail(sight_of(1, 3, pin=7), mode, view_of(7)))))
        assert lengths == sorted(lengths, reverse=True)


@pytest.mark.parametrize("layer", range(LAYERS + 1))
def test_the_pins_way_says_where_it_is_where_it_leads_and_how_it_ends(layer: int) -> None:
    pin = int(sight_of(1, 3).cells.tops[1, 3])
    sight = sight_of(layer, 3, pin)
    curve, numbers = lenswords.way(sight, "x", 118)
    ranks, column = sight.cells.ranks, sight.window.column
    assert ranks is not None
    long = texts(numbers)[0]
    assert f"rank {ranks[layer, column]} · " in long
    assert f"first in layer {1 + int(np.argmax(ranks[1:, column] == 1))} · " in long
    assert long.endswith(f"rank {ranks[-1, column]} ")
    assert "".join(segment.text for segment in curve).count("[") == 1


@given(st.integers(1, 150), st.integers(20, 200), st.data())
def test_a_curve_has_a_bar_for_each_layer_or_says_which(count: int, width: int, data: st.DataObject) -> None:
    layer = data.draw(st.integers(0, count - 1))
    logprobs = np.full((count, 1), -1e-3, np.float32)
    ones = np.ones((count, 1), np.int64)
    cells = LensCells(ones, logprobs, logprobs, logprobs, logprobs, ones)
    sight = Sight(LensWindow.around(layer, 0, count, 1, 9, 1), cells, np.ones(1, np.bool_))
    curve = "".join(segment.text for segment in lenswords.way(sight, "x", width)[0])
    bars, _, said = curve.partition(" 1 layer in ")
    step = int(said or 1)
    assert bars.count("█") == math.ceil(count / step)
    before, _, after = bars.partition("[")
    chosen = (count - 1) % step + before.count("█") * step
    assert after.startswith("█]")
    assert abs(chosen - layer) <= step / 2 or chosen == (count - 1) % step


def test_the_footer_names_keys_that_there_are() -> None:
    labels = [item.label for item in roomwords.footer(KEYS, lenswords.LABELS)]
    assert labels[:2] == ["layer", "position"]
    assert labels[-2:] == ["back", "help"]
    assert len(set(labels)) == len(labels)
    assert [item.label for item in roomwords.footer(KEYS[:2], lenswords.LABELS)] == ["position"]
