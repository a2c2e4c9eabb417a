"""How a typed line is understood: every text can be said, and nothing of it is taken for something else."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_explorer.errors import InputError
from token_explorer.repl.line import Argument, after_quotes, cut, lines, quoted, read, shown, words

NAMES = st.from_regex(r"[a-z]+", fullmatch=True)
BLANKS = st.text(" \t", min_size=1, max_size=3)
# What an unquoted text may be: it begins neither with a quote nor with a blank.
BARE = st.text(min_size=1).filter(lambda text: text[0] not in "\"' \t")
ON_A_LINE = st.text(st.characters(exclude_characters="\r\n"))


@given(NAMES, BLANKS, BLANKS, st.text())
def test_any_text_can_be_said_in_double_quotes(name: str, before: str, between: str, text: str) -> None:
    line = cut(f"{before}{name}{between}{quoted(text)}")
    assert line.name == name
    assert read(line.argument) == Argument(text, quoted=True)


@given(NAMES, BLANKS, BARE)
def test_a_text_without_quotes_is_the_rest_of_the_line_to_its_last_blank(
    name: str, between: str, text: str
) -> None:
    line = cut(f"{name}{between}{text}")
    assert (line.name, line.argument) == (name, text)
    assert read(line.argument) == Argument(text, quoted=False)


@given(st.text(st.characters(exclude_characters="'")))
def test_a_text_in_single_quotes_is_as_it_is_typed(text: str) -> None:
    assert read(f"'{text}'") == Argument(text, quoted=True)


@given(st.text(), st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3))
def test_words_after_a_quoted_text_are_its_words(text: str, after: list[str]) -> None:
    argument = " ".join([quoted(text), *map(quoted, after)])
    assert read(argument) == Argument(text, quoted=True, words=tuple(after))
    assert words(" ".join(map(quoted, after))) == tuple(after)


@pytest.mark.parametrize(
    ("argument", "meant"),
    [
        ('"2 of 42" 3', Argument("2 of 42", True, ("3",))),
        ("2 of 42", Argument("2 of 42", False)),
        ("'2 of 42'   3 ", Argument("2 of 42", True, ("3",))),
        ('"a" my.html "my file.html"', Argument("a", True, ("my.html", "my file.html"))),
        ('"" 3', Argument("", True, ("3",))),
        ("", Argument("", False)),
        ("it's", Argument("it's", False)),
        ('say "hi" \'', Argument('say "hi" \'', False)),
        (r'"C:\temp\\x \q \"\n"', Argument('C:\temp\\x \\q "\n', True)),
        (r"C:\new", Argument(r"C:\new", False)),
        (r"'C:\new'", Argument(r"C:\new", True)),
    ],
)
def test_an_argument_is_understood(argument: str, meant: Argument) -> None:
    assert read(argument) == meant


@pytest.mark.parametrize(
    ("argument", "title", "mend"),
    [
        ('"The capital', "Quote not closed", r"is written \""),
        ("'tis the season", "Quote not closed", "in double quotes"),
        ('"a\\"', "Quote not closed", "another"),
        ("'it's'", "Quote closed too early", "in double quotes"),
        ('"a"3', "Quote closed too early", "begins with a blank"),
        ('"a" "b', "Quote not closed", "another"),
        ("\"a\" 'b'c", "Quote closed too early", "blank"),
    ],
)
def test_a_quote_that_is_not_closed_or_too_early_is_refused_with_the_mend(
    argument: str, title: str, mend: str
) -> None:
    with pytest.raises(InputError) as refused:
        read(argument)
    assert refused.value.title == title
    assert mend in refused.value.hint


@given(st.text())
def test_every_line_is_understood_or_refused_in_words(typed: str) -> None:
    for line in lines(typed):
        with suppress(InputError):
            read(cut(line).argument)


def test_a_name_ends_at_a_blank_or_a_quote_and_may_be_forced() -> None:
    assert (cut('attention! "a"').name, cut('attention! "a"').forced) == ("attention", True)
    assert cut('complete"a"').argument == '"a"'
    assert cut("  quit  ").name == "quit"
    assert cut("").name == cut(" \t ").name == ""
    assert not cut("attention !").forced


@given(st.lists(st.tuples(NAMES, ON_A_LINE.filter(lambda text: not text.startswith(('"', "'", " ", "\t"))))))
def test_pasted_lines_are_the_lines_that_were_copied(copied: list[tuple[str, str]]) -> None:
    pasted = [f"{name} {text}" for name, text in copied]
    assert lines("\n".join(pasted)) == pasted
    assert lines("\r\n".join([*pasted, ""])) == pasted


@given(NAMES, st.text(), NAMES)
def test_a_quoted_text_may_go_over_several_lines(name: str, text: str, after: str) -> None:
    raw = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "")
    first, second = lines(f'{name} "{raw}"\n{after}')
    assert read(cut(first).argument).text == text.replace("\r", "")
    assert second == after


@pytest.mark.parametrize(
    ("argument", "after"), [('"a" b', " b"), ('"a"', ""), ('"a', None), ("a b", None), ("", None)]
)
def test_what_stands_after_the_quotes_is_known_once_they_are_closed(argument: str, after: str | None) -> None:
    assert after_quotes(argument) == after


@given(st.text())
def test_what_a_message_repeats_is_short_and_safe(text: str) -> None:
    assert shown(text).isprintable()
    assert len(shown(text * 100)) < 400
