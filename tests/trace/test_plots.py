"""Plots: a label for each token, axes with units, no glyph that the font lacks; warnings are errors."""

import os
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from typing import Any

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from tests import fakes
from tests.trace.runs import DRAWN, traced
from token_explorer.results import canvas
from token_explorer.trace import chances, comparison, heatmap, names, plots, surprisal
from token_explorer.trace.record import Trace

HOSTILE = tuple(range(len(fakes.PIECES)))[fakes.FIRST_WORD :]


def drawn(make: Any, *arguments: Any) -> Figure:
    """A figure that was drawn whole."""
    with canvas.look():
        figure: Figure = make(*arguments)
        canvas.png(figure)
    return figure


def ticks(axes: Axes, which: str) -> list[str]:
    return [label.get_text() for label in getattr(axes, f"get_{which}ticklabels")()]


def expected(trace: Trace) -> list[str]:
    return canvas.labels(trace.vocabulary, trace.ids + trace.written)


def test_the_final_steps_bars_are_the_models_and_the_samplers_probabilities() -> None:
    trace = traced(sampler=DRAWN)
    axes = drawn(chances.final, trace).axes[0]
    listed = trace.steps[-1].listed
    assert listed is not None
    assert listed.sampled is not None
    model, sampler = ([bar.get_width() for bar in bars] for bars in axes.containers)
    assert model == pytest.approx(np.exp(listed.logprobs))
    assert sampler == pytest.approx(listed.sampled)
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["the model", "after the sampler"]


def test_the_taken_token_is_marked_by_more_than_colour_and_named_in_the_title() -> None:
    trace = traced(sampler=DRAWN)
    axes = drawn(chances.final, trace).axes[0]
    taken = canvas.label(trace.vocabulary[trace.written[-1]].shown)
    marked = [text for text in ticks(axes, "y") if text.startswith("▶")]
    assert len(marked) == 1
    assert marked[0].endswith(taken)
    title = axes.get_title(loc="left")
    assert taken in title
    assert trace.model in title
    assert "12" in title


def test_a_greedy_step_has_one_bar_a_token() -> None:
    axes = drawn(chances.final, traced()).axes[0]
    assert len(axes.containers) == 1
    assert axes.get_xlabel().startswith("probability")


def test_every_token_has_a_label_on_both_sides_of_the_heatmap() -> None:
    trace = traced(attention_every=12)
    figure = drawn(heatmap.snapshot, trace, trace.attention[1:])
    assert ticks(figure.axes[0], "x") == ticks(figure.axes[0], "y") == expected(trace)
    assert figure.axes[0].get_xlabel().startswith("key")
    assert figure.axes[0].get_ylabel().startswith("query")
    assert figure.axes[1].get_ylabel() == "attention weight"


def test_the_heatmap_shows_the_recorded_weights() -> None:
    trace = traced()
    image = drawn(heatmap.snapshot, trace, trace.attention).axes[0].images[0].get_array()
    assert image is not None
    np.testing.assert_array_equal(np.ma.filled(image, np.nan), trace.attention[0].weights)


def test_the_first_token_doesnt_set_the_scale_and_the_figure_says_so() -> None:
    trace = traced()
    weights = trace.attention[0].weights.copy()
    scale = heatmap.scale_of([replace(trace.attention[0], weights=weights)])
    assert scale.vmax == np.nanmax(weights[:, 1:])
    words = heatmap.note(trace.attention, scale, 5.0)
    assert "first token" in words
    assert f"{scale.vmax:.3g}" in words


def test_of_more_tokens_than_the_figure_grows_for_each_nth_has_a_label_and_it_says_so() -> None:
    long = (fakes.BOS, *range(65, 65 + 26)) * 6
    trace = traced(long, limit=1)
    figure = drawn(heatmap.snapshot, trace, trace.attention)
    assert ticks(figure.axes[0], "x") == canvas.labels(trace.vocabulary, long)[::2]
    assert "One token in 2" in figure.axes[0].get_xlabel()


def test_each_head_has_a_heatmap_of_its_own_and_all_have_one_scale() -> None:
    trace = traced(heads="all")
    figure = drawn(heatmap.snapshot, trace, trace.attention)
    maps = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title(loc="left") for axes in maps] == ["head 1", "head 2", "head 3"]
    assert len({axes.images[0].norm for axes in maps}) == 1


