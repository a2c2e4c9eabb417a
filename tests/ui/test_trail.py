"""The way through a forward by hand goes through all steps of a head, and comes back."""

from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import small_gpt2
from token_explorer.byhand.forward import forward
from token_explorer.ui.trail import Trail

WEIGHTS = small_gpt2(10, heads=4, layers=3)
FORWARD = forward(WEIGHTS, (1, 2, 3))
TRAIL = Trail.along(FORWARD, 2)
PLACES = st.integers(0, len(TRAIL) - 1)


def test_it_meets_every_step_but_those_of_other_heads() -> None:
    met = {step.name for step in TRAIL.steps}
    others = {step.name for step in FORWARD.steps if step.label.head in (1, 3, 4)}
    assert met | others == {step.name for step in FORWARD.steps}
    assert not met & others


@given(place=PLACES, head=st.integers(1, 4), ids=st.lists(st.integers(0, 9), min_size=1, max_size=8))
def test_a_place_is_that_of_the_same_step_whatever_the_head_and_the_prompt(
    place: int, head: int, ids: list[int]
) -> None:
    other = Trail.along(forward(WEIGHTS, tuple(ids)), head)
    here, there = TRAIL.steps[place].label, other.steps[place].label
    assert len(other) == len(TRAIL)
    assert (here.part, here.layer) == (there.part, there.layer)
    assert there.head in (None, head)


@given(place=PLACES, up=st.booleans())
def test_across_is_the_same_step_of_the_layer_beside_and_back(place: int, up: bool) -> None:
    layers = 1 if up else -1
    here, there = TRAIL.steps[place].label, TRAIL.steps[TRAIL.across(place, layers)].label
    if here.layer is None:
        into = (1 if place < 3 else None) if up else (None if place < 3 else 3)
        assert there.layer == into
    elif 0 < here.layer + layers <= 3:
        assert (there.part, there.layer) == (here.part, here.layer + layers)
        assert TRAIL.across(TRAIL.across(place, layers), -layers) == place
    else:
        assert there == here


@given(place=st.integers(-100, 200))
def test_the_nearest_place_is_one(place: int) -> None:
    assert TRAIL.nearest(place) in range(len(TRAIL))
    if place in range(len(TRAIL)):
        assert TRAIL.nearest(place) == place


def test_a_model_without_layers_has_a_way_too() -> None:
    bare = Trail.along(forward(small_gpt2(10, layers=0), (1,)), 1)
    assert [bare.across(place, layers) for place in range(len(bare)) for layers in (-1, 1)] == [
        place for place in range(len(bare)) for _ in range(2)
    ]
