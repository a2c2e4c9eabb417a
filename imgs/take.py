"""Take the pictures of the README and of the docs: the running program, on the embedded model.

python imgs/take.py [NAME …]
"""

import asyncio
import io
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ["TEXTUAL_COLOR_SYSTEM"] = "truecolor"  # read when textual is imported
sys.path.insert(0, str(Path(__file__).parents[1]))  # for the tests' browser

from PIL import Image
from rich.console import Console
from rich.text import Text
from textual.pilot import Pilot

from tests.browser import Browser, find_browser
from tests.program import loaded
from tests.serve.page import Page
from tests.serve.running import running
from token_explorer.config import DisplaySettings, Settings
from token_explorer.core.engine import Engine, ModelSpec
from token_explorer.core.start import Start
from token_explorer.engine.process import local_engine
from token_explorer.trace.reading import read
from token_explorer.trace.recorded import RecordedEngine, start_of
from token_explorer.ui.app import Explorer

HERE = Path(__file__).parent
ROOT = HERE.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "prompts" / "gsm8k.txt").read_text(encoding="utf-8")
WORDS = " red tiger seven piano cloud river"
COLUMNS = 120
# By then a browser's terminal has drawn what a key did, and the model has looked ahead of it.
SETTLED_S = 2.0
# Of a PNG: enough for the steps of a palette, with a byte a pixel.
COLOURS = 256
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


@dataclass(frozen=True)
class Picture:
    """What is pressed, from which prompt, and how large the terminal is."""

    keys: tuple[str, ...]
    text: str = EXAMPLE
    size: tuple[int, int] = (COLUMNS, 40)


@dataclass(frozen=True)
class Hovered:
    """Which command of the README writes it, what has its middle under the pointer, and the window's size.

    The place is an expression of the page's own script: x and y, CSS pixels.
    """

    command: str
    place: str
    size: tuple[int, int]
    fragment: str = ""


def overlay(number: int) -> tuple[str, ...]:
    """The keys for the overlay of this number, counted as the key e goes."""
    return ("e",) * number


def command(line: str) -> tuple[str, ...]:
    """The keys for a line of the command line."""
    return (":", *line, "enter")


BACK_TO_ANSWER = ("h",) * 35
# The key of the overlay before the first one, which is the last: change.
CHANGE = "E"
SAMPLER = (*command("temperature 0.8"), *command("top-k 20"), *command("top-p 0.9"))
PICTURES = {
    "explorer": Picture((*overlay(2), *BACK_TO_ANSWER, "j")),
    "probability": Picture(overlay(1), size=(120, 24)),
    "influence": Picture((*overlay(3), "S"), size=(120, 24)),
    "surprisal": Picture((*overlay(4), ",", ","), size=(120, 24)),
    "rank": Picture(overlay(5), size=(120, 24)),
    "similarity": Picture((*overlay(6), *("[",) * 10), size=(120, 24)),
    "norm": Picture((*overlay(7), *("[",) * 18), size=(120, 24)),
    "attribution": Picture(overlay(8), size=(120, 24)),
    "depth": Picture(overlay(9), size=(120, 24)),
    "replace": Picture((*("{",) * 4, "end", "r", CHANGE, "$", ",", ","), size=(120, 30)),
    "survive": Picture((*command("goto 89"), "j", "j", "r", CHANGE, "$", ",", ","), size=(120, 24)),
    "find": Picture(("/", *"sea"), "Once upon a time, there was a boy who lived by the", (120, 24)),
    "sampler": Picture((*SAMPLER, "t", "end", "up", "up"), "Once upon a time, there was a", (120, 36)),
    "edit": Picture(("v", "enter", *"Question: Why?"), size=(120, 24)),
    "layers": Picture(("p", "j"), "Two plus two equals", (120, 24)),
    "lens": Picture(("space", "L"), "The capital of France is"),
    "attention": Picture(("A", "S", "home", *("j",) * 15), WORDS * 2 + " red tiger seven"),
}
# Of the tiny model of the README.
BY_HAND = {
    "byhand": Picture(("B", *("j",) * 11), "the quick brown", (120, 30)),
}
# In a browser: what is pressed there, from the README's prompt.
SERVED = {"serve": Picture(("e", "d", "j", "l"), "The capital of France is", (1200, 760))}
# Of the trace: at the token that was drawn though others were likelier.
REPLAYED = {"replay": Picture((*overlay(4), *command("goto 35")), size=(120, 24))}
# What the command line prints, in its colours.
PRINTED = {
    "complete": 'complete "The capital of France is" -k 5 --layer_prob',
    "score": "score --input prompts/gsm8k.txt --text --overlay surprisal",
}
CELL = "(({left, top}) => [left + 9, top + 9])(cells[at(29, 14)].getBoundingClientRect())"
MAP = (
    "(({left, top}) => [left + layout.left + 6.5 * layout.side, top + layout.top + 14.5 * layout.side])"
    "(canvas.getBoundingClientRect())"
)
PAGES = {
    "attention-page": Hovered("attention", MAP, (1200, 960), "#sink=0"),
    "lens-page": Hovered("lens", CELL, (1540, 940)),
}
# The plots of the trace, by the names of their files.
PLOTS = {
    "trace-surprisal": "surprisal.png",
    "trace-final-step": "final_step_token_probs.png",
    "trace-attention": "prompt_attention_heatmap.png",
}


def take(name: str, picture: Picture, folder: Path) -> None:
    """A screen of the explorer."""
    engine = local_engine(ModelSpec(device="cpu", record_layers=True))
    asyncio.run(_press(name, picture, engine, picture.text, "embedded"))


