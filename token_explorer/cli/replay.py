"""The command `replay`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from token_explorer.cli.explore import check_terminal, run_explorer, run_on
from token_explorer.cli.flags import Bf16, ConfigFile, Device, ModelName
from token_explorer.cli.settings import check_model, overridden, read_settings
from token_explorer.errors import InputError

if TYPE_CHECKING:
    from token_explorer.config import Settings


def replay(
    folder: Annotated[
        str, typer.Argument(metavar="DIR", help="A folder that `trace --out` wrote.", show_default=False)
    ],
    model: ModelName = None,
    bf16: Bf16 = False,
    device: Device = None,
    config_file: ConfigFile = None,
) -> int:
    """Walk through a trace in the explorer.

    Its tokens and numbers are the recorded ones, and no model is loaded for that; --model NAME opens the
    trace's tokens with one, to go on from them.
    """
    from token_explorer.trace.reading import read
    from token_explorer.trace.recorded import RecordedEngine, start_of

    settings = _settings(model, bf16, device, config_file)
    trace = read(Path(folder).expanduser())
    engine = RecordedEngine(trace)
    check_terminal()
    if model is None:
        return run_on(engine, settings, start_of(trace), trace.model)
    return run_explorer(settings, start_of(trace))


def _settings(model: str | None, bf16: bool, device: str | None, config_file: str | None) -> "Settings":
    """The settings in use, once it is sure that the flags mean something."""
    if model is None and (bf16 or device is not None):
        flag = "--bf16" if bf16 else "--device"
        message = f"{flag} is about a model, and a replay loads none by itself."
        raise InputError("No model named", message, "Give --model NAME, too, or leave it out.")
    settings = overridden(read_settings(config_file), model, device, bf16)
    if model is not None:
        check_model(settings.model.name)
    return settings
