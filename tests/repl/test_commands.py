"""Each command: what it asks of the model, and that what it shows is what `results` says."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import HOSTILE, encode, score
from tests.repl.sessions import Talk, talk
from token_explorer.core.engine import Stop
from token_explorer.core.generation import Plan
from token_explorer.core.knobs import KNOBS
from token_explorer.core.sampling import Sampler
from token_explorer.repl.commands import ALIASES, COMMANDS, NAMES, find, help_lines
from token_explorer.repl.line import quoted
from token_explorer.results.attention import attend
from token_explorer.results.completion import complete
from token_explorer.results.generation import generate
from token_explorer.results.lens import look
from token_explorer.results.result import Result
from token_explorer.results.scoring import score as scored
from token_explorer.results.tokenization import tokenize


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to write into."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ask() -> Talk:
    return talk()


def plain(result: Result) -> str:
    return "\n".join(line.plain for line in result.text())


def test_the_table_has_each_name_once_and_examples_that_name_their_command() -> None:
    assert len(set(NAMES)) == len(NAMES) == len(COMMANDS) + len(ALIASES)
    assert all(find(command.example.split()[0]) is command for command in COMMANDS)
    assert all(find(alias).name == meant for alias, meant in ALIASES.items())


def test_every_example_works(ask: Talk) -> None:
    for command in COMMANDS:
        ask(command.example)
    assert ask.session.over


def test_help_tells_of_every_command_and_needs_no_model(ask: Talk) -> None:
    ask.session.drop()
    ask.session.name = ""
    assert ask("help") == ask("?") == "\n".join(line.plain for line in help_lines())
    assert all(f"  {command.usage} " in ask("help") for command in COMMANDS)


@pytest.mark.parametrize(("line", "count"), [("complete Once upon", 10), ('complete "Once upon" 3', 3)])
def test_complete_lists_as_many_candidates_as_are_asked_for(ask: Talk, line: str, count: int) -> None:
    shown = ask(line)
    opened = ask.session.ready()
    assert shown == plain(complete(opened, encode("Once upon"), count, False, Stop()))
    assert len(re.findall(r"(?m)^ *\d+ .* \d", shown)) >= count


@pytest.mark.parametrize(
    ("line", "text", "count"),
    [
        ('generate "Once upon" 3', "Once upon", 3),
        ("generate Once upon", "Once upon", 10),
        ("generate 2 of 42", "2 of 42", 10),
        ('generate "2 of 42" 3', "2 of 42", 3),
        ("generate it's -n 5", "it's -n 5", 10),
        (r'generate "a\nb" 2', "a\nb", 2),
        ('generate "" 2', "", 2),
    ],
)
def test_generate_writes_greedily_after_the_whole_text(ask: Talk, line: str, text: str, count: int) -> None:
    shown = ask(line)
    ((ids, plan),) = ask.desk.engine.generated
    assert ids == encode(text)
    assert plan == Plan(count, None, 0, len(ids), alternatives=3)
    written = generate(ask.session.ready(), ids, plan, lambda step: None, Stop())
    assert shown == plain(written)


def test_a_text_that_ends_in_a_number_is_told_to_be_one_and_how_to_give_a_count(ask: Talk) -> None:
    ask("generate 2 of 42")
    assert 'generate "2 of" 42' in ask.desk.notes
    ask(f"generate {quoted('2 of 42')}")
    assert ask.desk.notes == ""
    ask("generate 42")
    assert ask.desk.notes == ""
    ask("attention The end.html")
    assert 'attention "The" end.html' in ask.desk.notes
    ask("score the rank")
    assert 'score "the" rank' in ask.desk.notes


def test_tokenize_shows_the_tokens(ask: Talk) -> None:
    text = "".join(HOSTILE)
    shown = ask(f"tokenize {quoted(text)}")
    opened = ask.session.ready()
    assert shown == plain(tokenize(opened.vocabulary, encode(text), text, "fake-model"))
    assert shown.replace("\n", "").isprintable()


def test_score_shows_every_token_with_the_overlays_that_are_named(ask: Talk) -> None:
    shown = ask('score "Once upon a time" depth rank,influence')
    wanted = scored(
        ask.session.ready(), encode("Once upon a time"), ["depth", "rank", "influence"], None, 3, Stop()
    )
    assert shown == plain(wanted)
    assert str(score(encode("Once upon a time"), 1).ranks[-1]) in shown
    assert "depth" in ask.refused('score "Once" dept')


@pytest.mark.parametrize("name", ["attention", "lens"])
def test_a_page_is_written_once_and_replaced_only_when_it_shall_be(ask: Talk, here: Path, name: str) -> None:
    shown = ask(f"{name} Once upon a time")
    page = here / f"{name}.html"
    assert page.as_uri() in shown
    first = page.read_text()
    assert "<script" in first
    told = ask.refused(f"{name} Once upon")
    assert f"{name}.html exists" in told
    assert f"{name}! TEXT replaces it" in told
    assert page.read_text() == first
    ask(f"{name}! Once upon")
    assert page.read_text() != first
    ask(f'{name} "Once upon a time" "another page.html"')
    assert (here / "another page.html").read_text() == first


@pytest.mark.parametrize(("name", "look_at"), [("attention", attend), ("lens", look)])
def test_a_page_is_the_one_that_results_makes_in_the_colours_of_the_settings(
    ask: Talk, here: Path, name: str, look_at: Any
) -> None:
    ask(f"{name} Once upon a time")
    found = look_at(ask.session.ready(), encode("Once upon a time"), None, Stop())
    assert (here / f"{name}.html").read_text() == found.page(colours="cividis") != found.page()


def test_a_file_that_cannot_be_written_is_refused_before_the_model_is_asked(ask: Talk, here: Path) -> None:
    (here / "folder").mkdir()
    for name in ("no/such/a.html", "folder"):
        ask.refused(f'attention! "Once" {name}')
    assert ask.desk.engine.observed == []
    assert list(here.iterdir()) == [here / "folder"]


def test_the_sampler_is_off_until_it_is_set_and_draws_with_the_seed(ask: Talk) -> None:
    assert "greedy" in ask("sampler")
    ask("sampler temperature 0.8")
    assert ask.session.sampler == Sampler(temperature=0.8)
    ask("sampler top k 40")
    assert ask.session.sampler == Sampler(temperature=0.8, top_k=40)
    shown = ask("sampler")
    assert "temperature 0.8" in shown
    assert "top-k 40" in shown
    assert "seed 7" in shown
    ask('generate "Once" 2')
    assert ask.desk.engine.generated[-1][1] == Plan(2, ask.session.sampler, 7, 2, alternatives=3)
    ask("sampler off")
    assert ask.session.sampler is None
    ask("sampler on")
    assert ask.session.sampler == Sampler(temperature=0.5)  # that of the settings


def test_a_fresh_seed_is_told_so_that_the_run_can_be_had_again() -> None:
    ask = talk(seed=-1)
    ask("sampler on")
    first = ask('generate "Once" 5')
    seed = re.search(r"seed (\d+);", ask.desk.notes)
    assert seed is not None
    ask(f"seed {seed[1]}")
    assert ask('generate "Once" 5') == first
    assert ask.desk.notes == ""
    ask("seed off")
    assert ask.session.seed is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("sampler temperature", "from 0 to 10"),
        ("sampler temperature warm", "from 0 to 10"),
        ("sampler warmth 3", KNOBS[0].title),
        ("seed x", "from 0 to"),
        ("strip maybe", "on or off"),
    ],
)
def test_an_impossible_setting_changes_nothing(ask: Talk, line: str, words: str) -> None:
    before = (ask.session.sampler, ask.session.seed, ask.session.strip, ask.session.opened)
    assert words in ask.refused(line)
    assert (ask.session.sampler, ask.session.seed, ask.session.strip, ask.session.opened) == before


def test_a_seed_without_a_sampler_is_told_to_do_nothing(ask: Talk) -> None:
    ask("seed 3")
    assert "sampler on" in ask.desk.notes


def test_strip_is_switched_for_the_texts_that_follow(ask: Talk) -> None:
    ask("strip on")
    ask("complete Once ")
    assert ask.desk.engine.scored[-1] == encode("Once")
    ask("strip off")
    ask("complete Once ")
    assert ask.desk.engine.scored[-1] == encode("Once ")
    assert "kept" in ask("strip")


@pytest.mark.parametrize("line", ["model second", "model  second ", 'model "second"'])
def test_model_opens_another(ask: Talk, line: str) -> None:
    ask(line)
    assert ask.session.name == "second"
    assert "fake-model" in ask("model")


@pytest.mark.parametrize("line", ["quit", "exit"])
def test_quit_and_exit_end_the_session(ask: Talk, line: str) -> None:
    ask(line)
    assert ask.session.over


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("compete x", "Did you mean complete?"),
        ("The capital of France is", "help lists them"),
        ('"The capital"', "begins with a text"),
        ("complete", '""'),
        ("score   ", '""'),
        ('complete "a" 0', "whole number"),
        ('complete "a" b', "whole number"),
        ('generate "a" 1e3', "whole number"),
        ('generate "a" ' + "9" * 5000, "whole number"),
        ('generate "a" ²', "whole number"),
        ('generate "a" 3 4', "4"),
        ('tokenize "a" b', "nothing after the text"),
        ('attention "a" b.html c', "in quotes"),
        ('model "a" b', "one name"),
        ("complete! a", "without the !"),
        ("quit now", "stands alone"),
        ('complete "a', "Quote not closed"),
        ("complete a\udcff", "isn't UTF-8"),
        ("\x1b]0;x\x07", "␛]0;x␇"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(ask: Talk, line: str, words: str) -> None:
    assert words in ask.refused(line)
    assert ask.desk.engine.scored == ask.desk.engine.generated == []
    assert not ask.session.over


@pytest.mark.parametrize("line", ["", "   ", "\t"])
def test_a_blank_line_does_nothing(ask: Talk, line: str) -> None:
    assert ask(line) == ask.desk.notes == ""
