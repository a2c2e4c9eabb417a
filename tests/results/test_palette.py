"""Colours: readable, in order, and as many as the terminal can tell apart."""

from itertools import pairwise, product

import numpy as np
import pytest
from rich.color import Color, ColorSystem

from token_explorer.config import PALETTES
from token_explorer.results.palette import LEVELS, Depth, Rgb, contrast, depth, make, warning

DEPTHS: tuple[Depth, ...] = ("truecolor", "256", "16", "grey")
BOTH = list(product(PALETTES, DEPTHS))


def drawn(colour: Rgb, depth: Depth) -> Rgb:
    """A colour as the terminal draws it."""
    systems = {"256": ColorSystem.EIGHT_BIT, "16": ColorSystem.STANDARD}
    if depth not in systems:
        return colour
    return tuple(Color.from_rgb(*colour).downgrade(systems[depth]).get_truecolor())  # type: ignore[return-value]


@pytest.mark.parametrize(("name", "depth"), BOTH)
def test_text_can_be_read_on_every_step(name: str, depth: Depth) -> None:
    palette = make(name, depth)
    for bg, fg in zip(palette.bg, palette.fg, strict=True):
        assert contrast(bg, fg) >= 4.5


@pytest.mark.parametrize(("name", "depth"), BOTH)
def test_there_are_as_many_steps_as_the_terminal_can_tell_apart(name: str, depth: Depth) -> None:
    assert len(make(name, depth).bg) == LEVELS[depth]


@pytest.mark.parametrize("name", PALETTES)
@pytest.mark.parametrize("depth", ["256", "16"])
def test_on_few_colours_neighbours_still_differ(name: str, depth: Depth) -> None:
    colours = [drawn(colour, depth) for colour in make(name, depth).bg]
    assert sum(one == other for one, other in pairwise(colours)) == 0


@pytest.mark.parametrize("name", ["viridis", "cividis"])
@pytest.mark.parametrize("depth", ["truecolor", "256", "grey"])
def test_a_higher_value_is_never_darker(name: str, depth: Depth) -> None:
    against_black = [contrast(colour, (0, 0, 0)) for colour in make(name, depth).bg]
    assert against_black == sorted(against_black)


def test_red_blue_runs_from_red_to_blue() -> None:
    bg = make("red-blue", "truecolor").bg
    assert bg[0][0] > bg[0][2]
    assert bg[-1][2] > bg[-1][0]


@pytest.mark.parametrize(("name", "depth"), BOTH)
def test_values_take_the_step_of_their_place(name: str, depth: Depth) -> None:
    palette = make(name, depth)
    places = np.array([0.0, 0.5, 1.0, np.nan], np.float32)
    last = len(palette.bg) - 1
    middle = len(palette.bg) // 2
    assert palette.levels(places).tolist() == [0, middle, last, -1]


def test_a_terminal_without_colours_gets_no_steps() -> None:
    assert make("viridis", "none").levels(np.array([0.5], np.float32)).tolist() == [-1]


@pytest.mark.parametrize(
    ("system", "terminal", "no_color", "expected"),
    [
        ("truecolor", "xterm", False, "truecolor"),
        ("256", "tmux-256color", False, "256"),
        ("standard", "xterm", False, "16"),
        ("windows", "", False, "16"),
        ("truecolor", "xterm", True, "grey"),
        ("truecolor", "dumb", False, "none"),
        (None, "xterm", False, "none"),
    ],
)
def test_the_depth_follows_the_terminal(
    system: str | None, terminal: str, no_color: bool, expected: Depth
) -> None:
    assert depth(system, terminal, no_color) == expected
    assert (warning(expected) is None) == (expected in ("truecolor", "256", "16"))
