"""Models by hub id: a complete copy in the hub's local cache, else fetched into it.

A copy that is complete is used without asking the network. Knows nothing of what the files mean.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from token_explorer.core.engine import Progress, Report
from token_explorer.engine.bars import bar_class
from token_explorer.errors import ExplorerError, ModelLoadError, ModelNotFound

TIMEOUT_S = 10.0
_TEXTS = ("*.json", "*.txt", "*.model", "*.jinja", "*.tiktoken")
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "tekken.json")
# Whole weights and the index of weights in pieces, best first.
_WEIGHTS = (
    ("model.safetensors", "model.safetensors.index.json"),
    ("pytorch_model.bin", "pytorch_model.bin.index.json"),
)


def fetch(name: str, report: Report) -> Path:
    """The local folder of a hub id. Raises ModelNotFound, ModelLoadError."""
    with _plain_errors(name):
        return _cached(name) or _download(name, report)


def _cached(name: str) -> Path | None:
    from huggingface_hub import snapshot_download

    try:
        folder = Path(snapshot_download(name, local_files_only=True, allow_patterns=[*_TEXTS]))
    except OSError:
        return None
    return folder if is_complete(folder) else None


def is_complete(folder: Path) -> bool:
    """Whether a folder holds a configuration, a tokenizer and all weights."""
    if not (folder / "config.json").exists() or not any((folder / name).exists() for name in _TOKENIZERS):
        return False
    for whole, index in _WEIGHTS:
        if (folder / whole).exists():
            return True
        if (folder / index).exists():
            return all((folder / piece).exists() for piece in _pieces(folder / index))
    return False


def _pieces(index: Path) -> set[str]:
    """The weight files that an index names."""
    return set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())


def _download(name: str, report: Report) -> Path:
    """Fetch a model's files, its weights last, so that a folder that has them has all."""
    from huggingface_hub import HfApi, snapshot_download

    report(Progress(f"asking for {name}"))
    listed = HfApi().model_info(name, timeout=TIMEOUT_S).siblings or ()
    files = {file.rfilename for file in listed}
    hidden = bar_class(lambda progress: None, "")
    folder = Path(
        snapshot_download(name, allow_patterns=[*_TEXTS], ignore_patterns=["*/*"], tqdm_class=hidden)
    )
    bar = bar_class(report, f"fetching {name}", unit="B")
    snapshot_download(name, allow_patterns=_weights(name, files, folder), tqdm_class=bar)
    return folder


def _weights(name: str, files: set[str], folder: Path) -> list[str]:
    """The weight files to fetch, of those that are on the hub."""
    for whole, index in _WEIGHTS:
        if whole in files:
            return [whole]
        if index in files:
            return sorted(_pieces(folder / index))
    if any(file.endswith(".gguf") for file in files):
        hint = "Fetch one of its .gguf files, and name that file."
        raise ModelLoadError("No weights to load", f"{name} holds .gguf files only.", hint)
    hint = "Name a model that has model.safetensors or pytorch_model.bin."
    raise ModelLoadError("No weights to load", f"{name} has none that can be read.", hint)


@contextmanager
def _plain_errors(name: str) -> Iterator[None]:
    """Tell in plain words why a hub id can't be had."""
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError
    from huggingface_hub.utils import logging as library

    verbosity = library.get_verbosity()
    library.set_verbosity(logging.CRITICAL)
    try:
        yield
    except ExplorerError:
        raise
    except GatedRepoError as error:
        hint = "Ask for access on its page, then log in: hf auth login."
        raise ModelNotFound("Model is gated", f"{name} is given only to those it lets in.", hint) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise _unknown(name) from error
    except Exception as error:  # each of the libraries below has its own kinds of no network
        raise _unreachable(name, error) from error
    finally:
        library.set_verbosity(verbosity)


def _unknown(name: str) -> ModelNotFound:
    hint = "Check its spelling, Owner/Name. A private one needs a login: hf auth login. A folder is ./name."
    return ModelNotFound("Model not found", f"the hub has no model {name}, or none that you may see.", hint)


def _unreachable(name: str, error: Any) -> ExplorerError:
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        what = f"{error.strerror}: {error.filename}."
        return ModelNotFound("Can't keep the model", what, "HF_HOME names another place for the hub's cache.")
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    message = f"{name} isn't in the local cache, and the hub can't be reached: {reason}"
    hint = "Connect to the network once, or name a folder or a .gguf file. --model embedded needs no network."
    return ModelNotFound("Model not found", message, hint)
