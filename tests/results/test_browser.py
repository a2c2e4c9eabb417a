"""The pages in a real browser, from a file: hovered, keyed, printed."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.browser import Browser, find_browser
from tests.fakes import HEADS, HOSTILE, LAYERS, PIECES, FakeEngine
from tests.results.test_attention import weights_of
from tests.results.test_lens import cells_of
from token_explorer.core.engine import Stop
from token_explorer.core.tokens import Vocabulary, visible_blanks
from token_explorer.overlays.lens import LENS_MODES
from token_explorer.results.attention import attend
from token_explorer.results.lens import look
from token_explorer.results.opened import Opened, open_model
from token_explorer.results.palette import make

pytestmark = pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome is installed")

SCRIPT = "</script><b>[/b]"
# The fake model's tokens, with markup in place of one that isn't used.
VOCABULARY = Vocabulary((*PIECES[:7], SCRIPT.encode(), *PIECES[8:]), frozenset({256}), bos=256)
IDS = (256, 261, 7, 262, 263, 264, *range(270, 270 + len(HOSTILE)))
SHOWN = [visible_blanks("".join(parts)) for parts in VOCABULARY.show(IDS)]
PIN = 260


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both pages."""
    folder = tmp_path_factory.mktemp("pages")
    asked = open_model(FakeEngine(), lambda progress: None)
    opened = Opened(asked.engine, VOCABULARY, asked.info)
    (folder / "attention.html").write_text(attend(opened, IDS, None, Stop()).page(1, 2))
    (folder / "lens.html").write_text(look(opened, IDS, PIN, Stop()).page())
    return folder


@pytest.fixture
def attention(browser: Browser, pages: Path) -> Iterator[Browser]:
    """The browser at the page of attention, layer 1 and head 2; nothing may go wrong there."""
    yield from _at(browser, f"{(pages / 'attention.html').as_uri()}#sink=1")


@pytest.fixture
def lens(browser: Browser, pages: Path) -> Iterator[Browser]:
    """The browser at the page of the lens; nothing may go wrong there."""
    yield from _at(browser, (pages / "lens.html").as_uri())


def _at(browser: Browser, url: str) -> Iterator[Browser]:
    browser.open(url)
    yield browser
    assert not browser.complaints
    assert browser.requests == [url.partition("#")[0]]


def cell_at(browser: Browser, query: int, key: int) -> tuple[float, float]:
    """The middle of a cell of the map, scrolled into view."""
    browser.evaluate(f"reveal({{query: {query}, key: {key}}}), draw()")
    x, y = browser.evaluate(
        "(({left, top}) => [left + layout.left - scroller.scrollLeft, top + layout.top - scroller.scrollTop])"
        "(canvas.getBoundingClientRect())"
    )
    side = browser.evaluate("layout.side")
    return x + (key + 0.5) * side, y + (query + 0.5) * side


def weight(browser: Browser) -> np.float32:
    return np.float32(browser.evaluate("byId('weight').textContent"))


def said(browser: Browser, name: str) -> str:
    """The text of an element, as a reader sees it."""
    text = browser.evaluate(f"document.getElementById('{name}').innerText")
    assert isinstance(text, str)
    return text


def follow(browser: Browser, link: str) -> None:
    """Go to another view of the same page."""
    browser.evaluate(
        "new Promise((done) => { addEventListener('hashchange', () => done(null), {once: true});"
        f"location.hash = '{link}'; }})"
    )


@pytest.mark.parametrize(("query", "key"), [(0, 0), (5, 2), (9, 9), (len(IDS) - 1, 4)])
def test_hovering_a_cell_shows_its_tokens_and_its_exact_weight(
    attention: Browser, query: int, key: int
) -> None:
    attention.move(*cell_at(attention, query, key))
    assert weight(attention) == weights_of(IDS, 1)[1, query, key]
    words = f"query {query + 1} {SHOWN[query]} attends to key {key + 1} {SHOWN[key]}"
    assert said(attention, "cell") == words


