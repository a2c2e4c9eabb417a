"""Scores of a prompt: the engine's numbers, every overlay's, the same in each form they are written in."""

import csv
import io
import json
import math
import unicodedata

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedModel

from tests import fakes
from tests.fakes import BOS, LAYERS, VOCABULARY, FakeEngine, encode, observe
from token_explorer.core.engine import ModelSpec, Stop
from token_explorer.core.observation import Residuals
from token_explorer.core.tokens import TokenIds
from token_explorer.engine.local import LocalEngine
from token_explorer.engine.models import Source
from token_explorer.errors import InputError
from token_explorer.overlays import OVERLAYS, Glance, named
from token_explorer.results import document
from token_explorer.results.opened import Opened, open_model
from token_explorer.results.palette import Palettes, make
from token_explorer.results.scoring import Scored, score

IDS = encode("Once upon a time,\n\n there was a 日本")
NAMES = [overlay.name for overlay in OVERLAYS]
PALETTES = Palettes(make("viridis", "truecolor"), make("red-blue", "truecolor"))

prompts = st.lists(st.integers(0, len(VOCABULARY) - 1), min_size=1, max_size=10).map(tuple)


def scored(
    ids: TokenIds = IDS, *names: str, layer: int | None = None, engine: FakeEngine | None = None
) -> Scored:
    """What the fake engine says of a prompt."""
    engine = engine or FakeEngine()
    return score(Opened(engine, VOCABULARY, engine.info), ids, names, layer, 32, Stop())


def rows(scored: Scored) -> list[dict[str, str]]:
    """What its CSV reads back as."""
    return list(csv.DictReader(io.StringIO(scored.csv())))


@given(prompts)
def test_every_tokens_numbers_are_the_engines(ids: TokenIds) -> None:
    truth = fakes.score(ids, 1)
    made = scored(ids).document()
    assert made["ids"] == list(ids)
    for place, token in enumerate(made["tokens"][1:], 1):
        assert np.float32(token["logprob"]) == truth.logprobs[place]
        assert token["rank"] == truth.ranks[place]
        assert token["probability"] == pytest.approx(math.exp(token["logprob"]), rel=1e-6)
        assert token["surprisal_bits"] == pytest.approx(-math.log2(token["probability"]), abs=1e-5)
        assert token["entropy_bits"] == pytest.approx(float(truth.entropies[place]) / math.log(2), rel=1e-6)


@given(prompts)
def test_the_first_token_has_no_numbers(ids: TokenIds) -> None:
    first = scored(ids).document()["tokens"][0]
    keys = ["logprob", "probability", "surprisal_bits", "rank", "entropy_bits"]
    assert list(first) == ["id", "text", "bytes", *keys]
    assert [first[key] for key in keys] == [None] * 5


def test_numbers_are_those_of_plain_transformers(
    embedded_source: Source, embedded_model: PreTrainedModel
) -> None:
    engine = LocalEngine(ModelSpec())
    try:
        opened = open_model(engine, lambda progress: None)
        ids = engine.encode("The capital of France is Paris.\nIts 日本 restaurants are [b]very[/b] good")
        made = score(opened, ids, ["probability", "entropy"], None, 32, Stop()).document()
    finally:
        engine.close()
    with torch.no_grad():
        logprobs = embedded_model(torch.tensor([ids])).logits[0, :-1].double().log_softmax(-1)
    taken = logprobs.gather(1, torch.tensor(ids[1:])[:, None])[:, 0]
    entropies = -(logprobs.exp() * logprobs).sum(-1) / math.log(2)
    tokens = made["tokens"][1:]
    assert [token["logprob"] for token in tokens] == pytest.approx(taken.tolist(), abs=1e-5)
    assert [token["probability"] for token in tokens] == pytest.approx(taken.exp().tolist(), abs=1e-5)
    # The engine's entropies are as exact as torch's float32 softmax over a whole vocabulary.
    assert [token["entropy_bits"] for token in tokens] == pytest.approx(entropies.tolist(), abs=2e-5)
    assert [token["rank"] for token in tokens] == (1 + (logprobs > taken[:, None]).sum(-1)).tolist()
    assert made["overlays"][0]["values"][1:] == [token["probability"] for token in tokens]


