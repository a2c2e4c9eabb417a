"""The examples of the docs: commands, what is shown below them, and whether that is what they print."""

import re
from collections.abc import Iterator
from typing import NamedTuple

CUT = "…"
# What is shown of a command may differ by the last digit, and by what another processor makes of it.
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.(\d+))?(?:e(-?\d+))?(?!\w)")
BARS = re.compile("[▏▎▍▌▋▊▉█]+")


class Example(NamedTuple):
    """A command of the docs, and what is shown below it; '' for nothing."""

    command: str
    shown: str

    @property
    def name(self) -> str:
        """What the program is asked to do; '' where another program is asked, or nothing is named."""
        found = re.search(r"\btoken-explorer ([a-z]+)", self.command)
        return found[1] if found else ""


def shell_examples(page: str) -> Iterator[Example]:
    """Each command of the blocks of a page, and what the block after it shows."""
    for block, shown in re.findall(r"```sh\n(.*?)```\n(?:```text\n(.*?)```)?", page, re.DOTALL):
        for command in re.findall(r"(?:.*[\\|]\n)*.+", block):
            yield Example(command, shown)


def console_examples(page: str) -> Iterator[Example]:
    """Each line after a $, and what is shown below it, or as the next block."""
    blocks = r"```console\n\$ (.*?)\n(.*?)```(?:\n```json\n(.*?)```)?"
    for command, shown, document in re.findall(blocks, page, re.DOTALL):
        yield Example(command, shown or document)


def check(shown: str, printed: str) -> None:
    """That the shown lines are printed; a line … stands for any, one that ends in … for one so begun."""
    parts = re.split(rf"^{CUT}\n?", shown, flags=re.MULTILINE)
    rest = printed.splitlines()
    for number, part in enumerate(parts):
        rest = _after(part.splitlines(), rest, anywhere=number > 0)
    assert not rest or parts[-1] == "", f"more is printed: {rest}"


def _after(shown: list[str], printed: list[str], anywhere: bool) -> list[str]:
    """What is printed after the shown lines, which come next, or anywhere."""
    last = len(printed) - len(shown)
    for start in range(1 + (last if anywhere else min(last, 0))):
        if all(map(_alike, shown, printed[start:])):
            return printed[start + len(shown) :]
    raise AssertionError(f"{shown} isn't in {printed}")


def _alike(shown: str, printed: str) -> bool:
    """Whether lines say the same, whatever the widths of columns and the last digits of numbers."""
    if shown.endswith(CUT):
        return printed.startswith(shown.removesuffix(CUT))
    if _form(shown) != _form(printed):
        return False
    pairs = zip(NUMBER.finditer(shown), NUMBER.finditer(printed), strict=True)
    return all(abs(float(one[0]) - float(other[0])) <= _leeway(one) for one, other in pairs)


def _form(line: str) -> str:
    """A line without what may differ."""
    return " ".join(NUMBER.sub("#", BARS.sub("█", line)).split())


def _leeway(number: re.Match[str]) -> float:
    """How far a number may be from a shown one: a unit of its last digit, or a thousandth of it."""
    decimals, exponent = number[1], int(number[2] or 0)
    unit = 10.0 ** (exponent - len(decimals)) if decimals else 0.0
    return max(1.5 * unit, 1e-3 * abs(float(number[0])))
