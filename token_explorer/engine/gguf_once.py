"""transformers' way through a .gguf file, with each of its steps taken once, and in larger strides.

It parses the file three times, works out the names of tensors once for each module of the model, and makes
numbers of 16 rows at a time. What comes out is the same, bit for bit. Knows nothing of what is made of it.
"""

import copy
import functools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

# So many rows are unpacked as one: numpy's calls cost more than the numbers in rows of a small model.
_STRIDE = 8


@contextmanager
def steps_once() -> Iterator[None]:
    """Have all that reads .gguf files meanwhile share the steps that give the same each time."""
    import gguf
    from transformers import modeling_gguf_pytorch_utils as loader

    with ExitStack() as stack:
        for module, name, make in (
            (gguf, "GGUFReader", _plain_reader),
            (gguf, "get_tensor_name_map", functools.cache),
            (gguf, "dequantize", _in_strides),
            (loader, "load_gguf_checkpoint", _described_once),
        ):
            stack.enter_context(_replaced(module, name, make))
        yield


@contextmanager
def _replaced(module: Any, name: str, make: Callable[[Any], object]) -> Iterator[None]:
    """Have a module's function be what is made of it; another version's module that lacks it stays."""
    own = getattr(module, name, None)
    if own is None:
        yield
        return
    setattr(module, name, make(own))
    try:
        yield
    finally:
        setattr(module, name, own)


def _plain_reader(reader: Any) -> Callable[..., Any]:
    """A reader that parses a file once, and holds it as a plain array: a memmap is slow to slice."""

    class Reader(reader):  # type: ignore[misc, unused-ignore]
        @property
        def data(self) -> np.ndarray[Any, Any]:
            return self._plain

        @data.setter
        def data(self, mapped: np.ndarray[Any, Any]) -> None:
            self._plain = np.asarray(mapped)

    return functools.cache(Reader)


def _in_strides(dequantize: Callable[..., Any]) -> Callable[..., Any]:
    """Numbers of quantized rows, as gguf.dequantize gives them: the blocks of a row know nothing of rows."""

    def unpack(quantized: np.ndarray[Any, Any], kind: Any) -> np.ndarray[Any, Any]:
        rows, strides = quantized.shape[0], quantized.shape[0] // _STRIDE
        if quantized.dtype != np.uint8 or quantized.ndim != 2 or strides * _STRIDE != rows:
            return np.asarray(dequantize(quantized, kind))
        return np.asarray(dequantize(quantized.reshape(strides, -1), kind)).reshape(rows, -1)

    return unpack


def _described_once(load: Callable[..., Any]) -> Callable[..., Any]:
    """A loader that reads what a file says of its model and tokenizer once, and its tensors when asked."""
    described = functools.cache(load)

    def load_once(path: Any, return_tensors: bool = False, **rest: Any) -> Any:
        if return_tensors:
            return load(path, return_tensors=True, **rest)
        return copy.deepcopy(described(path, return_tensors=False, **rest))

    return load_once
