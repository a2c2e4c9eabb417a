"""The files of a trace beside trace.json, by name."""

import re

TEXT = "output.txt"
FINAL, PROMPT, SURPRISAL, COMPARISON = (
    "final_step_token_probs.png",
    "prompt_attention_heatmap.png",
    "surprisal.png",
    "comparison.png",
)
# A second model's trace of the same prompt, in a folder of its own.
BESIDE = "beside"

_STEP = re.compile(r"attn_step_[0-9]+\.png")


def snapshot(step: int) -> str:
    """The plot of the attention after a step; 0 is the prompt."""
    return f"attn_step_{step}.png" if step else PROMPT


def is_plot(name: str) -> bool:
    """Whether a file of this name is a plot of a trace."""
    return name in (FINAL, PROMPT, SURPRISAL, COMPARISON) or _STEP.fullmatch(name) is not None
