"""Settings: config.toml -> frozen, checked values. Knows nothing of models, keys' meanings or screens.

Each setting is declared once, with its default, allowed values, unit and help: in the dataclasses below.
The checks, the messages and the text of config.toml are all made from these declarations.
"""

import os
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

import tomli

from token_explorer.core.knobs import KNOBS, MAX_SEED, Sampler, knob
from token_explorer.errors import ConfigError
from token_explorer.rules import Choice, Flag, Number, Rule, Text, Whole, setting

FILE_NAME = "config.toml"
VARIABLE = "TOKEN_EXPLORER_CONFIG"
DEVICES = "'auto', 'cpu', 'cuda', 'cuda:N' (N is 0, 1, …) or 'mps'"
PALETTES = ("viridis", "cividis", "red-blue", "bands")
# A configuration is a page of text; a file far longer is something else, such as a device or a model.
MAX_BYTES = 1_000_000
# How much of an impossible value a message repeats.
MAX_SHOWN = 200
# The seed that stands for a fresh one at every start.
FRESH_SEED = -1
_HINT = "Mend the file, or name another one with --config."

DEVICE = Text(DEVICES, r"auto|cpu|mps|cuda(:[0-9]{1,3})?")
MODEL_NAME = Text("text, not empty, on one line", r"(?=.*\S)[^\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """The model, and how much of the machine it gets."""

    name: str = setting(
        "embedded",
        MODEL_NAME,
        "'embedded' (SmolLM2-135M-Instruct), 'tiny', a hub id such as 'Qwen/Qwen2.5-0.5B', a folder, "
        "or a .gguf.",
    )
    device: str = setting("auto", DEVICE, "Where the model runs; auto takes CUDA, then MPS, then the CPU.")
    dtype: Literal["float32", "bfloat16"] = setting(
        "float32",
        Choice(("float32", "bfloat16")),
        "Number format of the weights; bfloat16 takes half the memory and is less exact.",
    )
    threads: int = setting(
        0, Whole(0, 1024, "threads"), "Processor threads for the model; 0 leaves one core for the screen."
    )


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """The prompts."""

    example_prompt: str = setting(
        "Once upon a time, there was a",
        Text("any text, also an empty one"),
        "The prompt to start with where no --input and no --prompt is given.",
    )
    max_prompts: int = setting(9, Whole(1, 99, "prompts"), "How many prompts may be open at a time.")


@dataclass(frozen=True, slots=True)
class DisplaySettings:
    """The screen, and what is kept so that keys are answered at once."""

    tokens_to_show: int = setting(
        30, Whole(1, 1000, "tokens"), "How many of the most likely next tokens the table lists."
    )
    look_ahead: int = setting(
        30,
        Whole(0, 1000, "candidates"),
        "How many candidates the model goes on from while it has nothing else to do; 0 turns that off.",
    )
    cache_size: int = setting(
        100,
        Whole(1, 100_000, "prompts"),
        "How many prompts seen before are kept, so as not to run them again.",
    )
    cache_mib: int = setting(
        1024, Whole(1, 1_048_576, "MiB"), "How much memory the prompts seen before may take."
    )
    palette: str = setting(
        "viridis",
        Choice(PALETTES),
        "Colours of the overlays; viridis and cividis are safe for colour-blind eyes. bands are for "
        "probabilities: above 0.7 green, from 0.5 blue, from 0.3 purple, from 0.1 orange, else red; the "
        "rest is viridis.",
    )
    layer_prob: bool = setting(
        False,
        Flag(),
        "Keep what each layer makes of a prompt, for the key p, as --layer_prob does; takes more memory.",
    )
    influence_heads: int = setting(
        32,
        Whole(1, 100_000, "heads"),
        "How many attention heads, those with the highest variance, the influence overlay averages.",
    )
    uncertain_bits: float = setting(
        3.0,
        Number(0, 100, "bits"),
        "A token counts as uncertain where the distribution that it came from had more entropy than this.",
    )
    uncertain_probability: float = setting(
        0.1, Number(0, 1, "probability"), "A token less probable than this counts as uncertain, too."
    )


def _knob(name: str) -> Any:
    """Declare the setting of a sampler's knob, which is off."""
    declared = knob(name)
    return setting(declared.off, declared, declared.help)


@dataclass(frozen=True, slots=True)
class SamplerSettings:
    """The sampler as it is when it is switched on, and the seed of its draws."""

    repetition_penalty: float = _knob("repetition_penalty")
    no_repeat_ngram: int = _knob("no_repeat_ngram")
    block_end: int = _knob("block_end")
    block_blank: int = _knob("block_blank")
    temperature: float = _knob("temperature")
    top_k: int = _knob("top_k")
    top_p: float = _knob("top_p")
    min_p: float = _knob("min_p")
    seed: int = setting(
        FRESH_SEED,
        Whole(FRESH_SEED, MAX_SEED),
        f"With the same seed, the same tokens are drawn; {FRESH_SEED} takes a fresh one each time.",
    )

    @property
    def sampler(self) -> Sampler:
        """The sampler with these settings."""
        return Sampler(**{each.name: getattr(self, each.name) for each in KNOBS})


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Letting the model write."""

    tokens: int = setting(20, Whole(1, 100_000, "tokens"), "How many tokens the key N lets the model write.")
    stop: str = setting(
        "", Text("any text; an empty one ends no run"), "A text that ends a run once it was written."
    )


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """The explorer in a browser."""

    host: str = setting(
        "127.0.0.1",
        Text("a name or an address of this machine, or '0.0.0.0' for all", r"[0-9A-Za-z.:_-]+"),
        "Where the server listens; what other machines can reach is to be chosen with care.",
    )
    port: int = setting(8000, Whole(0, 65535), "The port that it listens at; 0 takes a free one.")
    max_sessions: int = setting(8, Whole(1, 1000, "tabs"), "How many tabs may be open at a time.")
    idle_minutes: int = setting(
        240,
        Whole(1, 100_000, "minutes"),
        "How long a tab may be left alone before it is closed; its prompts are kept.",
    )


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, the keys that the user chose for actions, and the file that they come from."""

    model: ModelSettings = field(default_factory=ModelSettings)
    prompt: PromptSettings = field(default_factory=PromptSettings)
    display: DisplaySettings = field(default_factory=DisplaySettings)
    sampler: SamplerSettings = field(default_factory=SamplerSettings)
    run: RunSettings = field(default_factory=RunSettings)
    serve: ServeSettings = field(default_factory=ServeSettings)
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    source: Path | None = None


SECTIONS: dict[str, type[Any]] = {
    "model": ModelSettings,
    "prompt": PromptSettings,
    "display": DisplaySettings,
    "sampler": SamplerSettings,
    "run": RunSettings,
    "serve": ServeSettings,
}
KEYS_SECTION = "keys"


def find(named: Path | None, env: Mapping[str, str], cwd: Path, user_dir: Path) -> Path | None:
    """The file to read: --config, then the environment's, then ./config.toml, then the user's, or none."""
    if named is not None:
        return named
    if variable := env.get(VARIABLE):
        return Path(variable).expanduser()
    places = (cwd / FILE_NAME, user_dir / FILE_NAME)
    return next((place for place in places if os.path.isfile(place)), None)


def load(named: Path | None, env: Mapping[str, str], cwd: Path, user_dir: Path) -> Settings:
    """The settings of the file that `find` finds; the defaults where there is none. Raises ConfigError."""
    path = find(named, env, cwd, user_dir)
    return Settings() if path is None else parse(_read(path), path)


def parse(text: str, source: Path) -> Settings:
    """The settings that a text sets, and the defaults of those that it doesn't. Raises ConfigError."""
    try:
        tables = tomli.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers and nestings beyond Python's limits
        raise ConfigError("Not valid TOML", f"{source}: {error}.", _HINT) from None
    _check_sections(tables, source)
    made = {name: kind(**_checked(name, tables.get(name, {}), source)) for name, kind in SECTIONS.items()}
    return Settings(**made, keys=_keys(tables.get(KEYS_SECTION, {}), source), source=source)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ConfigError("Not a configuration", f"{path} is larger than {MAX_BYTES} bytes.", _HINT)
        return content.decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConfigError("Can't read the configuration", f"{path}: {reason}.", _HINT) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            "Can't read the configuration", f"{path} isn't UTF-8 text: byte {error.start}.", _HINT
        ) from None