def test_keys_switch_layer_and_head_under_the_cell_that_is_looked_at(attention: Browser) -> None:
    attention.move(*cell_at(attention, 5, 2))
    maps = {layer: weights_of(IDS, layer)[:, 5, 2] for layer in range(1, LAYERS + 1)}
    attention.key("ArrowDown")
    assert weight(attention) == maps[1][2]
    attention.key("ArrowRight")
    assert weight(attention) == maps[2][2]
    assert said(attention, "chosen") == f"layer 2, head {HEADS}"
    for _ in range(HEADS):
        attention.key("ArrowUp")
    assert said(attention, "chosen") == f"layer 2, max of {HEADS} heads"
    assert weight(attention) == maps[2].max()
    attention.key("ArrowUp")
    assert weight(attention) == pytest.approx(maps[2].mean(dtype=np.float64), rel=1e-7)
    assert attention.evaluate("document.title").startswith(f"Attention · layer 2, mean of {HEADS} heads")


def test_a_click_pins_a_query_and_lists_its_strongest_keys(attention: Browser) -> None:
    attention.click(*cell_at(attention, 8, 3))
    attention.move(1, 1)
    row = weights_of(IDS, 1)[1, 8, :9]
    listed = attention.evaluate("[...document.querySelectorAll('#strongest tr')].map((r) => r.innerText)")
    keys = [int(line.split("\t")[0]) - 1 for line in listed]
    assert keys == np.argsort(-row, kind="stable").tolist()
    assert [np.float32(line.split("\t")[2]) for line in listed] == row[keys].tolist()
    assert weight(attention) == row[3]
    assert attention.evaluate("location.hash") == "#layer=1&head=2&query=9&key=4"


def test_a_linked_view_is_the_one_that_was_left(attention: Browser) -> None:
    follow(attention, "#layer=2&head=max&query=6&key=3&sink=0")
    assert said(attention, "chosen") == f"layer 2, max of {HEADS} heads"
    assert weight(attention) == weights_of(IDS, 2)[:, 5, 2].max()
    assert attention.evaluate("byId('sink').checked")
    assert "key 1, in grey, is left out" in said(attention, "high")


def test_a_wrong_link_leads_to_the_first_view(attention: Browser) -> None:
    follow(attention, "#layer=99&head=[b]&query=-1&key=1e9")
    assert said(attention, "chosen") == f"layer 1, mean of {HEADS} heads"


def test_the_cells_are_drawn_in_the_colours_of_their_weights(attention: Browser) -> None:
    query = 9
    x, y = cell_at(attention, query, 0)
    drawn = attention.evaluate(
        "(() => { const box = canvas.getBoundingClientRect(), { side } = layout;"
        # At once, and beside the numbers that stand in the middle of the cells.
        f"const {{ data }} = pen.getImageData({x} - box.left - side / 4, {y} - box.top - side / 4,"
        f" side * {query + 1}, 1);"
        f"const at = [...row({query}).keys()].map((key) => 4 * key * side);"
        "return at.map((start) => [...data.slice(start, start + 3)]); })()"
    )
    weights = weights_of(IDS, 1)[1]
    palette = make("viridis", "truecolor")
    levels = palette.levels(weights[query, : query + 1] / np.nanmax(weights)).tolist()
    assert len(set(levels)) > 2
    assert drawn == [list(palette.bg[level]) for level in levels]


def test_hostile_tokens_show_literally(attention: Browser) -> None:
    text = attention.evaluate("document.body.innerText").replace("\u200b", "")
    for shown in SHOWN:
        assert shown in text
    assert SCRIPT in SHOWN
    assert attention.evaluate("document.querySelectorAll('b').length") == 0


def test_keys_move_the_cell_that_is_looked_at_and_keep_within_the_map(attention: Browser) -> None:
    attention.move(*cell_at(attention, 5, 5))
    for name, cell in [("d", [5, 5]), ("a", [5, 4]), ("w", [4, 4]), ("w", [3, 3]), ("s", [4, 3])]:
        attention.key(name)
        assert attention.evaluate("[cell.query, cell.key]") == cell
    attention.key("Enter")
    assert attention.evaluate("location.hash") == "#layer=1&head=2&query=5&key=4"


