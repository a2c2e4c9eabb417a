"""Names lead to models, and mistakes to plain words."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    FalconConfig,
    FalconForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

from tests.engine.random_models import RANDOM_MODELS, byte_tokenizer, random_model, save_random
from tests.engine.tiny_gguf import write_gguf
from token_explorer.core.engine import Progress
from token_explorer.engine import models
from token_explorer.engine.models import Source, choose_device, load_tokenizer, load_weights, locate
from token_explorer.errors import DeviceError, ModelLoadError, ModelNotFound


def ignore(progress: Progress) -> None:
    pass


def here(folder: Path) -> Source:
    return Source("model", str(folder))


@pytest.mark.parametrize("name", RANDOM_MODELS)
def test_a_folder_of_each_architecture_loads_with_the_logits_it_was_saved_with(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    save_random(name, tmp_path)
    capfd.readouterr()
    source = locate(str(tmp_path), ignore)
    model = load_weights(source, "cpu", "float32", ignore)
    ids = torch.tensor([[1, 5, 9]])
    # Where weights lie in memory may change in which order they are summed.
    torch.testing.assert_close(model(ids).logits, random_model(name)(ids).logits, rtol=0, atol=1e-5)
    assert not model.training
    assert not any(weight.requires_grad for weight in model.parameters())
    assert load_tokenizer(source).encode("né") == byte_tokenizer().encode("né")
    assert capfd.readouterr() == ("", "")


def test_weights_come_in_the_number_format_that_is_asked_for(tmp_path: Path) -> None:
    save_random("llama", tmp_path)
    assert load_weights(here(tmp_path), "cpu", "bfloat16", ignore).dtype == torch.bfloat16
    assert load_weights(here(tmp_path), "cpu", "float32", ignore).dtype == torch.float32


def test_falcon_attends_in_the_one_way_that_keeps_its_logits_when_attention_is_read(tmp_path: Path) -> None:
    config = FalconConfig(vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=2)
    FalconForCausalLM(config).save_pretrained(tmp_path)
    model = load_weights(here(tmp_path), "cpu", "float32", ignore)
    ids = torch.tensor([[1, 5, 9, 3]])
    assert torch.allclose(model(ids).logits, model(ids, output_attentions=True).logits, atol=1e-5)


def test_a_folder_is_titled_by_its_name_however_it_is_spelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_random("llama", tmp_path / "little")
    monkeypatch.chdir(tmp_path / "little")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (".", "../little", "~/little", str(tmp_path / "little")):
        assert locate(name, ignore).label == "little"


def test_importing_it_loads_no_library_of_models() -> None:
    code = "import sys, token_explorer.engine.models; print({'torch', 'transformers'} & {*sys.modules})"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_the_embedded_tokenizer_loads_without_torch(embedded_source: Source) -> None:
    code = (
        "import sys; from token_explorer.engine import models;"
        "models.load_tokenizer(models.locate('embedded', print)); print('torch' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


@pytest.fixture(scope="module")
def both_tokenizers(embedded_folder: Path) -> tuple[Any, Any]:
    """The embedded model's tokenizer as it is loaded here, and as transformers would."""
    return load_tokenizer(here(embedded_folder)), AutoTokenizer.from_pretrained(embedded_folder)


@given(text=st.text() | st.sampled_from(["<|im_start|>user\n1 + 1<|im_end|>", "a  5  6", "\u202e", "👩‍👩‍👧"]))
def test_the_short_way_to_a_tokenizer_gives_the_same_one(both_tokenizers: tuple[Any, Any], text: str) -> None:
    short, full = both_tokenizers
    assert type(short) is type(full)
    assert short.encode(text) == full.encode(text)
    assert short.special_tokens_map == full.special_tokens_map


# --- names that lead nowhere ---


@pytest.mark.parametrize(
    "name", ["./none", "/nowhere/none", "~/none", "none.gguf", "a/b/c", "../none", ".hidden"]
)
def test_a_path_that_leads_nowhere_is_named_and_never_sent_to_a_hub(name: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        locate(name, ignore)
    assert os.path.expanduser(name).removeprefix("./") in caught.value.message
    assert "hub" not in str(caught.value)


def test_a_path_with_a_slip_is_met_with_the_right_one(tmp_path: Path) -> None:
    write_gguf(tmp_path / "smollm.gguf")
    with pytest.raises(ModelNotFound) as caught:
        locate(str(tmp_path / "smolm.gguf"), ignore)
    assert str(tmp_path / "smollm.gguf") in caught.value.hint


@pytest.mark.parametrize("name", ["", "  ", "a b", "Owner/", "ÿ", "http://x", "a\x1b[2J"])
def test_what_can_be_no_name_is_refused_with_the_kinds_there_are(name: str) -> None:
    with pytest.raises(ModelNotFound) as caught:
        locate(name, ignore)
    assert caught.value.message.isprintable()


def test_without_network_a_hub_id_is_not_found_in_plain_words() -> None:
    with pytest.raises(ModelNotFound, match=r"Owner/Model isn't in the local cache") as caught:
        locate("Owner/Model", ignore)
    assert "embedded" in caught.value.hint


def test_a_folder_that_holds_a_gguf_says_to_name_the_file(tmp_path: Path) -> None:
    write_gguf(tmp_path / "tiny.gguf")
    with pytest.raises(ModelNotFound) as caught:
        locate(str(tmp_path), ignore)
    assert str(tmp_path / "tiny.gguf") in caught.value.hint


def test_a_file_that_is_no_gguf_is_not_a_model(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ModelNotFound, match=r"not a \.gguf"):
        locate(str(tmp_path / "model.safetensors"), ignore)


def test_no_name_is_not_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_random("llama", tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelNotFound):
        locate("", ignore)


# --- models that can't be opened ---


def test_an_encoder_is_refused(tmp_path: Path) -> None:
    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertForMaskedLM(BertConfig(vocab_size=50, **small)).save_pretrained(tmp_path)
    with pytest.raises(ModelLoadError, match="bert"):
        load_weights(here(tmp_path), "cpu", "float32", ignore)


def test_an_encoder_with_a_decoder_is_refused(tmp_path: Path) -> None:
    config = T5Config(vocab_size=50, d_model=32, d_kv=16, d_ff=32, num_layers=1, num_heads=2)
    T5ForConditionalGeneration(config).save_pretrained(tmp_path)
    with pytest.raises(ModelLoadError, match="t5"):
        load_weights(here(tmp_path), "cpu", "float32", ignore)


def test_an_unknown_architecture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "of-tomorrow"}))
    with pytest.raises(ModelLoadError, match="of-tomorrow"):
        load_weights(here(tmp_path), "cpu", "float32", ignore)