@pytest.mark.parametrize("name", NAMES)
def test_every_overlay_says_what_it_says_on_the_screen(name: str) -> None:
    (made,) = scored(IDS, name, layer=1).document()["overlays"]
    truth = fakes.score(IDS, 1)
    glance = Glance(truth, chosen=int(truth.next.ids[0]), layer=1, layers=LAYERS)
    facet = named(name).ask(glance)
    reading = named(name).read(glance, None if facet is None else observe(IDS, facet))
    assert made["name"] == name
    assert made["values"] == document.numbers(reading.values)
    for key in ("title", "unit", "note", "scale", "low", "high"):
        assert made[key] == getattr(reading, key)


def test_overlays_stand_in_the_order_asked_for_each_once() -> None:
    made = scored(IDS, "rank", "norm", "rank").document()["overlays"]
    assert [each["name"] for each in made] == ["rank", "norm"]


def test_what_two_overlays_share_is_asked_for_once() -> None:
    engine = FakeEngine()
    scored(IDS, "similarity", "norm", "probability", engine=engine)
    assert [facet for _, facet in engine.observed] == [Residuals()]
    assert engine.scored == [IDS]


def test_the_layer_is_the_last_where_none_is_named() -> None:
    norms = fakes.observe(IDS, Residuals())
    for layer in (None, *range(LAYERS + 1)):
        (made,) = scored(IDS, "norm", layer=layer).document()["overlays"]
        row = norms.norms[LAYERS if layer is None else layer]  # type: ignore[attr-defined]
        assert np.array_equal(np.array(made["values"], np.float32), row)


@pytest.mark.parametrize("layer", [-1, LAYERS + 1])
def test_a_layer_that_there_is_not_is_refused(layer: int) -> None:
    with pytest.raises(InputError, match=f"{layer}.*\n.*from 1 to {LAYERS}"):
        scored(IDS, layer=layer)


def test_an_unknown_overlay_is_refused_with_the_nearest_before_the_model_is_asked() -> None:
    engine = FakeEngine()
    with pytest.raises(InputError, match="Did you mean surprisal"):
        scored(IDS, "suprisal\x1b", engine=engine)
    assert not engine.scored


def test_no_heads_are_refused() -> None:
    engine = FakeEngine()
    with pytest.raises(InputError, match="0 heads"):
        score(Opened(engine, VOCABULARY, engine.info), IDS, [], None, 0, Stop())


@given(prompts)
def test_the_totals_are_those_of_the_tokens(ids: TokenIds) -> None:
    made = scored(ids).document()
    logprobs = [token["logprob"] for token in made["tokens"][1:]]
    total = made["total"]
    if not logprobs:
        assert set(total.values()) == {None}
        return
    bits = -sum(logprobs) / math.log(2)
    text = b"".join(bytes(token["bytes"]) for token in made["tokens"][1:] if token["id"] != BOS)
    assert total["logprob"] == pytest.approx(sum(logprobs), rel=1e-6)
    assert total["bits_per_token"] == pytest.approx(bits / len(logprobs), rel=1e-6)
    assert total["perplexity"] == pytest.approx(2 ** total["bits_per_token"], rel=1e-6)
    assert total["bits_per_byte"] == (pytest.approx(bits / len(text), rel=1e-6) if text else None)


def test_a_prompt_of_one_token_says_that_it_has_no_probability() -> None:
    lines = [line.plain for line in scored((BOS,)).text()]
    assert any("none has a probability" in line for line in lines)
    assert not any("nan" in line for line in lines)


