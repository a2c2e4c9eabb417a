"""Each command on the fake engine: what it prints, and what it refuses before a model is loaded."""

import csv
import io
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.faked import Fakes
from tests.fakes import FakeEngine, encode, score
from token_explorer import cli
from token_explorer.cli import work
from token_explorer.core.engine import EngineInfo, Report
from token_explorer.core.scores import NATS_PER_BIT
from token_explorer.errors import ModelLoadError
from token_explorer.overlays import OVERLAYS

Run = Callable[..., str]
Document = Callable[..., Any]
TEXT = "Once upon a time"
COMMANDS = ("complete", "generate", "tokenize", "score", "attention", "lens")


def test_complete_lists_what_the_engine_says(document: Document) -> None:
    made = document("complete", TEXT, "-k", "7")
    scores = score(encode(TEXT), 7)
    assert list(made)[:6] == ["schema", "model", "dtype", "device", "ids", "tokens"]
    assert tuple(made["ids"]) == encode(TEXT)
    assert [each["id"] for each in made["candidates"]] == scores.next.ids.tolist()
    probabilities = [each["probability"] for each in made["candidates"]]
    np.testing.assert_allclose(probabilities, scores.next.probabilities, rtol=1e-5)
    assert made["entropy_bits"] == pytest.approx(scores.next.entropy / NATS_PER_BIT)


def test_complete_looks_into_the_layers_when_it_is_asked_to(document: Document, fakes: Fakes) -> None:
    plain = document("complete", TEXT)
    layered = document("complete", TEXT, "--layer-prob")
    assert [spec.record_layers for spec in fakes.specs] == [False, True]
    for before, after in zip(plain["candidates"], layered["candidates"], strict=True):
        assert before == {key: value for key, value in after.items() if key != "layer_logprobs"}
        assert after["layer_logprobs"][-1] == pytest.approx(after["logprob"], abs=1e-5)


def test_generate_streams_the_steps_of_its_document(run: Run, document: Document) -> None:
    flags = ("-n", "6", "--temperature", "0.8", "--seed", "4")
    made, lines = document("generate", TEXT, *flags), run("generate", TEXT, *flags).splitlines()
    assert len(made["steps"]) == 6
    assert made["settings"]["seed"] == 4
    assert all(f"{number}" in line for number, line in enumerate(lines[:6], 1))
    again = document("generate", TEXT, *flags)
    assert {**made, "timings": None} == {**again, "timings": None}


def test_generate_obeys_both_names_of_a_flag(document: Document) -> None:
    one = document("generate", TEXT, "--no-repeat-ngram", "2", "--block_end", "3", "--seed", "1")
    other = document("generate", TEXT, "--no_repeat_ngram_size", "2", "--block_eos_steps", "3", "--seed", "1")
    assert one["settings"] == other["settings"]
    assert one["settings"]["sampler"]["block_end"] == 3


def test_generate_ends_at_any_of_its_stop_texts(document: Document) -> None:
    free = document("generate", TEXT, "-n", "30")
    second = free["steps"][1]["text"]
    stopped = document("generate", TEXT, "-n", "30", "--stop", "never written", "--stop", second)
    assert stopped["ending"] == "stop"
    assert second in stopped["text"]
    assert len(stopped["steps"]) <= 2


@pytest.mark.parametrize("command", [("generate", TEXT, "--stop"), ("trace", "--out", "x", "--stop_on")])
def test_a_stop_text_that_is_everywhere_is_refused(refused: Run, command: tuple[str, ...]) -> None:
    assert f"{command[-1]} is empty" in refused(*command, "")


class Interrupted(FakeEngine):
    """Is interrupted while it loads."""

    loaded = False

    def load_model(self, report: Report) -> EngineInfo:
        signal.raise_signal(signal.SIGINT)
        made = super().load_model(report)
        self.loaded = True
        return made


@pytest.mark.parametrize("command", ["complete", "generate", "score", "lens"])
def test_ctrl_c_ends_the_loading_at_once(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fakes = Fakes(Interrupted)
    monkeypatch.setattr(work, "local_engine", fakes)
    assert cli.main([command, TEXT]) == 130
    (engine,) = fakes.engines
    assert isinstance(engine, Interrupted)
    assert not engine.loaded
    assert engine.calls[-1] == "close"
    assert capsys.readouterr().out == ""


def test_tokenize_loads_no_weights(document: Document, fakes: Fakes) -> None:
    made = document("tokenize", "a [/b]\x1b")
    assert made["joins_back"] is True
    assert fakes.engines[-1].calls == ["load_tokenizer", "observe", "close"]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_takes_the_flags_of_the_model(
    command: str, document: Document, fakes: Fakes, tmp_path: Path
) -> None:
    (tmp_path / "c.toml").write_text("[model]\nthreads = 3")
    flags = ("--model", "some/model", "--bf16", "--device", "cpu", "--config", str(tmp_path / "c.toml"))
    assert document(command, TEXT, *flags)["schema"] == 1
    (spec,) = fakes.specs
    assert (spec.name, spec.dtype, spec.device, spec.threads) == ("some/model", "bfloat16", "cpu", 3)


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda overlay: overlay.name)
def test_score_has_each_overlay(document: Document, overlay: Any) -> None:
    made = document("score", TEXT, "--overlay", overlay.name)
    (shown,) = made["overlays"]
    assert shown["name"] == overlay.name
    assert len(shown["values"]) == len(made["ids"])


