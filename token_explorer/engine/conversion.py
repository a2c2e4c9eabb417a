"""A .gguf file -> a float32 safetensors folder in the user's cache, once.

transformers takes 3 s for the tokenizer and 11 s for the weights of a 98 MB .gguf, each time;
the folder that it saves once loads in a fifth of a second and gives the same logits, bit for bit.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from token_explorer.core.engine import Progress, Report
from token_explorer.engine.bars import bar_class, quiet
from token_explorer.engine.gguf_once import steps_once
from token_explorer.engine.storage import cache_folder, make_once, write_whole
from token_explorer.errors import ExplorerError, ModelLoadError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Raise it when the folders that this file makes change, so that older ones are made anew.
FORMAT = 1
MARK = "token-explorer.json"
_MAGIC = b"GGUF"
_BLOCK_BYTES = 1 << 20
# Vocabularies whose texts are cut before and after every digit. llama.cpp knows them by these names;
# transformers reads the name and cuts as GPT-2 does, which splits "a  5" wrongly.
_DIGIT_SPLITS = frozenset({"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"})


def folder_for(digest: str) -> Path:
    """Where the folder of a .gguf file with this sha256 is, once it is made."""
    return cache_folder() / "models" / f"{digest[:16]}-{version('transformers')}-{FORMAT}"


def convert(file: Path, report: Report) -> Path:
    """The safetensors folder of a .gguf file, made now if it isn't there. Raises ModelLoadError."""
    try:
        _check(file)
        return make_once(
            folder_for(digest_of(file, report)),
            lambda folder: _fill(folder, file, report),
            lambda: report(Progress("waiting for another process that converts this model")),
        )
    except ExplorerError:
        raise
    except OSError as error:
        what = f"{error.strerror or error}: {error.filename or file}."
        hint = (
            f"The converted model needs room in {cache_folder()}; TOKEN_EXPLORER_CACHE names another place."
        )
        raise ModelLoadError("Can't convert the model", what, hint) from error
    except Exception as error:
        what = f"{file.name}: {type(error).__name__}: {_first_line(error)}"
        hint = "Not every architecture and number format of .gguf can be read; try the model's own folder."
        raise ModelLoadError("Can't convert the model", what, hint) from error


def digest_of(file: Path, report: Report) -> str:
    """The sha256 of a file, remembered for its path, size and time of change."""
    status = file.stat()
    key = f"{file.resolve()}|{status.st_size}|{status.st_mtime_ns}"
    note = cache_folder() / "digests" / hashlib.sha256(os.fsencode(key)).hexdigest()[:32]
    try:
        return note.read_text(encoding="ascii")
    except OSError:
        digest = _hash(file, status.st_size, report)
        write_whole(note, digest)
        return digest


def has_plain_tokenizer(folder: Path) -> bool:
    """Whether a folder was converted here, and its tokenizer.json tells all about its tokenizer."""
    try:
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(mark, dict) and mark.get("tokenizer") == "TokenizersBackend"


def _check(file: Path) -> None:
    with file.open("rb") as opened:
        if opened.read(len(_MAGIC)) != _MAGIC:
            message = f"{file} doesn't begin as a .gguf file does."
            raise ModelLoadError(
                "Not a .gguf file", message, "It may be cut or of another kind; fetch it again."
            )


def _hash(file: Path, size: int, report: Report) -> str:
    digest, done = hashlib.sha256(), 0
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK_BYTES):
            digest.update(block)
            done += len(block)
            report(Progress("checking the file", done, size))
    return digest.hexdigest()


def _fill(folder: Path, file: Path, report: Report) -> None:
    """Write weights, configuration and tokenizer of a .gguf file into an empty folder."""
    report(Progress("starting PyTorch"))
    with steps_once():
        _save_weights(folder, file, report)
        report(Progress("converting the tokenizer"))
        tokenizer = _read_tokenizer(file)
    tokenizer.save_pretrained(folder)
    mark = {"file": file.name, "tokenizer": type(tokenizer).__name__}
    (folder / MARK).write_text(json.dumps(mark), encoding="utf-8")


def _save_weights(folder: Path, file: Path, report: Report) -> None:
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    report(Progress("reading the .gguf file"))
    with quiet(report, "converting the weights"), _tensor_bar(report):
        model = AutoModelForCausalLM.from_pretrained(
            file.parent,
            gguf_file=file.name,
            dtype=torch.float32,
            quantization_config=GgufConfig(dequantize=True),
            local_files_only=True,
        )
    with quiet(report, "writing the converted weights"):
        report(Progress("writing the converted weights"))
        model.save_pretrained(folder)


@contextmanager
def _tensor_bar(report: Report) -> Iterator[None]:
    """Report the loop over tensors, whose bar transformers doesn't offer to its hook."""
    from transformers import modeling_gguf_pytorch_utils

    module: Any = modeling_gguf_pytorch_utils
    own, module.tqdm = module.tqdm, bar_class(report, "converting the weights")
    try:
        yield
    finally:
        module.tqdm = own


def _read_tokenizer(file: Path) -> "PreTrainedTokenizerBase":
    from transformers import AutoTokenizer
    from transformers.integrations.gguf.reader import read_gguf_metadata

    with quiet():
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            file.parent, gguf_file=file.name, local_files_only=True
        )
    metadata, _ = read_gguf_metadata(str(file))
    if metadata.get("tokenizer.ggml.pre") in _DIGIT_SPLITS:
        _split_digits(tokenizer)
    context = metadata.get(f"{metadata['general.architecture']}.context_length")
    if context is not None:
        tokenizer.model_max_length = int(context)
    return tokenizer


def _split_digits(tokenizer: Any) -> None:
    """Give a tokenizer the cut at digits that transformers drops."""
    from tokenizers import pre_tokenizers

    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0]
