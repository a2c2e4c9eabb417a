"""The program's commands and the flags of exploring: what arguments mean. Knows nothing of what they do."""

from collections.abc import Sequence
from typing import Annotated

import typer

from token_explorer import __version__
from token_explorer.cli import doctor, numbers, pages, repl, replay, serve, tiny, trace
from token_explorer.cli import explore as exploring
from token_explorer.cli.flags import Bf16, ConfigFile, Device, LayerProb, ModelName, Prompt, Seed, StartFile
from token_explorer.cli.settings import PROGRAM
from token_explorer.errors import InputError

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


def invoke(argv: Sequence[str]) -> int:
    """Do what arguments say, and return the exit code. Raises InputError for those that mean nothing."""
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
    return exploring.explore(input_file, prompt, model, bf16, device, layer_prob, seed, config_file)


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
