"""The other side: a bare transformers loop on the same weights, as many threads, in a process of its own.

Its times are taken beside the model's calls: being asked costs it nothing. Knows nothing of the program.
"""

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.figures import Took

Ids = tuple[int, ...]
# Positions whose states the lens looks at: about as many as the program's screen of 120 columns shows.
LENS_POSITIONS = 9


class _Loop:
    """What runs in the child. Keeps one prompt's keys and values, and comes back to them after each call."""

    def __init__(self, folder: str, threads: int) -> None:
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        self._torch = torch
        loader: Any = AutoModelForCausalLM
        self._model = loader.from_pretrained(folder, dtype=torch.float32).eval()
        self._ids: Ids = ()
        self._cache: Any

    def weights_bytes(self) -> int:
        return int(sum(weights.nbytes for weights in self._model.parameters()))

    def kept_bytes(self) -> int:
        arrays = [array for layer in self._cache.layers for array in (layer.keys, layer.values)]
        hidden = self._model.config.hidden_size * self._model.dtype.itemsize
        return int(sum(array.nbytes for array in arrays) + hidden * len(self._ids))

    def prefill(self, ids: Ids) -> Took:
        from transformers.cache_utils import DynamicCache

        self._cache = DynamicCache(config=self._model.config)
        taken = self._run(ids)
        self._ids = ids
        return taken

    def feed(self, tokens: Ids) -> Took:
        try:
            return self._run(tokens)
        finally:
            self._go_back()

    def generate(self, token: int, count: int, settings: dict[str, Any], seed: int) -> tuple[Took, Ids]:
        self._torch.manual_seed(seed)
        prompt = self._torch.tensor([[*self._ids, token]])
        written: list[Any] = []
        options = {"max_new_tokens": count, "pad_token_id": 0, "past_key_values": self._cache, **settings}
        try:
            taken = _took(
                lambda: written.append(
                    self._model.generate(prompt, attention_mask=self._torch.ones_like(prompt), **options)
                )
            )
        finally:
            self._go_back()
        return taken, tuple(written[0][0, len(self._ids) + 1 :].tolist())

    def lens(self, ids: Ids) -> Took:
        prompt = self._torch.tensor([ids])

        def look() -> None:
            found = self._model(prompt, use_cache=False, output_hidden_states=True, logits_to_keep=1)
            norm, head = self._model.get_decoder().norm, self._model.get_output_embeddings()
            for state in found.hidden_states:
                head(norm(state[0, -LENS_POSITIONS:])).log_softmax(-1).max(-1)

        return _took(look)

    def attention(self, ids: Ids) -> Took:
        prompt = self._torch.tensor([ids])
        options = {"use_cache": False, "output_attentions": True, "logits_to_keep": 1}
        self._model.set_attn_implementation("eager")
        try:
            return _took(lambda: self._model(prompt, **options))
        finally:
            self._model.set_attn_implementation("sdpa")

    def _run(self, tokens: Ids) -> Took:
        fed = self._torch.tensor([tokens])
        return _took(lambda: self._model(fed, past_key_values=self._cache, use_cache=True))

    def _go_back(self) -> None:
        if (more := self._cache.get_seq_length() - len(self._ids)) > 0:
            self._cache.crop(-more)


class Bare:
    """The bare loop, asked from here. A context manager: its process ends with it.

    Args:
        folder: the model's folder.
        threads: torch's.
    """

    def __init__(self, folder: str, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, folder, threads), daemon=True)
        self._process.start()
        theirs.close()
        self._held: Ids = ()
        self._held_took: Took

    def __enter__(self) -> "Bare":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process.pid is not None
        return self._process.pid

    def weights_bytes(self) -> int:
        """Bytes of the model's weights, each counted once."""
        return int(self._ask("weights_bytes"))

    def kept_bytes(self) -> int:
        """Bytes of the held prompt's keys and values, and of its last hidden states."""
        return int(self._ask("kept_bytes"))

    def prefill(self, ids: Ids) -> Took:
        """Run a whole prompt, with the logits of every position, and keep its keys and values."""
        self._held, self._held_took = ids, self._ask_time("prefill", ids)
        return self._held_took

    def hold(self, ids: Ids) -> Took:
        """Have a prompt's keys and values at hand, not run again if they are; what running it took."""
        return self._held_took if self._held == ids else self.prefill(ids)

    def feed(self, tokens: Ids) -> Took:
        """Run tokens behind the prompt that is held, with the logits of each; they are dropped again."""
        return self._ask_time("feed", tokens)

    def generate(self, token: int, count: int, settings: dict[str, Any], seed: int) -> tuple[Took, Ids]:
        """Have `model.generate` write so many tokens behind the held prompt and one more token."""
        taken, written = self._ask("generate", token, count, settings, seed)
        return taken, written

    def lens(self, ids: Ids) -> Took:
        """Run a whole prompt for its hidden states, and the lens of all layers at its last positions."""
        return self._ask_time("lens", ids)

    def attention(self, ids: Ids) -> Took:
        """Run a whole prompt for the attention weights of all heads."""
        return self._ask_time("attention", ids)

    def _ask_time(self, method: str, *arguments: object) -> Took:
        taken: Took = self._ask(method, *arguments)
        return taken

    def _ask(self, method: str, *arguments: object) -> Any:
        self._connection.send((method, arguments))
        answer = self._connection.recv()
        if isinstance(answer, Exception):
            raise answer
        return answer


def _took(work: Callable[[], object]) -> Took:
    cpu, start = time.process_time(), time.perf_counter()
    work()
    return Took(time.perf_counter() - start, time.process_time() - cpu)


def _serve(connection: Connection, folder: str, threads: int) -> None:
    loop = _Loop(folder, threads)
    while True:
        try:
            method, arguments = connection.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            answer: object = getattr(loop, method)(*arguments)
        except Exception as error:
            answer = error
        connection.send(answer)