@given(prompts)
def test_the_csv_reads_back_as_the_same_floats(ids: TokenIds) -> None:
    made = scored(ids, "similarity", "change", "attribution")
    columns = {
        "logprob_nats": made.scores.logprobs,
        "probability": made.scores.probabilities,
        "surprisal_bits": made.scores.surprisals,
        "entropy_bits": made.scores.entropy_bits,
        "similarity": made.readings[0].values,
        "change_bits": made.readings[1].values,
        "attribution_logits": made.readings[2].values,
    }
    read = rows(made)
    assert [int(row["id"]) for row in read] == list(ids)
    assert [int(row["position"]) for row in read] == list(range(1, len(ids) + 1))
    assert [bytes.fromhex(row["bytes_hex"]) for row in read] == [VOCABULARY.pieces[id] for id in ids]
    assert [int(row["rank"] or 0) for row in read] == made.scores.ranks.tolist()
    for name, values in columns.items():
        back = np.array([float(row[name] or "nan") for row in read], np.float32)
        assert np.array_equal(back, values, equal_nan=True)


def test_an_overlay_whose_numbers_stand_there_anyway_gets_no_second_column() -> None:
    assert scored(IDS, *NAMES[:1], "surprisal", "rank", "entropy").csv() == scored(IDS).csv()
    heading = next(iter(scored(IDS, "surprisal", "depth").text())).plain
    assert heading.split() == [*scored_heading(), "depth", "(layers)"]


def scored_heading() -> list[str]:
    """The columns of a table without overlays."""
    return next(iter(scored(IDS).text())).plain.split()


@given(prompts)
def test_no_token_reaches_a_terminal_as_it_is(ids: TokenIds) -> None:
    made = scored(ids, "influence", "norm")
    lines = [*made.text(), *made.coloured(PALETTES)]
    text = "".join(line.plain for line in lines) + made.csv().replace("\n", "")
    assert not {unicodedata.category(char) for char in text} & {"Cc", "Cf", "Zl", "Zp"}


@given(prompts)
def test_the_coloured_text_is_every_token_as_it_is_shown(ids: TokenIds) -> None:
    *lines, _ = scored(ids).coloured(PALETTES)
    shown = "".join("".join(token) for token in VOCABULARY.show(ids))
    assert "".join(line.plain for line in lines) == shown
    assert len([line for line in lines if line.plain]) >= shown.count("↵")


@pytest.mark.parametrize("name", ["surprisal", "norm", "attribution"])
def test_each_token_has_the_colour_of_its_value(name: str) -> None:
    made = scored(encode("Once upon a time"), name)
    reading, first = made.readings[0], made.coloured(PALETTES)[0]
    palette = PALETTES.of(reading)
    expected = [palette.style(level) for level in palette.levels(reading.places).tolist() if level >= 0]
    drawn = [span.style for span in first.spans if span.style]
    assert drawn == expected


def test_the_legend_has_the_numbers_and_the_unit_of_the_scale() -> None:
    legend = scored(IDS, "surprisal").coloured(PALETTES)[-1].plain
    assert legend.split() == ["surprisal", "0", "12", "bits"]
    assert "by ratio" in scored(IDS, "norm").coloured(PALETTES)[-1].plain
    assert scored(IDS).coloured(PALETTES)[-1].plain.startswith("probability")


def test_where_no_token_has_a_value_the_legend_says_so() -> None:
    legend = scored(IDS, "change").coloured(PALETTES)[-1].plain
    assert "no token has a value" in legend


def test_without_colours_the_scale_is_still_in_words() -> None:
    grey = Palettes(make("viridis", "none"), make("red-blue", "none"))
    assert scored(IDS, "surprisal").coloured(grey)[-1].plain == "surprisal  0 to 12 bits"


def test_the_document_has_its_keys_in_their_order_and_is_json() -> None:
    made = scored(IDS, *NAMES).document()
    assert list(made)[4:] == ["ids", "tokens", "overlays", "total"]
    keys = ["name", "title", "unit", "scale", "low", "high", "note", "values"]
    assert all(list(each) == keys for each in made["overlays"])
    written = document.dumps(made)
    assert written.isascii()
    assert json.loads(written) == made
