"""Take the README's pictures: the running program, on the embedded model, by its keys.

python imgs/take.py
"""

import asyncio
import os
import re
from pathlib import Path

os.environ["TEXTUAL_COLOR_SYSTEM"] = "truecolor"  # read when textual is imported

from token_explorer.config import Settings
from token_explorer.core.engine import ModelSpec
from token_explorer.engine.process import local_engine
from token_explorer.ui.app import Explorer

HERE = Path(__file__).parent
# What was pressed for each picture, from the start of the worked example.
PICTURES = {"explorer": ["e", "e", *["h"] * 35, "j"]}
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


async def take(name: str, keys: list[str]) -> None:
    """Press keys, wait for each answer, and save the screen."""
    text = (HERE.parent / "prompts" / "gsm8k.txt").read_text(encoding="utf-8")
    engine = local_engine(ModelSpec())
    explorer = Explorer(engine, Settings(), text, "embedded")
    try:
        async with explorer.run_test(size=(120, 40)) as pilot:
            for key in ["", *keys]:
                if key:
                    await pilot.press(key)
                while explorer.exploration is None or explorer.exploration.scores is None:
                    await asyncio.sleep(0.05)
                await pilot.pause()
            (HERE / f"{name}.svg").write_text(_standalone(explorer.export_screenshot()), encoding="utf-8")
    finally:
        engine.close()


def _standalone(svg: str) -> str:
    """A picture that fetches no font, and joins no characters: a token is shown as it is."""
    svg = _FONTS.sub("", svg).replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")
    return svg.replace("<style>", "<style>text { font-variant-ligatures: none; }", 1)


def main() -> None:
    """Take all pictures."""
    for name, keys in PICTURES.items():
        asyncio.run(take(name, keys))
        print(HERE / f"{name}.svg")


if __name__ == "__main__":
    main()
