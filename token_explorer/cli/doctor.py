"""The command `doctor`."""

from typing import TYPE_CHECKING

from token_explorer import config
from token_explorer.cli.flags import Bf16, ConfigFile, Device, Json, ModelName
from token_explorer.cli.output import write
from token_explorer.cli.settings import PROGRAM, check_model, overridden, read_settings

if TYPE_CHECKING:
    from token_explorer.config import Settings
    from token_explorer.core.engine import EngineInfo


def doctor(
    model: ModelName = None,
    bf16: Bf16 = False,
    device: Device = None,
    config_file: ConfigFile = None,
    as_json: Json = False,
) -> int:
    """Prove a model's numbers on this machine.

    Tells what the program stands on, too. Exits with 1 if a check fails.
    """
    from platformdirs import user_config_path

    from token_explorer import doctor as room
    from token_explorer.engine.storage import cache_folder
    from token_explorer.results.document import dumps

    settings = overridden(read_settings(config_file), model, device, bf16)
    check_model(settings.model.name)
    info = proved(settings)
    own = user_config_path(PROGRAM) / config.FILE_NAME
    made = room.report(info, {"config": settings.source, "own_config": own, "cache": cache_folder()})
    write(f"{dumps(made) if as_json else room.text(made)}\n")
    return 0 if all(check.passed for check in info.checks) else 1


def proved(settings: "Settings") -> "EngineInfo":
    """Load a model, telling of it on stderr, and what the engine says of it."""
    from token_explorer.cli.work import narration, opening, stopping
    from token_explorer.core.engine import Progress

    with stopping() as stop, opening(settings) as opened:
        narration()(Progress("checking its numbers"))
        return opened.engine.prove(stop)