def _check_sections(tables: Mapping[str, Any], source: Path) -> None:
    known = (*SECTIONS, KEYS_SECTION)
    for name, value in tables.items():
        if name not in known:
            raise _unknown(name if isinstance(value, Mapping) else f"{name} = {_toml(value)}", name, source)
        if not isinstance(value, Mapping):
            raise ConfigError(
                "Not a section",
                f"{name} = {_toml(value)} in {source}.",
                f"Write [{name}] and settings under it.",
            )


def _checked(section: str, table: Mapping[str, object], source: Path) -> dict[str, object]:
    """The values of one section, each known and allowed."""
    rules = {setting.name: _rule(setting) for setting in fields(SECTIONS[section])}
    for name, value in table.items():
        dotted = f"{section}.{name}"
        if name not in rules:
            raise _unknown(f"{dotted} = {_toml(value)}", dotted, source)
        if not rules[name].accepts(value):
            raise _impossible(f"{dotted} = {_toml(value)}", rules[name].allowed, source)
    return dict(table)


def _keys(table: Mapping[str, object], source: Path) -> dict[str, tuple[str, ...]]:
    """The keys of each action; which actions there are, the screen knows."""
    chosen: dict[str, tuple[str, ...]] = {}
    for name, value in table.items():
        listed: list[Any] = value if isinstance(value, list) else [value]
        if not all(isinstance(key, str) and key for key in listed):
            allowed = 'a key or a list of keys, such as "f2" or ["right", "l"]'
            raise _impossible(f"{KEYS_SECTION}.{name} = {_toml(value)}", allowed, source)
        chosen[name] = tuple(listed)
    return chosen