def values(browser: Browser) -> list[str]:
    found: list[str] = browser.evaluate("[...document.querySelectorAll('dd')].map((each) => each.innerText)")
    return found


def test_hovering_a_cell_of_the_lens_shows_all_its_measures_exactly(lens: Browser) -> None:
    layer, position = 1, len(IDS) - 3
    box = lens.evaluate(
        f"(({{left, top}}) => [left + 9, top + 9])(cells[at({layer}, {position})].getBoundingClientRect())"
    )
    lens.move(*box)
    cells = cells_of(IDS, PIN)
    exact = [mode.read(cells).values[layer, position] for mode in LENS_MODES]
    assert [np.float32(value.split()[0]) for value in values(lens)] == exact
    first = VOCABULARY[int(cells.tops[layer, position])].shown
    words = f"layer 1 puts {first} first after token {position + 1} {SHOWN[position]}"
    assert said(lens, "cell") == f"{words}, before {SHOWN[position + 1]}"


def test_the_last_row_of_the_lens_is_named_the_models_own_output(lens: Browser) -> None:
    rows = lens.evaluate("[...document.querySelectorAll('tbody th')].map((each) => each.innerText)")
    assert rows == [*map(str, range(LAYERS)), f"output {LAYERS}"]
    assert said(lens, "cell").startswith(f"layer {LAYERS}, the model's own output puts ")


def test_each_cell_of_the_lens_has_its_token_and_the_colour_of_its_measure(lens: Browser) -> None:
    cells = cells_of(IDS, PIN)
    texts = lens.evaluate("cells.map((each) => each.textContent)")
    assert texts == [VOCABULARY[top].shown for top in cells.tops.ravel().tolist()]
    for place, mode in enumerate(LENS_MODES):
        drawn = lens.evaluate("cells.map((each) => getComputedStyle(each).backgroundColor)")
        steps = np.minimum(mode.read(cells).places * 64, 63).astype(int).ravel().tolist()
        colours = lens.evaluate("content.colours.map(([each]) => each)")
        assert drawn == [f"rgb{tuple(bytes.fromhex(colours[step][1:]))}" for step in steps]
        assert said(lens, "chosen") == LENS_MODES[place].name
        lens.key("e")
    assert said(lens, "chosen") == LENS_MODES[0].name


def test_a_long_lens_makes_the_columns_that_are_in_view_and_prints_all(
    browser: Browser, tmp_path: Path
) -> None:
    ids = (256, *(IDS[1:] * 20))
    opened = open_model(FakeEngine(), lambda progress: None)
    (tmp_path / "long.html").write_text(look(opened, ids, None, Stop()).page())
    browser.open((tmp_path / "long.html").as_uri())
    shown = "[...document.querySelectorAll('thead span')].map((each) => each.textContent)"
    assert browser.evaluate(shown)[-1] == str(len(ids))
    assert len(browser.evaluate(shown)) < 60
    browser.evaluate("look(1, 0), reveal()")
    numbers = [int(number) for number in browser.evaluate(shown)[1:]]
    assert numbers == list(range(1, len(numbers) + 1))
    tops = cells_of(ids, None).tops
    texts = browser.evaluate("[...document.querySelectorAll('tbody tr')[1].cells].map((c) => c.textContent)")
    assert texts[1:] == [opened.vocabulary[top].shown for top in tops[1, : len(numbers)].tolist()]
    browser.evaluate("dispatchEvent(new Event('beforeprint'))")
    printed = [int(each) for each in browser.evaluate(shown) if each != "after"]
    assert printed == list(range(1, len(ids) + 1))
    browser.evaluate("dispatchEvent(new Event('afterprint'))")
    assert len(browser.evaluate(shown)) < 60
    assert not browser.complaints
