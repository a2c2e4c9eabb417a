"""Take the pictures of the README and of the docs: the running program, on the embedded model, by its keys.

python imgs/take.py [NAME …]
"""

import asyncio
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

os.environ["TEXTUAL_COLOR_SYSTEM"] = "truecolor"  # read when textual is imported

from textual.pilot import Pilot

from token_explorer.config import DisplaySettings, Settings
from token_explorer.core.engine import ModelSpec
from token_explorer.engine.process import local_engine
from token_explorer.ui.app import Explorer

HERE = Path(__file__).parent
EXAMPLE = (HERE.parent / "prompts" / "gsm8k.txt").read_text(encoding="utf-8")
WORDS = " red tiger seven piano cloud river"
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


@dataclass(frozen=True)
class Picture:
    """What is pressed, from which prompt, and how large the terminal is."""

    keys: tuple[str, ...]
    text: str = EXAMPLE
    size: tuple[int, int] = (120, 40)


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


async def take(name: str, picture: Picture) -> None:
    """Press keys, wait for each answer, and save the screen."""
    engine = local_engine(ModelSpec(device="cpu", record_layers=True))
    explorer = Explorer(engine, Settings(display=DisplaySettings(layer_prob=True)), picture.text, "embedded")
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


def _standalone(svg: str) -> str:
    """A picture that fetches no font, and joins no characters: a token is shown as it is."""
    svg = _FONTS.sub("", svg).replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")
    return svg.replace("<style>", "<style>text { font-variant-ligatures: none; }", 1)


def main(names: list[str]) -> None:
    """Take the pictures that are named, or all."""
    for name in names or PICTURES:
        asyncio.run(take(name, PICTURES[name]))
        print(HERE / f"{name}.svg")


if __name__ == "__main__":
    main(sys.argv[1:])
