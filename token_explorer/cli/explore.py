"""Exploring: what happens without a subcommand."""

import os
import sys
from typing import TYPE_CHECKING

from token_explorer.cli.engines import engine_for, in_tab
from token_explorer.cli.settings import spec
from token_explorer.cli.source import checked
from token_explorer.config import Settings
from token_explorer.errors import InputError
from token_explorer.files import read_prompt
from token_explorer.garbage import uncollected

if TYPE_CHECKING:
    from token_explorer.core.engine import Engine
    from token_explorer.core.start import Start


def starting_text(input_file: str | None, prompt: str | None, settings: Settings) -> str:
    """The text to start from: the file's, the flag's, or the example."""
    if input_file is not None and prompt is not None:
        raise InputError("Two prompts", "--input and --prompt were both given.", "Leave one of them out.")
    if input_file is not None:
        return read_prompt(input_file)
    if prompt is not None:
        return checked(prompt, "--prompt")
    from token_explorer.core.start import Example

    return Example(settings.prompt.example_prompt)


def check_terminal() -> None:
    """Raise InputError where there is no terminal to draw on and to read keys from; a tab is one."""
    if in_tab():
        return
    streams = {"stdin": sys.__stdin__, "stdout": sys.__stdout__, "stderr": sys.__stderr__}
    for name, stream in streams.items():
        if stream is None or not stream.isatty():
            hint = (
                "Run it in a terminal, without | and <; a prompt is given with --input FILE or --prompt TEXT."
            )
            raise InputError("No terminal", f"the explorer needs one, and {name} isn't.", hint)
    if os.environ.get("TERM") in ("dumb", "unknown"):
        message = f"TERM is {os.environ['TERM']}, which can't move its cursor."
        raise InputError("No screen", message, "Run it in another terminal.")


def run_explorer(settings: Settings, first: "str | Start") -> int:
    """Open the explorer on the model that settings name, and return its exit code.

    Args:
        first: the text of the first prompt, or its tokens.
    """
    with uncollected():
        engine = engine_for(spec(settings))
    if _has_free_core():
        engine.begin()  # it loads while this process gets the screen, which waits for nothing of it
    return run_on(engine, settings, first, settings.model.name)


def _has_free_core() -> bool:
    """Whether the engine can run beside this process without slowing down its first picture."""
    cores = os.cpu_count() or 1
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0  # Windows tells none
    return cores > 1 and busy < cores


def run_on(engine: "Engine", settings: Settings, first: "str | Start", model: str) -> int:
    """Open the explorer on an engine, close that at last, and return the exit code.

    Args:
        model: what to call the model until it is loaded.
    """
    try:
        with uncollected():
            from token_explorer.ui.app import Explorer

            explorer = Explorer(engine, settings, first, model)
        explorer.run()
    finally:
        engine.close()
    if explorer.fatal is not None:
        raise explorer.fatal
    return explorer.return_code or 0
