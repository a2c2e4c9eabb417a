import operator
import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_explorer.core.branch import HISTORY, Branch, Workspace
from token_explorer.errors import NotPossible

MAX_PROMPTS = 4
Operation = Callable[[Workspace], Workspace]

tokens = st.integers(0, 5)
prompts = st.lists(tokens, min_size=1, max_size=4).map(tuple)


def look_at(place: float) -> Operation:
    return lambda space: space.look_at(int(place * len(space.branch.ids)))


def append(added: tuple[int, ...]) -> Operation:
    return lambda space: space.append(*added)


def write(written: tuple[int, ...]) -> Operation:
    """What a run does: the first token is a change, and those after it are a part of it."""
    return lambda space: reduce(Workspace.go_on, written[1:], space.append(written[0]))


def choose(place: float, token: int, keep_tail: bool) -> Operation:
    """Another token in some place but the first, where there is one."""

    def operation(space: Workspace) -> Workspace:
        later = len(space.branch.ids) - 1
        return space.choose(1 + int(place * later), token, keep_tail) if later else space

    return operation


parts = st.floats(0, 1, exclude_max=True)
changes: st.SearchStrategy[Operation] = st.one_of(
    prompts.map(append),
    prompts.map(write),
    prompts.map(lambda ids: lambda space: space.rewrite(ids)),
    prompts.map(lambda ids: lambda space: space.add(ids)),
    st.builds(choose, parts, tokens, st.booleans()),
    st.sampled_from([Workspace.back, Workspace.reset, Workspace.fork, Workspace.drop]),
)
moves: st.SearchStrategy[Operation] = st.one_of(
    st.integers(-5, 5).map(lambda steps: lambda space: space.switch(steps)),
    parts.map(look_at),
    st.integers(0, MAX_PROMPTS - 1).map(lambda index: lambda space: space.show(index % len(space.branches))),
    st.just(lambda space: space.look_at(None)),
)
returns: st.SearchStrategy[Operation] = st.sampled_from([Workspace.undo, Workspace.redo])
operations = st.one_of(changes, moves, returns)
# Several prompts from the start: left to chance, a third one would be rare.
openings: st.SearchStrategy[list[Operation]] = st.integers(0, MAX_PROMPTS - 1).map(
    lambda copies: [Workspace.fork] * copies
)
journeys = st.builds(operator.add, openings, st.lists(operations, max_size=40))


def attempt(space: Workspace, operation: Operation) -> Workspace:
    """The workspace after an operation; the one before it where it isn't possible."""
    try:
        return operation(space)
    except NotPossible:
        return space


def walk(start: tuple[int, ...], steps: list[Operation]) -> Workspace:
    return reduce(attempt, steps, Workspace.open(start, MAX_PROMPTS))


def repeat(space: Workspace, operation: Operation, times: int) -> Workspace:
    return reduce(lambda here, _: operation(here), range(times), space)


def texts(space: Workspace) -> list[tuple[int, ...]]:
    return [branch.ids for branch in space.branches]


walks = st.builds(walk, prompts, journeys)


# Any sequence of operations


@given(prompts, journeys)
def test_undoing_all_returns_to_the_start(start: tuple[int, ...], steps: list[Operation]) -> None:
    space = walk(start, steps)
    first = repeat(space, Workspace.undo, len(space.past))
    assert texts(first) == [start]
    assert first.active == 0
    with pytest.raises(NotPossible):
        first.undo()


@given(walks)
def test_redoing_all_that_was_undone_returns_forth(space: Workspace) -> None:
    steps = len(space.past)
    assert repeat(repeat(space, Workspace.undo, steps), Workspace.redo, steps) == space


@given(walks)
def test_redoing_to_the_end_and_undoing_it_returns_back(space: Workspace) -> None:
    steps = len(space.future)
    last = repeat(space, Workspace.redo, steps)
    assert repeat(last, Workspace.undo, steps) == space
    with pytest.raises(NotPossible):
        last.redo()


@given(walks, changes)
def test_a_change_is_one_step_of_the_history_and_ends_what_could_be_redone(
    space: Workspace, change: Operation
) -> None:
    after = attempt(space, change)
    if after is not space:
        assert after.future == ()
        undone = after.undo()
        assert (undone.branches, undone.active, undone.past) == (space.branches, space.active, space.past)
        assert replace(undone.redo(), past=()) == replace(after, past=())


@given(walks, moves)
def test_looking_around_changes_no_token_and_no_history(space: Workspace, move: Operation) -> None:
    after = move(space)
    assert texts(after) == texts(space)
    assert (after.past, after.future) == (space.past, space.future)