def test_every_token_has_a_point_and_a_label_in_the_surprisals() -> None:
    trace = traced(limit=70, sampler=DRAWN)
    figure = drawn(surprisal.whole, trace)
    assert [name for axes in figure.axes for name in ticks(axes, "x")] == expected(trace)
    values, entropies = surprisal.measured(trace)
    lines = [line.get_xydata() for axes in figure.axes for line in axes.lines]
    points = [tuple(point) for line in lines for point in np.asarray(line).tolist()]
    for place, (value, entropy) in enumerate(zip(values[1:], entropies[1:], strict=True), 1):
        assert (place, value) in points
        assert (place, entropy) in points
    assert {axes.get_ylabel() for axes in figure.axes} == {"bits"}


def test_the_border_between_prompt_and_continuation_is_marked_in_words() -> None:
    figure = drawn(surprisal.whole, traced())
    words = {text.get_text() for text in figure.axes[0].texts}
    assert {"prompt", "written", "no context"} <= words


def test_surprisals_are_those_of_the_engine() -> None:
    trace = traced(sampler=DRAWN)
    own = fakes.score(trace.ids + trace.written, 1)
    values, entropies = surprisal.measured(trace)
    np.testing.assert_allclose(values, own.surprisals, rtol=1e-5)
    np.testing.assert_allclose(entropies, own.entropy_bits, rtol=1e-5)


def test_a_comparison_has_both_on_the_same_scales() -> None:
    left, right = traced(), traced(fakes.encode("very small"), sampler=DRAWN)
    figure = drawn(comparison.compared, left, right)
    bars, surprisals, maps = (figure.axes[:4:2], figure.axes[1:4:2], [a for a in figure.axes if a.images])
    assert len(bars) == len(surprisals) == len(maps) == 2
    assert bars[0].get_xlim() == bars[1].get_xlim()
    assert surprisals[0].get_ylim() == surprisals[1].get_ylim()
    assert maps[0].images[0].norm is maps[1].images[0].norm


def test_any_token_is_drawn_without_a_missing_glyph() -> None:
    trace = traced(HOSTILE, limit=2, attention_every=1)
    assert [name for name, _ in plots.plots(trace)] == [
        names.FINAL,
        names.SURPRISAL,
        names.PROMPT,
        "attn_step_1.png",
        "attn_step_2.png",
    ]


@given(st.text())
def test_labels_hold_only_what_the_font_has(text: str) -> None:
    assert all(ord(char) in canvas._glyphs() for char in canvas.label(text))


def test_what_the_font_lacks_is_spelled_by_its_number() -> None:
    assert canvas.label("日") == "‹65e5›"
    assert canvas.label("\u2421") == "‹7f›"


def test_dollars_are_no_formula() -> None:
    trace = traced(fakes.encode("$x^2$"), limit=1)
    axes = drawn(heatmap.snapshot, trace, trace.attention).axes[0]
    assert "$" in ticks(axes, "x")
    assert not any(label.get_parse_math() for label in axes.get_xticklabels())


def test_two_runs_with_one_seed_give_the_same_files() -> None:
    made = [dict(plots.plots(traced(sampler=DRAWN, seed=4))) for _ in range(2)]
    assert made[0] == made[1]
    assert b"matplotlib" not in b"".join(made[0].values()).lower()


def test_a_users_own_matplotlib_settings_change_nothing() -> None:
    usual = dict(plots.plots(traced()))
    with matplotlib.rc_context({"font.size": 30.0, "axes.facecolor": "black"}):
        assert dict(plots.plots(traced())) == usual
        assert matplotlib.rcParams["font.size"] == 30.0


def test_a_file_is_a_picture() -> None:
    for _, content in plots.plots(traced()):
        assert imread(BytesIO(content)).shape[0] > 100


def test_of_a_run_without_steps_the_plots_say_what_would_come() -> None:
    trace = replace(traced(limit=1), steps=())
    axes = drawn(chances.final, trace).axes[0]
    assert "nothing was written" in axes.get_title(loc="left")
    assert chances.final(replace(trace, next=None)) is None


def test_a_home_that_cant_be_written_is_no_reason_to_complain(tmp_path: Any) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    code = "from token_explorer.results import canvas; canvas.label('x')"
    environment = {
        **os.environ,
        "HOME": str(nowhere),
        "XDG_CACHE_HOME": str(nowhere),
        "XDG_CONFIG_HOME": str(nowhere),
    }
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_prompt_of_one_token_is_drawn() -> None:
    trace = traced((fakes.BOS,), limit=1)
    assert len(list(plots.plots(trace))) == 3
