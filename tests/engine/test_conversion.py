"""A .gguf file becomes a folder, once, with the numbers and the tokens that the file has."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, GgufConfig, modeling_gguf_pytorch_utils

from tests.engine.tiny_gguf import CONTEXT, write_gguf
from token_explorer.core.engine import Progress
from token_explorer.engine import conversion, models
from token_explorer.engine.bars import quiet
from token_explorer.engine.gguf_once import steps_once
from token_explorer.engine.storage import cache_folder
from token_explorer.errors import ModelLoadError

CONVERT = """
import sys
from pathlib import Path
from token_explorer.engine.conversion import convert
print(convert(Path(sys.argv[1]), lambda progress: None))
"""


def ignore(progress: Progress) -> None:
    pass


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write_gguf(tmp_path / "tiny.gguf")


def test_the_folder_gives_the_logits_that_the_file_gives(file: Path) -> None:
    source = models.locate(str(file), ignore)
    converted = models.load_weights(source, "cpu", "float32", ignore)
    with quiet():
        direct = AutoModelForCausalLM.from_pretrained(
            file.parent,
            gguf_file=file.name,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
        )
    ids = torch.tensor([[1, 70, 80, 90]])
    assert torch.equal(converted(ids).logits, direct(ids).logits)
    assert source.label == "tiny"


def test_the_tokenizer_cuts_at_each_digit_and_knows_the_context(file: Path) -> None:
    tokenizer = models.load_tokenizer(models.locate(str(file), ignore))
    assert tokenizer.convert_ids_to_tokens(tokenizer.encode("a  5")) == ["a", "ĠĠ", "5"]
    assert tokenizer.model_max_length == CONTEXT


def test_progress_counts_the_tensors(file: Path) -> None:
    seen: list[Progress] = []
    conversion.convert(file, seen.append)
    totals = {progress.total for progress in seen if progress.stage == "converting the weights"}
    assert 21 in totals  # 9 in each of 2 layers, and 3
    assert all(0 <= progress.done <= progress.total or progress.total == 0 for progress in seen)


def counting(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> list[object]:
    """A list that grows with each call of a module's function."""
    calls, own = list[object](), getattr(module, name)

    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(arguments)
        return own(*arguments, **options)

    monkeypatch.setattr(module, name, counted)
    return calls


def test_the_file_is_parsed_once_and_its_names_are_worked_out_once(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = counting(monkeypatch, gguf, "get_tensor_name_map")
    # Once for what the file says of its model and its tokenizer, and once with the tensors.
    descriptions = counting(monkeypatch, modeling_gguf_pytorch_utils, "load_gguf_checkpoint")
    readings = counting(monkeypatch, gguf.GGUFReader, "_build_tensors")
    conversion.convert(file, ignore)
    assert (len(readings), len(maps), len(descriptions)) == (1, 1, 2)


def test_the_libraries_are_left_as_they_were(file: Path) -> None:
    before = gguf.GGUFReader, gguf.get_tensor_name_map, gguf.dequantize
    conversion.convert(file, ignore)
    assert (gguf.GGUFReader, gguf.get_tensor_name_map, gguf.dequantize) == before


KINDS = ("F32", "F16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0")


@pytest.mark.parametrize("rows", [1, 7, 8, 24, 136])
@pytest.mark.parametrize("kind", KINDS)
def test_quantized_rows_stand_for_the_numbers_that_they_stood_for(kind: str, rows: int) -> None:
    numbers = np.random.default_rng(rows).normal(size=(rows, 96)).astype(np.float32)
    type = gguf.GGMLQuantizationType[kind]
    stored = gguf.quantize(numbers, type)
    expected = gguf.dequantize(stored, type)
    with steps_once():
        np.testing.assert_array_equal(gguf.dequantize(stored, type), expected, strict=True)


def test_a_converted_file_is_neither_read_nor_hashed_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = conversion.convert(file, ignore)
    monkeypatch.setattr(conversion, "_fill", None)
    monkeypatch.setattr(conversion, "_hash", None)
    assert conversion.convert(file, ignore) == folder


def test_a_file_that_changed_is_converted_to_another_folder(file: Path) -> None:
    before = conversion.convert(file, ignore)
    write_gguf(file, seed=1)
    after = conversion.convert(file, ignore)
    assert after != before
    assert (after / "model.safetensors").read_bytes() != (before / "model.safetensors").read_bytes()


def test_two_processes_that_convert_at_once_both_get_the_whole_folder(file: Path) -> None:
    command = [sys.executable, "-c", CONVERT, str(file)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    folders = {process.communicate()[0].strip() for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(folders) == 1
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= {
        each.name for each in Path(folders.pop()).iterdir()
    }


@pytest.mark.parametrize("content", [b"", b"GG", b"PK\3\4 a zip", b"\0" * 64])
def test_a_file_of_another_kind_is_named_as_such(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "wrong.gguf").write_bytes(content)
    with pytest.raises(ModelLoadError, match=r"wrong\.gguf") as caught:
        models.locate(str(tmp_path / "wrong.gguf"), ignore)
    assert caught.value.title == "Not a .gguf file"


def test_a_cut_file_is_an_error_and_leaves_no_folder(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:9000])
    with pytest.raises(ModelLoadError, match=r"tiny\.gguf"):
        conversion.convert(file, ignore)
    assert not [each for each in (cache_folder() / "models").iterdir() if each.is_dir()]


def test_a_cache_that_cannot_be_written_is_named(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no folder").touch()
    monkeypatch.setenv("TOKEN_EXPLORER_CACHE", str(tmp_path / "no folder"))
    with pytest.raises(ModelLoadError) as caught:
        conversion.convert(file, ignore)
    assert "TOKEN_EXPLORER_CACHE" in caught.value.hint


def test_nothing_is_printed(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source = models.locate(str(file), ignore)
    models.load_weights(source, "cpu", "float32", ignore)
    assert capfd.readouterr() == ("", "")
