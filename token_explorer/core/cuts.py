"""What can be asked of a tokenizer: how it cuts a text into tokens, as facets that need no forward.

Knows nothing of how tokenizers do it.
"""

from dataclasses import dataclass

from token_explorer.core.observation import Facet
from token_explorer.core.scores import Ints
from token_explorer.core.tokens import TokenIds


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """How the tokenizer cuts a text.

    Attributes:
        ids (n,): of its tokens.
    """

    ids: Ints

    @property
    def tokens(self) -> TokenIds:
        """The ids as a prompt has them."""
        return tuple(self.ids.tolist())


@dataclass(frozen=True, slots=True)
class Recut(Facet[Cut]):
    """How the tokenizer would cut the prompt's own text, with what it puts before every text.

    FacetUnavailable where the prompt's bytes make no text.
    """

    kind = "tokenizer"


@dataclass(frozen=True, slots=True)
class Encoding(Facet[Cut]):
    """How the tokenizer cuts a text, whatever the prompt is.

    Attributes:
        text: to be cut.
        whole: a prompt of its own, as Engine.encode makes one; else it is to continue one: nothing is put
            before it, and its tokens' bytes are the text's.
        fitting: more tokens than the model's context holds raise ContextTooLong.
    """

    kind = "tokenizer"
    text: str
    whole: bool
    fitting: bool = True

    def reach(self, length: int) -> int:
        return 0


@dataclass(frozen=True, slots=True)
class Chat(Facet[Cut]):
    """A prompt made by the model's own chat template, whatever the prompt is.

    Attributes:
        system: what the model is told to be; '' for no such message.
        user: what it is asked.
        prefill: how its answer begins; '' to let it begin by itself.
    """

    kind = "chat"
    system: str
    user: str
    prefill: str

    def reach(self, length: int) -> int:
        return 0
