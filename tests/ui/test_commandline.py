"""A line is understood if a command could be meant by it, and every completion is such a line."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_explorer.core.tokens import display
from token_explorer.errors import InputError
from token_explorer.ui.commandline import (
    MOST_FILES,
    MOST_QUOTED,
    Command,
    CommandLine,
    count,
    file_offers,
    ranked,
    unescaped,
)


def command(name: str, argument: str = "", offers: Sequence[str] = ()) -> Command:
    def fitting(typed: str) -> list[str]:
        return [offer for offer in offers if offer.startswith(typed)]

    return Command(name, argument, f"help of {name}", lambda text: (name, text), fitting)


COMMANDS = (
    command("goto", "N"),
    command("undo"),
    command("uncertain"),
    command("run", "[N]"),
    command("run-on"),
    command("overlay", "[NAME]", ("text", "probability", "surprisal")),
    command("stop", "TEXT"),
    command("top-k", "VALUE", ("off",)),
)
LINE = CommandLine(COMMANDS)
NAMES = [each.name for each in COMMANDS]
names = st.sampled_from(NAMES)
lines = st.one_of(
    st.text(max_size=12),
    st.builds(str.__getitem__, names, st.builds(slice, st.integers(0, 10))),
    st.builds("{} {}".format, names, st.text("tofpsur 1\n", max_size=6)),
)


def trouble(line: str) -> InputError:
    with pytest.raises(InputError) as caught:
        LINE.find(line)
    return caught.value


@given(lines)
def test_every_completion_is_understood_or_lacks_only_what_is_still_to_be_typed(line: str) -> None:
    for whole in LINE.complete(line):
        head, _, rest = whole.lstrip(" ").partition(" ")
        if head in NAMES and COMMANDS[NAMES.index(head)].needs_argument and not rest:
            assert trouble(whole).title == "Argument missing"
            assert whole.endswith(" ")
        else:
            found, argument = LINE.find(whole)
            assert found.name.startswith(head)
            assert argument == rest


@given(names)
def test_a_name_completes_to_itself_and_so_does_every_beginning(name: str) -> None:
    for end in range(len(name) + 1):
        assert name in [whole.rstrip() for whole in LINE.complete(name[:end])]


@given(names, st.text(min_size=1, max_size=20).filter(str.strip))
def test_an_argument_is_taken_as_it_is_where_one_is_taken(name: str, argument: str) -> None:
    meant = COMMANDS[NAMES.index(name)]
    if meant.argument:
        assert LINE.find(f"{name} {argument}") == (meant, argument)
    else:
        assert trouble(f"{name} {argument}").title == "Too much"


def test_blanks_within_and_after_an_argument_are_kept() -> None:
    assert LINE.find("stop  a  b ")[1] == " a  b "
    assert LINE.find("stop  ")[1] == " "


def test_blanks_alone_are_no_argument_where_none_is_taken() -> None:
    assert LINE.find("  undo  ") == (COMMANDS[1], "")


@given(lines)
def test_a_line_is_found_or_told_what_is_wrong_with_it_on_one_safe_line(line: str) -> None:
    try:
        found, argument = LINE.find(line)
    except InputError as error:
        for part in (error.title, error.message, error.hint):
            assert part
            assert display(part) == part
    else:
        assert bool(argument) <= bool(found.argument)
        assert bool(argument) >= found.needs_argument


def test_a_beginning_that_no_other_name_has_is_enough() -> None:
    assert LINE.find("unc")[0].name == "uncertain"
    assert LINE.find("o surprisal") == (COMMANDS[5], "surprisal")


def test_a_whole_name_is_meant_even_where_others_begin_with_it() -> None:
    assert LINE.find("run")[0].name == "run"
    assert LINE.find("run 20") == (COMMANDS[3], "20")


def test_a_beginning_that_several_names_have_names_them() -> None:
    error = trouble("un")
    assert error.title == "Which command?"
    assert "undo, uncertain" in error.message
    assert "run" not in error.message


def test_an_unknown_name_is_mended_with_the_nearest_one() -> None:
    assert "uncertain" in trouble("uncertian").hint
    assert "overlay" in trouble("overlya text").hint


def test_much_that_is_unknown_is_quoted_in_part() -> None:
    assert len(trouble("x" * 10_000).message) < MOST_QUOTED + 5


def test_a_missing_argument_is_told_with_how_to_write_it() -> None:
    for line in ("stop", "stop "):
        error = trouble(line)
        assert error.title == "Argument missing"
        assert "stop TEXT" in error.hint


def test_a_number_alone_goes_to_that_token() -> None:
    assert LINE.find("14") == LINE.find("goto 14")
    assert LINE.find(" 14 ") == (COMMANDS[0], "14")
    assert trouble("14 15").title == "No such command"
    with pytest.raises(InputError):
        CommandLine(COMMANDS[1:]).find("14")


def test_names_with_a_beginning_come_before_those_with_it_inside_before_those_with_its_letters() -> None:
    assert ranked(["a-x-b", "cab", "abc", "ba", "ab"], "ab") == ["abc", "ab", "cab", "a-x-b"]
    assert LINE.complete("un") == ["undo", "uncertain", "run", "run-on"]
    assert LINE.complete("st") == ["stop "]


def test_what_a_command_offers_follows_the_name_as_it_was_typed() -> None:
    assert LINE.complete("overlay ") == ["overlay text", "overlay probability", "overlay surprisal"]
    assert LINE.complete("ov  p") == []
    assert LINE.complete("ov p") == ["ov probability"]
    assert LINE.complete("undo ") == []
    assert LINE.complete("r ") == []


def test_two_commands_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="one name"):
        CommandLine([command("undo"), command("undo", "N")])


@given(st.integers(1, 10**18 - 1), st.sampled_from(["{}", " {} ", "00{}"]))
def test_a_positive_whole_number_counts(number: int, written: str) -> None:
    assert count(written.format(number), "how many") == number


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1.5", "1_0", "two", "½", "²", "١", "1 0", "9" * 5000, "\x1b[A"]
)
def test_what_is_no_positive_whole_number_is_told_with_what_it_would_count(text: str) -> None:
    with pytest.raises(InputError) as caught:
        count(text, "how many tokens")
    assert "how many tokens" in caught.value.message
    assert display(caught.value.message) == caught.value.message


@given(st.text("nt\\ \n\tx"))
def test_what_was_escaped_is_unescaped(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
    assert unescaped(escaped) == text


def test_a_backslash_that_escapes_nothing_stays() -> None:
    assert unescaped("\\d+\\") == "\\d+\\"


@pytest.fixture
def folder(tmp_path: Path) -> str:
    for name in ("two.txt", "ten.txt", ".hidden", "one\x1b[2J.txt", "two\nlines", "two\u202etxt.sh"):
        (tmp_path / name).touch()
    (tmp_path / "twigs").mkdir()
    return f"{tmp_path}/"


def test_files_are_offered_by_their_beginning_and_folders_end_with_a_slash(folder: str) -> None:
    assert file_offers(folder) == [f"{folder}{name}" for name in ("ten.txt", "twigs/", "two.txt")]
    assert file_offers(f"{folder}tw") == [f"{folder}twigs/", f"{folder}two.txt"]
    assert file_offers(f"{folder}.") == [f"{folder}.hidden"]
    assert file_offers(f"{folder}twigs/") == []


def test_paths_within_the_folder_and_the_home_can_be_completed(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", folder.rstrip("/"))
    monkeypatch.setenv("USERPROFILE", folder.rstrip("/"))
    assert file_offers("te") == ["ten.txt"]
    assert file_offers("./te") == ["./ten.txt"]
    assert file_offers("~/te") == [f"{folder}ten.txt"]
    assert file_offers("~") == file_offers(folder)


@pytest.mark.parametrize("text", ["no such folder/", "\0", "a\0/b", "tests\n/", "~nobody-of-this-name/"])
def test_where_nothing_is_nothing_is_offered(text: str) -> None:
    assert file_offers(text) == []


def test_of_many_files_the_first_are_offered(tmp_path: Path) -> None:
    for number in range(MOST_FILES + 5):
        (tmp_path / f"{number:03}").touch()
    offered = file_offers(f"{tmp_path}{os.sep}")
    assert offered == sorted(offered)
    assert len(offered) == MOST_FILES
    assert offered[0].endswith("000")
