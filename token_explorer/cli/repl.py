"""The command `repl`."""

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING

from token_explorer.cli.flags import Bf16, ConfigFile, Device, ModelName, Strip
from token_explorer.cli.settings import PROGRAM, check_model, overridden, read_settings, spec
from token_explorer.config import ModelSettings, Settings

if TYPE_CHECKING:
    from token_explorer.core.engine import Engine
    from token_explorer.repl.session import Session, Surroundings


def repl(
    model: ModelName = None,
    bf16: Bf16 = False,
    device: Device = None,
    config_file: ConfigFile = None,
    strip: Strip = False,
) -> int:
    """Ask a model line by line.

    By complete, generate, tokenize, score, attention and lens. Without a terminal the lines come from
    stdin, and the first error in one is that of the exit code.
    """
    settings = overridden(read_settings(config_file), model, device, bf16)
    check_model(settings.model.name)
    from token_explorer.repl.session import LostOutput, Session

    session = Session(_surroundings(settings), settings, strip)
    # A model that flags or the configuration name needs no menu.
    named = model is not None or settings.model.name != ModelSettings().name
    try:
        return _run(session, settings.model.name, named)
    except LostOutput as lost:
        raise lost.error from None
    finally:
        session.drop()


def _run(session: "Session", name: str, named: bool) -> int:
    if sys.stdin is not None and sys.stdin.isatty():
        from platformdirs import user_state_path

        from token_explorer.repl.prompt import interact

        return interact(
            session, name if named else None, user_state_path(PROGRAM, appauthor=False) / "history"
        )
    from token_explorer.repl.running import run_script

    return run_script(session, name, _typed())


def _typed() -> Iterator[str]:
    """The lines of stdin; bytes that are no UTF-8 stay in them, for the error that tells of them."""
    if sys.stdin is not None:
        for line in sys.stdin.buffer:
            yield line.decode("utf-8", errors="surrogateescape")


def _surroundings(settings: Settings) -> "Surroundings":
    from token_explorer.cli.output import show
    from token_explorer.cli.work import narration, note, stopping
    from token_explorer.engine.process import local_engine
    from token_explorer.repl.progress import progress_bar
    from token_explorer.repl.session import Surroundings

    def open_engine(name: str) -> "Engine":
        check_model(name)
        return local_engine(spec(overridden(settings, name, None, False)))

    drawn = sys.stderr is not None and sys.stderr.isatty()
    return Surroundings(
        open_engine=open_engine,
        show=show,
        note=note,
        loading=lambda: progress_bar(sys.stderr) if drawn else nullcontext(narration()),
        stopping=stopping,
        fault=_trace,
    )


def _trace(fault: Exception) -> None:
    """Print where a bug is, to who wants to know."""
    from token_explorer.cli import DEBUG

    if os.environ.get(DEBUG):
        traceback.print_exception(fault)
