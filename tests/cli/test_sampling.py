"""A flag of the sampler switches it on; without any the likeliest token is taken."""

from dataclasses import replace

import pytest

from token_explorer.cli.sampling import plan_sampler, with_seed
from token_explorer.config import SamplerSettings
from token_explorer.core.knobs import KNOBS, MAX_SEED, Sampler
from token_explorer.errors import InputError

NONE = {each.name: None for each in KNOBS}
OWN = replace(SamplerSettings(), temperature=0.7, top_k=40)


def test_without_a_flag_the_sampler_is_off_whatever_the_settings_say() -> None:
    assert plan_sampler(OWN, NONE, None)[0] is None


@pytest.mark.parametrize("knob", KNOBS, ids=lambda knob: knob.name)
def test_a_flag_turns_its_knob_of_the_settings_sampler(knob: object) -> None:
    name, value = knob.name, str(knob.notches[3])  # type: ignore[attr-defined]
    sampler, _ = plan_sampler(OWN, {**NONE, name: value}, None)
    assert sampler == OWN.sampler.turned(name, value)


def test_a_seed_alone_switches_the_sampler_on() -> None:
    assert plan_sampler(SamplerSettings(), NONE, "7") == (Sampler(), 7)
    assert plan_sampler(OWN, NONE, "0") == (OWN.sampler, 0)


def test_the_seed_of_the_settings_is_used_and_a_fresh_one_where_they_have_none() -> None:
    assert plan_sampler(replace(OWN, seed=5), {**NONE, "top_p": "0.9"}, None)[1] == 5
    fresh = {plan_sampler(OWN, NONE, None)[1] for _ in range(20)}
    assert len(fresh) > 1
    assert all(0 <= seed <= MAX_SEED for seed in fresh)


@pytest.mark.parametrize(("flag", "text"), [("temperature", "hot"), ("top_p", "1.5"), ("top_k", "2.5")])
def test_an_impossible_value_names_the_knob_and_what_it_may_be(flag: str, text: str) -> None:
    with pytest.raises(InputError, match=text) as caught:
        plan_sampler(OWN, {**NONE, flag: text}, None)
    assert "It should be" in caught.value.hint


def test_a_seed_of_its_flag_replaces_that_of_the_settings() -> None:
    assert with_seed(OWN, "3").seed == 3
    assert with_seed(OWN, None) is OWN
    with pytest.raises(InputError, match="--seed x"):
        with_seed(OWN, "x")
