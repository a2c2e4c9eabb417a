"""Nothing is collected while imports come, and what they leave is never looked at again."""

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from token_explorer.garbage import uncollected


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """What these tests freeze is thawed."""
    yield
    gc.unfreeze()
    gc.enable()


def test_what_is_there_at_the_end_is_out_of_the_collectors_sight() -> None:
    with uncollected():
        assert not gc.isenabled()
        made = [[]]
    assert gc.isenabled()
    assert not any(each is made for each in gc.get_objects())
    assert gc.get_freeze_count() > 0


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    with uncollected():
        pass
    assert not gc.isenabled()


def test_after_an_error_the_collector_goes_on_with_all_it_had() -> None:
    gc.unfreeze()
    with pytest.raises(ImportError), uncollected():
        raise ImportError
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_while_the_libraries_of_models_are_imported_nothing_is_collected() -> None:
    code = (
        "import gc; from token_explorer.engine import models; gc.collect()\n"
        "before = gc.get_stats()[2]['collections']; models.start_libraries()\n"
        "print(gc.get_stats()[2]['collections'] - before, gc.get_freeze_count() > 100_000, gc.isenabled())\n"
        "gc.unfreeze(); models.start_libraries(); print(gc.get_freeze_count())"
    )
    said = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert said == "0 True True\n0\n"
