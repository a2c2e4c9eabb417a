"""The start: from the start of the program's process to its first screen, and to the table.

Beside it, in turn, a bare script imports torch and transformers, loads the same weights, and does no more.
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
SCRIPT = """
import sys
import torch
import transformers
transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
print("loaded", flush=True)
"""


@dataclass(frozen=True, slots=True)
class Row:
    """Medians in seconds; the ratio is the median of the turns' own."""

    turns: int
    first_screen: float | None
    table: float | None
    bare_script: float | None
    table_over_bare: float | None


def measure(prompt: Prompt, turns: int) -> Row:
    """Start both, in turn, and once before that, so that their files are in the system's memory."""
    screens, scripts = [], []
    for turn in range(turns + 1):
        began = _program(prompt)
        script = script_s(prompt.folder)
        if turn:
            screens.append(began)
            scripts.append(script)
    firsts, tables = [first for first, _ in screens], [table for _, table in screens]
    return Row(turns, median(firsts), median(tables), median(scripts), ratio(tables, scripts))


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