@given(walks, operations)
def test_an_operation_leaves_the_workspace_it_was_asked_of_alone(space: Workspace, step: Operation) -> None:
    before = pickle.loads(pickle.dumps(space))
    attempt(space, step)
    assert space == before


@given(walks)
def test_every_prompt_has_tokens_and_one_of_them_is_shown(space: Workspace) -> None:
    assert 1 <= len(space.branches) <= MAX_PROMPTS
    assert 0 <= space.active < len(space.branches)
    assert all(branch.ids and branch.start for branch in space.branches)


# Each operation


@given(walks, tokens)
def test_what_is_appended_last_is_popped_first(space: Workspace, token: int) -> None:
    longer = space.append(token)
    assert longer.branch.ids == (*space.branch.ids, token)
    assert texts(longer.back()) == texts(space)


@given(walks, prompts)
def test_tokens_appended_at_once_are_those_appended_one_by_one_but_in_one_step(
    space: Workspace, added: tuple[int, ...]
) -> None:
    at_once = space.append(*added)
    assert at_once.branches == reduce(Workspace.append, added, space).branches
    assert at_once.undo().past == space.past


@given(walks, prompts)
def test_what_is_written_ends_up_as_if_it_was_appended_at_once(
    space: Workspace, written: tuple[int, ...]
) -> None:
    assert write(written)(space) == space.append(*written)


@given(walks, tokens, parts)
def test_one_may_look_elsewhere_while_the_prompt_goes_on(space: Workspace, token: int, part: float) -> None:
    looking = look_at(part)(space.append(token))
    after = looking.go_on(token)
    assert after.branch == replace(looking.branch, ids=(*looking.branch.ids, token))
    assert after.undo().branches == space.branches


@given(walks, prompts)
def test_a_prompt_that_is_rewritten_is_reset_to_what_was_written(
    space: Workspace, ids: tuple[int, ...]
) -> None:
    after = space.rewrite(ids)
    assert after.branch.ids == ids
    if ids != space.branch.ids:
        assert after.append(1).reset().branch.ids == ids
        assert after.branch.cursor is None
        assert after.branch.origin == space.branch.origin
    else:
        assert after is space


@given(walks, prompts)
def test_another_prompt_stands_beside_the_one_that_was_shown_and_is_no_copy(
    space: Workspace, ids: tuple[int, ...]
) -> None:
    after = attempt(space, lambda here: here.add(ids))
    if len(space.branches) < MAX_PROMPTS:
        assert after.branch == Branch(ids, ids)
        assert after.active == space.active + 1
        assert (*after.branches[: after.active], *after.branches[after.active + 1 :]) == space.branches
    else:
        assert after is space


@given(prompts.filter(lambda ids: len(ids) > 1), tokens, parts, st.booleans())
def test_choosing_copies_the_prompt_with_another_token_in_its_place(
    ids: tuple[int, ...], token: int, part: float, keep_tail: bool
) -> None:
    space, place = Workspace.open(ids), 1 + int(part * (len(ids) - 1))
    if keep_tail and ids[place] == token:
        with pytest.raises(NotPossible, match="Nothing to replace"):
            space.choose(place, token, keep_tail)
        return
    after = space.choose(place, token, keep_tail)
    chosen = after.branch
    assert chosen.ids == chosen.start == (*ids[:place], token, *(ids[place + 1 :] if keep_tail else ()))
    assert chosen.cursor == (place if keep_tail and place + 1 < len(ids) else None)
    assert after.branches == (*space.branches, chosen)
    assert after.branch is after.branches[after.active]


@given(walks, st.builds(choose, parts, tokens, st.booleans()) | st.just(Workspace.fork))
def test_a_copy_remembers_what_it_was_copied_from_whatever_becomes_of_both(
    space: Workspace, copy: Operation
) -> None:
    after = attempt(space, copy)
    if after is space:
        return
    origin = space.branch.ids
    assert after.branch.origin == origin
    assert attempt(after.append(1), Workspace.back).reset().branch.origin == origin
    assert after.switch(-1).append(1).switch(1).branch.origin == origin


def test_a_prompt_that_is_no_copy_has_no_origin() -> None:
    space = Workspace.open((1, 2)).append(3)
    assert space.branch.origin == ()
    assert space.add((4,)).branch.origin == ()


@given(walks, st.integers(-2, MAX_PROMPTS + 1))
def test_a_prompt_is_shown_by_its_index_or_the_refusal_counts_from_one(space: Workspace, index: int) -> None:
    if 0 <= index < len(space.branches):
        assert space.show(index).branch is space.branches[index]
        assert space.show(index) == space.switch(index - space.active)
    else:
        with pytest.raises(NotPossible, match=f"No such prompt: {index + 1}; there"):
            space.show(index)


