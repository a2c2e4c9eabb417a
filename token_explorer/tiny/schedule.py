"""The learning rate of each step: a warm-up, then half a cosine (Loshchilov and Hutter 2017)."""

import math

from token_explorer.tiny.settings import TinySettings


def learning_rate(settings: TinySettings, iteration: int) -> float:
    """The rate of a step, counted from 0: 0 at first where there is a warm-up, then up, then down."""
    if iteration < settings.warmup_iters:
        return settings.learning_rate * iteration / settings.warmup_iters
    rest = max(1, settings.max_iters - settings.warmup_iters)
    part = min(1.0, (iteration - settings.warmup_iters) / rest)
    span = settings.learning_rate - settings.min_learning_rate
    return settings.min_learning_rate + span * (1 + math.cos(math.pi * part)) / 2
