"""The commands that write pages for a browser: attention, lens."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from token_explorer.cli.flags import (
    Bf16,
    ConfigFile,
    Device,
    Force,
    InputFile,
    Json,
    ModelName,
    Strip,
    TextArgument,
)
from token_explorer.cli.output import publish, show, show_document
from token_explorer.cli.settings import settings_for
from token_explorer.cli.source import checked, counted, read_text
from token_explorer.errors import InputError
from token_explorer.files import check_new, write_file

if TYPE_CHECKING:
    from token_explorer.results.opened import Opened

Page = Annotated[
    str | None,
    typer.Option("-o", "--out", metavar="FILE", help="Write the page here; without it, ./NAME.html."),
]


def attention(
    text: TextArgument = None,
    input_file: InputFile = None,
    strip: Strip = False,
    out: Page = None,
    force: Force = False,
    layer: Annotated[
        str, typer.Option("--layer", metavar="N|all", help="The layer in the page, or all of them.")
    ] = "all",
    head: Annotated[
        str, typer.Option("--head", metavar="N|mean|max", help="What of a layer's heads is shown at first.")
    ] = "mean",
    model: ModelName = None,
    bf16: Bf16 = False,
    device: Device = None,
    config_file: ConfigFile = None,
    as_json: Json = False,
) -> int:
    """Write a page of how the tokens of a text attend.

    With --json the weights are printed instead, and a page is written where -o names one.
    """
    settings = settings_for(config_file, model, device, bf16)
    path = _target(out, "attention.html", as_json, force)
    chosen, how = _layer(layer), _head(head)
    given = read_text(text, input_file, strip)
    from token_explorer.cli.work import encoded, note, opening, stopping
    from token_explorer.results import attention as weights

    with stopping() as stop, opening(settings) as opened:
        ids = encoded(opened, given)
        attended = weights.attend(opened, ids, None if chosen is None else [chosen], stop)
    if path is not None:
        write_file(path, attended.page(chosen, how, settings.display.palette).encode(), force)
        note(f"Wrote {path}; open it in a browser.")
    if as_json:
        show_document(attended.document())
    else:
        show(attended.text(chosen, how))
    return 0


def lens(
    text: TextArgument = None,
    input_file: InputFile = None,
    strip: Strip = False,
    out: Page = None,
    force: Force = False,
    pin: Annotated[
        str | None,
        typer.Option(
            "--pin", metavar="TOKEN", help="A token to follow through the layers: its text, or #id."
        ),
    ] = None,
    model: ModelName = None,
    bf16: Bf16 = False,
    device: Device = None,
    config_file: ConfigFile = None,
    as_json: Json = False,
) -> int:
    """Write a page of the logit lens: what each layer would say.

    With --json the numbers are printed instead, and a page is written where -o names one.
    """
    settings = settings_for(config_file, model, device, bf16)
    path = _target(out, "lens.html", as_json, force)
    given = read_text(text, input_file, strip)
    from token_explorer.cli.work import encoded, note, opening, stopping
    from token_explorer.results import lens as layers

    with stopping() as stop, opening(settings) as opened:
        ids = encoded(opened, given)
        pinned = None if pin is None else _pinned(opened, checked(pin, "--pin"))
        looked = layers.look(opened, ids, pinned, stop)
    if path is not None:
        write_file(path, looked.page(settings.display.palette).encode(), force)
        note(f"Wrote {path}; open it in a browser.")
    publish(looked, as_json)
    return 0


def _target(out: str | None, usual: str, as_json: bool, force: bool) -> str | None:
    """Where the page goes, checked before a model is loaded; None for no page. Raises OutputError."""
    path = out if out is not None or as_json else usual
    if path is not None:
        check_new(path, force)
    return path


def _layer(text: str) -> int | None:
    return None if text == "all" else counted(text, "--layer", "a layer, counted from 1, or 'all'")


def _head(text: str) -> "int | Literal['mean', 'max']":
    if text == "mean":
        return "mean"
    if text == "max":
        return "max"
    return counted(text, "--head", "a head, counted from 1, 'mean' or 'max'")


def _pinned(opened: "Opened", text: str) -> int:
    """The one token that a text is. Raises InputError where it is none, or several."""
    from token_explorer.core.cuts import Encoding
    from token_explorer.core.engine import Stop

    size = len(opened.vocabulary)
    number = text[1:]
    if text.startswith("#") and number.isascii() and number.isdigit():
        if len(number) < 10 and int(number) < size:
            return int(number)
        raise InputError("No such token", f"--pin {text}.", f"Ids run from 0 to {size - 1}.")
    tokens = opened.engine.observe((), Encoding(text, False), Stop()).tokens
    if not tokens:
        raise InputError("Not one token", "--pin is empty.", "Name a token, or its id: --pin '#42'.")
    if len(tokens) > 1:
        pieces = " ".join(f'"{opened.vocabulary[token].shown}"' for token in tokens)
        hint = "Name one of them, or give its id: --pin '#42'."
        raise InputError("Not one token", f"--pin {text!r} is {len(tokens)} tokens: {pieces}.", hint)
    return tokens[0]
