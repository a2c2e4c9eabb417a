"""The flags that commands share, each declared once."""

from typing import Annotated

import typer

from token_explorer import config

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
LayerProb = Annotated[bool, typer.Option("--layer_prob", help="Look into the layers (key p).")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
