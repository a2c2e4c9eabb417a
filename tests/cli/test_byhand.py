"""The commands tiny byhand and tiny exercise, on a small model that can be followed."""

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from platformdirs import user_state_path

from tests.byhand.followed import Followed, small
from token_explorer import cli
from token_explorer.byhand.question import shown
from token_explorer.cli import work
from token_explorer.cli.progress import Progress, Store
from token_explorer.core.engine import Stop
from token_explorer.results.exercise import Exercise, set_exercise
from token_explorer.results.opened import open_model

TEXT = "hello world"
Run = Callable[..., str]


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of models that were opened; each is the same small one."""
    opened: list[str] = []

    def local_engine(spec: object) -> Followed:
        opened.append(spec.name)  # type: ignore[attr-defined]
        return Followed()

    monkeypatch.setattr(work, "local_engine", local_engine)
    return opened


@pytest.fixture
def run(models: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command of tiny, with some lines on stdin, and gives what it prints."""

    def run(*arguments: str, lines: str = "", code: int = 0) -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
        capsys.readouterr()
        assert cli.main(("tiny", *arguments)) == code
        out, err = capsys.readouterr()
        return err if code else out

    return run


def questions(seed: int = 0) -> Exercise:
    opened = open_model(Followed(), lambda progress: None)
    return set_exercise(opened, (1, 0, 2), seed, Stop())


def answers(seed: int = 0) -> list[str]:
    """The right ones, as they would be typed."""
    return [shown(question.value) for question in questions(seed).questions]


def test_the_model_is_tiny_unless_a_flag_names_another(run: Run, models: list[str], tmp_path: Path) -> None:
    run("byhand", TEXT, "--step", "logits")
    run("byhand", TEXT, "--step", "logits", "--model", str(tmp_path))
    assert models == ["tiny", str(tmp_path)]


def test_byhand_prints_the_steps_that_flags_choose(run: Run) -> None:
    out = run("byhand", TEXT, "--step", "scores", "--layer", "2", "--head", "1", "--position", "3")
    assert f"small  {small().count:,} parameters" in out
    assert "layer 2 head 1 scores" in out
    assert "layer 1" not in out
    assert "s[3,3] = Σ / √8" in out


def test_byhand_takes_a_flag_several_times(run: Run) -> None:
    flags = ("--step", "q", "--step", "k", "--layer", "1", "--head", "1", "--head", "2")
    made = json.loads(run("byhand", TEXT, *flags, "--position", "1", "--position", "3", "--json"))
    assert [each["name"] for each in made["steps"]] == [
        f"layer 1 head {head} {part}" for head in (1, 2) for part in "qk"
    ]
    assert made["steps"][0]["positions"] == [1, 3]


def test_byhand_writes_a_worksheet_and_replaces_none_unasked(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "sheet.html"
    assert run("byhand", TEXT, "--html", str(path)) == ""
    assert path.read_text().startswith("<!doctype html>")
    assert "exists" in run("byhand", TEXT, "--html", str(path), code=2)
    made = json.loads(run("byhand", TEXT, "--html", str(path), "--force", "--json"))
    assert len(made["steps"]) > 30


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--step", "scroes"), "Did you mean scores"),
        (("--layer", "9"), "It should be from 1 to 2."),
        (("--head", "3"), "It should be from 1 to 2."),
        (("--position", "4"), "It should be from 1 to 3."),
        (("--layer", "0"), "Can't run this"),
    ],
)
def test_byhand_says_what_is_not_there(run: Run, flags: tuple[str, ...], said: str) -> None:
    assert said in run("byhand", TEXT, *flags, code=2)


def test_right_answers_through_a_pipe_are_all_right(run: Run) -> None:
    out = run("exercise", lines="\n".join(answers()) + "\n")
    assert out.count("Right:") == 8
    assert "Not quite" not in out
    assert out.endswith("8 of 8 right, 0 wrong, 0 skipped.\n")


def test_a_wrong_answer_is_shown_the_working_and_counted(run: Run) -> None:
    out = run("exercise", lines="\n".join(["1234", "skip", *answers()[2:]]) + "\n")
    assert "Not quite." in out
    assert "the model itself, not rounded" in out
    assert out.endswith("6 of 8 right, 1 wrong, 1 skipped.\n")


def test_letters_are_no_answer_and_there_is_another_try(run: Run) -> None:
    out = run("exercise", lines="about half\n\nhint\nBACK\n" + "\n".join(answers()) + "\n")
    assert '"about half" is no number' in out
    assert "Type a number" in out
    assert "multiply the first number" in out
    assert "This is the first one." in out
    assert out.endswith("8 of 8 right, 0 wrong, 0 skipped.\n")


def test_escape_codes_that_are_typed_are_shown_and_not_obeyed(run: Run) -> None:
    out = run("exercise", lines="\x1b[31m\n")
    assert "\x1b" not in out


def test_back_asks_the_question_before_again(run: Run) -> None:
    right = answers()
    out = run("exercise", lines="\n".join(["9999", "back", *right]) + "\n")
    assert out.count("1/8  a dot product") == 2
    assert out.endswith("8 of 8 right, 0 wrong, 0 skipped.\n")


def test_it_goes_on_where_it_was_left_however_that_was(run: Run) -> None:
    right = answers()
    assert "Left at number 3 of 8" in run("exercise", lines="\n".join([*right[:2], "quit"]))
    out = run("exercise", lines=f"{right[2]}\n")  # the end of the input
    assert "Going on at number 3 of 8" in out
    assert "1/8" not in out
    assert run("exercise", lines="\n".join(right[3:])).endswith("8 of 8 right, 0 wrong, 0 skipped.\n")
    assert "Going on" not in run("exercise", lines="quit\n")


def test_another_text_or_seed_and_a_restart_begin_anew(run: Run) -> None:
    run("exercise", lines=f"{answers()[0]}\n")
    assert "Going on" not in run("exercise", "--seed", "1")
    assert "Going on" not in run("exercise", "hello")
    assert "Going on at number 2" in run("exercise", TEXT)
    assert "Going on" not in run("exercise", "--restart")


def test_a_seed_asks_for_other_numbers(run: Run) -> None:
    out = run("exercise", "--seed", "5", lines="\n".join(answers(5)) + "\n")
    assert out.endswith("8 of 8 right, 0 wrong, 0 skipped.\n")
    assert answers(5) != answers()


def test_an_exercise_on_paper_asks_nothing(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "exercise.html"
    assert run("exercise", "--html", str(path)) == ""
    assert "Solutions" in path.read_text()
    assert "exists" in run("exercise", "--html", str(path), code=2)


def test_what_is_kept_and_broken_begins_anew(run: Run) -> None:
    run("exercise", lines="skip\n")
    (file,) = (user_state_path("token-explorer", appauthor=False) / "exercises").iterdir()
    for broken in ("", "[]", '{"place": 99, "marks": {}}', '{"place": 1, "marks": {"0": "great"}}', "\x00"):
        file.write_text(broken)
        assert "Going on" not in run("exercise", lines="")


def test_progress_comes_back_from_its_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "deep" / "one.json")
    progress = Progress(3)
    progress.mark("right")
    progress.mark("skipped")
    store.write(progress)
    assert store.read(3) == progress
    store.forget()
    assert store.read(3) == Progress(3)
