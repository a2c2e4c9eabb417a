"""The worksheets in a real browser, from a file: folded, unfolded, printed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import Browser, find_browser
from tests.byhand.followed import Followed
from token_explorer.core.engine import Stop
from token_explorer.core.tokens import TokenIds
from token_explorer.results.byhand import ByHand, follow
from token_explorer.results.exercise import Exercise, set_exercise
from token_explorer.results.opened import open_model
from token_explorer.results.wanted import Wanted

pytestmark = pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome is installed")

IDS: TokenIds = (1, 3, 4, 5, 6)
SHOWN = ["hello", "[/b]", "</script><b>", "␛[31mred", "日本"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def made() -> ByHand:
    return follow(open_model(Followed(), lambda progress: None), IDS, Wanted(), 100, Stop())


@pytest.fixture(scope="module")
def exercise() -> Exercise:
    return set_exercise(open_model(Followed(), lambda progress: None), IDS, 1, Stop())


@pytest.fixture
def sheet(browser: Browser, made: ByHand, tmp_path: Path) -> Iterator[Browser]:
    """The browser at the worksheet; nothing may go wrong there, and nothing else is asked for."""
    yield from _at(browser, tmp_path / "byhand.html", made.page())


@pytest.fixture
def paper(browser: Browser, exercise: Exercise, tmp_path: Path) -> Iterator[Browser]:
    """The browser at the exercise."""
    yield from _at(browser, tmp_path / "exercise.html", exercise.page())


def _at(browser: Browser, file: Path, page: str) -> Iterator[Browser]:
    file.write_text(page)
    browser.resize(1280, 800)
    browser.open(file.as_uri())
    yield browser
    assert not browser.complaints
    assert browser.requests == [file.as_uri()]


def texts(browser: Browser, selector: str) -> list[str]:
    """What the elements say that a selector finds."""
    found = browser.evaluate(f"[...document.querySelectorAll({selector!r})].map((each) => each.textContent)")
    assert isinstance(found, list)
    return found


def test_the_worksheet_has_each_step_in_its_order(sheet: Browser, made: ByHand) -> None:
    assert texts(sheet, "#steps summary span:last-child") == [step.name for step in made.steps]
    assert texts(sheet, "#prompt td bdi") == SHOWN


def test_unfolded_steps_have_all_their_numbers(sheet: Browser, made: ByHand) -> None:
    assert sheet.evaluate("document.querySelectorAll('#steps details[open]').length") == 3
    sheet.evaluate("byId('unfold').click(), new Promise((done) => setTimeout(done))")
    assert sheet.evaluate("document.querySelectorAll('#steps details[open]').length") == len(made.steps)
    sheet.evaluate("drawSteps()")
    counted = len(texts(sheet, "#steps td"))
    assert counted == sum(step.values.size for step in made.steps)
    sheet.evaluate("byId('fold').click()")
    assert sheet.evaluate("document.querySelectorAll('#steps details[open]').length") == 0


def test_paper_shows_all_steps_and_the_screen_is_as_before(sheet: Browser, made: ByHand) -> None:
    sheet.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert sheet.evaluate("document.querySelectorAll('#steps details[open]').length") == len(made.steps)
    assert len(texts(sheet, "#steps td")) == sum(step.values.size for step in made.steps)
    widest = sheet.evaluate(
        "Math.max(...[...document.querySelectorAll('tr')].map((row) => row.children.length))"
    )
    assert widest == 17
    sheet.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert sheet.evaluate("document.querySelectorAll('#steps details[open]').length") == 3


@pytest.mark.parametrize("width", [390, 1280])
def test_only_tables_scroll_sideways(sheet: Browser, width: int) -> None:
    sheet.resize(width, 800)
    assert sheet.evaluate("document.documentElement.scrollWidth") <= width


def test_the_exercise_hides_its_solutions_until_they_are_unfolded(paper: Browser, exercise: Exercise) -> None:
    assert len(texts(paper, ".question")) == len(exercise.questions)
    assert paper.evaluate("document.querySelector('.solutions').open") is False
    assert len(texts(paper, ".solution")) == len(exercise.questions)


def test_the_solutions_are_printed_on_a_page_of_their_own(paper: Browser, tmp_path: Path) -> None:
    paper.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert paper.evaluate("document.querySelector('.solutions').open") is True
    paper.ask("Emulation.setEmulatedMedia", media="print")
    style = "getComputedStyle(document.querySelector('.solutions'))"
    assert paper.evaluate(f"{style}.breakBefore") == "page"
    assert paper.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    paper.ask("Emulation.setEmulatedMedia", media="")
    paper.print(tmp_path / "exercise.pdf")
    assert (tmp_path / "exercise.pdf").read_bytes().startswith(b"%PDF")
