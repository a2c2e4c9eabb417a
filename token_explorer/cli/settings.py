"""Settings and flags put together: what every command runs with. Knows nothing of what commands do."""

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from token_explorer import config
from token_explorer.config import Settings
from token_explorer.errors import DeviceError, ModelNotFound
from token_explorer.files import is_path, missing

if TYPE_CHECKING:
    from token_explorer.core.engine import ModelSpec

PROGRAM = "token-explorer"


def read_settings(named: str | None) -> Settings:
    """The settings in use, their keys checked."""
    from platformdirs import user_config_path

    from token_explorer.ui.keys import remap

    path = None if named is None else Path(named)
    settings = config.load(path, os.environ, Path.cwd(), user_config_path(PROGRAM))
    remap(settings.keys, settings.source)
    return settings


def overridden(
    settings: Settings, model: str | None, device: str | None, bf16: bool, layer_prob: bool = False
) -> Settings:
    """The settings with those that flags give in place of the file's."""
    chosen = settings.model
    if model is not None:
        chosen = replace(chosen, name=model)
    if device is not None:
        chosen = replace(chosen, device=known_device(device))
    if bf16:
        chosen = replace(chosen, dtype="bfloat16")
    shown = replace(settings.display, layer_prob=settings.display.layer_prob or layer_prob)
    return replace(settings, model=chosen, display=shown)


def known_device(name: str) -> str:
    """The same name. Raises DeviceError for one that no machine has."""
    if not config.DEVICE.accepts(name):
        raise DeviceError("Unknown device", f"--device {name}.", f"It should be {config.DEVICE.allowed}.")
    return name


def check_model(name: str) -> None:
    """Raise ModelNotFound for a name that can only be a path, and leads nowhere."""
    if not config.MODEL_NAME.accepts(name):
        raise ModelNotFound("Model not found", f"{name!r} is no name.", f"It is {config.MODEL_NAME.allowed}.")
    path = os.path.expanduser(name)
    if is_path(name) and not os.path.exists(path):
        raise ModelNotFound("Model not found", *missing(path))


def spec(settings: Settings) -> "ModelSpec":
    """The model that settings name."""
    from token_explorer.core.engine import ModelSpec

    model, display_ = settings.model, settings.display
    return ModelSpec(
        name=os.path.expanduser(model.name),
        device=model.device,
        dtype=model.dtype,
        threads=model.threads,
        cache_mib=display_.cache_mib,
        cache_size=display_.cache_size,
        record_layers=display_.layer_prob,
    )


def settings_for(
    config_file: str | None, model: str | None, device: str | None, bf16: bool, layer_prob: bool = False
) -> Settings:
    """The settings of a command with a model, which can be there. Raises ConfigError, ModelNotFound, …"""
    settings = overridden(read_settings(config_file), model, device, bf16, layer_prob)
    check_model(settings.model.name)
    return settings
