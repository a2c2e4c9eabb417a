"""Python's garbage collector, kept out of the way while much is made that stays."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect nothing meanwhile, and never look again at what is there at the end.

    For imports: the collector would go through all modules again and again while they come, which is a tenth
    of the time that they take, and once more whenever a key was pressed often enough.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if was_on:
            gc.enable()