def take_by_hand(name: str, picture: Picture, folder: Path) -> None:
    """A screen of the explorer on the tiny model, which is trained for that."""
    os.environ["TOKEN_EXPLORER_DATA"] = str(folder / "data")
    run(example("tiny train"), folder)
    engine = local_engine(ModelSpec("tiny", device="cpu"))
    asyncio.run(_press(name, picture, engine, picture.text, "tiny"))


def take_served(name: str, picture: Picture, folder: Path) -> None:
    """The explorer in a browser's window."""
    with running("--prompt", picture.text) as server:
        browser = Browser(*picture.size)
        try:
            browser.open(server.address)
            page = Page(browser)
            page.wait_for(loaded)
            for key in picture.keys:
                browser.key(key)
                time.sleep(SETTLED_S)
            page.wait_for(loaded)
            browser.screenshot(HERE / f"{name}.png")
        finally:
            browser.close()
    _shrink(HERE / f"{name}.png")


def take_replay(name: str, picture: Picture, folder: Path) -> None:
    """A screen of the explorer on the trace."""
    trace = read(traced(folder))
    asyncio.run(_press(name, picture, RecordedEngine(trace), start_of(trace), trace.model))


async def _press(name: str, picture: Picture, engine: Engine, first: str | Start, model: str) -> None:
    """Press keys, wait for each answer, and save the screen."""
    explorer = Explorer(engine, Settings(display=DisplaySettings(layer_prob=True)), first, model)
    try:
        async with explorer.run_test(size=picture.size) as pilot:
            await settle(explorer, pilot)
            for key in picture.keys:
                await pilot.press(key)
                await settle(explorer, pilot)
            (HERE / f"{name}.svg").write_text(_standalone(explorer.export_screenshot()), encoding="utf-8")
    finally:
        engine.close()


async def settle(explorer: Explorer, pilot: Pilot[int]) -> None:
    """Wait until everything that was asked is answered and drawn."""
    while True:
        await asyncio.sleep(0.05)
        await pilot.pause()
        state = explorer.exploration
        known = state is not None and state.scores is not None
        idle = explorer.writing is None and explorer.desk.wait_idle(0) and not explorer.looking.planned
        if known and idle:
            return


def take_printed(name: str, line: str, folder: Path) -> None:
    """What a command prints on a terminal with colours."""
    line = f"token-explorer {line}"
    said = Text.from_ansi(run(line, folder, FORCE_COLOR="1", COLORTERM="truecolor", TERM="xterm-256color"))
    console = Console(
        record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    console.print(Text(f"$ {line}\n", style="bold"), said, sep="\n")
    (HERE / f"{name}.svg").write_text(_standalone(console.export_svg(title="")), encoding="utf-8")


def take_page(name: str, page: Hovered, folder: Path) -> None:
    """A page in a browser, the pointer on one of its cells."""
    run(example(page.command), folder)
    browser = Browser(*page.size)
    try:
        browser.open((folder / f"{page.command}.html").as_uri() + page.fragment)
        browser.move(*browser.evaluate(page.place))
        browser.screenshot(HERE / f"{name}.png")
    finally:
        browser.close()
    _shrink(HERE / f"{name}.png")


def take_plot(name: str, file: str, folder: Path) -> None:
    """A plot of the trace."""
    (HERE / f"{name}.png").write_bytes((traced(folder) / file).read_bytes())
    _shrink(HERE / f"{name}.png")


def traced(folder: Path) -> Path:
    """The folder of the README's trace, recorded once."""
    if not (folder / "run").exists():
        run(example("trace"), folder)
    return folder / "run"


def example(name: str) -> str:
    """The README's own command of this name, so that its pictures are of what it shows."""
    found = re.search(rf"```sh\n(token-explorer {name}\b.*?)```", README, re.DOTALL)
    assert found is not None, name
    return found[1]


def run(line: str, folder: Path, **environment: str) -> str:
    """What a line of the shell prints, in a folder that has the prompts."""
    if not (folder / "prompts").exists():
        (folder / "prompts").symlink_to(ROOT / "prompts")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, **environment}
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def _standalone(svg: str) -> str:
    """A picture that fetches no font, and joins no characters: a token is shown as it is."""
    svg = _FONTS.sub("", svg).replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")
    return svg.replace("<style>", "<style>text { font-variant-ligatures: none; }", 1)


def _shrink(path: Path) -> None:
    """Write a PNG anew with few colours."""
    with Image.open(path) as image:
        whole = image.convert("RGB")
    # The colours that are far apart: red frames, and each step of a scale, though few pixels have them.
    few = whole.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def main(names: list[str]) -> None:
    """Take the pictures that are named, or all."""
    kinds: list[tuple[dict, Callable[..., None]]] = [  # type: ignore[type-arg]
        (PICTURES, take),
        (BY_HAND, take_by_hand),
        (REPLAYED, take_replay),
        (PRINTED, take_printed),
        (PAGES, take_page),
        (SERVED, take_served),
        (PLOTS, take_plot),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for kind, how in kinds:
            for name, what in kind.items():
                if names and name not in names:
                    continue
                if kind in (PAGES, SERVED) and find_browser() is None:
                    print(f"no Chromium or Chrome is installed, so {name} isn't taken", file=sys.stderr)
                    continue
                how(name, what, Path(folder))
                print(name)


if __name__ == "__main__":
    main(sys.argv[1:])
