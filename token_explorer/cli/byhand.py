"""The command `tiny byhand`: a forward followed step by step."""

import shutil
import sys
from typing import Annotated

import typer

from token_explorer.cli.flags import ConfigFile, Device, Force, InputFile, Json, TextArgument
from token_explorer.cli.output import show, show_document
from token_explorer.cli.settings import settings_for
from token_explorer.cli.source import read_text

# The model that the commands of tiny are about, where none is named.
TINY = "tiny"
TinyModel = Annotated[
    str,
    typer.Option("--model", "-m", metavar="NAME", help="'tiny' (the default), or another small GPT-2."),
]
HtmlFile = Annotated[
    str | None, typer.Option("--html", metavar="FILE", help="Write a page for print instead.")
]


def _chosen(flag: str, help: str) -> "typer.models.OptionInfo":
    option: typer.models.OptionInfo = typer.Option(flag, metavar="N", help=f"{help} May be repeated.")
    return option


def byhand(
    text: TextArgument = None,
    input_file: InputFile = None,
    steps: Annotated[
        list[str] | None,
        typer.Option("--step", metavar="NAME", help="Only this step, such as scores. May be repeated."),
    ] = None,
    layers: Annotated[list[int] | None, _chosen("--layer", "Only of this layer, from 1.")] = None,
    heads: Annotated[list[int] | None, _chosen("--head", "Only of this head, from 1.")] = None,
    positions: Annotated[list[int] | None, _chosen("--position", "Only of this token, from 1.")] = None,
    columns: Annotated[
        list[int] | None, _chosen("--column", "Only this column, with the working of each number.")
    ] = None,
    html: HtmlFile = None,
    force: Force = False,
    model: TinyModel = TINY,
    device: Device = None,
    config_file: ConfigFile = None,
    as_json: Json = False,
) -> int:
    """Follow a text through a tiny model: every number, from the embeddings to the probabilities."""
    settings = settings_for(config_file, model, device, False)
    given = read_text(text, input_file, False)
    if html is not None:
        from token_explorer.files import check_new

        check_new(html, force)
    from token_explorer.cli.work import encoded, note, opening, stopping
    from token_explorer.results.byhand import Choice, walk

    chosen = (steps, layers, heads, positions, columns)
    choice = Choice(*(tuple(each or ()) for each in chosen))  # type: ignore[arg-type]  # mypy mixes their types
    with stopping() as stop, opening(settings) as opened:
        walked = walk(opened, encoded(opened, given), choice, stop)
    if html is not None:
        from token_explorer.files import write_file
        from token_explorer.results.worksheet import worksheet

        write_file(html, worksheet(walked).encode(), force)
        note(f"Wrote {html}; open it in a browser, or print it.")
    if as_json:
        show_document(walked.document())
    elif html is None:
        show(walked.text(shutil.get_terminal_size().columns if sys.stdout.isatty() else 0))
    return 0
