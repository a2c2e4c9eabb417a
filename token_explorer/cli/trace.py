"""The command `trace`: one run of a model, recorded in a folder."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from token_explorer.cli.flags import (
    Bf16,
    BlockBlank,
    BlockEnd,
    ConfigFile,
    Device,
    Force,
    InputFile,
    Json,
    MinP,
    ModelName,
    NoRepeatNgram,
    RepetitionPenalty,
    Seed,
    Temperature,
    TopK,
    TopP,
)
from token_explorer.cli.output import show, show_document
from token_explorer.cli.sampling import plan_sampler
from token_explorer.cli.settings import settings_for
from token_explorer.cli.source import counted, read_text, stop_texts
from token_explorer.errors import InputError

if TYPE_CHECKING:
    from token_explorer.config import Settings
    from token_explorer.core.engine import Stop
    from token_explorer.core.sampling import Sampler
    from token_explorer.trace.folder import Folder
    from token_explorer.trace.record import Trace
    from token_explorer.trace.settings import Heads, TraceSettings

MOST_TOKENS = 100_000


def trace(
    context: typer.Context,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", metavar="TEXT", help="The text; without it, what comes on stdin."),
    ] = None,
    input_file: InputFile = None,
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="DIR", help="The folder for the files; it is made.")
    ] = None,
    force: Force = False,
    max_new_tokens: Annotated[
        int,
        typer.Option("--max_new_tokens", metavar="N", min=1, max=MOST_TOKENS, help="Most tokens to write."),
    ] = 120,
    min_new_tokens: Annotated[
        int,
        typer.Option("--min_new_tokens", metavar="N", min=0, max=1000, help="Fewest tokens to write."),
    ] = 0,
    stop_on: Annotated[
        list[str] | None,
        typer.Option("--stop_on", metavar="TEXT", help="End once this was written; may be repeated."),
    ] = None,
    alternatives: Annotated[
        int,
        typer.Option("--alternatives", "-k", metavar="K", min=1, max=1000, help="Tokens listed a step."),
    ] = 10,
    attn_every: Annotated[
        int,
        typer.Option(
            "--attn_every", metavar="N", min=0, help="Steps between snapshots of attention; 0: none."
        ),
    ] = 0,
    attn_layer: Annotated[
        str, typer.Option("--attn_layer", metavar="N|last", help="Of this layer, counted from 1.")
    ] = "last",
    attn_head: Annotated[
        str,
        typer.Option("--attn_head", metavar="N|mean|max|all", help="Of this head, or of its heads together."),
    ] = "mean",
    beside: Annotated[
        str | None, typer.Option("--beside", metavar="MODEL", help="A second model, and a plot of both.")
    ] = None,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    min_p: MinP = None,
    repetition_penalty: RepetitionPenalty = None,
    no_repeat_ngram: NoRepeatNgram = None,
    block_end: BlockEnd = None,
    block_blank: BlockBlank = None,
    seed: Seed = None,
    model: ModelName = None,
    bf16: Bf16 = False,
    device: Device = None,
    config_file: ConfigFile = None,
    as_json: Json = False,
) -> int:
    """Record what a model writes in a folder.

    Numbers, plots and text. It takes the likeliest token each time; a flag of the sampler, or --seed, has it
    draw.
    """
    chosen = [settings_for(config_file, name, device, bf16) for name in (model, beside)[: 1 + bool(beside)]]
    sampler, drawn = plan_sampler(chosen[0].sampler, context.params, seed)
    if min_new_tokens > max_new_tokens:
        message = f"--min_new_tokens {min_new_tokens} is more than --max_new_tokens {max_new_tokens}."
        raise InputError("Impossible run", message, "Turn one of them.")
    wanted: dict[str, Any] = {
        "limit": max_new_tokens,
        "least": min_new_tokens,
        "sampler": _writing_so_many(sampler, min_new_tokens),
        "seed": drawn,
        "stops": stop_texts(stop_on, "--stop_on"),
        "alternatives": alternatives,
        "attention_every": attn_every,
        "layer": _layer(attn_layer),
        "heads": _heads(attn_head),
    }
    folders = _folders(out, beside is not None)
    try:
        for folder in folders:
            folder.prepare(force)
        text = read_text(prompt, input_file, flag="--prompt")
        return _run(chosen, text, wanted, folders, as_json)
    finally:
        for folder in reversed(folders):
            folder.leave()


def _writing_so_many(sampler: "Sampler | None", least: int) -> "Sampler | None":
    """The sampler that doesn't end the text before so many tokens; a greedy one stays greedy."""
    from dataclasses import replace

    from token_explorer.core.knobs import Sampler

    if not least:
        return sampler
    if sampler is None:
        return Sampler(temperature=0.0, block_end=least)
    return replace(sampler, block_end=max(sampler.block_end, least))