def test_cut_weights_are_refused(tmp_path: Path) -> None:
    save_random("llama", tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(ModelLoadError, match="weights of model"):
        load_weights(here(tmp_path), "cpu", "float32", ignore)


def test_weights_that_are_missing_are_never_made_up(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    save_random("llama", tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelLoadError, match=r"layers\.1\.mlp\.up_proj"):
        load_weights(here(tmp_path), "cpu", "float32", ignore)


def test_a_folder_without_weights_or_tokenizer_is_refused(tmp_path: Path) -> None:
    save_random("llama", tmp_path)
    for name in ("model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).unlink()
    with pytest.raises(ModelLoadError, match="weights of model"):
        load_weights(here(tmp_path), "cpu", "float32", ignore)
    with pytest.raises(ModelLoadError, match="tokenizer of model"):
        load_tokenizer(here(tmp_path))


def test_running_out_of_memory_says_how_to_need_less(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_random("llama", tmp_path)

    def full(*args: object, **kwargs: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr("transformers.AutoModelForCausalLM.from_pretrained", full)
    with pytest.raises(ModelLoadError) as caught:
        load_weights(here(tmp_path), "cpu", "float32", ignore)
    assert caught.value.title == "Not enough memory"
    assert "--bf16" in caught.value.hint


# --- what a folder says of its model ---


def test_the_vocabulary_is_as_large_as_the_models_table(tmp_path: Path) -> None:
    save_random("llama", tmp_path)
    assert models.vocabulary_size(here(tmp_path)) == 260
    assert models.end_ids(here(tmp_path)) == {2}


@pytest.mark.parametrize(
    ("config", "generation", "size", "ends"),
    [
        ({"text_config": {"vocab_size": 9, "eos_token_id": 4}}, None, 9, {4}),
        ({"vocab_size": 9, "eos_token_id": 4}, {"eos_token_id": [1, 2]}, 9, {1, 2}),
        ({"vocab_size": 9, "eos_token_id": 4}, {"eos_token_id": None}, 9, {4}),
        ({}, {}, None, set()),
        ([], None, None, set()),
    ],
)
def test_sizes_and_ends_are_read_wherever_a_folder_has_them(
    tmp_path: Path, config: Any, generation: Any, size: int | None, ends: set[int]
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    if generation is not None:
        (tmp_path / "generation_config.json").write_text(json.dumps(generation))
    assert models.vocabulary_size(here(tmp_path)) == size
    assert models.end_ids(here(tmp_path)) == ends


# --- devices ---


def have(monkeypatch: pytest.MonkeyPatch, gpus: int = 0, mps: bool = False) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("gpus", "mps", "best"), [(2, True, "cuda"), (1, False, "cuda"), (0, True, "mps"), (0, False, "cpu")]
)
def test_auto_takes_the_best_device(monkeypatch: pytest.MonkeyPatch, gpus: int, mps: bool, best: str) -> None:
    have(monkeypatch, gpus, mps)
    assert choose_device("auto") == best


@pytest.mark.parametrize("name", ["cpu", "cuda", "cuda:0", "cuda:1", "mps"])
def test_a_device_that_is_there_is_taken(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    have(monkeypatch, gpus=2, mps=True)
    assert choose_device(name) == name


@pytest.mark.parametrize(
    ("name", "gpus"), [("cuda", 0), ("cuda:0", 0), ("cuda:7", 2), ("mps", 1), ("cuda:01", 2)]
)
def test_a_device_that_is_missing_is_an_error_that_lists_those_there_are(
    monkeypatch: pytest.MonkeyPatch, name: str, gpus: int
) -> None:
    have(monkeypatch, gpus)
    with pytest.raises(DeviceError) as caught:
        choose_device(name)
    assert name in caught.value.message
    assert "cpu" in caught.value.hint
    assert ("cuda:1" in caught.value.hint) == (gpus == 2)


@pytest.mark.parametrize("name", ["gpu", "", "cuda:", "cuda:-1", "CPU", "tpu"])
def test_an_unknown_device_is_an_error_that_lists_the_names(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    have(monkeypatch)
    with pytest.raises(DeviceError, match="auto, cpu, cuda, cuda:N or mps"):
        choose_device(name)
