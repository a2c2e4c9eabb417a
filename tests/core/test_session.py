"""A session survives its file: every id, start and cursor; and whatever isn't one is refused in words."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import PIECES, VOCABULARY
from token_explorer.core.branch import Branch, Workspace
from token_explorer.core.knobs import KNOBS, MAX_SEED, Sampler
from token_explorer.core.session import Session, loaded
from token_explorer.core.tokens import Vocabulary
from token_explorer.errors import InputError

IDS = st.lists(st.integers(0, len(PIECES) - 1), min_size=1, max_size=12).map(tuple)


@st.composite
def branches(draw: st.DrawFn) -> Branch:
    ids = draw(IDS)
    cursor = draw(st.none() | st.integers(0, len(ids) - 1))
    return Branch(ids, draw(IDS), cursor, draw(st.just(()) | IDS))


@st.composite
def samplers(draw: st.DrawFn) -> Sampler:
    values = {
        knob.name: draw(
            st.integers(int(knob.low), int(knob.high)) if knob.whole else st.floats(knob.low, knob.high)
        )
        for knob in KNOBS
    }
    return Sampler(**values)  # type: ignore[arg-type]


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    prompts = tuple(draw(st.lists(branches(), min_size=1, max_size=5)))
    workspace = Workspace(prompts, draw(st.integers(0, len(prompts) - 1)))
    return replace(
        Session.of(draw(st.text()), workspace, VOCABULARY),
        overlay=draw(st.text()),
        sampler=draw(samplers()),
        sampler_on=draw(st.booleans()),
        seed=draw(st.none() | st.integers(0, MAX_SEED)),
    )


@given(sessions())
def test_any_session_survives_being_saved_and_loaded(session: Session) -> None:
    text = session.dumped()
    assert text.isascii()
    assert loaded(text) == session
    assert loaded(text).workspace(9).branches == session.prompts


@given(sessions())
def test_it_means_the_same_to_its_own_tokens_and_not_to_others(session: Session) -> None:
    assert session.means_the_same(VOCABULARY)
    shifted = Vocabulary((b"another", *PIECES[:-1]))
    assert not session.means_the_same(shifted)
    assert not session.means_the_same(Vocabulary(()))


@given(st.text())
def test_a_text_that_is_no_session_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        loaded(text)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(sessions(), st.data())
def test_one_part_that_is_something_else_is_refused_or_means_the_same_kind_of_thing(
    session: Session, data: st.DataObject
) -> None:
    found = json.loads(session.dumped())
    place = data.draw(st.sampled_from(sorted(found)))
    found[place] = data.draw(ANYTHING)
    try:
        again = loaded(json.dumps(found))
    except InputError:
        return
    assert loaded(again.dumped()) == again


@given(sessions(), st.integers(0, 400))
def test_a_file_that_was_cut_off_is_refused(session: Session, length: int) -> None:
    text = session.dumped()
    with pytest.raises(InputError):
        loaded(text[: min(length, len(text) - 1)])


def test_another_version_and_another_program_s_file_are_told_apart() -> None:
    session = Session.of("embedded", Workspace.open((1, 2)), VOCABULARY)
    found = json.loads(session.dumped())
    with pytest.raises(InputError, match="version is 2"):
        loaded(json.dumps({**found, "version": 2}))
    with pytest.raises(InputError, match="didn't write it"):
        loaded(json.dumps({**found, "kind": "notes"}))
