"""Tracks and segments hold exactly the rows that were put in."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from token_explorer.engine.kv import BLOCK_TOKENS, Column, Segment, Track

CPU = torch.device("cpu")
COLUMNS = (Column((2, 3, 0, 4), 2, torch.float32, CPU), Column((0, 5), 0, torch.bfloat16, CPU))


def filled(tokens: int) -> Track:
    """A track whose row i holds the number i everywhere."""
    track = Track(COLUMNS)
    track.reserve(tokens)
    for index, column in enumerate(COLUMNS):
        shape = [1] * len(column.shape)
        shape[column.axis] = tokens
        track.rows(index, 0, tokens).copy_(torch.arange(tokens).view(shape))
    track.length = tokens
    return track


def numbers(segment: Segment) -> list[int]:
    """The numbers of a segment's rows, the same in every column."""
    keys, hidden = segment.column(0), segment.column(1)
    assert (keys == keys[:1, :1, :, :1]).all()
    assert (keys[0, 0, :, 0] == hidden[:, 0].float()).all()
    return keys[0, 0, :, 0].int().tolist()


spans = st.tuples(st.integers(0, 200), st.integers(0, 200)).map(sorted).filter(lambda span: span[0] < span[1])


@given(spans, spans)
def test_a_slice_of_a_segment_holds_these_rows(span: list[int], cut: list[int]) -> None:
    segment = filled(200).copy_out(*span)
    whole = list(range(*span))
    assert numbers(segment) == whole
    part = segment[slice(*cut)]
    assert len(part) == len(whole[slice(*cut)])
    if len(part):
        assert numbers(part) == whole[slice(*cut)]
        assert part.row(1, len(part) - 1)[0].int().item() == whole[slice(*cut)][-1]


@given(spans)
def test_what_was_copied_out_comes_back_in(span: list[int]) -> None:
    source = filled(200)
    target = Track(COLUMNS)
    target.copy_in(source.copy_out(0, span[0])) if span[0] else None
    target.copy_in(source.copy_out(*span))
    assert target.length == span[1]
    assert numbers(target.copy_out(0, span[1])) == list(range(span[1]))


@given(spans)
def test_a_segment_is_its_own_and_counts_its_bytes(span: list[int]) -> None:
    track = filled(200)
    segment = track.copy_out(*span)
    assert segment.nbytes == (span[1] - span[0]) * track.token_bytes
    for index in range(2):
        track.rows(index, 0, 200).zero_()
    assert numbers(segment) == list(range(*span))


@given(spans)
def test_a_cut_frees_memory_and_copies_two_blocks_at_most(cut: list[int]) -> None:
    whole = filled(200).copy_out(0, 200)
    part = whole[slice(*cut)]
    kept = {tensor.data_ptr() for block in whole.blocks for tensor in block}
    new = sum(tensor.data_ptr() not in kept for block in part.blocks for tensor in block)
    assert new <= 2 * len(COLUMNS)
    for block in part.blocks:
        for tensor in block:
            assert tensor.untyped_storage().nbytes() == tensor.nbytes, "a view keeps what was evicted alive"


def test_growing_keeps_the_rows_and_copies_them_rarely() -> None:
    track = filled(10)
    for tokens in range(11, 3 * BLOCK_TOKENS * 10):
        track.reserve(tokens)
    assert numbers(track.copy_out(0, 10)) == list(range(10))
