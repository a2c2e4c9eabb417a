"""The influence that the overlay draws is the seed's definition, computed from whole eager attention maps."""

import numpy as np
import pytest
import torch

from tests.engine.test_attention import ATTENDING, PROMPT, maps
from tests.engine.test_microscope import looking
from token_explorer.core.engine import Stop
from token_explorer.core.scores import Floats
from token_explorer.core.tokens import TokenIds
from token_explorer.overlays import OVERLAYS, Glance

INFLUENCE = next(overlay for overlay in OVERLAYS if overlay.name == "influence")
HEADS = 5


def expected(name: str, ids: TokenIds, sink: bool) -> Floats:
    """Of the last rows of all heads, the mean of those that vary most over the keys, by its maximum."""
    rows = [head[-1] for layer in maps(name, ids) for head in layer]
    chosen = sorted(rows, key=lambda row: -float(np.var(row.astype(np.float64))))[:HEADS]
    mean = np.mean(chosen, axis=0, dtype=np.float64)
    return np.asarray(mean / (mean if sink else mean[1:]).max(), dtype=np.float32)


@pytest.mark.parametrize("name", ATTENDING)
@pytest.mark.parametrize(("cursor", "sink"), [(None, True), (None, False), (17, True)])
def test_influence_equals_its_definition_on_full_eager_attention(
    name: str, cursor: int | None, sink: bool
) -> None:
    runner, microscope = looking(name)
    scores = runner.score(PROMPT, 5, Stop())
    glance = Glance(scores, cursor=cursor, layers=3, heads=HEADS, sink=sink)
    facet = INFLUENCE.ask(glance)
    assert facet is not None
    before = runner.counts.forwards, runner.counts.tokens
    reading = INFLUENCE.read(glance, microscope.observe(PROMPT, facet, Stop()))
    if runner.reuse:
        assert (runner.counts.forwards, runner.counts.tokens) == (before[0] + 1, before[1] + 1)
    seen = len(PROMPT) if cursor is None else cursor
    np.testing.assert_allclose(reading.values[:seen], expected(name, PROMPT[:seen], sink), atol=1e-5)
    assert np.isnan(reading.values[seen:]).all()


def test_the_maps_that_this_compares_with_are_of_all_layers() -> None:
    assert len(maps("llama", PROMPT)) == 3
    assert torch.tensor(maps("llama", PROMPT)[2]).shape == (4, len(PROMPT), len(PROMPT))
