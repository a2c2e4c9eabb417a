"""Words as tokens: a tokenizer that cuts a text into words, blanks and signs, and joins back to it.

Knows nothing of models.
"""

from collections import Counter
from typing import TYPE_CHECKING

from tokenizers import Regex, Tokenizer, decoders, pre_tokenizers
from tokenizers.models import WordLevel

from token_explorer.tiny.data import Corpus

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

SPACE, UNKNOWN = " ", "<UNK>"
# A word with the apostrophes in it; or one blank; or one sign.
_PIECE = r"\w+(?:['’]\w+)*|\s|[^\w\s]"


def make_tokenizer(corpus: Corpus, most: int, positions: int) -> "PreTrainedTokenizerFast":
    """The tokenizer of a text's words, an ordinary one of transformers.

    Args:
        most: words at most; where the text has more, the rarest are UNKNOWN.
        positions: tokens that the model reads at once.
    """
    from transformers import PreTrainedTokenizerFast

    words = vocabulary(corpus, most)
    made = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token=UNKNOWN))
    made.pre_tokenizer = _cutter()
    made.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=made,
        clean_up_tokenization_spaces=False,
        model_max_length=positions,
        unk_token=UNKNOWN if UNKNOWN in words else None,
    )


def vocabulary(corpus: Corpus, most: int) -> tuple[str, ...]:
    """The words of a text in the order of their ids: the space, the others sorted, and UNKNOWN if need be."""
    counts = Counter(cut(corpus.text))
    del counts[SPACE]
    if corpus.words and len(corpus.words) <= most:
        return corpus.words
    if len(counts) < most:
        return (SPACE, *sorted(counts))
    common = sorted(counts, key=lambda word: (-counts[word], word))[: most - 2]
    return (SPACE, *sorted(common), UNKNOWN)


def cut(text: str) -> list[str]:
    """A text's words, blanks and signs."""
    return [piece for piece, _ in _cutter().pre_tokenize_str(text)]


def _cutter() -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Split(Regex(_PIECE), "isolated")
