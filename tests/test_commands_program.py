"""The commands with the real model: numbers are those of transformers, and the same in every document."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from jsonschema import Draft202012Validator
from transformers import (
    DynamicCache,
    LogitsProcessorList,
    MinPLogitsWarper,
    NoRepeatNGramLogitsProcessor,
    PreTrainedModel,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from tests.program import PROGRAM, engine_of
from tests.terminal import Terminal
from token_explorer import cli
from token_explorer.cli import work
from token_explorer.core.engine import EngineInfo, ModelSpec, Report
from token_explorer.engine.local import LocalEngine

Document = Callable[..., Any]

SCHEMA = json.loads((Path(__file__).parents[1] / "docs" / "schema.json").read_text("utf-8"))
# Repeats itself, so that there is something to forbid and to make less likely.
TEXT = "The quick brown fox jumps over the lazy dog. The quick"
SAMPLER = (
    *("--temperature", "0.8", "--top_k", "20", "--top_p", "0.9", "--min_p", "0.01", "--seed", "42"),
    *("--repetition_penalty", "1.15", "--no_repeat_ngram_size", "3"),
)
CTRL_C = "\x03"


class Loaded(LocalEngine):
    """Stays loaded from command to command."""

    def load_model(self, report: Report) -> EngineInfo:
        return self._info if self._runner else super().load_model(report)

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def loaded(embedded_folder: Path) -> Loaded:
    return Loaded(ModelSpec(str(embedded_folder), device="cpu"))


@pytest.fixture
def document(loaded: Loaded, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Document:
    """Runs a command with --json on the model that is loaded already; its document keeps to the schema."""
    monkeypatch.setattr(work, "local_engine", lambda spec: loaded)

    def document(command: str, *arguments: str) -> Any:
        capsys.readouterr()
        assert cli.main([command, *arguments, "--json"]) == 0
        made = json.loads(capsys.readouterr().out)
        Draft202012Validator({"$ref": f"#/$defs/{command}", "$defs": SCHEMA["$defs"]}).validate(made)
        return made

    return document


@pytest.fixture
def plain(embedded_model: PreTrainedModel) -> Iterator[PreTrainedModel]:
    """The model without anything of ours."""
    with torch.inference_mode():
        yield embedded_model


@pytest.fixture
def seen(plain: PreTrainedModel) -> Iterator[PreTrainedModel]:
    """The same, made to show its attention: that costs its logits their last digits."""
    before = plain.config._attn_implementation
    plain.set_attn_implementation("eager")
    yield plain
    plain.set_attn_implementation(before)


def check_close(ours: Any, theirs: Any) -> None:
    """In float32."""
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_complete_and_score_say_what_a_plain_forward_says(document: Document, plain: PreTrainedModel) -> None:
    completed, scored = document("complete", TEXT), document("score", TEXT)
    ids, tokens = scored["ids"], scored["tokens"][1:]
    assert completed["ids"] == ids
    logprobs = plain(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    likeliest = [each["id"] for each in completed["candidates"]]
    assert likeliest == logprobs[-1].topk(10).indices.tolist()
    check_close([each["logprob"] for each in completed["candidates"]], logprobs[-1, likeliest])
    check_close([each["logprob"] for each in tokens], logprobs[range(len(ids) - 1), ids[1:]])
    entropies = -(logprobs.exp() * logprobs).sum(-1) / np.log(2)
    check_close([*(each["entropy_bits"] for each in tokens), completed["entropy_bits"]], entropies)


def test_the_doctor_finds_nothing_wrong(document: Document) -> None:
    report = document("doctor")
    assert [check["passed"] for check in report["checks"]] == [True] * 6
    assert report["model"]["architecture"] == "LlamaForCausalLM"
    assert list(report["model"]["lacks"]) == ["weights"]  # those of a small GPT-2 only


def test_a_page_of_attention_has_the_models_weights(document: Document, seen: PreTrainedModel) -> None:
    made = document("attention", TEXT)
    attentions = seen(torch.tensor([made["ids"]]), output_attentions=True).attentions
    assert [each["layer"] for each in made["layers"]] == list(range(1, len(attentions) + 1))
    for each, weights in zip(made["layers"], attentions, strict=True):
        for head, rows in zip(weights[0], each["weights"], strict=True):
            for query, row in enumerate(rows):
                check_close(row, head[query, : query + 1])


def test_the_lens_has_the_layers_distributions(document: Document, plain: PreTrainedModel) -> None:
    made = document("lens", TEXT, "--pin", " fox")
    completed = document("complete", TEXT, "--layer_prob")
    answer = plain(torch.tensor([made["ids"]]), output_hidden_states=True)
    # The last of them is normed already.
    logits = [plain.lm_head(plain.model.norm(hidden)) for hidden in answer.hidden_states[:-1]]
    layers = torch.cat([*logits, answer.logits]).double().log_softmax(-1)
    assert [each["layer"] for each in made["layers"]] == list(range(len(layers)))
    pinned = made["pinned"]["id"]
    for each, logprobs in zip(made["layers"], layers, strict=True):
        top = torch.tensor(each["top_ids"])
        check_close(each["top_logprobs"], logprobs.gather(1, top[:, None])[:, 0])
        check_close(each["top_logprobs"], logprobs.amax(1))
        check_close(each["pinned_logprobs"], logprobs[:, pinned])
        kl = (layers[-1].exp() * (layers[-1] - logprobs)).sum(-1) / np.log(2)
        check_close(each["kl_bits"], kl)
    for candidate in completed["candidates"]:
        check_close(candidate["layer_logprobs"], layers[1:, -1, candidate["id"]])


def test_what_is_drawn_from_is_what_transformers_makes_of_the_logits(
    document: Document, plain: PreTrainedModel
) -> None:
    processors = LogitsProcessorList(
        [
            RepetitionPenaltyLogitsProcessor(1.15),
            NoRepeatNGramLogitsProcessor(3),
            TemperatureLogitsWarper(0.8),
            TopKLogitsWarper(20),
            TopPLogitsWarper(0.9),
            MinPLogitsWarper(0.01),
        ]
    )
    made = document("generate", TEXT, "-n", "8", "-k", "30", *SAMPLER)
    ids, past = torch.tensor([made["ids"]]), DynamicCache()
    for step in made["steps"]:
        logits = plain(ids[:, past.get_seq_length() :], past_key_values=past).logits[:, -1].double()
        chances = processors(ids, logits.clone())[0].softmax(-1)
        listed = [each["id"] for each in step["alternatives"]]
        check_close([each["logprob"] for each in step["alternatives"]], logits[0].log_softmax(-1)[listed])
        check_close([each["sampled"] for each in step["alternatives"]], chances[listed])
        assert [each["removed"] is None for each in step["alternatives"]] == (chances[listed] > 0).tolist()
        ids = torch.cat([ids, torch.tensor([[step["id"]]])], 1)
    assert len({each["removed"] for step in made["steps"] for each in step["alternatives"]}) > 2


def test_a_trace_holds_what_the_other_commands_say(
    document: Document, seen: PreTrainedModel, tmp_path: Path
) -> None:
    flags = ("--max_new_tokens", "5", "--attn_every", "4", "-k", "3", "--out", str(tmp_path / "run"))
    traced = document("trace", "--prompt", TEXT, *flags, *SAMPLER)
    assert traced == json.loads((tmp_path / "run" / "trace.json").read_text())
    written = document("generate", TEXT, "-n", "5", *SAMPLER)
    assert traced["ids"] == written["ids"]
    assert (traced["text"], traced["ending"]) == (written["text"], written["ending"])
    for step, other in zip(traced["steps"], written["steps"], strict=True):
        assert step["id"] == other["id"]
        for each, same in zip(step["alternatives"], other["alternatives"], strict=True):
            assert (each["id"], each["removed"]) == (same["id"], same["removed"])
            check_close(each["sampled"], same["sampled"])
    for token, scored in zip(traced["tokens"][1:], document("score", TEXT)["tokens"][1:], strict=True):
        check_close(token["logprob"], scored["logprob"])
        assert token["rank"] == scored["rank"]
    first, second = traced["attention"]
    assert (first["step"], second["step"]) == (0, 4)
    ids = torch.tensor([[*traced["ids"], *(step["id"] for step in traced["steps"][:4])]])
    weights = seen(ids, output_attentions=True).attentions[-1][0].mean(0)
    for snapshot in (first, second):
        for query, row in enumerate(snapshot["weights"]):
            check_close(row, weights[query, : query + 1])


def test_two_runs_with_one_seed_print_the_same_bytes_but_for_timings(
    embedded_source: object, tmp_path: Path
) -> None:
    command = [*PROGRAM, "generate", TEXT, "-n", "6", *SAMPLER, "--device", "cpu", "--json"]
    runs = [
        subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    texts = [text.partition('"timings"')[0] for text in runs]
    assert texts[0] == texts[1]
    assert len(json.loads(runs[0])["steps"]) == 6


def test_ctrl_c_ends_the_loading_at_once_and_leaves_no_process(
    embedded_source: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    terminal = Terminal([*PROGRAM, "attention", TEXT, "--device", "cpu"])
    try:
        terminal.wait_for("loading the weights")
        engine = psutil.Process(engine_of(terminal.pid))
        terminal.type(CTRL_C)
        assert terminal.wait() == 130
        said = terminal.text.split()
        assert said[-1] == "^CInterrupted."
        psutil.wait_procs([engine], timeout=20)
        assert not engine.is_running()
        assert list(tmp_path.iterdir()) == []
    finally:
        terminal.close()
