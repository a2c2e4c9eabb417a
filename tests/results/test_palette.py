"""Colours: readable, in order, and as many as the terminal can tell apart."""

from itertools import pairwise, product

import numpy as np
import pytest
from rich.color import Color, ColorSystem

from token_explorer.config import PALETTES
from token_explorer.core.reading import Reading
from token_explorer.results.palette import LEVELS, Depth, Rgb, chosen, contrast, depth, make, warning

DEPTHS: tuple[Depth, ...] = ("truecolor", "256", "16", "grey")
BOTH = list(product(PALETTES, DEPTHS))
EVEN = [each for each in BOTH if each[0] != "bands"]


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


@pytest.mark.parametrize(("name", "depth"), EVEN)
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


@pytest.mark.parametrize(("name", "depth"), EVEN)
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


def reading(key: str, values: list[float], **how: object) -> Reading:
    found: dict[str, object] = {"low": 0.0, "high": 1.0, **how}
    return Reading(key=key, title=key, unit="", values=np.array(values, np.float32), **found)  # type: ignore[arg-type]


def just(way: float, limit: float) -> float:
    """The nearest probability of float32 above a limit, or below it."""
    return float(np.nextafter(np.float32(limit), np.float32(way)))


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_band_holds_its_lower_limit_but_for_the_highest(depth: Depth) -> None:
    at = [0.0, just(0, 0.1), 0.1, just(0, 0.3), 0.3, just(0, 0.5), 0.5, 0.7, just(1, 0.7), 1.0, np.nan]
    places = reading("probability", at, chance=True).places
    assert make("bands", depth).levels(places).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, -1]


def test_the_bands_run_from_red_over_orange_purple_and_blue_to_green() -> None:
    red, orange, purple, blue, green = make("bands", "truecolor").bg
    assert red[0] > max(red[1:])
    assert green[1] > max(green[0], green[2])
    assert blue[2] > max(blue[:2])
    assert orange[0] > orange[1] > orange[2]
    assert purple[2] > purple[0] > purple[1]


@pytest.mark.parametrize("depth", DEPTHS)
def test_all_bands_can_be_told_apart_and_are_named_by_their_limits(depth: Depth) -> None:
    palette = make("bands", depth)
    assert len({drawn(colour, depth) for colour in palette.bg}) == 5
    assert [text.strip() for text, _ in palette.labels()] == ["<10", "10–30", "30–50", "50–70", ">70%"]
    assert [style for _, style in palette.labels()] == [palette.style(level) for level in range(5)]


def test_bands_are_for_probabilities_alone() -> None:
    palettes = chosen("bands", "truecolor")
    assert palettes.of(reading("probability", [0.5], chance=True)).name == "bands"
    assert palettes.of(reading("influence", [0.5])).name == "viridis"
    assert palettes.of(reading("change", [0.5], low=-1.0, scale="signed")).name == "red-blue"
    assert chosen("cividis", "truecolor").of(reading("probability", [0.5], chance=True)).name == "cividis"


def test_a_scale_of_probabilities_runs_from_0_to_1() -> None:
    with pytest.raises(ValueError, match="probabilities"):
        reading("probability", [0.5], high=2.0, chance=True)
