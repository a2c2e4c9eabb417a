"""The start: from the start of the program's process to its first screen, and to the table.

Beside it, in turn, two scripts that do no more: one imports the libraries that a screen is made of, one
imports torch and transformers and loads the same weights.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Bound, median, ratio
from benchmarks.screen import Screen, command
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
    imports: float | None
    first_over_imports: float | None
    table: float | None
    bare_script: float | None
    table_over_bare: float | None


def measure(prompt: Prompt, turns: int) -> Row:
    """Start both, in turn, and once before that, so that their files are in the system's memory."""
    screens, imports, scripts = [], [], []
    for turn in range(turns + 1):
        began = _program(prompt)
        imported = imports_s()
        script = script_s(prompt.folder)
        if turn:
            screens.append(began)
            imports.append(imported)
            scripts.append(script)
    firsts, tables = [first for first, _ in screens], [table for _, table in screens]
    first = median(firsts), median(imports), ratio(firsts, imports)
    return Row(turns, *first, median(tables), median(scripts), ratio(tables, scripts))


def bounds(rows: Sequence[Row]) -> Iterator[Bound]:
    """What a start may take."""
    for row in rows:
        yield Bound("first screen", row.first_screen, GOAL_FIRST_S, "s")
        yield Bound("table / bare script", row.table_over_bare, GOAL_RATIO, "x")


def _program(prompt: Prompt) -> tuple[float, float]:
    """Seconds to the first screen and to the table."""
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder, "prompt.txt")
        text.write_text(prompt.text, newline="")
        start = time.perf_counter()
        screen = Screen(command(prompt.model, text))
        try:
            first, table = screen.appear(lambda shown: _TITLE in shown, loaded)
        finally:
            screen.close()
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
