"""What is loaded when; each in an interpreter of its own, as this one has loaded everything already."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MODELS = frozenset({"torch", "transformers", "tokenizers", "safetensors"})
SCREENS = frozenset({"textual", "rich"})
HEAVY = MODELS | SCREENS | {"numpy"}
SHOW = "; import sys; print('loaded:', *(name for name in sys.modules if '.' not in name), file=sys.stderr)"
HELP_SECONDS = 0.4
ROOT = Path(__file__).parents[1]


def loaded_by(code: str) -> set[str]:
    """The top-level modules that are there after a piece of code has run."""
    ran = subprocess.run([sys.executable, "-c", code + SHOW], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stderr.strip().splitlines()[-1].removeprefix("loaded: ").split())


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        (
            "token_explorer.core.branch, token_explorer.core.engine, token_explorer.core.reading",
            MODELS | SCREENS,
        ),
        ("token_explorer.overlays", MODELS | SCREENS),
        ("token_explorer.config", HEAVY),
        ("token_explorer.files", HEAVY),
        ("token_explorer.cli", HEAVY),
        ("token_explorer.ui.keys", HEAVY),
        ("token_explorer.engine.process", MODELS | SCREENS),
        ("token_explorer.ui.app", MODELS),
        ("token_explorer.serve.server", MODELS | {"textual"}),
        ("token_explorer.engine.exchange, token_explorer.cli.work, token_explorer.cli.serve", MODELS),
    ],
)
def test_a_room_loads_no_library_of_another(module: str, forbidden: frozenset[str]) -> None:
    assert not loaded_by(f"import {module}") & forbidden


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["--input", "/no/such/file"],
        ["--nonsense"],
        ["--device", "gpu"],
        ["tiny"],
        ["tiny", "train", "--help"],
        ["tiny", "train", "--data", "demmo"],
        ["tiny", "train", "--width", "15"],
    ],
)
def test_help_and_mistakes_are_answered_before_anything_heavy_is_loaded(arguments: list[str]) -> None:
    assert not loaded_by(f"from token_explorer.cli import main; main({arguments!r})") & HEAVY


def test_a_start_without_arguments_imports_nothing_that_understands_them() -> None:
    assert not loaded_by("from token_explorer.cli import main; main([])") & {"typer", "pydantic"}


EXPLORE = """
import importlib, os
os.cpu_count, os.getloadavg = lambda: {cores}, lambda: ({busy}, 0.0, 0.0)
explore = importlib.import_module("token_explorer.cli.explore")
from token_explorer.cli.settings import read_settings
from token_explorer.engine.process import EngineProcess
def begin(engine):
    raise SystemExit
EngineProcess.begin = begin
explore.run_on = lambda *_: print("the screen comes first")
try:
    explore.run_explorer(read_settings(None), "")
except SystemExit:
    pass
over = True"""


def test_the_engine_begins_before_anything_of_the_screen_is_loaded() -> None:
    assert not loaded_by(EXPLORE.format(cores=2, busy=1.9)) & (MODELS | {"textual"})


@pytest.mark.parametrize(("cores", "busy"), [(1, 0.0), (2, 2.0), (8, 9.5)])
def test_where_no_core_is_free_the_screen_comes_before_the_engine(cores: int, busy: float) -> None:
    code = EXPLORE.format(cores=cores, busy=busy)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "the screen comes first\n"


@pytest.mark.parametrize("file", ["main.py", "token_explorer/__main__.py"])
def test_what_the_engines_process_imports_again_of_the_program_is_nothing(file: str) -> None:
    loaded = loaded_by(f"import runpy; runpy.run_path({str(ROOT / file)!r}, run_name='__mp_main__')")
    assert not loaded & (HEAVY | {"typer", "tomli"})


def test_the_probe_sees_what_is_loaded() -> None:
    assert "numpy" in loaded_by("import numpy")


def cpu_seconds_of_help() -> float:
    before = os.times()
    subprocess.run([sys.executable, "-m", "token_explorer", "--help"], check=True, stdout=subprocess.DEVNULL)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def test_help_takes_less_than_the_blink_of_an_eye() -> None:
    # Processor time, the least of three: what else the machine does isn't the program's fault.
    assert min(cpu_seconds_of_help() for _ in range(3)) < HELP_SECONDS
