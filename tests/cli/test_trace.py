"""The command `trace`: flags, files, interruption, and the examples of the README."""

import json
import os
import resource
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import fakes
from tests.cli.conftest import Run
from tests.cli.faked import Fakes
from tests.fakes import FakeEngine
from token_explorer import cli
from token_explorer.cli import work
from token_explorer.core.engine import Stop
from token_explorer.core.generation import Plan
from token_explorer.core.sampling import Sampler
from token_explorer.core.tokens import TokenIds
from token_explorer.trace import plots
from token_explorer.trace.reading import read

TRACE = ("trace", "--prompt", "Once upon a time")
# The fake engine would end the text by itself.
ENDLESS = ("--seed", "1", "--max_new_tokens", "100000", "--block_end", "1000")
EXAMPLES = (
    """--prompt "What are the benefits and risks of AI transparency? Answer in 5 sentences."
    --max_new_tokens 120 --min_new_tokens 60 --temperature 0.8 --top_p 0.9 --repetition_penalty 1.15
    --no_repeat_ngram_size 3 --block_eos_steps 10 --block_ws_steps 14 --attn_every 20 --seed 42""",
    """--prompt
    "USER: Why does AI transparency matter to ordinary people? Please answer in 5 sentences.\\nASSISTANT:"
    --max_new_tokens 180 --min_new_tokens 80 --temperature 0.7 --top_p 0.9 --repetition_penalty 1.15
    --no_repeat_ngram_size 3 --block_eos_steps 12 --block_ws_steps 16 --attn_every 30 --seed 42""",
)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def planned(fakes: Fakes) -> Plan:
    """The plan of the last run."""
    return fakes.engines[-1].generated[-1][1]


def engines(monkeypatch: pytest.MonkeyPatch, make: Callable[[], FakeEngine]) -> Fakes:
    made = Fakes(make)
    monkeypatch.setattr(work, "local_engine", made)
    return made


class Interrupted(FakeEngine):
    """Presses ctrl+c after some tokens, or kills the program."""

    number = signal.SIGINT
    after = 25

    def generate(self, ids: TokenIds, plan: Plan, tell: Any, stop: Stop) -> Any:
        count = 0

        def told(step: Any) -> None:
            nonlocal count
            count += 1
            tell(step)
            if count == self.after:
                signal.raise_signal(self.number)

        return super().generate(ids, plan, told, stop)


class Killed(Interrupted):
    number = signal.SIGKILL


def test_every_flag_reaches_the_run(run: Run, fakes: Fakes, out: Path) -> None:
    flags = (
        "--max_new_tokens 9 --min-new-tokens 4 --temperature 0.8 --top_p 0.9 --top-k 50 --min_p 0.01 "
        "--repetition_penalty 1.15 --no_repeat_ngram_size 3 --block_eos_steps 2 --block_ws_steps 5 --seed 42 "
        "--stop_on x --stop-on yz --alternatives 6 --attn_every 3 --attn_layer 1 --attn_head 2"
    )
    run(*TRACE, "--out", str(out), *flags.split())
    sampler = Sampler(
        temperature=0.8,
        top_p=0.9,
        top_k=50,
        min_p=0.01,
        repetition_penalty=1.15,
        no_repeat_ngram=3,
        block_end=4,
        block_blank=5,
    )
    ids, plan = fakes.engines[0].generated[0]
    assert plan == Plan(9, sampler, 42, len(ids), ("x", "yz"), least=4, alternatives=6)
    settings = read(out).document()["settings"]
    assert (settings["attention_every"], settings["layer"], settings["heads"]) == (3, 1, 2)


def test_without_a_samplers_flag_the_run_is_greedy_and_stays_so_for_a_least_length(
    run: Run, fakes: Fakes, out: Path
) -> None:
    run(*TRACE, "--out", str(out), "--max_new_tokens", "3")
    assert planned(fakes).sampler is None
    run(*TRACE, "--out", str(out), "--force", "--max_new_tokens", "3", "--min_new_tokens", "2")
    assert planned(fakes).sampler == Sampler(temperature=0.0, block_end=2)
    assert len(read(out).steps) == 3


def test_the_end_is_blocked_for_the_larger_of_two_flags(run: Run, fakes: Fakes, out: Path) -> None:
    run(*TRACE, "--out", str(out), "--max_new_tokens", "9", "--min_new_tokens", "3", "--block_eos_steps", "6")
    sampler = planned(fakes).sampler
    assert sampler is not None
    assert sampler.block_end == 6


def test_a_fresh_seed_is_recorded_and_gives_the_same_run_again(run: Run, out: Path) -> None:
    run(*TRACE, "--out", str(out), "--temperature", "0.9", "--max_new_tokens", "8")
    first = read(out)
    run(
        *TRACE,
        "--out",
        str(out),
        "--force",
        "--temperature",
        "0.9",
        "--max_new_tokens",
        "8",
        "--seed",
        str(first.settings.seed),
    )
    assert read(out).written == first.written


