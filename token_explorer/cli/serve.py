"""The command `serve`."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from token_explorer.cli import engines
from token_explorer.cli.explore import starting_text
from token_explorer.cli.flags import Bf16, ConfigFile, Device, LayerProb, ModelName, Prompt, Seed, StartFile
from token_explorer.cli.sampling import with_seed
from token_explorer.cli.settings import PROGRAM, check_model, overridden, read_settings
from token_explorer.config import ServeSettings

if TYPE_CHECKING:
    from token_explorer.serve.server import Place


def serve(
    host: Annotated[
        str | None,
        typer.Option("--host", metavar="HOST", help="Listen here; 127.0.0.1, the default, is this machine."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="N", min=0, max=65535, help="The port; 0 takes a free one."),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the address in a browser.")] = False,
    max_sessions: Annotated[
        int | None, typer.Option("--max_sessions", metavar="N", min=1, max=1000, help="Most tabs at a time.")
    ] = None,
    public_url: Annotated[
        str | None,
        typer.Option("--public_url", metavar="URL", help="Where a proxy makes the server be found."),
    ] = None,
    input_file: StartFile = None,
    prompt: Prompt = None,
    model: ModelName = None,
    bf16: Bf16 = False,
    device: Device = None,
    layer_prob: LayerProb = False,
    seed: Seed = None,
    config_file: ConfigFile = None,
) -> int:
    """Explore in a browser.

    Each tab has prompts of its own; the model is loaded once for all. Ctrl+C ends it.
    """
    settings = overridden(read_settings(config_file), model, device, bf16, layer_prob)
    with_seed(settings.sampler, seed)
    starting_text(input_file, prompt, settings)  # a mistake is told here, not in each tab
    check_model(settings.model.name)
    flags = {
        "--input": input_file,
        "--prompt": prompt,
        "--model": model,
        "--bf16": bf16,
        "--device": device,
        "--layer_prob": layer_prob,
        "--seed": seed,
        "--config": config_file,
    }
    given: dict[str, Any] = {"host": host, "port": port, "max_sessions": max_sessions}
    chosen = replace(settings.serve, **{name: value for name, value in given.items() if value is not None})
    _serve(_command(flags), _place(chosen, public_url), show)
    return 0


def _place(chosen: ServeSettings, public_url: str | None) -> "Place":
    """Where to serve; says on stderr who can come there."""
    from token_explorer.cli.work import note
    from token_explorer.serve.gate import is_loopback, public_origin
    from token_explorer.serve.server import Place

    if not is_loopback(chosen.host):
        note(
            f"Other machines can reach {chosen.host}. Whoever gets the address can run models here, and read "
            "the files that you can. Nothing is encrypted: for that, put a proxy in front (--public_url)."
        )
    url = None if public_url is None else public_origin(public_url)
    return Place(chosen.host, chosen.port, url, chosen.max_sessions, chosen.idle_minutes * 60.0)


def _command(flags: Mapping[str, Any]) -> list[str]:
    """What a tab runs: the explorer, with the same flags."""
    command = [sys.executable, "-m", "token_explorer"]
    for flag, value in flags.items():
        if value:
            command += [flag] if value is True else [f"{flag}={value}"]
    return command


def _serve(command: list[str], place: "Place", show: bool) -> None:
    """Serve until ctrl+c, with one exchange for the engines of all tabs."""
    from tempfile import TemporaryDirectory

    from token_explorer.cli.work import note
    from token_explorer.engine.exchange import Exchange
    from token_explorer.engine.process import local_engine
    from token_explorer.serve.server import ExplorerServer, serve_until_interrupted

    exchange = Exchange(local_engine)
    environment = {engines.ADDRESS: exchange.address, engines.KEY: exchange.key.hex()}
    try:
        with TemporaryDirectory(prefix=f"{PROGRAM}-") as folder:
            server = ExplorerServer(command, environment, place, folder, note)
            serve_until_interrupted(server, _announce_and_open if show else _announce)
    finally:
        exchange.close()


def _announce(address: str) -> None:
    """Tell where to go: on stdout the address alone."""
    print("Open this address in a browser; Ctrl+C ends the server.", file=sys.stderr, flush=True)
    print(address, flush=True)


def _announce_and_open(address: str) -> None:
    import threading
    import webbrowser

    _announce(address)
    threading.Thread(
        target=webbrowser.open, args=(address,), daemon=True
    ).start()  # some wait for the browser
