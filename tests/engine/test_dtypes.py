"""Whether a device is made for bfloat16 is told, and the numbers are the same to rounding where it's used."""

from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.engine.random_models import VOCABULARY, random_model, save_random
from token_explorer.core.engine import EngineInfo, ModelSpec, Progress, Stop
from token_explorer.core.scores import Scores
from token_explorer.engine import dtypes
from token_explorer.engine.dtypes import EMULATED, SLOW_PROCESSOR, slowness
from token_explorer.engine.local import LocalEngine

PROMPT = tuple(range(3, 40))


def silent(_: Progress) -> None:
    pass


@pytest.mark.parametrize(
    ("capabilities", "said"),
    [
        ({"architecture": "x86_64", "avx2": True, "avx512_bf16": False, "amx_bf16": False}, SLOW_PROCESSOR),
        ({"architecture": "x86_64", "avx2": True, "avx512_bf16": True, "amx_bf16": False}, ""),
        ({"architecture": "x86_64", "avx2": True, "avx512_bf16": False, "amx_bf16": True}, ""),
        ({"architecture": "aarch64", "neon": True, "bf16": False, "sve_bf16": False}, SLOW_PROCESSOR),
        ({"architecture": "aarch64", "neon": True, "bf16": True, "sve_bf16": False}, ""),
    ],
)
def test_a_processor_without_bfloat16_is_told_of(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, object], said: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert slowness("bfloat16", "cpu") == said
    assert slowness("float32", "cpu") == ""


def test_of_a_processor_that_torch_does_not_know_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "cpu", SimpleNamespace())
    assert slowness("bfloat16", "cpu") == ""


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
@pytest.mark.parametrize(("native", "said"), [(True, ""), (False, EMULATED)])
def test_a_gpu_that_emulates_bfloat16_is_told_of(
    monkeypatch: pytest.MonkeyPatch, device: str, native: bool, said: str
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(torch.cuda, "device", lambda name: nullcontext(asked.append(name)))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: native)
    assert slowness("bfloat16", device) == said
    assert asked == [device]
    assert slowness("float32", device) == ""


def test_of_a_device_that_cannot_be_asked_nothing_is_said() -> None:
    assert slowness("bfloat16", "mps") == ""


def opened(folder: Path, dtype: str) -> tuple[LocalEngine, EngineInfo]:
    engine = LocalEngine(ModelSpec(str(folder), device="cpu", dtype=dtype))  # type: ignore[arg-type]
    engine.load_tokenizer(silent)
    return engine, engine.load_model(silent)


def test_the_note_of_an_engine_tells_why_it_is_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_random("llama", tmp_path)
    monkeypatch.setattr(dtypes, "_processor_has_bfloat16", lambda: False)
    assert SLOW_PROCESSOR in opened(tmp_path, "bfloat16")[1].note
    assert SLOW_PROCESSOR not in opened(tmp_path, "float32")[1].note


def scores(folder: Path, dtype: str) -> Scores:
    return opened(folder, dtype)[0].score(PROMPT, VOCABULARY, Stop())


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma3"])
def test_bfloat16_gives_the_numbers_of_float32_to_rounding(name: str, tmp_path: Path) -> None:
    save_random(name, tmp_path)
    exact, rounded = (scores(tmp_path, dtype) for dtype in ("float32", "bfloat16"))
    with torch.inference_mode():
        largest = random_model(name)(torch.tensor([PROMPT])).logits.abs().max().item()
    # 8 bits of mantissa; a layer rounds some eight times, each time by half a step of the largest at most.
    bound = largest * 2**-7 * 3 * 8 / 2
    np.testing.assert_allclose(rounded.logprobs[1:], exact.logprobs[1:], rtol=0, atol=bound)
    logprobs = dict(zip(exact.next.ids.tolist(), exact.next.logprobs.tolist(), strict=True))
    in_order = [logprobs[token] for token in rounded.next.ids.tolist()]
    # Only those change places that rounding can't tell from each other.
    assert all(later <= earlier + 2 * bound for earlier, later in pairwise(in_order))
    # The softmax isn't rounded: it is taken in float32 at least.
    assert np.exp(rounded.next.logprobs.astype(np.float64)).sum() == pytest.approx(1.0, abs=1e-5)
    assert rounded.next.logprobs.dtype == np.float32