def _impossible(setting: str, allowed: str, source: Path) -> ConfigError:
    return ConfigError("Impossible setting", f"{setting} in {source}.", f"It should be {allowed}.")


def _unknown(setting: str, dotted: str, source: Path) -> ConfigError:
    hint = f"Did you mean {near}? " if (near := nearest(dotted)) else ""
    return ConfigError("Unknown setting", f"{setting} in {source}.", hint + _HINT)


def nearest(dotted: str) -> str | None:
    """The known setting or section that a name was probably meant to be."""
    settings = [f"{section}.{each.name}" for section, kind in SECTIONS.items() for each in fields(kind)]
    leaf = dotted.split(".")[-1]
    if elsewhere := [name for name in settings if name.endswith(f".{leaf}")]:
        return elsewhere[0]
    sections = [] if "." in dotted else [*SECTIONS, KEYS_SECTION]
    return next(iter(get_close_matches(dotted, [*sections, *settings], 1)), None)


def _rule(setting: "Field[Any]") -> Rule:
    rule: Rule = setting.metadata["rule"]
    return rule


def _toml(value: object) -> str:
    """A value as it is written in TOML, shortened where it is long."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{_short(quoted)}"'
    if isinstance(value, list):
        return f"[{_short(', '.join(map(_toml, value)))}]"
    # Python refuses to write very long whole numbers as decimals.
    return _short(hex(value) if isinstance(value, int) and value.bit_length() > 128 else str(value))


def _short(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


HEADER = f"""\
# The settings of Token Explorer, each with its default. Copy what you want to change.
# The first of these files is read, and no other: the one named with --config, the one that the
# environment variable {VARIABLE} names, ./{FILE_NAME}, then {FILE_NAME} in the user's
# configuration folder. Without any, the defaults below hold. Flags go before settings.

"""
KEYS_HEADER = f"""\
[{KEYS_SECTION}]
# Other keys for an action: one, or a list. The keys given here take the place of the action's own.
# A key is a sign ("g", "?"), a name ("f2", "pageup"), or "ctrl+" and a letter; [] takes all keys away.
"""


def render(keys: Mapping[str, tuple[str, ...]]) -> str:
    """The text of config.toml: every setting with its default, and the actions' own keys as comments."""
    sections = "".join(f"[{name}]\n{''.join(_rendered(kind))}" for name, kind in SECTIONS.items())
    actions = "".join(f"# {action} = {_toml(list(own))}\n" for action, own in keys.items())
    return HEADER + sections + KEYS_HEADER + actions


def _rendered(kind: type[Any]) -> Iterator[str]:
    """The lines of each setting of a section."""
    for each in fields(kind):
        for line in (each.metadata["help"], f"Allowed: {_rule(each).allowed}."):
            yield textwrap.fill(line, 100, initial_indent="# ", subsequent_indent="# ") + "\n"
        yield f"{each.name} = {_toml(each.default)}\n\n"
