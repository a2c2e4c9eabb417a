"""The sampler that flags and settings ask for. Knows nothing of runs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from token_explorer.config import FRESH_SEED, SamplerSettings
from token_explorer.core.knobs import KNOBS, Sampler, fresh_seed, read_seed


def plan_sampler(
    settings: SamplerSettings, given: Mapping[str, Any], seed: str | None
) -> tuple[Sampler | None, int]:
    """The sampler, and the seed of its draws; None for it where no flag asks for one: the likeliest token.

    A flag, the seed's too, switches on the sampler of the settings, with that knob turned. A seed that
    neither names is a fresh one.

    Args:
        given: what the flag of each knob says, by the knob's name, None for a flag that isn't there; other
            flags may be among them.
        seed: what its flag says.

    Raises InputError for values that a knob doesn't allow.
    """
    turned = {each.name: given[each.name] for each in KNOBS if given[each.name] is not None}
    drawn = _seed(settings, seed)
    if not turned and seed is None:
        return None, drawn
    sampler = settings.sampler
    for name, text in turned.items():
        sampler = sampler.turned(name, text)
    return sampler, drawn


def _seed(settings: SamplerSettings, seed: str | None) -> int:
    if seed is not None:
        return read_seed(seed, "--seed ")
    return fresh_seed() if settings.seed == FRESH_SEED else settings.seed


def with_seed(settings: SamplerSettings, seed: str | None) -> SamplerSettings:
    """Settings with the seed that its flag gives, if it gives one. Raises InputError."""
    return settings if seed is None else replace(settings, seed=read_seed(seed, "--seed "))
