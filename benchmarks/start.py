"""The start: from the start of the program's process to its first screen, and to the table.

The program is started as `make run` does it, without flags: settings name model and prompt. A start with
flags is measured besides, as what understands them is imported before the first screen, too.

Beside it, in turn, two scripts that do no more: one imports the libraries that a screen is made of, one
imports torch and transformers and loads the same weights.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import screen
from benchmarks.figures import Bound, median, ratio
from benchmarks.sides import Prompt
from tests.program import loaded

GOAL_FIRST_S = 0.5
GOAL_RATIO = 1.2
_TITLE = "Token Explorer"
# Nothing is painted before these are there.
IMPORTS = "import numpy, textual.app"
SCRIPT = """
import sys
import torch
import transformers
transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
print("loaded", flush=True)
"""


@dataclass(frozen=True, slots=True)
class Row:
    """Medians in seconds; the ratios are the medians of the turns' own."""

    turns: int
    first_screen: float | None
    with_flags: float | None
    imports: float | None
    first_over_imports: float | None
    table: float | None
    bare_script: float | None
    table_over_bare: float | None


def measure(prompt: Prompt, turns: int) -> Row:
    """Start both, in turn, and once before that, so that their files are in the system's memory."""
    rounds = [_round(prompt) for _ in range(turns + 1)][1:]
    firsts, tables, flagged, imports, scripts = zip(*rounds, strict=True)
    first = median(firsts), median(flagged), median(imports), ratio(firsts, imports)
    return Row(turns, *first, median(tables), median(scripts), ratio(tables, scripts))


def bounds(rows: Sequence[Row]) -> Iterator[Bound]:
    """What a start may take."""
    for row in rows:
        yield Bound("first screen", row.first_screen, GOAL_FIRST_S, "s")
        yield Bound("table / bare script", row.table_over_bare, GOAL_RATIO, "x")


def _round(prompt: Prompt) -> tuple[float, float, float, float, float]:
    """Seconds to the first screen, to the table, to the first screen with flags, and of both scripts."""
    with tempfile.TemporaryDirectory() as folder:
        text, settings = Path(folder, "prompt.txt"), Path(folder, "config.toml")
        text.write_text(prompt.text, newline="")
        model = f'[model]\nname = {_quoted(prompt.model)}\ndevice = "cpu"\n'
        settings.write_text(f"{model}[prompt]\nexample_prompt = {_quoted(prompt.text)}\n", encoding="utf-8")
        first, table = _program(screen.PLAIN, {"TOKEN_EXPLORER_CONFIG": str(settings)})
        flagged, _ = _program(screen.command(prompt.model, text), {})
    return first, table, flagged, imports_s(), script_s(prompt.folder)


def _quoted(text: str) -> str:
    """A text as TOML has it."""
    return json.dumps(text, ensure_ascii=False)


def _program(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Seconds to the first screen and to the table."""
    start = time.perf_counter()
    shown = screen.Screen(arguments, environment=environment)
    try:
        first, table = shown.appear(lambda text: _TITLE in text, loaded)
    finally:
        shown.close()
    return first - start, table - start


def imports_s() -> float:
    """Seconds until Python has started and imported what a screen is made of."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    return time.perf_counter() - start


def script_s(folder: str) -> float:
    """Seconds until the weights are loaded."""
    start = time.perf_counter()
    script = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert script.stdout is not None
    with script:
        told = script.stdout.readline()
        end = time.perf_counter()
    if told.strip() != b"loaded":
        raise RuntimeError(f"the bare script could not load {folder}")
    return end - start