def _layer(text: str) -> int | None:
    return None if text == "last" else counted(text, "--attn_layer", "a layer from 1, or last")


def _heads(text: str) -> "Heads":
    together: dict[str, Heads] = {"mean": "mean", "max": "max", "all": "all"}
    if text in together:
        return together[text]
    return counted(text, "--attn_head", "a head from 1, mean, max or all")


def _folders(out: str | None, beside: bool) -> "list[Folder]":
    """Where the traces go. Raises InputError."""
    if out is None or not out:
        hint = "Name the folder for the files: --out DIR. It is made where it isn't there."
        raise InputError("No folder", "--out isn't there.", hint)
    from token_explorer.trace.folder import Folder
    from token_explorer.trace.names import BESIDE

    path = Path(out).expanduser()
    return [Folder(path), Folder(path / BESIDE)][: 1 + beside]


def _run(
    chosen: "list[Settings]", text: str, wanted: dict[str, Any], folders: "list[Folder]", as_json: bool
) -> int:
    """Record each model's run, one after the other, so that memory holds one."""
    from token_explorer.cli.work import stopping
    from token_explorer.trace.settings import TraceSettings

    traces: list[Trace] = []
    with stopping() as stop:
        for settings, folder in zip(chosen, folders, strict=True):
            traces.append(_recorded(settings, text, TraceSettings(**wanted), folder, stop, as_json))
            _finish(traces[-1], folder)
            if traces[-1].interrupted:
                break
        else:
            if len(traces) == 2:
                _compare(traces, folders[0])
    if as_json:
        show_document(traces[0].document())
    if traces[-1].interrupted:
        raise KeyboardInterrupt
    return 0


def _recorded(
    settings: "Settings", text: str, wanted: "TraceSettings", folder: "Folder", stop: "Stop", quiet: bool
) -> "Trace":
    """Record a run, and print what was written."""
    from token_explorer.cli.work import encoded, opening
    from token_explorer.results.generation import Written
    from token_explorer.trace.progress import Progress
    from token_explorer.trace.run import record

    with opening(settings) as opened:
        ids = encoded(opened, text)
        with Progress(wanted.limit, sys.stderr) as progress:
            made = record(opened, ids, wanted, progress.tell, folder.keep, stop)
        if not quiet:
            plan, took = wanted.plan(len(ids)), made.timings.seconds
            show(Written(opened, ids, plan, made.steps, made.ending, took).closing(steps_told=False))
    return made


def _finish(trace: "Trace", folder: "Folder") -> None:
    """Write the files, and say which they are, and what isn't there."""
    from token_explorer.cli.work import note

    note("drawing the plots …")
    folder.finish(trace)
    for each in trace.notes:
        note(each)
    note(f"Wrote {folder.path}: {', '.join(folder.written)}.")


def _compare(traces: "list[Trace]", folder: "Folder") -> None:
    from token_explorer.cli.work import note
    from token_explorer.trace.names import COMPARISON
    from token_explorer.trace.plots import comparing

    folder.write(COMPARISON, comparing(*traces))
    note(f"Wrote {folder.path / COMPARISON}.")