@given(walks, tokens)
def test_only_the_prompt_that_is_shown_changes(space: Workspace, token: int) -> None:
    after = space.append(token)
    others = [branch for index, branch in enumerate(space.branches) if index != space.active]
    assert [branch for index, branch in enumerate(after.branches) if index != after.active] == others


@given(walks)
def test_a_copy_stands_beside_its_origin_and_is_shown(space: Workspace) -> None:
    if len(space.branches) == MAX_PROMPTS:
        with pytest.raises(NotPossible, match="Too many prompts: 4 are open"):
            space.fork()
        return
    copied = space.fork()
    assert copied.active == space.active + 1
    assert copied.branch.ids == copied.branch.start == space.branch.ids
    assert (*copied.branches[: copied.active], *copied.branches[copied.active + 1 :]) == space.branches


@given(walks)
def test_removing_a_copy_at_once_leaves_the_rest_as_it_was(space: Workspace) -> None:
    if len(space.branches) < MAX_PROMPTS:
        assert space.fork().drop().branches == space.branches


@given(walks)
def test_removing_shows_the_prompt_that_took_the_place_or_else_the_last(space: Workspace) -> None:
    if len(space.branches) == 1:
        with pytest.raises(NotPossible, match="only prompt"):
            space.drop()
        return
    rest = [branch for index, branch in enumerate(space.branches) if index != space.active]
    after = space.drop()
    assert list(after.branches) == rest
    assert after.branch is rest[min(space.active, len(rest) - 1)]


@given(walks, st.integers(-20, 20))
def test_switching_goes_around_the_end(space: Workspace, steps: int) -> None:
    assert space.switch(len(space.branches)) == space
    assert space.switch(steps).switch(-steps) == space
    assert repeat(space, lambda here: here.switch(1), abs(steps)) == space.switch(abs(steps))


def test_switching_shows_the_neighbours_in_their_order() -> None:
    space = Workspace.open((1,)).fork().append(2).fork().append(3)
    shown = [space.switch(steps).branch.ids for steps in (0, 1, 2, 3, -1)]
    assert shown == [(1, 2, 3), (1,), (1, 2), (1, 2, 3), (1, 2)]


@given(walks)
def test_reset_brings_back_what_a_prompt_was_made_with(space: Workspace) -> None:
    assert space.reset().branch.ids == space.branch.start


def test_resetting_an_unchanged_prompt_is_no_step_of_the_history() -> None:
    assert Workspace.open((1, 2)).reset().past == ()


def test_the_first_token_cannot_be_popped() -> None:
    with pytest.raises(NotPossible, match="first token stays"):
        Workspace.open((1,)).back()


def test_the_history_is_bounded_and_its_end_is_still_undone() -> None:
    space = repeat(Workspace.open((0,)), lambda here: here.append(1), HISTORY + 7)
    assert len(space.past) == HISTORY
    assert len(repeat(space, Workspace.undo, HISTORY).branch.ids) == 1 + 7


def test_a_change_takes_the_cursor_to_the_end() -> None:
    space = Workspace.open((1, 2, 3)).look_at(1)
    assert space.branch.cursor == 1
    assert space.append(4).branch.cursor is None
    assert space.back().branch.cursor is None
    assert space.append(4).look_at(0).reset().branch.cursor is None


def test_a_copy_keeps_the_cursor() -> None:
    assert Workspace.open((1, 2, 3)).look_at(1).fork().branch.cursor == 1


# Invariants


@pytest.mark.parametrize(("ids", "start"), [((), (1,)), ((1,), ()), ((), ())])
def test_a_branch_without_tokens_cannot_be_made(ids: tuple[int, ...], start: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least one token"):
        Branch(ids, start)


@pytest.mark.parametrize("cursor", [-1, 2])
def test_a_cursor_beside_the_prompt_cannot_be_set(cursor: int) -> None:
    with pytest.raises(ValueError, match=f"at {cursor} of 2 tokens"):
        Workspace.open((1, 2)).look_at(cursor)


@given(st.integers(1, 9), st.lists(st.integers(-12, 12), max_size=8))
def test_the_cursor_steps_within_the_prompt_and_is_off_at_its_end(length: int, steps: list[int]) -> None:
    space, place = Workspace.open(tuple(range(length))), length
    for step in steps:
        space, place = space.step_cursor(step), max(0, min(place + step, length))
        assert space.branch.cursor == (None if place == length else place)
        assert space.past == ()
