"""The command line: flags and settings in, one front end out. Knows nothing of what goes on inside either.

Exploring is what happens without a subcommand. Nothing heavy is imported before it is needed:
neither a terminal library nor a model, so that --help and mistakes are answered at once.
"""

import json
import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from token_explorer import __version__, config
from token_explorer.config import Settings
from token_explorer.core.knobs import read_seed
from token_explorer.core.tokens import display
from token_explorer.errors import DeviceError, ExplorerError, InputError, ModelNotFound
from token_explorer.files import is_path, missing, read_prompt

if TYPE_CHECKING:
    from token_explorer.core.engine import EngineInfo, ModelSpec, Progress

PROGRAM = "token-explorer"
DEBUG = "TOKEN_EXPLORER_DEBUG"

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    subcommand_metavar="",
    pretty_exceptions_enable=False,
    context_settings={
        "help_option_names": ["--help", "-h"],
        # Of every long flag, here and in subcommands: --layer-prob is --layer_prob.
        "token_normalize_func": lambda name: name.replace("_", "-"),
        "max_content_width": 100,
    },
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code; every error ends here, as words on stderr."""
    try:
        return _invoke(sys.argv[1:] if argv is None else argv)
    except ExplorerError as error:
        _report(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        return _report_bug(error)


def _invoke(argv: Sequence[str]) -> int:
    try:
        command = typer.main.get_command(app)
        return int(command.main(list(argv), prog_name=PROGRAM, standalone_mode=False) or 0)
    except typer.TyperException as error:
        hint = f"{PROGRAM} --help lists the flags; --input FILE opens a file."
        raise InputError("Can't run this", error.format_message(), hint) from None


def _report(error: ExplorerError) -> None:
    # File names and settings are as hostile to a terminal as token text.
    lines = (display(line) if line else "" for line in str(error).split("\n"))
    print(*lines, sep="\n", file=sys.stderr)


def _report_bug(error: Exception) -> int:
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    what = f"{type(error).__name__}: {error}"
    _report(ExplorerError("This is a bug", what, f"Please report it, with what {DEBUG}=1 prints."))
    return 1


def _print_version(wanted: bool) -> None:
    if wanted:
        print(PROGRAM, __version__)
        raise typer.Exit


ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help="'embedded' (the default), a hub id such as Qwen/Qwen2.5-0.5B, a folder, or a .gguf file.",
    ),
]
Bf16 = Annotated[bool, typer.Option("--bf16", help="Weights in bfloat16: half the memory, less exact.")]
Device = Annotated[
    str | None, typer.Option("--device", metavar="NAME", help="auto (the default), cpu, cuda, cuda:N or mps.")
]
ConfigFile = Annotated[
    str | None,
    typer.Option("--config", "-c", metavar="FILE", help=f"Settings, instead of ./{config.FILE_NAME}."),
]


@app.callback(invoke_without_command=True)
def explore(
    context: typer.Context,
    input_file: Annotated[
        str | None,
        typer.Option("--input", "-i", metavar="FILE", help="Start from this file's text, as it is."),
    ] = None,
    prompt: Annotated[
        str | None, typer.Option("--prompt", metavar="TEXT", help="Start from this text.")
    ] = None,
    model: ModelName = None,
    bf16: Bf16 = False,
    device: Device = None,
    layer_prob: Annotated[bool, typer.Option("--layer_prob", help="Look into the layers (key p).")] = False,
    seed: Annotated[
        str | None, typer.Option("--seed", metavar="N", help="Draw the same tokens again.")
    ] = None,
    config_file: ConfigFile = None,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version and exit."),
    ] = False,
) -> int:
    """See how a language model writes, by being its sampler.

    Shows a prompt as tokens and the model's most likely next ones, and you choose.
    """
    if context.invoked_subcommand is not None:
        _check_no_flags(context)
        return 0
    settings = _overridden(_settings(config_file), model, device, bf16, layer_prob)
    text = _text(input_file, prompt, settings)
    if seed is not None:
        settings = replace(settings, sampler=replace(settings.sampler, seed=read_seed(seed, "--seed ")))
    _check_model(settings.model.name)
    _check_terminal()
    return _run_explorer(settings, text)


@app.command()
def doctor(
    model: ModelName = None,
    bf16: Bf16 = False,
    device: Device = None,
    config_file: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> int:
    """Prove a model's numbers on this machine, and tell what the program stands on.

    Exits with 1 if a check fails.
    """
    from platformdirs import user_config_path

    from token_explorer import doctor as room
    from token_explorer.engine.storage import cache_folder

    settings = _overridden(_settings(config_file), model, device, bf16, False)
    _check_model(settings.model.name)
    info = _loaded_info(settings)
    own = user_config_path(PROGRAM) / config.FILE_NAME
    made = room.report(info, {"config": settings.source, "own_config": own, "cache": cache_folder()})
    print(json.dumps(made, indent=2, ensure_ascii=False) if as_json else room.text(made))
    return 0 if all(check.passed for check in info.checks) else 1


def _loaded_info(settings: Settings) -> "EngineInfo":
    """Load a model, telling of it on stderr, and what the engine says of it."""
    from token_explorer.core.engine import Progress, Stop
    from token_explorer.engine.process import local_engine

    stages: list[str] = []

    def tell(progress: "Progress") -> None:
        if progress.stage not in stages:
            stages.append(progress.stage)
            print(f"{progress.stage} …", file=sys.stderr)

    engine = local_engine(_spec(settings))
    try:
        engine.load_tokenizer(tell)
        engine.load_model(tell)
        tell(Progress("checking its numbers"))
        return engine.prove(Stop())
    finally:
        engine.close()


def _check_no_flags(context: typer.Context) -> None:
    """Refuse flags before a subcommand: they would do nothing there."""
    given = [name for name, value in context.params.items() if value]
    if given:
        command = context.invoked_subcommand
        flag = "--" + {"input_file": "input", "config_file": "config"}.get(given[0], given[0])
        hint = f"Write it behind, if {command} knows it: {PROGRAM} {command} {flag} …"
        raise InputError("Flag in the wrong place", f"{flag} stands before {command}.", hint)


def _settings(named: str | None) -> Settings:
    """The settings in use, their keys checked."""
    from platformdirs import user_config_path

    from token_explorer.ui.keys import remap

    path = None if named is None else Path(named)
    settings = config.load(path, os.environ, Path.cwd(), user_config_path(PROGRAM))
    remap(settings.keys, settings.source)
    return settings


def _overridden(
    settings: Settings, model: str | None, device: str | None, bf16: bool, layer_prob: bool
) -> Settings:
    """The settings with those that flags give in place of the file's."""
    chosen = settings.model
    if model is not None:
        chosen = replace(chosen, name=model)
    if device is not None:
        chosen = replace(chosen, device=_known_device(device))
    if bf16:
        chosen = replace(chosen, dtype="bfloat16")
    shown = replace(settings.display, layer_prob=settings.display.layer_prob or layer_prob)
    return replace(settings, model=chosen, display=shown)


