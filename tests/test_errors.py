import pickle
import re

import pytest

from token_explorer import errors
from token_explorer.errors import ExplorerError

KINDS = sorted(ExplorerError.__subclasses__(), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", [ExplorerError, *KINDS])
def test_an_error_crosses_a_process_border_whole(kind: type[ExplorerError]) -> None:
    error = pickle.loads(pickle.dumps(kind("Title", "message with 42.", "Do this.")))
    assert type(error) is kind
    assert (error.title, error.message, error.hint) == ("Title", "message with 42.", "Do this.")
    assert error.exit_code == kind.exit_code


def test_an_error_reads_as_title_message_and_hint() -> None:
    assert str(ExplorerError("Title", "message.", "Do this.")) == "Title: message.\nDo this."


def test_an_error_without_a_hint_ends_with_its_message() -> None:
    assert str(ExplorerError("Title", "message.")) == "Title: message."


def test_the_tree_at_the_top_of_the_file_is_the_code() -> None:
    drawn = re.findall(r"[├└]── (\w+) .* (\d)$", errors.__doc__ or "", re.MULTILINE)
    assert sorted(drawn) == [(kind.__name__, str(kind.exit_code)) for kind in KINDS]
