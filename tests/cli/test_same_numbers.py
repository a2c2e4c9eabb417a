"""What a command prints is what the screen shows."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ui.driving import driving
from token_explorer.overlays import OVERLAYS

Document = Callable[..., Any]
TEXT = "Once upon a time, there was a [/b]\x1b"


def test_complete_and_score_say_what_the_screen_shows(document: Document) -> None:
    completed = document("complete", TEXT, "-k", "30")
    scored = document("score", TEXT, *(f"--overlay={each.name}" for each in OVERLAYS))
    asyncio.run(check_screen(completed, scored))


async def check_screen(completed: Any, scored: Any) -> None:
    async with driving(text=TEXT) as driver:
        assert driver.app.exploration is not None
        view = driver.app.exploration.view()
        assert view.listed is not None
        assert view.scores is not None
        assert completed["ids"] == list(view.branch.ids)
        shown = [each["id"] for each in completed["candidates"]]
        assert shown == view.listed.ids.tolist()
        logprobs = [each["logprob"] for each in completed["candidates"]]
        np.testing.assert_array_equal(np.float32(logprobs), view.listed.logprobs)
        of_tokens = [np.nan if each["logprob"] is None else each["logprob"] for each in scored["tokens"]]
        np.testing.assert_array_equal(np.float32(of_tokens), view.scores.logprobs)
        for printed in scored["overlays"]:
            await driver.press("e")
            reading = driver.app.exploration.view().reading
            assert reading is not None
            assert (reading.title, reading.unit, reading.note) == tuple(
                printed[key] for key in ("title", "unit", "note")
            )
            values = [np.nan if value is None else value for value in printed["values"]]
            np.testing.assert_array_equal(np.float32(values), reading.values)