def test_score_takes_several_overlays_and_gives_each_form(run: Run, document: Document) -> None:
    made = document("score", TEXT, "--overlay", "rank,entropy", "--overlay", "norm", "--layer", "1")
    assert [each["name"] for each in made["overlays"]] == ["rank", "entropy", "norm"]
    rows = list(csv.DictReader(io.StringIO(run("score", TEXT, "--csv"))))
    assert [int(row["id"]) for row in rows] == made["ids"]
    for row, token in zip(rows, made["tokens"], strict=True):
        assert (float(row["logprob_nats"]) if row["logprob_nats"] else None) == token["logprob"]
    assert TEXT in run("score", TEXT, "--text")


@pytest.mark.parametrize("command", ["attention", "lens"])
def test_a_page_is_written_once_and_replaced_only_with_force(
    command: str, run: Run, refused: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(command, TEXT)
    usual = tmp_path / f"{command}.html"
    first = usual.read_bytes()
    run(command, "another text", "-o", "other.html")
    assert (tmp_path / "other.html").read_bytes() != first


@pytest.mark.parametrize("command", ["attention", "lens"])
def test_a_page_that_is_there_is_kept_and_seen_before_a_model_is_loaded(
    command: str, refused: Run, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    page.write_text("mine")
    assert "exists" in refused(command, TEXT, "-o", str(page))
    assert "there is no folder" in refused(command, TEXT, "-o", str(tmp_path / "no" / "page.html"))
    assert page.read_text() == "mine"


def test_force_replaces_a_page(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("mine")
    run("lens", TEXT, "-o", str(page), "--force")
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("command", ["attention", "lens"])
def test_json_of_a_page_writes_no_page(
    command: str, document: Document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert document(command, TEXT)["layers"]
    assert list(tmp_path.iterdir()) == []


def test_lens_pins_a_token_by_text_or_id(document: Document) -> None:
    made = document("lens", TEXT, "--pin", " the")
    assert made == document("lens", TEXT, "--pin", "#257")
    assert all("pinned_ranks" in layer for layer in made["layers"])


@pytest.mark.parametrize(
    ("pin", "said"), [("", "--pin is empty"), ("#²", '"#"'), ("#" + "9" * 5000, "Ids run from 0 to 282")]
)
def test_a_pin_that_is_no_token_is_told_in_words(
    pin: str, said: str, fakes: Fakes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["lens", TEXT, "--pin", pin, "-o", str(tmp_path / "lens.html")]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_compare_takes_two_models_one_after_the_other(document: Document, fakes: Fakes) -> None:
    made = document("compare", TEXT, "--models", "one", "two")
    assert [spec.name for spec in fakes.specs] == ["one", "two"]
    assert made["kl_bits"] == {"a_to_b": 0.0, "b_to_a": 0.0}
    assert made["first_divergence"] is None


def test_compare_takes_two_texts(document: Document, fakes: Fakes) -> None:
    made = document("compare", "--texts", "Once upon a", "Once upon the")
    assert len(fakes.specs) == 1
    assert [tuple(side["ids"]) for side in made["sides"]] == [encode("Once upon a"), encode("Once upon the")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["score", TEXT, "--overlay", "entrpy"], "entropy"),
        (["score", TEXT, "--csv", "--json"], "only one"),
        (["generate", TEXT, "--temperature", "hot"], "temperature = hot"),
        (["generate", TEXT, "--seed", "-1"], "--seed -1"),
        (["generate", TEXT, "-n", "0"], "-n"),
        (["complete", TEXT, "-k", "none"], "-k"),
        (["attention", TEXT, "--layer", "last"], "--layer last"),
        (["attention", TEXT, "--head", "0"], "--head 0"),
        (["compare", TEXT], "neither --models nor --texts"),
        (["compare", "--texts", "a", "b", "--models", "a", "b"], "both"),
        (["compare", TEXT, "--texts", "a", "b"], "--texts are the texts"),
        (["compare", TEXT, "--models", "a", "b", "--model", "c"], "--models are the models"),
        *(([command, TEXT, "--input", "p.txt"], "both given") for command in COMMANDS),
        *(([command, TEXT, "--model", "./nowhere"], "nowhere doesn't exist") for command in COMMANDS),
        *(([command, "--input", "nowhere.txt"], "nowhere.txt doesn't exist") for command in COMMANDS),
        *(([command, TEXT, "--config", "no.toml"], "no.toml") for command in COMMANDS),
    ],
)
def test_a_mistake_is_told_before_a_model_is_loaded(arguments: list[str], said: str, refused: Run) -> None:
    assert said in refused(*arguments)


@pytest.mark.parametrize("command", ["complete", "generate", "score"])
def test_what_a_trailing_blank_does_is_told_beside_the_result(
    command: str, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run(command, "Once upon ", "--strip")
    assert cli.main([command, "Once upon "]) == 0
    assert "blank" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_the_engine_is_closed_whatever_happens(command: str, fakes: Fakes, tmp_path: Path) -> None:
    fakes.load_error = ModelLoadError("Can't load", "it is broken.")
    code = cli.main([command, TEXT, *(["-o", str(tmp_path / "p.html")] if command in COMMANDS[4:] else [])])
    assert code == (0 if command == "tokenize" else 1)
    assert fakes.engines[-1].calls[-1] == "close"
