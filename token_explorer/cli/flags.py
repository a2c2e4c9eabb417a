"""The flags that commands share, each declared once."""

from typing import Annotated, Any

import typer

from token_explorer import config
from token_explorer.core.knobs import knob

ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help="'embedded' (the default), 'tiny' (see `tiny train`), a hub id such as Qwen/Qwen2.5-0.5B, "
        "a folder, or a .gguf file.",
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
LayerProb = Annotated[bool, typer.Option("--layer_prob", help="Look into the layers (key p).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
TextArgument = Annotated[
    str | None, typer.Argument(metavar="TEXT", help="The text; without it, what comes on stdin.")
]
InputFile = Annotated[
    str | None,
    typer.Option("--input", "-i", metavar="FILE", help="The text of this file, as it is; - is stdin."),
]
StartFile = Annotated[
    str | None, typer.Option("--input", "-i", metavar="FILE", help="Start from this file's text, as it is.")
]
Prompt = Annotated[str | None, typer.Option("--prompt", metavar="TEXT", help="Start from this text.")]
Strip = Annotated[bool, typer.Option("--strip", help="Take blanks and line ends off the text's end.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]
Seed = Annotated[str | None, typer.Option("--seed", metavar="N", help="Draw the same tokens again.")]


def _option(name: str, *others: str) -> Any:
    """The option of a knob of the sampler; what it is given is text, which the knob reads."""
    declared = knob(name)
    metavar = "N" if declared.whole else "X"
    help = f"{declared.help} {declared.allowed.capitalize()}."
    return typer.Option(f"--{name}", *others, metavar=metavar, help=help)


RepetitionPenalty = Annotated[str | None, _option("repetition_penalty")]
NoRepeatNgram = Annotated[str | None, _option("no_repeat_ngram", "--no_repeat_ngram_size")]
BlockEnd = Annotated[str | None, _option("block_end", "--block_eos_steps")]
BlockBlank = Annotated[str | None, _option("block_blank", "--block_ws_steps")]
Temperature = Annotated[str | None, _option("temperature")]
TopK = Annotated[str | None, _option("top_k")]
TopP = Annotated[str | None, _option("top_p")]
MinP = Annotated[str | None, _option("min_p")]
