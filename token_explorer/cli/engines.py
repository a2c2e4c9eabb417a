"""Which engine a model gets: one of this program's own, or, in a tab of the server, the one for all tabs."""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from token_explorer.core.engine import ModelSpec
    from token_explorer.engine.process import EngineProcess
    from token_explorer.engine.shared import SharedEngine

# Where the server's engines are asked, and the key to them, as hexadecimal digits.
ADDRESS, KEY = "TOKEN_EXPLORER_ENGINE", "TOKEN_EXPLORER_ENGINE_KEY"


def in_tab() -> bool:
    """Whether this program runs in a tab of the server."""
    return ADDRESS in os.environ


def engine_for(spec: "ModelSpec") -> "EngineProcess | SharedEngine":
    """An engine for a model; nothing of it is loaded yet."""
    if not in_tab():
        from token_explorer.engine.process import local_engine

        return local_engine(spec)
    from token_explorer.engine.shared import SharedEngine

    return SharedEngine(os.environ[ADDRESS], bytes.fromhex(os.environ[KEY]), spec, _end)


def _end() -> None:
    """End at once, as nobody is left to show anything to; the server has gone, and all tabs with it."""
    os._exit(1)
