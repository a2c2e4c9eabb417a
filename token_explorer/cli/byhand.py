"""The command that prints a forward by hand, step by step: byhand."""

from typing import Annotated

import typer

from token_explorer.cli.flags import ConfigFile, Device, Force, InputFile, Json, Strip, TextArgument
from token_explorer.cli.output import line_width, publish
from token_explorer.cli.settings import settings_for
from token_explorer.cli.source import read_text
from token_explorer.files import check_new, write_file

# The model that the commands of tiny are about, where none is named.
TINY = "tiny"

TinyModel = Annotated[
    str,
    typer.Option(
        "--model", "-m", metavar="NAME", help="'tiny' (the default), or a folder with a small GPT-2."
    ),
]
Worksheet = Annotated[
    str | None,
    typer.Option("--html", metavar="FILE", help="Write a worksheet instead of text."),
]


def _numbers(flag: str, what: str) -> "typer.models.OptionInfo":
    help = f"{what}, counted from 1; may be given several times."
    option: typer.models.OptionInfo = typer.Option(flag, metavar="N", min=1, help=help)
    return option


def byhand(
    text: TextArgument = None,
    input_file: InputFile = None,
    strip: Strip = False,
    step: Annotated[
        list[str] | None,
        typer.Option("--step", metavar="NAME", help="Only steps of this name; may be given several times."),
    ] = None,
    layer: Annotated[list[int] | None, _numbers("--layer", "Only steps of this layer")] = None,
    head: Annotated[list[int] | None, _numbers("--head", "Only steps of this head")] = None,
    position: Annotated[
        list[int] | None, _numbers("--position", "Only this token's rows, each number worked out")
    ] = None,
    column: Annotated[
        int | None,
        typer.Option("--column", metavar="N", min=1, help="Only this column, each number worked out."),
    ] = None,
    html: Worksheet = None,
    force: Force = False,
    model: TinyModel = TINY,
    device: Device = None,
    config_file: ConfigFile = None,
    as_json: Json = False,
) -> int:
    """Print each step of a forward, with its formula and its numbers.

    With --position or --column the calculation of each number is written out.
    """
    settings = settings_for(config_file, model, device, False)
    check_page(html, force)
    given = read_text(text, input_file, strip)
    from token_explorer.cli.work import encoded, note, opening, stopping
    from token_explorer.results import byhand as steps
    from token_explorer.results.wanted import Wanted

    wanted = Wanted(tuple(step or ()), tuple(layer or ()), tuple(head or ()), tuple(position or ()), column)
    with stopping() as stop, opening(settings) as opened:
        followed = steps.follow(opened, encoded(opened, given), wanted, line_width(), stop)
    if html is not None:
        write_file(html, followed.page().encode(), force)
        note(f"Wrote {html}; open it in a browser.")
    if html is None or as_json:
        publish(followed, as_json)
    return 0


def check_page(html: str | None, force: bool) -> None:
    """Raise OutputError where a worksheet can't be written, before a model is loaded."""
    if html is not None:
        check_new(html, force)
