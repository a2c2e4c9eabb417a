"""The command line: flags and settings in, one front end out. Knows nothing of what goes on inside either.

Exploring is what happens without a subcommand. Nothing heavy is imported before it is needed:
neither a terminal library nor a model, so that --help and mistakes are answered at once.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

import typer

from token_explorer import __version__
from token_explorer.cli import doctor, numbers, pages, repl, replay, serve, tiny, trace
from token_explorer.cli.engines import in_tab
from token_explorer.cli.explore import (
    check_terminal,
    kept_model,
    kept_session,
    only_at_first,
    run_explorer,
    starting_text,
)
from token_explorer.cli.flags import Bf16, ConfigFile, Device, LayerProb, ModelName, Prompt, Seed, StartFile
from token_explorer.cli.output import SIGPIPE_CODE, drop_output, finish_output, ready_output
from token_explorer.cli.sampling import with_seed
from token_explorer.cli.settings import PROGRAM, check_model, overridden, read_settings
from token_explorer.core.tokens import display
from token_explorer.errors import ExplorerError, InputError

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
    ready_output()
    try:
        code = _invoke(sys.argv[1:] if argv is None else argv)
        finish_output()
        return code
    except ExplorerError as error:
        _report(error)
        return error.exit_code
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        drop_output()
        print("The output's reader has gone; the rest isn't written.", file=sys.stderr)
        return SIGPIPE_CODE
    except Exception as error:
        return _report_bug(error)


def _invoke(argv: Sequence[str]) -> int:
    if not argv:
        return _explore()  # typer imports a library to understand arguments, for a tenth of a second
    try:
        command = typer.main.get_command(app)
        # Not its main(), which ends the program by itself on ctrl+c and where a reader has gone.
        with command.make_context(PROGRAM, list(argv)) as context:
            return int(command.invoke(context) or 0)
    except typer.Exit as ended:
        return int(ended.exit_code)
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


@app.callback(invoke_without_command=True)
def explore(
    context: typer.Context,
    input_file: StartFile = None,
    prompt: Prompt = None,
    model: ModelName = None,
    bf16: Bf16 = False,
    device: Device = None,
    layer_prob: LayerProb = False,
    seed: Seed = None,
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
    return _explore(input_file, prompt, model, bf16, device, layer_prob, seed, config_file)


def _explore(
    input_file: str | None = None,
    prompt: str | None = None,
    model: str | None = None,
    bf16: bool = False,
    device: str | None = None,
    layer_prob: bool = False,
    seed: str | None = None,
    config_file: str | None = None,
) -> int:
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


for command in (
    numbers.complete,
    numbers.generate,
    numbers.tokenize,
    numbers.score,
    pages.attention,
    pages.lens,
    numbers.compare,
    repl.repl,
    trace.trace,
    replay.replay,
    serve.serve,
    doctor.doctor,
):
    app.command()(command)
app.add_typer(tiny.app)


def _check_no_flags(context: typer.Context) -> None:
    """Refuse flags before a subcommand: they would do nothing there."""
    given = [name for name, value in context.params.items() if value]
    if given:
        command = context.invoked_subcommand
        flag = "--" + {"input_file": "input", "config_file": "config"}.get(given[0], given[0])
        hint = f"Write it behind, if {command} knows it: {PROGRAM} {command} {flag} …"
        raise InputError("Flag in the wrong place", f"{flag} stands before {command}.", hint)
