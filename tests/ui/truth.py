"""What the explorer should show, from its ids and settings alone: what the tests compare it with."""

import numpy as np

from tests.fakes import VOCABULARY, distribution, score
from tests.ui.driving import Driver
from token_explorer.core.listing import Listed, of_candidates, of_distribution
from token_explorer.core.sampling import reshape
from token_explorer.core.tokens import common_length
from token_explorer.results import figures
from token_explorer.ui.exploration import Exploration


def shown(driver: Driver) -> Exploration:
    assert driver.app.exploration is not None
    return driver.app.exploration


def expected(driver: Driver) -> Listed | None:
    """What the table should list, from the ids and the settings alone."""
    state, top_k = shown(driver), driver.app.settings.display.tokens_to_show
    branch = driver.workspace.branch
    place = len(branch.ids) if branch.cursor is None else branch.cursor
    if place == 0:
        return None
    if branch.cursor is None and not state.sampler_on and state.query is None:
        return of_candidates(score(branch.ids, top_k).next)
    before = branch.ids[:place]
    known = distribution(before)
    start = min(place, common_length(branch.ids, branch.start))
    sampled = (
        reshape(state.sampler, known.logits, before, place - start, VOCABULARY) if state.sampler_on else None
    )
    actual = None if branch.cursor is None else branch.ids[branch.cursor]
    return of_distribution(known, VOCABULARY, top_k, actual, sampled, state.query)


def check(driver: Driver) -> None:
    """The scores and the table are those of a fresh engine that is given the same ids and settings."""
    ids, state = driver.workspace.branch.ids, shown(driver)
    fresh, listed, table = score(ids, 30), expected(driver), driver.app.explore.table
    assert state.scores is not None
    assert state.scores.ids == ids
    np.testing.assert_array_equal(state.scores.logprobs, fresh.logprobs)
    np.testing.assert_array_equal(state.scores.ranks, fresh.ranks)
    if listed is None or not len(listed):
        assert table.rows == ()
        return
    assert not table.stale
    assert [row.id for row in table.rows] == listed.ids.tolist()
    assert [row.rank for row in table.rows] == listed.ranks.tolist()
    np.testing.assert_allclose([row.logprob for row in table.rows], listed.logprobs, atol=1e-6)
    assert [row.id for row in table.rows if row.actual] == [
        id for id in listed.ids.tolist() if id == listed.actual
    ]
    if listed.sampled is not None:
        np.testing.assert_allclose([row.sampled for row in table.rows], listed.sampled, atol=1e-7)
        assert tuple(row.removed for row in table.rows) == listed.removed
    assert table.chosen == state.row
    assert state.chosen == listed.ids[table.chosen]


def check_screen(driver: Driver) -> None:
    """What is drawn is of exactly the ids that are shown."""
    check(driver)
    ids, table = driver.workspace.branch.ids, driver.app.explore.table
    drawn = [table.render_line(y).text for y in range(table.size.height)]  # a notification may cover some
    if table.rows:
        row = table.rows[table.chosen]
        (chosen,) = (line for line in drawn if line.startswith((f"{row.rank:>6} ", f"{row.rank:>6}▸")))
        assert figures.probability(row.logprob) in chosen
    assert driver.app.explore.prompt._tokens.ids == ids
    text = driver.text()
    assert f"prompt {driver.workspace.active + 1}/{len(driver.workspace.branches)}" in text
    assert f"{len(ids)} token" in text
