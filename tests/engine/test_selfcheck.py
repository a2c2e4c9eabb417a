"""The self-check passes where the numbers are true, and fails where they are not."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.engine.random_models import RANDOM_MODELS, random_model
from token_explorer.core.engine import Check, Stop, Stopped
from token_explorer.core.observation import AttentionRows, Kind
from token_explorer.core.tokens import Vocabulary
from token_explorer.engine import selfcheck
from token_explorer.engine.microscope import Microscope
from token_explorer.engine.runner import ModelRunner

IDS = tuple(range(5, 17))
BYTES = Vocabulary(tuple(bytes([byte]) for byte in range(256)))


def checks_of(runner: ModelRunner) -> dict[str, Check]:
    return {check.name: check for check in selfcheck.check_numbers(runner, Microscope(runner), IDS, Stop())}


@pytest.mark.parametrize("name", RANDOM_MODELS)
def test_true_numbers_pass_and_what_a_model_lacks_is_not_checked(name: str) -> None:
    runner = ModelRunner(random_model(name))
    checks, lacks = checks_of(runner), Microscope(runner).lacks(Stop())
    assert [check.name for check in checks.values() if not check.passed] == []
    assert any(name.startswith("attention") for name in checks) == ("attention" not in lacks)
    assert any(name.startswith("cached") for name in checks) == runner.reuse
    assert any(name.startswith("the lens") for name in checks) == ("lens" not in lacks)
    assert any(name.startswith("looking ahead") for name in checks) == ("ahead" not in lacks)


def test_bfloat16_passes_within_its_rounding() -> None:
    checks = checks_of(ModelRunner(random_model("llama").to(torch.bfloat16)))
    assert len(checks) == 5
    assert all(check.passed for check in checks.values())


def test_a_lens_that_norms_twice_fails() -> None:
    runner = ModelRunner(random_model("llama"))
    microscope = Microscope(runner)
    norm = runner.anatomy.tail[0]
    object.__setattr__(runner.anatomy, "tail", (norm, nn.LayerNorm(32), norm))
    checks = selfcheck.check_numbers(runner, microscope, IDS, Stop())
    assert [check.name.split(",")[0] for check in checks if not check.passed] == [
        "the lens of the last layer is the model's output"
    ]


def test_a_cache_that_lies_fails() -> None:
    runner = ModelRunner(random_model("llama"))
    microscope = Microscope(runner)
    run = runner.replay

    def lie(*args: object, **options: object) -> object:
        output = run(*args, **options)  # type: ignore[arg-type]
        output.logits += torch.arange(runner.vocabulary_size)
        return output

    runner.replay = lie  # type: ignore[method-assign]
    checks = selfcheck.check_numbers(runner, microscope, IDS, Stop())
    assert [check.passed for check in checks if check.name.startswith("cached")] == [False]


def test_rows_with_a_sink_say_how_much_it_takes_and_rows_above_one_fail() -> None:
    def of(*sums: float) -> Check:
        weights = np.array([[part, 0.0] for part in sums], np.float32)
        heads = np.array([[1, head] for head in range(1, len(sums) + 1)], np.int64)
        return selfcheck.check_rows(AttentionRows(weights, heads), torch.float32)

    assert of(1.0, 1.0) == Check("attention rows sum to 1", 0.0, 1e-4)
    assert of(0.25, 1.0).passed
    assert "up to 0.75" in of(0.25, 1.0).name
    assert not of(1.1, 1.0).passed
    assert not of(1.1, 0.5).passed


def test_tokens_join_back_to_the_text_or_tell_how_many_bytes_they_lost() -> None:
    whole = tuple(selfcheck.TEXT.encode())
    assert selfcheck.check_text(BYTES, whole).passed
    assert selfcheck.check_text(BYTES, (whole[0] + 1, *whole[1:])).value == 1
    assert selfcheck.check_text(BYTES, whole[:-3]).value == 3


def test_a_value_that_is_no_number_does_not_pass() -> None:
    assert not Check("name", float("nan"), 1.0).passed


def test_a_stop_ends_the_check_and_what_was_found_out_is_kept() -> None:
    runner = ModelRunner(random_model("llama"))
    microscope, stop = Microscope(runner), Stop()
    microscope.lacks(Stop())
    hook = runner.anatomy.layers[1].register_forward_hook(lambda *_: stop.set())
    with pytest.raises(Stopped):
        selfcheck.check_numbers(runner, microscope, IDS, stop)
    hook.remove()
    assert all(check.passed for check in selfcheck.check_numbers(runner, microscope, IDS, Stop()))


@pytest.mark.parametrize("kind", ["attention", "gradient"])
def test_a_stop_while_something_is_found_out_is_no_reason_against_it(kind: Kind) -> None:
    runner = ModelRunner(random_model("llama"))
    microscope, stop = Microscope(runner), Stop()
    stop.set()
    with pytest.raises(Stopped):
        microscope.why_not(kind, stop)
    assert microscope.why_not(kind, Stop()) == ""
