"""What is told of the lens are the engine's own numbers; its last layer is the model's output."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import fakes
from tests.engine.random_models import save_random
from tests.fakes import LAYERS, VOCABULARY, FakeEngine, encode, token_of
from tests.results.test_page import content_of
from token_explorer.core.engine import Engine, ModelSpec, Stop
from token_explorer.core.observation import Lens, LensCells
from token_explorer.core.tokens import TokenIds
from token_explorer.engine.local import LocalEngine
from token_explorer.errors import FacetUnavailable, InputError
from token_explorer.overlays.lens import LENS_MODES
from token_explorer.results.document import dumps
from token_explorer.results.lens import MOST_CELLS, NO_LEVEL, Lensed, look
from token_explorer.results.opened import Opened, open_model
from token_explorer.results.palette import make

IDS = encode("Once upon a time,\n\n[/b]\x1b[31mred 日本\u202eright")
PIN = token_of(" girl")


def opened(engine: Engine) -> Opened:
    return open_model(engine, lambda progress: None)


def lensed(ids: TokenIds = IDS, pin: int | None = None) -> Lensed:
    return look(opened(FakeEngine()), ids, pin, Stop())


def cells_of(ids: TokenIds, pin: int | None) -> LensCells:
    found = fakes.observe(ids, Lens(0, len(ids), pin))
    assert isinstance(found, LensCells)
    return found


def unpacked(packed: str, kind: str, tokens: int) -> Any:
    return np.frombuffer(base64.b64decode(packed), kind).reshape(-1, tokens)


@pytest.mark.parametrize("pin", [None, PIN])
@pytest.mark.parametrize("length", [1, len(IDS)])
def test_a_page_holds_the_grids_of_all_measures_exactly(length: int, pin: int | None) -> None:
    ids = IDS[:length]
    cells = cells_of(ids, pin)
    content = content_of(lensed(ids, pin).page("cividis"))
    np.testing.assert_array_equal(unpacked(content["tops"], "<i4", length), cells.tops)
    modes = [mode for mode in LENS_MODES if pin is not None or not mode.of_pin]
    for mode, measure in zip(modes, content["measures"], strict=True):
        grid = mode.read(cells)
        assert (measure["name"], measure["unit"], measure["scale"]) == (mode.name, grid.unit, grid.scale)
        assert (measure["low"], measure["high"]) == (grid.low, grid.high)
        np.testing.assert_array_equal(unpacked(measure["values"], "<f4", length), grid.values)
        levels = make("cividis", "truecolor").levels(grid.places)
        np.testing.assert_array_equal(unpacked(measure["levels"], "u1", length), levels)


def test_a_value_that_is_not_known_has_no_colour() -> None:
    cells = cells_of(IDS, PIN)
    assert cells.ranks is not None
    cells.ranks[1, 2] = 0
    found = Lensed(opened(FakeEngine()), IDS, PIN, cells)
    measure = content_of(found.page())["measures"][-1]
    unknown = unpacked(measure["levels"], "u1", len(IDS)) == NO_LEVEL
    assert np.argwhere(unknown).tolist() == [[1, 2]]
    assert found.document()["layers"][1]["pinned_ranks"][2] is None


def test_a_page_names_every_token_that_some_layer_puts_first() -> None:
    content = content_of(lensed().page())
    tops = np.unique(cells_of(IDS, None).tops).tolist()
    assert content["texts"] == {str(id): VOCABULARY[id].shown for id in tops}


def test_the_last_layer_is_what_a_model_itself_says(tmp_path: Path) -> None:
    save_random("llama", tmp_path)
    model = opened(LocalEngine(ModelSpec(str(tmp_path), device="cpu")))
    ids = model.engine.encode("look, here\n")
    found = look(model, ids, ids[2], Stop())
    content, document = content_of(found.page()), found.document()
    probabilities = unpacked(content["measures"][0]["values"], "<f4", len(ids))[-1]
    pinned = unpacked(content["measures"][3]["values"], "<f4", len(ids))[-1]
    scored = model.engine.score(ids, 5, Stop())
    assert pinned[1] == pytest.approx(scored.probabilities[2], abs=1e-5)
    for place in range(len(ids)):
        best = model.engine.score(ids[: place + 1], 1, Stop()).next
        assert document["layers"][-1]["top_ids"][place] == best.ids[0]
        assert probabilities[place] == pytest.approx(best.probabilities[0], abs=1e-5)
    assert np.allclose(document["layers"][-1]["kl_bits"], 0.0, atol=1e-5)
    model.engine.close()


@pytest.mark.parametrize("pin", [None, PIN])
def test_a_document_has_a_row_of_numbers_for_each_layer(pin: int | None) -> None:
    cells, document = cells_of(IDS, pin), lensed(pin=pin).document()
    assert (document["pinned"] or {}).get("id") == pin
    assert [row["layer"] for row in document["layers"]] == list(range(LAYERS + 1))
    for layer, row in enumerate(document["layers"]):
        assert row["top_ids"] == cells.tops[layer].tolist()
        np.testing.assert_array_equal(np.float32(row["top_logprobs"]), cells.logprobs[layer])
        nats = np.array([row["entropy_bits"], row["kl_bits"]]) * np.log(2)
        np.testing.assert_allclose(nats, [cells.entropies[layer], cells.divergences[layer]], rtol=1e-6)
        assert ("pinned_ranks" in row) == ("pinned_logprobs" in row) == (pin is not None)
    assert dumps(document).isascii()


def test_more_cells_than_a_page_holds_are_refused_before_anything_is_computed() -> None:
    engine = FakeEngine()
    most = MOST_CELLS // (LAYERS + 1)
    with pytest.raises(InputError, match=f"room for {most}"):
        look(opened(engine), (fakes.BOS,) * (most + 1), None, Stop())
    assert not engine.observed


@pytest.mark.parametrize("pin", [-1, len(VOCABULARY)])
def test_a_pin_that_is_no_token_is_refused(pin: int) -> None:
    with pytest.raises(InputError, match="no token"):
        lensed(pin=pin)


def test_what_the_model_can_not_show_is_said_by_the_engine() -> None:
    engine = FakeEngine()
    engine.observe_error = FacetUnavailable("Can't look there", "it has no lens.")
    with pytest.raises(FacetUnavailable, match="no lens"):
        look(opened(engine), IDS, None, Stop())


def made(tops: list[int], ranks: list[int]) -> Lensed:
    """A lens of one position with such tokens, and such ranks of the pinned one, by layer."""
    values = np.full((len(tops), 1), -1.0, np.float32)
    column = np.array(tops)[:, None]
    cells = LensCells(column, values, values, values, values, np.array(ranks)[:, None])
    return Lensed(opened(FakeEngine()), IDS[:1], PIN, cells)


def test_the_text_says_which_layer_first_puts_the_final_token_first_and_since_when_all_do() -> None:
    the, girl = token_of(" the"), token_of(" girl")
    lines = [line.plain for line in made([the, girl, the, girl, girl], [9, 1, 4, 2, 2]).text()]
    assert [line.split()[0] for line in lines[3:7]] == ["0", "1", "2", "3–4"]
    assert lines[7] == "␣girl is first put first by layer 1, and by all from layer 3 on"
    assert "best rank 1, in layer 1" in lines[8]
    assert "rank 2, probability 0.3679" in lines[8]


@pytest.mark.parametrize(("tops", "since"), [([1, 1, 1], 0), ([1, 2, 2], 1), ([1, 1, 2], 2)])
def test_the_text_says_since_which_layer_the_final_token_is_first(tops: list[int], since: int) -> None:
    lines = [line.plain for line in made(tops, [1] * len(tops)).text()]
    assert any(line.endswith(f"is put first from layer {since} on") for line in lines)


def test_the_text_is_safe_for_a_terminal() -> None:
    for pin in range(fakes.FIRST_WORD, len(VOCABULARY)):
        assert all(char.isprintable() for line in lensed(IDS[:3], pin).text() for char in line.plain)
