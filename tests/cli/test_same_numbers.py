"""What a command prints is what the screen shows, and what transformers computes."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from tests.ui.driving import driving
from token_explorer import cli
from token_explorer.overlays import OVERLAYS

Document = Callable[..., Any]
TEXT = "Once upon a time, there was a [/b]\x1b"
QUESTION = "The capital of France is"


def test_complete_and_score_say_what_the_screen_shows(document: Document) -> None:
    completed = document("complete", TEXT, "-k", "30")
    scored = document("score", TEXT, *(f"--overlay={each.name}" for each in OVERLAYS))
    asyncio.run(check_screen(completed, scored))


async def check_screen(completed: Any, scored: Any) -> None:
    async with driving(text=TEXT) as driver:
        assert driver.app.exploration is not None
        view = driver.app.exploration.view()
        assert view.listed is not None
        assert view.scores is not None
        assert completed["ids"] == list(view.branch.ids)
        shown = [each["id"] for each in completed["candidates"]]
        assert shown == view.listed.ids.tolist()
        logprobs = [each["logprob"] for each in completed["candidates"]]
        np.testing.assert_array_equal(np.float32(logprobs), view.listed.logprobs)
        of_tokens = [np.nan if each["logprob"] is None else each["logprob"] for each in scored["tokens"]]
        np.testing.assert_array_equal(np.float32(of_tokens), view.scores.logprobs)
        for printed in scored["overlays"]:
            await driver.press("e")
            reading = driver.app.exploration.view().reading
            assert reading is not None
            assert (reading.title, reading.unit, reading.note) == tuple(
                printed[key] for key in ("title", "unit", "note")
            )
            values = [np.nan if value is None else value for value in printed["values"]]
            np.testing.assert_array_equal(np.float32(values), reading.values)


def test_the_real_models_numbers_are_those_of_a_plain_forward(
    embedded_source: object, embedded_model: PreTrainedModel, capsys: pytest.CaptureFixture[str]
) -> None:
    def printed(*arguments: str) -> Any:
        capsys.readouterr()
        assert cli.main([*arguments, "--json", "--device", "cpu"]) == 0
        return json.loads(capsys.readouterr().out)

    completed, scored = printed("complete", QUESTION), printed("score", QUESTION)
    assert completed["ids"] == scored["ids"]
    with torch.inference_mode():
        logprobs = embedded_model(torch.tensor([scored["ids"]])).logits[0].double().log_softmax(-1)
    next_ids = [each["id"] for each in completed["candidates"]]
    assert next_ids == logprobs[-1].topk(10).indices.tolist()
    np.testing.assert_allclose(
        [each["logprob"] for each in completed["candidates"]], logprobs[-1, next_ids], atol=1e-5, rtol=1e-5
    )
    np.testing.assert_allclose(
        [each["logprob"] for each in scored["tokens"][1:]],
        logprobs[range(len(scored["ids"]) - 1), scored["ids"][1:]],
        atol=1e-5,
        rtol=1e-5,
    )
    entropies = -(logprobs.exp() * logprobs).sum(-1) / np.log(2)
    assert completed["entropy_bits"] == pytest.approx(float(entropies[-1]), abs=1e-5)
    np.testing.assert_allclose(
        [each["entropy_bits"] for each in scored["tokens"][1:]], entropies[:-1], atol=2e-5
    )
