"""How a tiny model learns: the same with a seed, in parts as at once, on small batches as on a large one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.tiny.trained import SHORT, Stopping, ignore, judged, run, work
from token_explorer.core.engine import Stop
from token_explorer.errors import InputError, NotPossible, OutputError
from token_explorer.tiny.batches import drawn, evaluated, split
from token_explorer.tiny.data import Corpus, corpus
from token_explorer.tiny.folder import Folder
from token_explorer.tiny.schedule import learning_rate
from token_explorer.tiny.settings import TinySettings
from token_explorer.tiny.training import Training
from token_explorer.tiny.work import Work

Weights = dict[str, Any]


def weights(made: Work) -> Weights:
    return {name: each.detach().clone() for name, each in made.training.model.state_dict().items()}


def equal(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_one_seed_gives_one_model_and_another_seed_another(tmp_path: Path) -> None:
    first, again = (weights(run(work(tmp_path / name))) for name in "ab")
    other = weights(run(work(tmp_path / "c", replace(SHORT, seed=9))))
    assert equal(first, again)
    assert not equal(first, other)


@pytest.mark.parametrize("steps", [1, 3, 4])
def test_an_interrupted_training_goes_on_to_the_model_of_one_that_was_not(tmp_path: Path, steps: int) -> None:
    whole = run(work(tmp_path / "whole"))
    stop = Stop()
    begun = work(tmp_path / "parts")
    assert not begun.run(Stopping(stop, steps).tell, ignore, stop)
    assert begun.training.iteration == steps
    folder = Folder(tmp_path / "parts")
    settings, name = folder.resumed({}, None)
    resumed = Work(settings, corpus(name), folder, "cpu")
    resumed.training.restore(folder.state())
    assert equal(weights(run(resumed)), weights(whole))
    assert resumed.training.losses == whole.training.losses
    assert resumed.training.history == whole.training.history
    stories = [json.loads((tmp_path / name / "training.json").read_text()) for name in ("whole", "parts")]
    assert stories[0] == stories[1]
    files = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "parts")]
    assert files[0] == files[1]


def test_gradients_of_small_batches_are_those_of_a_large_one(tmp_path: Path) -> None:
    small = work(tmp_path / "small", replace(SHORT, batch_size=4, grad_accum=4)).training
    large = work(tmp_path / "large", replace(SHORT, batch_size=16, grad_accum=1)).training
    assert small.gradients() == pytest.approx(large.gradients(), abs=1e-6)
    for one, other in zip(small.model.parameters(), large.model.parameters(), strict=True):
        assert one.grad is not None
        assert torch.allclose(one.grad, other.grad, atol=1e-6)


def test_the_best_model_is_kept_and_not_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter((3.0, 1.0, 2.0))
    monkeypatch.setattr(Training, "_mean", lambda self, ids: 0.0)
    made, seen = work(tmp_path / "kept"), list[bytes]()
    evaluate = made.training.evaluate

    def judge() -> Any:
        evaluate()
        made.training.history[-1] = replace(made.training.history[-1], validation=next(losses))
        return made.training.history[-1]

    monkeypatch.setattr(made.training, "evaluate", judge)
    keep = made.folder.keep

    def kept(*arguments: Any) -> None:
        keep(*arguments)
        seen.append((tmp_path / "kept" / "model.safetensors").read_bytes())

    monkeypatch.setattr(made.folder, "keep", kept)
    run(made)
    assert seen[0] != seen[1] == seen[2] == seen[3]
    assert json.loads((tmp_path / "kept" / "training.json").read_text())["best"] == 3


def test_of_equal_models_the_first_is_the_best(tmp_path: Path) -> None:
    training = work(tmp_path / "some").training
    training.history = judged(3.0, 2.0, 2.0)
    assert training.best.iteration == 1


def test_the_learning_rate_rises_from_nothing_and_falls_as_half_a_cosine() -> None:
    settings = TinySettings(max_iters=120, warmup_iters=20, learning_rate=1.0, min_learning_rate=0.2)
    rates = [learning_rate(settings, iteration) for iteration in (0, 1, 10, 20, 45, 70, 95, 120, 500)]
    half = 0.4 / np.sqrt(2)
    assert rates == pytest.approx([0.0, 0.05, 0.5, 1.0, 0.6 + half, 0.6, 0.6 - half, 0.2, 0.2])


def test_the_model_has_so_many_parameters_as_its_sizes_say(tmp_path: Path) -> None:
    training = work(tmp_path / "some").training
    vocabulary, positions, width = 32, 8, 16
    attention = width * 3 * width + 3 * width + width * width + width
    forward = width * 4 * width + 4 * width + 4 * width * width + width
    layer = 2 * 2 * width + attention + forward
    assert training.parameters == (vocabulary + positions) * width + 2 * layer + 2 * width == 7232


def test_a_window_is_followed_by_its_targets_and_no_window_reaches_into_the_validation() -> None:
    parts = split(np.arange(100), 8)
    assert [*parts.training, *parts.validation] == list(range(100))
    for windows in (drawn(parts.training, 8, 500, 1, 2), evaluated(parts.training, 8)):
        assert (windows.targets == windows.inputs + 1).all()
        assert windows.targets.max() == parts.training[-1]
        assert windows.inputs.min() == 0
    assert (drawn(parts.training, 8, 5, 1, 2).inputs == drawn(parts.training, 8, 5, 1, 2).inputs).all()
    assert (drawn(parts.training, 8, 5, 1, 2).inputs != drawn(parts.training, 8, 5, 1, 3).inputs).any()


def test_data_shorter_than_two_windows_is_too_little(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="5 tokens"):
        work(tmp_path / "some", data=Corpus("own", "some words here"))


def test_a_width_that_heads_cannot_share_is_refused() -> None:
    with pytest.raises(InputError, match="can't be shared"):
        TinySettings(width=16, heads=3).check()


def test_a_folder_with_another_model_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(OutputError, match="another model"):
        Folder(tmp_path).prepare(SHORT, corpus("demo"), True)


def test_a_training_is_not_replaced_by_another_one_unasked(tmp_path: Path) -> None:
    run(work(tmp_path / "some"))
    folder, demo = Folder(tmp_path / "some"), corpus("demo")
    folder.prepare(SHORT, demo, False)  # the same again would give the same
    longer = replace(SHORT, max_iters=9)
    with pytest.raises(OutputError, match="another training"):
        folder.prepare(longer, demo, False)
    folder.prepare(longer, demo, True)
    with pytest.raises(NotPossible, match="finished"):
        folder.resumed({}, None)


def test_other_settings_and_other_data_do_not_go_on_with_a_training(tmp_path: Path) -> None:
    stop = Stop()
    work(tmp_path / "some").run(Stopping(stop, 2).tell, ignore, stop)
    folder = Folder(tmp_path / "some")
    with pytest.raises(OutputError, match="isn't finished"):
        folder.prepare(SHORT, corpus("demo"), False)
    assert folder.resumed({"width": 16}, "demo") == (SHORT, "demo")
    with pytest.raises(InputError, match="--width 32, --data verse"):
        folder.resumed({"width": 32}, "verse")
    with pytest.raises(InputError, match="has changed"):
        folder.check_data(Corpus("demo", "other"))
    with pytest.raises(NotPossible, match="holds no training"):
        Folder(tmp_path).resumed({}, None)


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        Folder(tmp_path / "file").prepare(SHORT, corpus("demo"), False)
