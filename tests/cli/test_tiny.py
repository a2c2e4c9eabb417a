"""The commands of `tiny`: what they print, what they refuse, and how an interrupted training goes on."""

import json
import re
from pathlib import Path

import pytest

from tests.tiny.conftest import demo, tiny
from tests.tiny.trained import Stopping
from token_explorer import cli
from token_explorer.cli import work
from token_explorer.core.engine import Stop
from token_explorer.engine.local import LocalEngine
from token_explorer.tiny.work import Work

__all__ = ["demo", "tiny"]

TRAIN = ("tiny", "train", "--max_iters", "6", "--eval_interval", "3")
Output = pytest.CaptureFixture[str]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def said(capsys: Output, *arguments: str, code: int = 0) -> tuple[str, str]:
    """What a command prints on both streams."""
    capsys.readouterr()
    assert cli.main(arguments) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_train_tells_the_losses_and_where_the_model_is(out: Path, capsys: Output) -> None:
    printed, told = said(capsys, *TRAIN, "--out", str(out), "--by_hand", "1")
    assert [int(line.split()[0]) for line in printed.splitlines()[1:4]] == [0, 3, 6]
    assert "7,232 parameters" in printed
    assert f"Wrote {out}: the model, loss.png, by_hand.json, by_hand.html." in told
    assert f"--model {out}" in told
    assert (out / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert len(json.loads((out / "training.json").read_text())["losses"]) == 6


def test_hyphens_will_do_for_underscores(out: Path, capsys: Output) -> None:
    said(capsys, "tiny", "train", "--max-iters", "1", "--grad-accum", "1", "--out", str(out))
    assert json.loads((out / "training.json").read_text())["settings"]["max_iters"] == 1


def test_an_interrupted_training_says_how_to_go_on(
    out: Path, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Work.run
    with monkeypatch.context() as patch:

        def interrupted(self: Work, tell: object, judged: object, stop: Stop) -> bool:
            return run(self, Stopping(stop, 4).tell, judged, stop)  # type: ignore[arg-type]

        patch.setattr(Work, "run", interrupted)
        _, told = said(capsys, *TRAIN, "--out", str(out), code=130)
    (command,) = re.findall(r"Go on with: token-explorer (.*)", told)
    assert command == f"tiny train --resume --out {out}"
    _, told = said(capsys, *command.split())
    assert "going on at iteration 4" in told
    assert json.loads((out / "training.json").read_text())["finished"]
    _, told = said(capsys, *command.split(), code=2)
    assert "is finished" in told


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--width", "15"], "--width 15 can't be shared by --heads 2."),
        (["--data", "vers"], "Did you mean verse?"),
        (["--device", "gpu"], "Unknown device"),
        (["--device", "cuda:99"], "No such device"),
        (["--resume"], "holds no training"),
        (["--matrix", "wte.weight"], "--matrix is for --by_hand."),
        (["--by_hand", "1", "--matrix", "nothing"], "--matrix nothing is none of the model's."),
        (["--min_learning_rate", "0.5"], "Impossible learning rate"),
        (["--max_iters", "0"], "max_iters"),
        (["--positions", "2000"], "Too little data"),
        (["--nonsense"], "nonsense"),
    ],
)
def test_a_mistake_is_told_and_leaves_no_model(
    flags: list[str], message: str, out: Path, capsys: Output
) -> None:
    _, told = said(capsys, *TRAIN[:2], "--out", str(out), *flags, code=2)
    assert message.replace("_", "-") in told.replace("_", "-")
    assert not (out / "config.json").exists()


def test_an_empty_file_of_data_is_refused(tmp_path: Path, out: Path, capsys: Output) -> None:
    (tmp_path / "empty.txt").write_text("")
    _, told = said(capsys, "tiny", "train", "--data", str(tmp_path / "empty.txt"), "--out", str(out), code=2)
    assert "empty.txt is empty." in told


def test_tiny_alone_names_its_commands(capsys: Output) -> None:
    _, told = said(capsys, "tiny", code=2)
    assert "train, generate" in told


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine in this process: it is quicker."""
    monkeypatch.setattr(work, "local_engine", LocalEngine)


def test_generate_goes_on_beyond_the_positions_and_says_so(tiny: Path, here: None, capsys: Output) -> None:
    printed, told = said(capsys, "tiny", "generate", "the quick brown", "-n", "20")
    assert "the quick brown fox jumps over the world" in printed
    assert "20 tokens: as many as were asked for" in printed
    assert "reads 8 tokens at once" in told


def test_generate_starts_from_a_blank_and_draws_the_same_with_a_seed(
    tiny: Path, here: None, capsys: Output
) -> None:
    texts = [
        json.loads(said(capsys, "tiny", "generate", "-n", "12", "--seed", seed, "--json")[0])
        for seed in ("1", "1", "2")
    ]
    assert texts[0]["ids"] == [0]
    assert texts[0]["text"] == texts[1]["text"] != texts[2]["text"]


def test_generate_without_a_model_tells_how_to_make_one(here: None, capsys: Output) -> None:
    _, told = said(capsys, "tiny", "generate", "hello", code=2)
    assert "token-explorer tiny train" in told


def test_the_name_of_the_model_opens_it_in_other_commands(tiny: Path, here: None, capsys: Output) -> None:
    printed, _ = said(capsys, "score", "hello world", "--model", "tiny", "--json")
    assert [token["id"] for token in json.loads(printed)["tokens"]] == [10, 0, 31]
    _, told = said(capsys, "complete", "hello zebra", "--model", "tiny", code=2)
    assert "'zebra' is none of the model's words" in told


def test_progress_without_a_terminal_is_a_line_for_each_evaluation(out: Path, capsys: Output) -> None:
    _, told = said(capsys, *TRAIN, "--out", str(out))
    assert len(re.findall(r"^iteration \d of 6: training loss", told, re.MULTILINE)) == 3
