"""A model's name -> its folder -> its tokenizer and its weights.

A name is 'embedded', 'tiny', a folder, a .gguf file or a hub id. Knows nothing of how a model is run.
Importing this is cheap: torch and transformers are loaded by what needs them.
"""

import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from token_explorer.core.engine import Progress, Report
from token_explorer.engine import conversion, embedded
from token_explorer.engine.bars import quiet
from token_explorer.engine.storage import trained_folder
from token_explorer.errors import ContextTooLong, DeviceError, ExplorerError, ModelLoadError, ModelNotFound
from token_explorer.files import is_path, missing
from token_explorer.garbage import uncollected

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

EMBEDDED, TINY = "embedded", "tiny"
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?", re.ASCII)
# What architectures call the number of tokens that they were made for.
_CONTEXT_NAMES = ("max_position_embeddings", "n_positions", "seq_length", "max_seq_len")
_LIBRARIES = ("torch", "transformers.modeling_utils", "transformers.modeling_layers")
_DEVICES = "auto, cpu, cuda, cuda:N or mps"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model's files are.

    Attributes:
        label: its name, short enough for a title.
        folder: the folder that holds configuration, tokenizer and weights.
    """

    label: str
    folder: str


def locate(name: str, report: Report) -> Source:
    """Find a model by its name, fetching and converting as needed. Raises ModelNotFound, ModelLoadError."""
    if name == EMBEDDED:
        return Source(embedded.NAME, str(embedded.provide(report)))
    if name == TINY:
        return _trained()
    path = Path(name).expanduser()
    if name.strip() and path.is_dir():  # Path("") is the current folder
        return _folder(path)
    if path.exists():
        return _file(path, report)
    if is_path(name):
        raise ModelNotFound("Model not found", *missing(str(path)))
    return _hub(name, report)


def choose_device(name: str) -> str:
    """torch's name of the device to use, the best one for 'auto'. Raises DeviceError."""
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    available = [*(f"cuda:{i}" for i in range(gpus)), *(["mps"] if _has_mps() else []), "cpu"]
    if name == "auto":
        return "cuda" if gpus else available[0]
    if (name == "cuda" and gpus) or name in available:
        return name
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", name):
        raise DeviceError("Unknown device", f"{name!r}.", f"It should be {_DEVICES}.")
    hint = f"This machine has {', '.join(available)}; auto takes the best."
    raise DeviceError("No such device", f"{name} isn't there for torch.", hint)


def vocabulary_size(source: Source) -> int | None:
    """How many tokens the model knows; more than its tokenizer where the table is padded."""
    config = _read_json(Path(source.folder, "config.json"))
    size = config.get("vocab_size") or _text_part(config).get("vocab_size")
    return size if isinstance(size, int) else None


def context(source: Source) -> int:
    """How many tokens the model was made for; 0 where its folder states none."""
    config = _read_json(Path(source.folder, "config.json"))
    return stated_context(config.get) or stated_context(_text_part(config).get)


def stated_context(setting: Callable[[str], Any]) -> int:
    """How many tokens a configuration says that the model was made for, asked by name; 0 for none."""
    values = map(setting, _CONTEXT_NAMES)
    return next((value for value in values if isinstance(value, int) and value > 0), 0)


def check_length(tokens: int, context: int) -> None:
    """Raise ContextTooLong for more tokens than a model was made for."""
    if 0 < context < tokens:
        raise ContextTooLong(
            "The prompt is too long",
            f"{tokens} tokens, and this model was made for {context}.",
            f"Shorten it by {_counted(tokens - context)}, or choose a model with a longer context.",
        )


def _counted(tokens: int) -> str:
    return f"{tokens} token{'s' * (tokens != 1)}"


def end_ids(source: Source) -> frozenset[int]:
    """The tokens that end what the model generates, as its folder says."""
    config = _read_json(Path(source.folder, "config.json"))
    found = [_read_json(Path(source.folder, "generation_config.json")), config, _text_part(config)]
    ends: Any = next((each["eos_token_id"] for each in found if each.get("eos_token_id") is not None), [])
    return frozenset(
        token for token in (ends if isinstance(ends, list) else [ends]) if isinstance(token, int)
    )


def start_id(source: Source) -> int | None:
    """The token that the model's folder names to start from; None where it names none."""
    config = _read_json(Path(source.folder, "config.json"))
    named = config.get("bos_token_id", _text_part(config).get("bos_token_id"))
    return named if isinstance(named, int) else None


def load_tokenizer(source: Source) -> "PreTrainedTokenizerBase":
    """A model's tokenizer. Raises ModelLoadError."""
    with quiet(), _plain_errors(source, "tokenizer"):
        tokenizer: PreTrainedTokenizerBase
        if conversion.has_plain_tokenizer(Path(source.folder)):
            # AutoTokenizer gives the same, but imports torch and the model's code to find out: 3 s.
            from transformers import PreTrainedTokenizerFast

            tokenizer = PreTrainedTokenizerFast.from_pretrained(source.folder, local_files_only=True)
        else:
            from transformers import AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(source.folder, local_files_only=True)
        return tokenizer