def test_two_runs_with_one_seed_write_the_same_files_but_for_timings(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        run(
            *TRACE, "--out", str(tmp_path / name), "--seed", "5", "--max_new_tokens", "6", "--attn_every", "3"
        )
    for file in sorted(os.listdir(tmp_path / "a")):
        one, other = ((tmp_path / name / file).read_bytes() for name in ("a", "b"))
        if file == "trace.json":
            one, other = (json.dumps({**json.loads(text), "timings": 0}).encode() for text in (one, other))
        assert one == other, file


def test_the_text_is_printed_and_the_files_are_named(out: Path, fakes: Fakes, capsys: Any) -> None:
    assert cli.main([*TRACE, "--out", str(out), "--max_new_tokens", "3"]) == 0
    printed, narrated = capsys.readouterr()
    assert "Once upon a time" in printed
    assert "3 tokens: as many as were asked for" in printed
    assert f"Wrote {out}: trace.json" in narrated
    assert "\x1b" not in printed + narrated


def test_json_prints_the_document_of_the_file(document: Callable[..., Any], out: Path) -> None:
    assert document(*TRACE, "--out", str(out), "--max_new_tokens", "4") == json.loads(
        (out / "trace.json").read_text()
    )


def test_a_second_model_has_its_trace_beside_and_a_plot_of_both(run: Run, fakes: Fakes, out: Path) -> None:
    run(*TRACE, "--out", str(out), "--max_new_tokens", "4", "--beside", "other", "--seed", "1")
    assert [spec.name for spec in fakes.specs] == ["embedded", "other"]
    assert fakes.engines[0].calls[-1] == "close"
    assert read(out / "beside").settings == read(out).settings
    assert (out / "comparison.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), "--out DIR"),
        (("--out", "x", "--attn_head", "best"), "--attn_head best"),
        (("--out", "x", "--attn_layer", "0"), "--attn_layer 0"),
        (("--out", "x", "--max_new_tokens", "3", "--min_new_tokens", "4"), "--min_new_tokens 4"),
        (("--out", "x", "--top_p", "2"), "top-p = 2"),
        (("--out", "x", "--input", "y"), "--prompt and --input"),
        (("--out", "x", "--model", "./none"), "none doesn't exist"),
        (("--out", "x", "--beside", "./none"), "none doesn't exist"),
    ],
)
def test_a_mistake_is_told_before_a_model_is_loaded(
    refused: Run, flags: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in refused(*TRACE, *flags)


def test_a_folder_that_holds_a_trace_is_refused_before_a_model_is_loaded(refused: Run, out: Path) -> None:
    out.mkdir()
    (out / "trace.json").write_text("mine")
    assert "--force" in refused(*TRACE, "--out", str(out))
    assert (out / "trace.json").read_text() == "mine"


def test_a_layer_that_isnt_there_exits_with_2(fakes: Fakes, out: Path, capsys: Any) -> None:
    assert cli.main([*TRACE, "--out", str(out), "--attn_layer", "7"]) == 2
    assert "layer 7" in capsys.readouterr().err
    assert not out.exists()


def test_ctrl_c_leaves_a_valid_trace_of_what_came_its_text_and_its_plots(
    monkeypatch: pytest.MonkeyPatch, out: Path, capsys: Any
) -> None:
    engines(monkeypatch, Interrupted)
    assert cli.main([*TRACE, "--out", str(out), *ENDLESS]) == 130
    trace = read(out)
    assert trace.interrupted
    assert len(trace.steps) >= Interrupted.after
    assert (out / "output.txt").read_bytes() == fakes.VOCABULARY.utf8(trace.ids + trace.written)
    assert (out / "surprisal.png").exists()
    assert "interrupted" in capsys.readouterr().out


def test_ctrl_c_leaves_the_document_that_is_written_on_stdout_too(
    monkeypatch: pytest.MonkeyPatch, out: Path, capsys: Any
) -> None:
    engines(monkeypatch, Interrupted)
    assert cli.main([*TRACE, "--out", str(out), "--json", *ENDLESS]) == 130
    assert json.loads(capsys.readouterr().out) == json.loads((out / "trace.json").read_text())


def test_a_second_ctrl_c_ends_at_once(monkeypatch: pytest.MonkeyPatch, out: Path) -> None:
    engines(monkeypatch, Interrupted)

    def slow(*_: object) -> Any:
        signal.raise_signal(signal.SIGINT)
        return iter(())

    monkeypatch.setattr(plots, "plots", slow)
    assert cli.main([*TRACE, "--out", str(out), *ENDLESS]) == 130
    assert read(out).interrupted
    assert sorted(os.listdir(out)) == ["output.txt", "trace.json"]


def program(*arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """A program of its own on the fake engine."""
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, **options)


def test_a_program_that_is_killed_leaves_a_valid_trace(out: Path) -> None:
    code = (
        "from tests.cli import test_trace as t, faked; t.work.local_engine = faked.Fakes(t.Killed); "
        f"t.cli.main([*t.TRACE, '--out', {str(out)!r}, *t.ENDLESS])"
    )
    assert program("-c", code).returncode == -signal.SIGKILL
    trace = read(out)
    assert trace.interrupted
    assert len(trace.steps) == 20
    assert os.listdir(out) == ["trace.json"]


def test_a_disk_without_room_is_told_and_nothing_is_left(out: Path) -> None:
    ran = program(
        *("-m", "tests.cli.faked", *TRACE, "--out", str(out)),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
    )
    assert ran.returncode == 2
    assert "Not written" in ran.stderr
    assert "tokenizer" not in ran.stderr
    assert not out.exists()


@pytest.mark.parametrize("which", [0, 1])
def test_the_examples_run_as_they_are_written(which: int, embedded_source: object, out: Path) -> None:
    flags = shlex.split(EXAMPLES[which])
    assert cli.main(["trace", *flags, "--out", str(out), "--device", "cpu"]) == 0
    trace = read(out)
    least = (60, 80)[which]
    assert len(trace.steps) >= least
    assert all(step.token not in trace.vocabulary.ends for step in trace.steps[:least])
    every = (20, 30)[which]
    assert [each.step for each in trace.attention] == list(range(0, len(trace.steps) + 1, every))
    assert not trace.interrupted
    assert {"output.txt", "final_step_token_probs.png", f"attn_step_{every}.png"} <= set(os.listdir(out))
