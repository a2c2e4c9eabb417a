"""Blanks at the end of a text, and what they do to its tokens. Knows nothing of models and of flags."""

from collections.abc import Callable, Sequence

from token_explorer.core.tokens import BLANK, TokenIds, Vocabulary, common_length, display, visible_blanks

# So many tokens of an end are shown, and so many blanks; of a long row of them the first ones tell enough.
_MOST_TOKENS = 4
_MOST_BLANKS = 12


def ending(text: str) -> str:
    """The blanks and line ends that a text ends in, as shown; '' for none."""
    blanks = text[len(text.rstrip()) :]
    if not blanks:
        return ""
    return visible_blanks(display(blanks[:_MOST_BLANKS])) + "…" * (len(blanks) > _MOST_BLANKS)


def trailing(vocabulary: Vocabulary, encode: Callable[[str], TokenIds], text: str) -> str:
    """What blanks and line ends at the end of a text do to its tokens, in words; '' where there are none.

    Of a text that is blank from its beginning there is nothing to say either. Raises what `encode` raises.

    Args:
        encode: the tokens of a text, as the model is asked about them.
    """
    bare = text.rstrip()
    if not bare or bare == text:
        return ""
    kept, without = encode(text), encode(bare)
    said = f'The text ends in "{ending(text)}", kept as typed: '
    if kept == without:
        return said + "this model's tokens are the same without."
    same = max(0, common_length(kept, without) - 1)
    ends = _shown(vocabulary, kept[same:]), _shown(vocabulary, without[same:])
    said += f"its tokens end in {ends[0]}, and without it in {ends[1]}."
    if text.endswith(" "):
        said += (
            f" Most words begin with a blank of their own, so after a lone {BLANK} other tokens are likely."
        )
    return said


def _shown(vocabulary: Vocabulary, ids: Sequence[int]) -> str:
    first = " ".join(f'"{vocabulary[token].shown}"' for token in ids[:_MOST_TOKENS])
    return f"{first} …" if len(ids) > _MOST_TOKENS else first or "nothing"
