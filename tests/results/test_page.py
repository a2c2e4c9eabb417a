"""A page stands alone, and no token's text is markup in it."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib import resources
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.fakes import HOSTILE
from token_explorer.core.tokens import Vocabulary, display
from token_explorer.results import page
from token_explorer.results.palette import contrast, make

NAMES: tuple[page.Name, ...] = get_args(page.Name)
PARTS = [each for each in resources.files("token_explorer.results.pages").iterdir() if each.is_file()]
FILES = {each.name: each.read_text() for each in PARTS if each.name.endswith((".html", ".css", ".js"))}


class Markup(HTMLParser):
    """The tags of a page, and what stands in its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": [], "title": []}
        self._open = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.extend(attrs)
        self._open = tag
        if tag in self.inside:
            self.inside[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open in self.inside:
            self.inside[self._open][-1] += data


def content_of(text: str) -> Any:
    """The numbers that a page holds."""
    return json.loads(Markup(text).inside["script"][0])


def hostile_page(name: page.Name, pieces: list[str]) -> str:
    vocabulary = Vocabulary(tuple(piece.encode("utf-8", "surrogatepass") for piece in pieces))
    tokens = page.labels(vocabulary, range(len(pieces)))
    return page.page(name, f"Page of {display(pieces[0])}", {"tokens": tokens})


any_pieces = st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=8)
PLAIN = {name: Markup(hostile_page(name, ["a"])).tags for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
@given(pieces=any_pieces)
@example(["</script><b>[/b]", "<!--", "<script>", "]]>", "\u2028", "\x00", "\u202eright", "{{script}}"])
@example(["<!--<script>", "&lt;/script&gt;", "</title><h1>", *HOSTILE])
def test_no_text_of_a_token_is_markup_in_a_page(name: page.Name, pieces: list[str]) -> None:
    text = hostile_page(name, pieces)
    markup = Markup(text)
    assert markup.tags == PLAIN[name]
    vocabulary = Vocabulary(tuple(piece.encode() for piece in pieces))
    assert content_of(text)["tokens"] == page.labels(vocabulary, range(len(pieces)))
    assert markup.inside["title"] == [f"Page of {display(pieces[0])}"]


@given(pieces=any_pieces)
def test_what_a_script_holds_as_json_is_ascii_without_a_bracket_or_an_ampersand(pieces: list[str]) -> None:
    written = page.written({"tokens": pieces})
    assert written.isascii()
    assert not set(written) & set("<>&\x00")
    assert json.loads(written) == {"tokens": pieces}


@pytest.mark.parametrize("name", NAMES)
def test_a_page_runs_its_own_script_and_style_alone(name: page.Name) -> None:
    markup = Markup(hostile_page(name, ["a"]))
    policy = next(
        value for key, value in markup.attributes if key == "content" and "default-src" in str(value)
    )
    rules = dict(rule.split(" ", 1) for rule in str(policy).split("; "))
    script, style = (markup.inside[kind][-1].encode() for kind in ("script", "style"))
    assert rules["default-src"] == "'none'"
    for rule, text in (("script-src", script), ("style-src", style)):
        assert rules[rule] == f"'sha256-{base64.b64encode(hashlib.sha256(text).digest()).decode()}'"


@pytest.mark.parametrize("name", NAMES)
def test_a_page_names_no_other_place(name: page.Name) -> None:
    text = hostile_page(name, ["a"])
    assert not re.search(
        r"https?:|//\w|url\(|@import|srcset|fetch\(|XMLHttp|import\(", text.replace("// ", "")
    )
    assert not {"link", "img", "iframe", "object", "base"} & set(Markup(text).tags)
    assert not {"src", "href", "style"} & {key for key, _ in Markup(text).attributes}


@pytest.mark.parametrize("file", sorted(FILES))
def test_the_parts_of_pages_put_nothing_into_them_but_as_text(file: str) -> None:
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(", FILES[file])
    if file.endswith((".js", ".css")):
        assert "<!--" not in FILES[file]
        assert "</" not in FILES[file]


@pytest.mark.parametrize("name", ["viridis", "cividis", "red-blue"])
def test_a_page_has_the_colours_of_the_terminal(name: str) -> None:
    palette = make(name, "truecolor")
    for (background, ink), bg, fg in zip(page.colours(name), palette.bg, palette.fg, strict=True):
        assert bytes.fromhex(background[1:]) == bytes(bg)
        assert bytes.fromhex(ink[1:]) == bytes(fg)
        assert contrast(bg, fg) >= 4.5
