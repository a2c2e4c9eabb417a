"""Exploring: what happens without a subcommand."""

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from token_explorer.cli.engines import engine_for, in_tab
from token_explorer.cli.sampling import with_seed
from token_explorer.cli.settings import check_model, overridden, read_settings, spec
from token_explorer.cli.source import checked
from token_explorer.config import Settings
from token_explorer.errors import InputError, ModelNotFound
from token_explorer.files import read_prompt
from token_explorer.garbage import uncollected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from token_explorer.core.engine import Engine
    from token_explorer.core.start import Start
    from token_explorer.ui.models import Models
    from token_explorer.ui.resuming import Kept

WORKSPACE_VARIABLE = "TOKEN_EXPLORER_WORKSPACE"


def explore(
    input_file: str | None = None,
    prompt: str | None = None,
    model: str | None = None,
    bf16: bool = False,
    device: str | None = None,
    layer_prob: bool = False,
    seed: str | None = None,
    config_file: str | None = None,
) -> int:
    """Explore as flags say, and return the exit code."""
    settings = overridden(read_settings(config_file), model, device, bf16, layer_prob)
    text = starting_text(input_file, prompt, settings)
    settings = replace(settings, sampler=with_seed(settings.sampler, seed))
    check_model(settings.model.name)
    check_terminal()
    kept = kept_session()
    if in_tab():
        text = only_at_first(text, kept)
    if model is None or in_tab():
        settings = kept_model(settings, kept)
    return run_explorer(settings, text, kept)


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


def kept_session() -> "Kept | None":
    """The session of the file that the environment names; None where it names none."""
    named = os.environ.get(WORKSPACE_VARIABLE)
    if not named:
        return None
    from token_explorer.ui.keeper import Keeper
    from token_explorer.ui.resuming import Kept

    return Kept.read(Keeper(Path(named).expanduser().absolute()))


def only_at_first(text: str, kept: "Kept | None") -> str:
    """A text to start from in a tab, whose flags are the server's: one that goes on has its own prompts."""
    from token_explorer.core.start import Example

    return text if kept is None or kept.session is None else Example(text)


def kept_model(settings: Settings, kept: "Kept | None") -> Settings:
    """The settings with the model of a kept session, where that can still be opened."""
    if kept is None or kept.session is None:
        return settings
    try:
        check_model(kept.session.model)
    except ModelNotFound:
        return settings
    return replace(settings, model=replace(settings.model, name=kept.session.model))


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


def run_explorer(settings: Settings, first: "str | Start", kept: "Kept | None" = None) -> int:
    """Open the explorer on the model that settings name, and return its exit code.

    Args:
        first: the text of the first prompt, or its tokens.
        kept: the file that the session is kept in; None for none.
    """
    with uncollected():
        engine = engine_for(spec(settings))
    if _has_free_core():
        engine.begin()  # it loads while this process gets the screen, which waits for nothing of it
    return run_on(engine, settings, first, settings.model.name, kept)


def _has_free_core() -> bool:
    """Whether the engine can run beside this process without slowing down its first picture."""
    cores = os.cpu_count() or 1
    busy = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0  # Windows tells none
    return cores > 1 and busy < cores


def models_of(settings: Settings) -> "Models":
    """What another model is chosen with: the models that are here, run as the settings say."""
    from token_explorer.ui.models import Models

    def make(name: str) -> "Engine":
        check_model(name)
        return engine_for(spec(replace(settings, model=replace(settings.model, name=name))))

    def available() -> "Sequence[tuple[str, str]]":
        from token_explorer.engine.available import available

        return available()

    return Models(make, available)


def run_on(
    engine: "Engine", settings: Settings, first: "str | Start", model: str, kept: "Kept | None" = None
) -> int:
    """Open the explorer on an engine, close that at last, and return the exit code.

    Args:
        model: what to call the model until it is loaded.
        kept: the file that the session is kept in; None for none.
    """
    try:
        with uncollected():
            from token_explorer.ui.app import Explorer

            explorer = Explorer(engine, settings, first, model, models_of(settings), kept)
        try:
            explorer.run()
        finally:
            engine = explorer.engine  # another one, where the user chose another model
    finally:
        engine.close()
    if explorer.fatal is not None:
        raise explorer.fatal
    return explorer.return_code or 0
