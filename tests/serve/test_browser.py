"""The explorer in a real browser, with the real model: typed, clicked, pasted, saved, loaded anew."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import Browser, find_browser
from tests.engine.random_models import save_random
from tests.program import first_row, loaded, tokens
from tests.serve.page import Page
from tests.serve.running import Running, running

pytestmark = pytest.mark.skipif(find_browser() is None, reason="no Chromium or Chrome is installed")

PROMPT = "The capital of France is"
# What the terminal says of a machine that has much to do.
_SLOW = "task queue exceeded allotted deadline"
# The terminal's name for the text box that takes the keyboard.
KEYBOARD = "document.querySelector('.xterm-helper-textarea')"


@pytest.fixture(scope="module")
def server(embedded_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server for all of these tests, with the model loaded once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("place"))
        with running("--prompt", PROMPT, "--model", str(embedded_folder), "--max_sessions", "2") as server:
            yield server


@pytest.fixture
def browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def page(server: Running, browser: Browser) -> Page:
    """The page, opened by the address, with the table of what follows the prompt."""
    page = Page(browser)
    browser.open(server.address)
    page.wait_for(loaded)
    return page


def test_a_prompt_is_typed_an_alternative_taken_and_the_rest_written(page: Page) -> None:
    browser = page.browser
    length = tokens(page.text)
    browser.key("i")  # without a click: the keyboard is the terminal's
    page.wait_for("Enter appends")
    browser.insert(" a city")
    page.wait_for("insert  a city")
    browser.key("Enter")
    page.wait_for(lambda text: tokens(text) == length + 2 and loaded(text))

    page.click(" a ")
    page.wait_for(lambda text: f" {length + 1}/{length + 2} " in text and "instead of token" in text)
    page.wait_for("▸␣a ")  # the table of that place: nothing of the one before it can be taken
    page.click("␣Paris", below="# token")
    page.click("␣Paris", below="# token")
    page.wait_for(lambda text: "prompt 2/2" in text and f"{PROMPT} Paris" in text and loaded(text))

    browser.key("G")
    page.wait_for(lambda text: tokens(text) > length + 3)
    browser.key("Escape")
    text = page.wait_for(loaded)
    assert tokens(text) > length + 3
    browser.key("r", ctrl=True)
    page.wait_for(lambda text: tokens(text) == length + 1 and loaded(text))
    check_clean(page)


def check_clean(page: Page) -> None:
    """Nothing went wrong in the page, and nobody but the server was asked for anything."""
    root = page.browser.evaluate("location.origin")
    assert [each for each in page.browser.complaints if _SLOW not in each] == []
    assert all(url.startswith(f"{root}/") for url in page.browser.requests)
    assert page.browser.evaluate("location.href") == f"{root}/"  # without the token


def test_what_the_terminal_says_while_there_is_no_connection_is_no_fault(page: Page) -> None:
    script = (
        "new Promise(resolve => { const early = new WebSocket(document.getElementById('terminal')"
        ".dataset.sessionWebsocketUrl.slice(0, -1) + 'f'); early.send('[]');"
        "early.onopen = () => early.close();"
        "early.onclose = () => { early.send('[]'); resolve(true); }; })"
    )
    assert page.browser.evaluate(script) is True
    check_clean(page)


def test_lines_are_pasted_as_lines(page: Page) -> None:
    text = " two\r\nlines"
    page.browser.evaluate(
        f"(data => (data.setData('text/plain', {json.dumps(text)}), {KEYBOARD}.dispatchEvent("
        "new ClipboardEvent('paste', {clipboardData: data, bubbles: true}))))(new DataTransfer())"
    )
    page.wait_for(lambda text: re.search(rf"{PROMPT} two↵?\s*│\n│ lines", text) is not None and loaded(text))


def test_what_is_selected_is_copied(page: Page) -> None:
    browser = page.browser
    browser.ask("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
    x, y = page.place("capital of", 0)
    to_x, _ = page.place("capital of", 10)
    browser.drag(x, y, to_x, y, shift=True)
    browser.key("c", ctrl=True)
    assert browser.evaluate("navigator.clipboard.readText()") == "capital of"
    assert "Do you want to quit" not in page.text


def test_a_saved_prompt_is_downloaded(page: Page, tmp_path: Path) -> None:
    browser = page.browser
    params = {"behavior": "allow", "downloadPath": str(tmp_path), "eventsEnabled": True}
    browser.ask("Browser.setDownloadBehavior", **params)
    browser.key("x")
    page.wait_for("a download of the browser")
    browser.wait_for_event("Browser.downloadProgress", state="completed")
    (saved,) = tmp_path.iterdir()
    assert re.fullmatch(r"prompt-[\d-]+\.txt", saved.name)
    assert saved.read_text() == PROMPT


@pytest.mark.parametrize("width", [1280, 390])
def test_the_terminal_fills_the_window_with_a_screen_that_can_be_used(
    server: Running, browser: Browser, width: int
) -> None:
    browser.resize(width, 800)
    page = Page(browser)
    browser.open(server.address)
    text = page.wait_for(loaded)
    assert first_row(text)
    assert page.columns >= 70
    filled, high = page.size
    assert width - 25 <= filled <= width
    assert 770 <= high <= 800
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


def test_a_tab_too_many_is_told_so_and_a_tab_that_ends_can_be_opened_again(
    page: Page, server: Running
) -> None:
    browser, others = page.browser, [Browser(), Browser()]
    try:
        second = Page(others[0])
        others[0].open(server.address)
        second.wait_for(loaded)
        others[1].open(server.address)
        assert "at most 2 at a time" in ending(others[1])
        browser.key("q", ctrl=True)
        assert ending(browser) == "The explorer has ended."
        browser.follow("Enter")  # the button has the keyboard
        page.wait_for(loaded)
    finally:
        for other in others:
            other.close()


def ending(browser: Browser) -> str:
    """Wait until a page says why its session is over, and what it says."""
    said = browser.evaluate(
        "new Promise(resolve => { const why = document.getElementById('why');"
        "const look = () => why.textContent && resolve(why.textContent);"
        "new MutationObserver(look).observe(why, {childList: true}); look(); })"
    )
    assert isinstance(said, str)
    return said


def test_a_page_that_is_loaded_anew_is_the_same_tab_and_a_duplicate_another_one(page: Page) -> None:
    (before,) = page.browser.sockets
    page.browser.reload()
    page.wait_for(loaded)
    assert page.browser.sockets[-1].partition("?")[0] == before.partition("?")[0]
    check_clean(page)
    # A duplicated tab begins with the name of the first, which answers for it.
    name = page.browser.evaluate("sessionStorage.getItem('tab')")
    script = (
        "new Promise(resolve => { const tabs = new BroadcastChannel('tabs');"
        f"tabs.onmessage = ({{data}}) => resolve(data.taken); tabs.postMessage({{asks: '{name}'}}); }})"
    )
    assert page.browser.evaluate(script) == name


def test_another_model_is_chosen_and_goes_on_with_the_prompt(page: Page, tmp_path: Path) -> None:
    other = tmp_path / "another"
    save_random("gpt2", other)
    page.browser.key(":")
    page.browser.insert(f"model {other}")
    page.wait_for(f"model {other}"[:40])
    page.browser.key("Enter")
    page.wait_for(lambda text: "another · " in text.splitlines()[0] and loaded(text))
    assert tokens(page.text) == len(PROMPT)  # of its tokenizer each byte is a token
    check_clean(page)


def test_a_page_that_is_loaded_anew_shows_the_prompts_it_had(page: Page) -> None:
    length = tokens(page.text)
    page.browser.key("l")
    page.wait_for(lambda text: tokens(text) == length + 1 and loaded(text))
    page.browser.reload()
    assert tokens(page.wait_for(loaded)) == length + 1
