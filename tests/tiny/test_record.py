"""The recorded steps: AdamW by hand on them gives torch's weights, and they tell what was read."""

import json
import re

import numpy as np
import pytest

from tests.tiny.trained import run, work
from token_explorer.errors import InputError
from token_explorer.tiny import steps
from token_explorer.tiny.record import MATRIX, matrix
from token_explorer.tiny.work import ByHand, Work


def test_each_recorded_update_is_adamw_by_hand(demo: Work) -> None:
    assert [each.iteration for each in demo._steps] == [0, 1, 2]
    for step in demo._steps:
        assert np.abs(steps.by_hand(step).weights - step.after).max() < 1e-6
    assert (demo._steps[0].before == demo._steps[0].after).all()  # the warm-up begins with a rate of 0
    assert (demo._steps[1].before != demo._steps[1].after).all()
    for one, next_one in zip(demo._steps, demo._steps[1:], strict=False):
        assert (one.after == next_one.before).all()


def test_recording_changes_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    plain, seen = (tmp_path_factory.mktemp(name) / "model" for name in ("plain", "seen"))
    run(work(plain))
    run(work(seen, by_hand=ByHand(2, "wte.weight")))
    assert (plain / "model.safetensors").read_bytes() == (seen / "model.safetensors").read_bytes()


def test_the_file_holds_words_and_numbers_of_each_step(demo: Work) -> None:
    told = json.loads((demo.folder.path / "by_hand.json").read_text())
    assert told["matrix"] == MATRIX
    for step, each in zip(demo._steps, told["iterations"], strict=True):
        assert np.shape(each["inputs"]) == np.shape(each["targets"]) == (16, 8)
        assert [window[1:] for window in each["inputs"]] == [window[:-1] for window in each["targets"]]
        shapes = [np.shape(each[name]) for name in ("embeddings", "attention", "logits", "gradient")]
        assert shapes == [(8, 16), (8, 16), (8, 32), (16, 48)]
        assert (np.array(each["after"], np.float32) == step.after).all()
        assert each["loss"] == pytest.approx(demo.training.losses[step.iteration])


def test_the_embeddings_of_the_first_step_are_those_of_its_words_and_places(demo: Work) -> None:
    step = demo._steps[0]
    again = work_at_the_start(demo)
    tokens, places = (
        getattr(again.training.model.transformer, name).weight.detach().numpy() for name in ("wte", "wpe")
    )
    assert np.allclose(step.embeddings, tokens[step.batch.inputs[0]] + places, atol=1e-7)


def work_at_the_start(made: Work) -> Work:
    return Work(made.training.settings, made.data, made.folder, "cpu")


def test_the_page_stands_alone(demo: Work) -> None:
    page = (demo.folder.path / "by_hand.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert not re.search(r"""(?:src|href)\s*=|https?://|url\(|@import""", page)


@pytest.mark.parametrize(
    ("name", "said"), [("nothing.weight", "none of the model's"), ("c_attn.weight", "is 2 of the model's")]
)
def test_a_matrix_that_no_one_name_leads_to_is_refused(demo: Work, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        matrix(demo.training, name)
