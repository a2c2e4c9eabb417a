"""What is told of attention are the engine's own weights, to the last bit."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import fakes
from tests.engine.random_models import save_random
from tests.fakes import HEADS, LAYERS, FakeEngine, encode
from tests.results.test_page import content_of
from token_explorer.core.engine import Engine, ModelSpec, Stop
from token_explorer.core.observation import AttentionMap, AttentionMaps
from token_explorer.core.scores import Floats
from token_explorer.core.tokens import TokenIds
from token_explorer.engine.local import LocalEngine
from token_explorer.errors import FacetUnavailable, InputError
from token_explorer.overlays.heads import top
from token_explorer.results.attention import MOST_BYTES, SIGNAL, Attended, How, attend
from token_explorer.results.document import dumps
from token_explorer.results.opened import Opened, open_model

IDS = encode("Once upon a time,\n\n[/b]\x1b[31mred 日本\u202eright")


def opened(engine: Engine) -> Opened:
    return open_model(engine, lambda progress: None)


def attended(ids: TokenIds = IDS, layers: list[int] | None = None) -> Attended:
    return attend(opened(FakeEngine()), ids, layers, Stop())


def weights_of(ids: TokenIds, layer: int) -> Floats:
    """(H, T, T) as the engine gives them; NaN after each query."""
    found = fakes.observe(ids, AttentionMap(layer, 0, len(ids), 0, len(ids)))
    return found.weights  # type: ignore[attr-defined, no-any-return]


def decoded(layer: dict[str, Any], tokens: int) -> Floats:
    """(H, T, T) as a page holds them; NaN after each query."""
    maps = np.full((len(layer["heads"]), tokens, tokens), np.nan, np.float32)
    for head, packed in zip(maps, layer["heads"], strict=True):
        head[np.tril_indices(tokens)] = np.frombuffer(base64.b64decode(packed), "<f4")
    return maps


@pytest.mark.parametrize("length", [1, 2, len(IDS)])
def test_a_page_holds_the_weights_of_all_layers_exactly(length: int) -> None:
    ids = IDS[:length]
    content = content_of(attended(ids).page())
    assert [layer["layer"] for layer in content["layers"]] == list(range(1, LAYERS + 1))
    for layer in content["layers"]:
        np.testing.assert_array_equal(decoded(layer, length), weights_of(ids, layer["layer"]))


def test_a_page_holds_the_weights_that_a_model_computes(tmp_path: Path) -> None:
    save_random("llama", tmp_path)
    model = opened(LocalEngine(ModelSpec(str(tmp_path), device="cpu")))
    ids = model.engine.encode("attention, please\n")
    found = attend(model, ids, None, Stop())
    content = content_of(found.page(2, 3))
    assert len(content["layers"]) == model.info.layers
    for layer in content["layers"]:
        maps = decoded(layer, len(ids))
        facet = AttentionMap(layer["layer"], 0, len(ids), 0, len(ids))
        np.testing.assert_array_equal(maps, model.engine.observe(ids, facet, Stop()).weights)
        np.testing.assert_allclose(np.nansum(maps, axis=-1), 1.0, atol=1e-5)
    model.engine.close()


def test_a_document_has_a_row_for_each_query_with_the_keys_up_to_it() -> None:
    document = attended().document()
    assert document["note"] == SIGNAL
    assert document["ids"] == list(IDS)
    for layer in document["layers"]:
        assert layer["head_count"] == len(layer["weights"]) == HEADS
        for head, exact in zip(layer["weights"], weights_of(IDS, layer["layer"]), strict=True):
            assert [len(row) for row in head] == list(range(1, len(IDS) + 1))
            for row, weights in zip(head, exact, strict=True):
                np.testing.assert_array_equal(np.float32(row), weights[: len(row)])
                assert sum(row) == pytest.approx(1.0, abs=1e-6)
    assert dumps(document).isascii()


def test_a_page_scales_each_view_by_its_largest_weight_with_the_first_key_and_without_it() -> None:
    content = content_of(attended().page())
    keys = np.arange(len(IDS))
    for layer in content["layers"]:
        weights = weights_of(IDS, layer["layer"])
        views = {"mean": weights.mean(0, dtype=np.float64).astype(np.float32), "max": weights.max(0)}
        views |= {str(head): each for head, each in enumerate(weights, 1)}
        assert list(layer["ends"]) == list(views)
        for name, ends in layer["ends"].items():
            assert ends == [top(views[name], keys, True), top(views[name], keys, False)]


def test_layers_that_are_named_come_in_that_order_and_once() -> None:
    assert [maps.layer for maps in attended(layers=[2, 1, 2]).layers] == [2, 1]


@pytest.mark.parametrize(("layer", "how"), [(1, "mean"), (2, "max"), (1, 3)])
def test_a_page_begins_with_the_view_that_is_asked_for(layer: int, how: How) -> None:
    assert content_of(attended().page(layer, how))["view"] == {"layer": layer, "head": str(how)}


@pytest.mark.parametrize("layers", [[0], [LAYERS + 1], [1, -1]])
def test_a_layer_that_the_model_lacks_is_refused_with_those_it_has(layers: list[int]) -> None:
    with pytest.raises(InputError, match=f"layers 1 to {LAYERS}"):
        attended(layers=layers)


def test_a_head_or_layer_that_was_not_asked_for_is_refused() -> None:
    found = attended(layers=[2])
    with pytest.raises(InputError, match=f"heads 1 to {HEADS}"):
        found.page(2, HEADS + 1)
    with pytest.raises(InputError, match="isn't among 2"):
        found.page(1)


def test_too_large_a_page_is_refused_before_a_map_is_computed() -> None:
    engine = FakeEngine()
    with pytest.raises(InputError, match="64 MB is the most") as refused:
        attend(opened(engine), (fakes.BOS,) * 2000, None, Stop())
    assert "--layer" in refused.value.hint
    assert not any(isinstance(facet, AttentionMaps) for _, facet in engine.observed)
    with pytest.raises(InputError) as shorter:
        attend(opened(engine), (fakes.BOS,) * 4000, [1], Stop())
    most = int(shorter.value.hint.split()[4])
    assert HEADS * most * (most + 1) / 2 * 16 / 3 <= MOST_BYTES
    assert HEADS * (most + 1) * (most + 2) / 2 * 16 / 3 > MOST_BYTES


def test_what_the_model_can_not_show_is_said_by_the_engine() -> None:
    engine = FakeEngine()
    engine.observe_error = FacetUnavailable("Can't look there", "it has no attention.")
    with pytest.raises(FacetUnavailable, match="no attention"):
        attend(opened(engine), IDS, None, Stop())


@pytest.mark.parametrize("how", ["mean", "max", 2])
def test_the_text_lists_what_the_last_token_attends_to_most(how: How) -> None:
    weights = weights_of(IDS, 1)[:, -1]
    row = {"mean": weights.mean(0), "max": weights.max(0), 2: weights[1]}[how]
    lines = [line.plain for line in attended().text(1, how)]
    keys = [int(line.split()[0]) - 1 for line in lines if line.split()[0].isdigit()]
    assert keys == np.argsort(-row, kind="stable")[:10].tolist()
    assert SIGNAL in lines[-1]
    assert all(char.isprintable() for line in lines for char in line)


def test_of_a_model_whose_layers_do_not_all_attend_those_are_shown_that_do(tmp_path: Path) -> None:
    save_random("lfm2", tmp_path)
    model = opened(LocalEngine(ModelSpec(str(tmp_path), device="cpu")))
    ids = model.engine.encode("some of it")
    found = attend(model, ids, None, Stop())
    assert [maps.layer for maps in found.layers] == [2]
    assert content_of(found.page())["view"]["layer"] == 2
    with pytest.raises(FacetUnavailable, match="these do: 2"):
        attend(model, ids, [3], Stop())
    model.engine.close()