def start_libraries() -> None:
    """Import the bulk of what every model needs, which takes longer than anything else of opening one."""
    if not all(name in sys.modules for name in _LIBRARIES):
        with uncollected():
            for name in _LIBRARIES:
                importlib.import_module(name)


def load_weights(source: Source, device: str, dtype: str, report: Report) -> "PreTrainedModel":
    """A model, ready to be asked: on its device, in evaluation, without gradients. Raises ModelLoadError."""
    report(Progress("loading the weights"))
    with quiet(report, "loading the weights"), _plain_errors(source, "weights"):
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM

        config = AutoConfig.from_pretrained(source.folder, local_files_only=True)
        _check_causal(source, config)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            source.folder,
            config=config,
            dtype=getattr(torch, dtype),
            local_files_only=True,
            output_loading_info=True,
            **_placement(config, device),
        )
        model, found = loaded
        _check_whole(source, found["missing_keys"])
        ready: PreTrainedModel = model.to(device).eval().requires_grad_(False)
        return ready


def _trained() -> Source:
    folder = trained_folder()
    if not (folder / "config.json").is_file():
        hint = "Make it, in less than a minute: token-explorer tiny train"
        raise ModelNotFound("Model not found", f"there is no tiny model in {folder}.", hint)
    return Source(TINY, str(folder))


def _folder(path: Path) -> Source:
    if not (path / "config.json").is_file():
        inside = sorted(each.name for each in path.glob("*.gguf"))
        hint = f"Name the file in it: {path / inside[0]}" if inside else "A model's folder holds config.json."
        raise ModelNotFound("Not a model", f"{path} has no config.json.", hint)
    return Source(path.resolve().name or str(path), str(path))


def _file(path: Path, report: Report) -> Source:
    if path.suffix.lower() != ".gguf":
        hint = "Name a .gguf file, or the folder that holds config.json."
        raise ModelNotFound("Not a model", f"{path} is a file, and not a .gguf.", hint)
    return Source(path.stem, str(conversion.convert(path, report)))


def _hub(name: str, report: Report) -> Source:
    from token_explorer.engine import hub

    if not _HUB_ID.fullmatch(name):
        hint = "It is 'embedded', 'tiny', a hub id such as Qwen/Qwen2.5-0.5B, a folder, or a .gguf file."
        raise ModelNotFound("Model not found", f"{name!r} is no file, no folder and no hub id.", hint)
    return Source(name.rpartition("/")[2], str(hub.fetch(name, report)))


def _has_mps() -> bool:
    import torch

    return bool(torch.backends.mps.is_available())


def _read_json(file: Path) -> dict[str, Any]:
    """A JSON object from a file; empty when there is none."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _text_part(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a configuration that is about text, in models that know pictures too."""
    part = config.get("text_config")
    return part if isinstance(part, dict) else {}


def _placement(config: Any, device: str) -> dict[str, Any]:
    """Arguments for how a model is loaded."""
    placement: dict[str, Any] = {} if device in ("cpu", "mps") else {"device_map": device}
    if config.model_type == "falcon":
        # Falcon with its default attention gives other logits when attention is asked for.
        placement["attn_implementation"] = "eager"
    return placement


def _check_causal(source: Source, config: Any) -> None:
    """Raise ModelLoadError for models that don't predict the next token of a text."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED

    kind = config.model_type
    if getattr(config, "is_encoder_decoder", False):
        message = f"{source.label} ({kind}) is an encoder with a decoder."
    elif kind in MASKED and getattr(config, "is_decoder", True) is False:
        message = f"{source.label} ({kind}) is an encoder: it fills gaps."
    else:
        return
    raise ModelLoadError(
        "Not a causal model", message, "Choose one that predicts the next token, as GPT does."
    )


def _check_whole(source: Source, lacking: Any) -> None:
    """Raise ModelLoadError where weights were made up because the files lack them."""
    if lacking:
        message = f"{source.label} lacks {len(lacking)} of its weights, such as {min(lacking)}."
        raise ModelLoadError("Weights are missing", message, "Fetch it again, or choose a complete model.")


@contextmanager
def _plain_errors(source: Source, what: str) -> Iterator[None]:
    """Tell in plain words why a model can't be opened."""
    try:
        yield
    except ExplorerError:
        raise
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
            hint = "Try --bf16, --device cpu, or a smaller model."
            raise ModelLoadError("Not enough memory", f"{source.label}: {lines[0]}", hint) from error
        message = f"{what} of {source.label}: {lines[0]}"
        raise ModelLoadError("Can't load the model", message, _hint(source, error)) from error


def _hint(source: Source, error: Exception) -> str:
    if "trust_remote_code" in str(error):
        return (
            "It needs Python code of its own, which isn't run here. Choose a model that transformers knows."
        )
    if isinstance(error, ImportError):
        return "Install what it names, or choose another model."
    return f"Its files in {source.folder} may be incomplete, or of a kind that transformers can't read."