def _known_device(name: str) -> str:
    if not config.DEVICE.accepts(name):
        raise DeviceError("Unknown device", f"--device {name}.", f"It should be {config.DEVICE.allowed}.")
    return name


def _text(input_file: str | None, prompt: str | None, settings: Settings) -> str:
    """The text to start from: the file's, the flag's, or the example."""
    if input_file is not None and prompt is not None:
        raise InputError("Two prompts", "--input and --prompt were both given.", "Leave one of them out.")
    if input_file is not None:
        return read_prompt(input_file)
    return settings.prompt.example_prompt if prompt is None else _whole(prompt)


def _whole(prompt: str) -> str:
    """A prompt from the command line, refused where its bytes were no UTF-8."""
    try:
        prompt.encode("utf-8")
    except UnicodeEncodeError as error:
        message = f"--prompt isn't UTF-8 text at character {error.start}."
        raise InputError("Can't read the prompt", message, "Put it in a file of UTF-8 text.") from None
    return prompt


def _check_model(name: str) -> None:
    """Raise ModelNotFound for a name that can only be a path, and leads nowhere."""
    if not config.MODEL_NAME.accepts(name):
        raise ModelNotFound("Model not found", f"{name!r} is no name.", f"It is {config.MODEL_NAME.allowed}.")
    path = os.path.expanduser(name)
    if is_path(name) and not os.path.exists(path):
        raise ModelNotFound("Model not found", *missing(path))


def _check_terminal() -> None:
    """Raise InputError where there is no terminal to draw on and to read keys from."""
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


def _run_explorer(settings: Settings, text: str) -> int:
    from token_explorer.engine.process import local_engine
    from token_explorer.ui.app import Explorer

    engine = local_engine(_spec(settings))
    try:
        explorer = Explorer(engine, settings, text, settings.model.name)
        explorer.run()
    finally:
        engine.close()
    if explorer.fatal is not None:
        raise explorer.fatal
    return explorer.return_code or 0


def _spec(settings: Settings) -> "ModelSpec":
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
